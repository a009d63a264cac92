#include "tests/sim/leak_world.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/random.h"
#include "dedupe/frame_parts.h"
#include "dedupe/gap_watch.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using v1::StreamNotice;

constexpr absl::Duration kStep = absl::Seconds(1);
// As the filtered dialects' default.
constexpr absl::Duration kSlack = absl::Seconds(10);
// Headers to the first instant that is vouched for.
constexpr absl::Duration kHead = absl::Seconds(2);
// Everything is judged by then.
constexpr absl::Duration kSettle = absl::Minutes(15);

class LeakWorld {
 public:
  LeakWorld(const LeakScenario& scenario, uint64_t seed)
      : scenario_(scenario),
        random_(seed),
        start_(absl::FromUnixSeconds(1'704'067'200) + absl::Seconds(random_.Below(3600))),
        now_(start_),
        watch_(store_, GapWatch::Options()) {
    for (int i = 0; i < scenario.connections; ++i) {
      connections_.push_back({absl::StrCat("leg-", i), true, start_ + kHead, {}, {}});
      names_.push_back(connections_.back().name);
    }
  }

  LeakResult Run() {
    Tick(true);
    while (now_ < start_ + scenario_.length) Step(true);
    for (absl::Time end = now_ + kSettle; now_ < end;) Step(false);
    Sum();
    return result_;
  }

 private:
  struct Post {
    uint64_t id = 0;
    int tag = 0;
    absl::Time received;
  };
  struct Connection {
    std::string name;
    bool up = true;
    // Its next cover.
    absl::Time from;
    std::vector<Post> sent;
    IntervalSet covered;
  };

  bool IsDown(int connection) const {
    absl::Duration at = now_ - start_;
    return std::any_of(scenario_.downs.begin(), scenario_.downs.end(), [&](const auto& down) {
      return down.connection == connection && at >= down.from && at < down.until;
    });
  }

  bool Omits(int connection, int tag) {
    absl::Duration at = now_ - start_;
    bool omits = false;
    for (const LeakScenario::Omission& omission : scenario_.omissions) {
      bool applies = omission.connection == connection && at >= omission.from &&
                     at < omission.until && (omission.tag < 0 || omission.tag == tag);
      if (applies && omission.period > absl::ZeroDuration()) {
        absl::Duration rest;
        absl::IDivDuration(at - omission.from, omission.period, &rest);
        applies = rest < omission.burst;
      }
      omits |= applies && random_.Unit() < omission.share;
    }
    return omits;
  }

  int PostCount() {
    // Where exp() would vanish.
    int count = 0;
    for (double left = scenario_.rate; left > 0; left -= 50) {
      double limit = std::exp(-std::min(left, 50.0));
      for (double product = random_.Unit(); product > limit; product *= random_.Unit()) ++count;
    }
    return count;
  }

  void Step(bool sends) {
    for (size_t i = 0; i < connections_.size(); ++i) {
      bool up = !IsDown(static_cast<int>(i));
      if (up && !connections_[i].up) connections_[i].from = now_ + kHead;
      connections_[i].up = up;
    }
    for (int left = sends ? PostCount() : 0; left > 0; --left) Send();
    now_ += kStep;
    if (absl::ToUnixSeconds(now_) % 60 == 0) new_.clear();
    for (Connection& connection : connections_) Receive(&connection);
    Tick(false);
  }

  void Send() {
    absl::Time created = now_ + absl::Milliseconds(random_.Below(1000));
    uint64_t id = FirstSnowflakeAt(created) + ++number_ % (1 << 22);
    int tag = static_cast<int>(random_.Below(static_cast<uint64_t>(scenario_.tags)));
    ++result_.posts;
    bool brought = false;
    absl::Duration late;
    if (scenario_.late_share > 0 && random_.Unit() < scenario_.late_share) {
      late = kSlack - absl::Seconds(1) + absl::Milliseconds(random_.Below(4000));
    }
    for (size_t i = 0; i < connections_.size(); ++i) {
      if (!connections_[i].up || Omits(static_cast<int>(i), tag)) continue;
      absl::Time received = created + late + absl::Milliseconds(50 + random_.Below(700));
      connections_[i].sent.push_back({id, tag, received});
      brought = true;
    }
    if (!brought) missing_.push_back(absl::ToUnixMicros(SnowflakeTime(id)));
  }

  void Receive(Connection* connection) {
    WriteSet changes;
    // What is late waits at X.
    std::vector<Post> later;
    std::vector<Post> sent;
    for (const Post& post : connection->sent) {
      (post.received > now_ + kStep ? later : sent).push_back(post);
    }
    if (!sent.empty()) {
      v1::Frame frame;
      frame.set_origin(v1::EVENT_ORIGIN_LIVE);
      absl::Time base = now_ - absl::Minutes(1);
      SetTime(base, frame.mutable_base_receive_time());
      for (int i = 0; i < scenario_.tags; ++i) frame.add_rule_tags(absl::StrCat("tag-", i));
      std::string is_new = EmptyBitmap(static_cast<int>(sent.size()));
      for (const Post& post : sent) {
        frame.add_receive_offsets_micros(
            static_cast<uint32_t>(absl::ToInt64Microseconds(post.received - base)));
        if (new_.insert(post.id).second) SetBit(&is_new, frame.post_ids_size());
        frame.add_post_ids(post.id);
        frame.add_tag_indexes(1);
        frame.add_tag_indexes(static_cast<uint32_t>(post.tag));
      }
      watch_.OnFrame(connection->name, frame, is_new, ++sequence_, absl::ToUnixMicros(now_),
                     now_);
    }
    connection->sent = std::move(later);
    absl::Time until = now_ - kSlack;
    if (connection->up && until > connection->from) {
      v1::Cover cover;
      cover.set_origin(v1::EVENT_ORIGIN_LIVE);
      SetDuration(kSlack, cover.mutable_slack());
      SetTime(connection->from, cover.mutable_create_time_range()->mutable_start_time());
      SetTime(until, cover.mutable_create_time_range()->mutable_end_time());
      connection->covered.Add({absl::ToUnixMicros(connection->from), absl::ToUnixMicros(until)});
      connection->from = until;
      BRAID_CHECK(
          watch_.OnCover(connection->name, cover, true, absl::ToUnixMicros(until), &changes).ok());
    }
    watch_.Seal(&changes);
    BRAID_CHECK(store_.Commit(changes).ok());
  }

  void Tick(bool first) {
    store::v1::Tick tick;
    tick.set_first_after_start(first);
    tick.set_elapsed_micros(first ? 0 : absl::ToInt64Microseconds(kStep));
    for (const Connection& connection : connections_) {
      auto* attention = tick.add_attention();
      attention->set_source_id(connection.name);
      attention->set_receiving(connection.up);
      attention->set_drained(true);
    }
    GapWatch::TickFacts facts{tick, now_, names_, {}, false, 1, no_notices_, {sequence_ + 1, 0}};
    WriteSet changes;
    auto notices = watch_.OnTick(facts, &changes);
    BRAID_CHECK(notices.ok());
    watch_.Seal(&changes);
    BRAID_CHECK(store_.Commit(changes).ok());
    for (const StreamNotice& notice : *notices) Note(notice);
    absl::Time watermark = absl::FromUnixMicros(watch_.watermark_micros());
    bool is_open = watch_.ledger().open_count() > 0;
    if (!is_open && watermark > start_) {
      result_.lag_max = std::max(result_.lag_max, now_ - watermark);
    }
    // Closed ones are forgotten; their last state is in the store.
    for (const auto& [number, gap] : watch_.ledger().gaps()) gaps_[number] = gap;
  }

  void Note(const StreamNotice& notice) {
    if (scenario_.omissions.empty()) return;
    absl::Duration after = now_ - start_ - scenario_.omissions[0].from - kSlack;
    if (notice.type() == StreamNotice::TYPE_LEAK_BEGAN) {
      result_.leak_delay = std::min(result_.leak_delay, after);
    } else if (notice.type() == StreamNotice::TYPE_GAP_OPENED) {
      result_.gap_delay = std::min(result_.gap_delay, after);
    }
  }

  void Sum() {
    IntervalSet reported;
    IntervalSet vouched;
    for (const Connection& connection : connections_) vouched.Add(connection.covered);
    std::vector<int64_t> lost;
    for (int64_t micros : missing_) {
      if (vouched.Contains(micros)) lost.push_back(micros);
    }
    for (const auto& [number, gap] : gaps_) {
      if (gap.state() == v1::Gap::STATE_MERGED) continue;
      Interval span{gap.from_micros(), gap.until_micros()};
      reported.Add(span);
      if (gap.kind() != v1::Gap::KIND_ONE_SIDED) continue;
      ++result_.gaps;
      double inside = static_cast<double>(std::count_if(lost.begin(), lost.end(), [&](int64_t at) {
        return at >= span.from && at < span.until;
      }));
      if (inside == 0) ++result_.false_gaps;
      result_.estimate_low += gap.missing().low();
      result_.estimate_high += gap.missing().high();
      bool fits = gap.missing().low() <= inside && inside <= gap.missing().high();
      if (fits) ++result_.fitting_gaps;
      result_.reported += absl::Microseconds(span.until - span.from);
    }
    result_.lost = lost.size();
    result_.unreported = static_cast<uint64_t>(std::count_if(
        lost.begin(), lost.end(), [&](int64_t at) { return !reported.Contains(at); }));
    result_.hours = absl::ToDoubleHours(scenario_.length);
  }

  const LeakScenario scenario_;
  SeededRandom random_;
  const absl::Time start_;
  absl::Time now_;
  MemStore store_;
  GapWatch watch_;
  std::vector<Connection> connections_;
  std::vector<std::string> names_;
  const std::vector<StreamNotice> no_notices_;
  uint64_t number_ = 0;
  uint64_t sequence_ = 0;
  // Of this step, brought already.
  std::set<uint64_t> new_;
  // Creation times of what nobody brought.
  std::vector<int64_t> missing_;
  std::map<uint64_t, store::v1::StoredGap> gaps_;
  LeakResult result_;
};

LeakScenario Steady(const std::string& name, double rate, absl::Duration length) {
  LeakScenario scenario;
  scenario.name = name;
  scenario.rate = rate;
  scenario.length = length;
  return scenario;
}

LeakScenario With(LeakScenario scenario, std::vector<LeakScenario::Omission> omissions,
                  std::vector<LeakScenario::Down> downs = {}) {
  scenario.omissions = std::move(omissions);
  scenario.downs = std::move(downs);
  return scenario;
}

}  // namespace

LeakResult RunLeakWorld(const LeakScenario& scenario, uint64_t seed) {
  return LeakWorld(scenario, seed).Run();
}

LeakScenario IndependentLosses(uint64_t seed) {
  SeededRandom random(seed);
  LeakScenario scenario = Steady("independent losses", 5 + 45 * random.Unit(), absl::Minutes(10));
  scenario.connections = 2 + static_cast<int>(random.Below(2));
  for (int i = 0; i < scenario.connections; ++i) {
    // Five in a hundred of 3,000 posts: 8 are lost on two connections.
    scenario.omissions.push_back({.connection = i, .share = 0.02 + 0.13 * random.Unit()});
  }
  return scenario;
}

bool EstimateFits(const LeakResult& result) {
  double lost = static_cast<double>(result.lost);
  return result.estimate_low <= lost && lost <= result.estimate_high;
}

std::vector<LeakScenario> LeakScenarios() {
  constexpr absl::Duration kMinute = absl::Minutes(1);
  std::vector<LeakScenario> all;
  for (double rate : {0.02, 0.5, 10.0, 200.0}) {
    std::string at = absl::StrCat(" at ", rate, "/s");
    absl::Duration length = rate > 100 ? absl::Hours(1) : absl::Hours(6);
    LeakScenario plain = Steady("nothing is missed" + at, rate, length);
    all.push_back(plain);
    plain.name = "one misses 5 %" + at;
    all.push_back(With(plain, {{.connection = 1, .share = 0.05}}));
    plain.name = "both miss 5 %" + at;
    all.push_back(
        With(plain, {{.connection = 0, .share = 0.05}, {.connection = 1, .share = 0.05}}));
    plain.name = "one misses 5 %, also alone for 10 min" + at;
    all.push_back(
        With(plain, {{.connection = 1, .share = 0.05}}, {{0, kMinute * 30, kMinute * 40}}));
    plain.name = "one misses a tag, also alone for 10 min" + at;
    all.push_back(With(plain, {{.connection = 1, .share = 1, .from = kMinute * 5, .tag = 1}},
                       {{0, kMinute * 30, kMinute * 40}}));
    plain.name = "one misses bursts of 20 s, witness" + at;
    all.push_back(With(plain, {{.connection = 1,
                                .share = 1,
                                .from = kMinute * 5,
                                .burst = absl::Seconds(20),
                                .period = kMinute * 7}}));
    plain.name = "both miss half of a tag" + at;
    all.push_back(With(plain, {{.connection = 0, .share = 0.5, .from = kMinute * 5, .tag = 1},
                               {.connection = 1, .share = 0.5, .from = kMinute * 5, .tag = 1}}));
  }
  LeakScenario late =
      Steady("1 % later than the slack, alone for 10 min at 50/s", 50, absl::Hours(2));
  late.late_share = 0.01;
  all.push_back(With(late, {}, {{0, kMinute * 60, kMinute * 70}}));
  LeakScenario three = Steady("three, each misses 5 % at 50/s", 50, absl::Hours(2));
  three.connections = 3;
  all.push_back(With(three, {{.connection = 0, .share = 0.05},
                             {.connection = 1, .share = 0.05},
                             {.connection = 2, .share = 0.05}}));
  LeakScenario tag = Steady("one misses a tag of 50/s", 200, absl::Minutes(10));
  all.push_back(With(tag, {{.connection = 1, .share = 1, .from = kMinute * 5, .tag = 1}}));
  LeakScenario stray = Steady("both miss 1e-4 for a day at 200/s", 200, absl::Hours(24));
  all.push_back(With(stray, {{.connection = 0, .share = 1e-4}, {.connection = 1, .share = 1e-4}}));
  return all;
}

}  // namespace braid
