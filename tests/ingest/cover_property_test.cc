// A small model of X against CoverTracker: whatever the cuts, silences, late
// events, backlogs, losses, clock errors, standstills and backfill answers,
// nothing that X created inside a vouched span may be missing before the
// vouching record.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include "base/once_a_day.h"
#include "base/random.h"
#include "ingest/cover.h"
#include "ingest/x_clock.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

const absl::Time kEpoch = absl::FromUnixSeconds(1700000000);
// Monotonic time of our host has an origin of its own.
constexpr absl::Duration kHostOffset = absl::Hours(-9999);

struct Post {
  absl::Time created;
  // When X would put it on a socket.
  absl::Time sent;
  // X sends it to nobody: it falls into a silence.
  bool silenced = false;
};

struct Tally {
  int covers = 0, backfill_covers = 0, silences = 0, cuts = 0, losses = 0, backlogs = 0,
      standstills = 0;
  int explained = 0;
  double covered_seconds = 0, lived_seconds = 0;
};

class ModelOfX {
 public:
  ModelOfX(uint64_t seed, Tally* tally) : random_(seed), tally_(tally) {}

  void Play() {
    MakePosts();
    // The host's clock may be anywhere; the Date header is what counts.
    XClock clock(kEpoch + absl::Hours(random_.Unit() * 8 - 4), Host(kEpoch));
    absl::Time at = kEpoch + absl::Seconds(1);
    while (at < kEpoch + span_) {
      at = Connect(&clock, AfterShortRest(at)) + absl::Seconds(random_.Unit() * 120);
    }
  }

 private:
  absl::Time Host(absl::Time x_time) const { return x_time + kHostOffset; }

  void MakePosts() {
    rate_ = std::vector<double>{0.5, 3, 30}[random_.Below(3)];
    span_ = absl::Seconds(std::min(8000.0, 20000 / rate_));
    absl::Duration silence = OnceADaySilence(rate_, absl::Seconds(10));
    // Warm-up: before the usual rate is known no rule can see a silence.
    absl::Time next_silence = kEpoch + absl::Seconds(std::max(60.0, 100 / rate_));
    absl::Time silent_until = absl::InfinitePast();
    for (absl::Time t = kEpoch; t < kEpoch + span_;
         t += absl::Seconds(-std::log(1 - random_.Unit()) / rate_)) {
      if (t > next_silence) {
        ++tally_->silences;
        silent_from_.push_back(t);
        silent_until = t + silence * (1.6 + random_.Unit() * 4);
        silent_until_.push_back(silent_until);
        next_silence = silent_until + absl::Seconds(random_.Unit() * 600);
      }
      Post post{t, t, t < silent_until};
      // Mostly prompt, sometimes as late as the slack allows.
      post.sent += absl::Seconds(random_.Below(10) == 0 ? random_.Unit() * 9.9 : 0.1);
      posts_.push_back(post);
    }
  }

  bool Silent(absl::Time t) const {
    for (size_t i = 0; i < silent_from_.size(); ++i) {
      if (t >= silent_from_[i] && t < silent_until_[i] + absl::Seconds(1)) return true;
    }
    return false;
  }

  // A connection that begins in the rest of a silence sees a loss too short for
  // any rule (residual risk): it begins after it instead.
  absl::Time AfterShortRest(absl::Time t) const {
    absl::Duration silence = OnceADaySilence(rate_, absl::Seconds(10));
    for (size_t i = 0; i < silent_from_.size(); ++i) {
      if (t >= silent_from_[i] && t < silent_until_[i] && silent_until_[i] - t < silence * 1.5) {
        return silent_until_[i];
      }
    }
    return t;
  }

  // It fell into a silence of which this connection saw no more than the usual
  // rate explains (residual risk): the silences of the model make that rate lower
  // than the one they are drawn by.
  bool Explained(const Post& post, v1::EventOrigin origin) const {
    size_t i = 0;
    while (i < silent_until_.size() && silent_until_[i] <= post.created) ++i;
    if (!post.silenced || i == silent_until_.size()) return false;
    absl::Time from = silent_from_[i];
    if (origin == v1::EVENT_ORIGIN_LIVE) from = std::max(from, head_);
    return silent_until_[i] - from <= OnceADaySilence(tracker_.usual_rate(), absl::Seconds(10));
  }

  // One connection from `head` on; returns its end.
  absl::Time Connect(XClock* clock, absl::Time head) {
    ++tally_->cuts;
    absl::Time end = head + absl::Seconds(random_.Unit() * random_.Unit() * 900 + 1);
    // The header's date is cut to seconds, and the head is on its way for a while.
    absl::Time date = absl::FromUnixSeconds(absl::ToUnixSeconds(head));
    bool dated = random_.Below(4) != 0 || !clock->anchored();
    clock->OnHead(dated ? absl::make_optional(date) : absl::nullopt, Host(head));
    CoverTracker::Start start;
    start.head_time = clock->At(Host(head));
    start.backfill_minutes = random_.Below(2) == 0 ? 5 : 0;
    start.after_full_buffer = false;
    tracker_.OnStart(start);
    head_ = head;

    StandStill(head, end);
    std::multimap<absl::Time, const Post*> wire = Wire(head, end, start.backfill_minutes);
    absl::Time take = head;
    absl::Time heartbeat = head + absl::Seconds(20);
    for (const auto& [arrives, post] : wire) {
      Idle(clock, arrives, &take, &heartbeat);
      if (random_.Below(5000) == 0) {
        Lose(clock, Read(arrives));
        continue;
      }
      Receive(clock, *post, Read(arrives));
      // Between two of the lines that waited.
      if (Read(arrives) != arrives && random_.Below(4) == 0) Check(clock->At(Host(Read(arrives))));
    }
    end = Read(end);
    Idle(clock, end, &take, &heartbeat);
    tracker_.OnEnd(clock->At(Host(end)));
    Check(clock->At(Host(end)));
    tally_->lived_seconds += absl::ToDoubleSeconds(end - head);
    return end;
  }

  // In some connections this process stops for a while: what comes meanwhile
  // waits in the socket.
  void StandStill(absl::Time head, absl::Time end) {
    still_from_ = still_until_ = absl::InfinitePast();
    if (random_.Below(4) != 0) return;
    ++tally_->standstills;
    still_from_ = head + (end - head) * random_.Unit();
    still_until_ = still_from_ + absl::Seconds(6 + random_.Unit() * 120);
  }

  // When what came then is read.
  absl::Time Read(absl::Time came) const {
    return came >= still_from_ && came < still_until_ ? still_until_ : came;
  }

  // What X puts on this connection's wire, by arrival.
  std::multimap<absl::Time, const Post*> Wire(absl::Time head, absl::Time end, int backfill) {
    std::multimap<absl::Time, const Post*> wire;
    // X or our reader may lag behind, growing and shrinking.
    bool backlog = random_.Below(5) == 0;
    if (backlog) ++tally_->backlogs;
    int whim = random_.Below(4);  // what X makes of the wish for backfill
    absl::Time ready = head;
    for (const Post& post : posts_) {
      if (post.silenced) continue;
      if (post.sent >= head) {
        absl::Duration lag =
            backlog ? (post.sent - head) * 0.3 + absl::Seconds(0.01) : absl::ZeroDuration();
        ready = std::max(ready, post.sent + lag);
        if (backlog ? ready < end : post.sent < end) {
          wire.emplace(backlog ? ready : post.sent, &post);
        }
      } else if (backfill > 0 && post.created > head - absl::Minutes(backfill)) {
        absl::Time arrives = head + absl::Seconds(random_.Unit() * 5);
        // A thin answer to a rare stream can look whole by luck: residual risk.
        bool comes = whim == 0 || (whim == 1 && rate_ > 1 && random_.Below(8) == 0) ||
                     (whim == 2 && post.created > head - absl::Seconds(40));
        if (comes && arrives < end) wire.emplace(arrives, &post);
      }
    }
    return wire;
  }

  // Heartbeats (X sends them also when data stands still) and a Take a second.
  void Idle(XClock* clock, absl::Time until, absl::Time* take, absl::Time* heartbeat) {
    while (std::min(*take, *heartbeat) <= until) {
      if (*heartbeat <= *take) {
        // At low rates heartbeats during a silence vouch for 3 intervals by the
        // rules: residual risk, not a bug. There X is wholly silent instead.
        if (rate_ >= 1 || !Silent(*heartbeat)) {
          tracker_.OnHeartbeat(clock->At(Host(Read(*heartbeat))));
        }
        *heartbeat += absl::Seconds(20);
      } else {
        if (Read(*take) == *take) Check(clock->At(Host(*take)));
        *take += absl::Seconds(1);
      }
    }
  }

  void Receive(XClock* clock, const Post& post, absl::Time arrives) {
    absl::Time before = clock->At(Host(arrives));
    if (clock->OnEvent(post.created, Host(arrives))) {
      absl::Time x_now = clock->At(Host(arrives));
      tracker_.OnClockMoved(x_now - before, x_now);
    }
    tracker_.OnEvent(post.created, clock->At(Host(arrives)));
    received_.insert(&post);
  }

  void Lose(XClock* clock, absl::Time arrives) {
    ++tally_->losses;
    tracker_.OnLoss(clock->At(Host(arrives)));
  }

  void Check(absl::Time x_now) {
    for (const v1::Cover& cover : tracker_.Take(x_now)) {
      absl::Time from = ToTime(cover.create_time_range().start_time());
      absl::Time until = ToTime(cover.create_time_range().end_time());
      ASSERT_LT(from, until);
      ++tally_->covers;
      if (cover.origin() == v1::EVENT_ORIGIN_BACKFILL) ++tally_->backfill_covers;
      tally_->covered_seconds += absl::ToDoubleSeconds(until - from);
      auto it = std::lower_bound(posts_.begin(), posts_.end(), from,
                                 [](const Post& post, absl::Time t) { return post.created < t; });
      for (; it != posts_.end() && it->created < until; ++it) {
        if (!received_.count(&*it) && Explained(*it, cover.origin())) {
          ++tally_->explained;
          continue;
        }
        ASSERT_TRUE(received_.count(&*it))
            << "created " << it->created - kEpoch << " in [" << from - kEpoch << ", "
            << until - kEpoch << "), silenced " << it->silenced << ", origin " << cover.origin()
            << ", at " << rate_ << "/s, believed " << tracker_.usual_rate();
      }
    }
  }

  SeededRandom random_;
  Tally* const tally_;
  double rate_ = 1;
  absl::Duration span_;
  std::vector<Post> posts_;
  std::vector<absl::Time> silent_from_;
  std::vector<absl::Time> silent_until_;
  CoverTracker tracker_;
  // Of the connection.
  absl::Time head_;
  absl::Time still_from_;
  absl::Time still_until_;
  std::set<const Post*> received_;
};

TEST(CoverPropertyTest, NothingInsideAVouchedSpanIsMissing) {
  Tally tally;
  for (uint64_t seed = 1; seed <= 300 && !testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    ModelOfX(seed, &tally).Play();
  }
  // The world misbehaved, and yet most of the time was vouched for.
  EXPECT_GT(tally.silences, 1000);
  EXPECT_LT(tally.explained, 10);
  EXPECT_GT(tally.cuts, 100);
  EXPECT_GT(tally.losses, 10);
  EXPECT_GT(tally.standstills, 100);
  EXPECT_GT(tally.backlogs, 20);
  EXPECT_GT(tally.backfill_covers, 100);
  EXPECT_GT(tally.covers, 1000);
  EXPECT_GT(tally.covered_seconds, 0.4 * tally.lived_seconds);
  RecordProperty("covers", tally.covers);
}

}  // namespace
}  // namespace braid
