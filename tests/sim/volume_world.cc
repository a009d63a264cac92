#include "tests/sim/volume_world.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/check.h"
#include "base/random.h"
#include "dedupe/core.h"
#include "dedupe/metering.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using v1::StreamNotice;

// Also the resolution of everything here.
constexpr absl::Duration kStep = absl::Seconds(1);
// One to learn, then what is judged.
constexpr absl::Duration kLength = absl::Hours(56);
constexpr absl::Duration kFoundWithin = absl::Minutes(2);
// Of what is usual: what chance made more of is no drop of 60 %.
constexpr double kLargeDrop = 0.5;

class VolumeWorld {
 public:
  explicit VolumeWorld(uint64_t seed)
      : random_(seed), start_(absl::FromUnixSeconds(1'704'067'200)) {
    now_ = start_ + absl::Hours(random_.Below(24));
    // At night 1.8 a second: below 1, two minutes do not suffice.
    rate_ = 4 + random_.Unit();
    // Nothing comes later than that here, and memory is small.
    options_.window_span = absl::Hours(2);
    options_.log_retention = absl::Hours(1);
    sources_ = {{"leg-0"}, {"leg-1"}};
    Load();
  }

  WorldReport Run() {
    absl::Time begin = now_;
    absl::Time end = begin + kLength;
    drop_ = begin + absl::Hours(26 + random_.Below(12));
    surge_ = drop_ + absl::Hours(4 + random_.Below(12));
    for (Source& source : sources_) Open(&source);
    Tick(kStep, true);
    while (now_ < end) Step();
    Check();
    report_.failures.insert(report_.failures.end(), failures_.begin(), failures_.end());
    return std::move(report_);
  }

 private:
  struct Source {
    std::string name;
    uint64_t offset = 0;
    bool connected = true;
    // What it was sent and the deduper has not got, oldest first.
    std::vector<std::pair<absl::Time, uint64_t>> backlog;
    // Newest post, for backfill.
    absl::Time back_at = absl::InfinitePast();
    absl::Time cut_at = absl::InfinitePast();
  };

  void Load() {
    auto core = Core::Load(*store_, options_);
    BRAID_CHECK(core.ok());
    core_ = *std::move(core);
  }

  void Apply(store::v1::InputRecord input) {
    input.set_admission_micros(absl::ToUnixMicros(now_));
    Group group;
    auto applied = core_->Apply(std::move(input), &group);
    BRAID_CHECK(applied.ok());
    core_->Seal(&group);
    BRAID_CHECK(store_->Commit(group.changes).ok());
    core_->Committed();
    for (const auto& [table, key] : group.drops) BRAID_CHECK(store_->DropBefore(table, key).ok());
    for (const CommittedRecord& record : group.records) {
      if (record.record->has_notice()) OnNotice(record.record->notice());
    }
    ++report_.turns;
  }

  v1::SessionRecord* NewRecord(Source* source, uint64_t offsets, store::v1::InputRecord* input) {
    input->mutable_record()->set_source_id(source->name);
    v1::SessionRecord* record = input->mutable_record()->mutable_record();
    record->set_session_epoch(1);
    record->set_offset(std::exchange(source->offset, source->offset + offsets));
    return record;
  }

  void Open(Source* source) {
    store::v1::InputRecord input;
    store::v1::SourceOpened* opened = input.mutable_opened();
    opened->set_source_id(source->name);
    opened->set_session_epoch(1);
    opened->set_session_id(1);
    v1::OfferRequest::Session* session = opened->add_sessions();
    session->set_epoch(1);
    session->set_session_id(1);
    Apply(std::move(input));
  }

  void Tell(Source* source, v1::ConnectionReport::State state) {
    store::v1::InputRecord input;
    v1::ConnectionEvent* event = NewRecord(source, 1, &input)->mutable_event();
    event->set_state(state);
    SetTime(now_, event->mutable_event_time());
    Apply(std::move(input));
  }

  void Offer(Source* source, const std::vector<std::pair<absl::Time, uint64_t>>& posts,
             v1::EventOrigin origin) {
    if (posts.empty()) return;
    store::v1::InputRecord input;
    v1::Frame* frame = NewRecord(source, posts.size(), &input)->mutable_frame();
    frame->set_origin(origin);
    SetTime(posts[0].first, frame->mutable_base_receive_time());
    for (const auto& [received, id] : posts) {
      frame->add_receive_offsets_micros(
          static_cast<uint32_t>(absl::ToInt64Microseconds(received - posts[0].first)));
      frame->add_post_ids(id);
      frame->add_lengths(1);
      frame->add_line_hashes(id);
      ++report_.deliveries;
      if (billed_.insert({UtcDay(received), id}).second) ++posts_by_day_[UtcDay(received)];
    }
    Apply(std::move(input));
  }

  void Tick(absl::Duration elapsed, bool first) {
    store::v1::InputRecord input;
    store::v1::Tick* tick = input.mutable_tick();
    tick->set_elapsed_micros(first ? 0 : absl::ToInt64Microseconds(elapsed));
    tick->set_wall_micros(absl::ToUnixMicros(now_));
    tick->set_first_after_start(first);
    for (const Source& source : sources_) {
      if (first) tick->add_sources(source.name);
      if (!first && source.connected && source.backlog.empty()) tick->add_listening(source.name);
    }
    Apply(std::move(input));
  }

  double Factor() const {
    if (now_ >= drop_ && now_ < drop_ + absl::Minutes(20)) return 0.4;
    if (now_ >= surge_ && now_ < surge_ + absl::Minutes(20)) return 5;
    return 1;
  }

  // More when people are awake.
  double MeanAt(absl::Time time) const {
    double hour = absl::ToDoubleHours(time - start_);
    return rate_ * (1 + 0.55 * std::sin((hour - 9) / 24 * 2 * M_PI));
  }

  int PostCount() {
    double mean = MeanAt(now_) * Factor();
    double limit = std::exp(-mean);
    int count = 0;
    for (double product = random_.Unit(); product > limit; product *= random_.Unit()) ++count;
    return count;
  }

  void Step() {
    std::vector<uint64_t> ids;
    for (int n = PostCount(); n > 0; --n) {
      ids.push_back(FirstSnowflakeAt(now_) + ++number_ % (1 << 20));
    }
    for (Source& source : sources_) Receive(&source, ids);
    recent_.emplace_back(now_, std::move(ids));
    if (recent_.size() > 300) recent_.erase(recent_.begin(), recent_.begin() + 100);
    report_.posts += recent_.back().second.size();
    if (now_ >= drop_ && now_ < drop_ + kFoundWithin) {
      usual_posts_ += MeanAt(now_);
      dropped_to_posts_ += static_cast<double>(recent_.back().second.size());
    }
    if (random_.Below(2 * 3600) == 0) CutOne();
    if (away_ == 0 && random_.Below(10 * 3600) == 0 && IsCalm()) away_ = 30 + random_.Below(900);
    now_ += kStep;
    if (away_ > 0) {
      away_time_ += kStep;
      if (--away_ > 0) return;
      core_ = nullptr;
      Load();
      Tick(std::exchange(away_time_, absl::ZeroDuration()), false);
      return Deliver();
    }
    Deliver();
    Tick(kStep, false);
  }

  // Neither drop nor surge soon: who is away finds nothing in two minutes.
  bool IsCalm() const {
    for (absl::Time event : {drop_, surge_}) {
      if (now_ > event - absl::Minutes(40) && now_ < event + absl::Minutes(40)) return false;
    }
    return true;
  }

  void Receive(Source* source, const std::vector<uint64_t>& ids) {
    if (!source->connected && now_ >= source->back_at) {
      source->connected = true;
      // A minute more than what it missed, as X gives it.
      std::vector<std::pair<absl::Time, uint64_t>> backfill;
      for (const auto& [created, missed] : recent_) {
        if (created < source->cut_at - absl::Minutes(1)) continue;
        for (uint64_t id : missed) backfill.emplace_back(now_, id);
      }
      pending_.emplace_back(source, std::move(backfill));
    }
    if (!source->connected) return;
    for (uint64_t id : ids) {
      absl::Duration lag = absl::Milliseconds(200 + random_.Below(700));
      source->backlog.emplace_back(now_ + lag, id);
    }
    std::sort(source->backlog.begin(), source->backlog.end());
  }

  // One at a time: the other one hears everything.
  void CutOne() {
    for (const Source& source : sources_) {
      if (!source.connected) return;
    }
    if (away_ > 0) return;
    Source& source = sources_[random_.Below(sources_.size())];
    Deliver();
    source.connected = false;
    source.cut_at = now_;
    source.back_at = now_ + absl::Seconds(1 + random_.Below(90));
    Tell(&source, v1::ConnectionReport::STATE_BACKING_OFF);
  }

  void Deliver() {
    for (auto& [source, backfill] : std::exchange(pending_, {})) {
      Tell(source, v1::ConnectionReport::STATE_RECEIVING);
      Offer(source, backfill, v1::EVENT_ORIGIN_BACKFILL);
    }
    for (Source& source : sources_) {
      // Frames of at most a few seconds.
      auto& backlog = source.backlog;
      for (size_t at = 0; at < backlog.size(); at += 200) {
        Offer(&source, {backlog.begin() + at, backlog.begin() + std::min(at + 200, backlog.size())},
              v1::EVENT_ORIGIN_LIVE);
      }
      backlog.clear();
    }
  }

  void OnNotice(const StreamNotice& notice) {
    absl::Time time = ToTime(notice.notice_time());
    auto found = [&](absl::Time event, bool* seen) {
      bool in_time = time >= event && time <= event + kFoundWithin;
      if (in_time) *seen = true;
      return in_time;
    };
    bool expected = true;
    if (notice.type() == StreamNotice::TYPE_VOLUME_DROP_BEGAN) {
      expected = found(drop_, &drop_found_);
    } else if (notice.type() == StreamNotice::TYPE_VOLUME_SURGE_BEGAN) {
      expected = found(surge_, &surge_found_);
    }
    if (expected) return;
    false_alarms_.push_back(absl::StrCat(notice.message(), " at ", absl::FormatTime(time)));
  }

  void Check() {
    // I30: at most one a week.
    if (false_alarms_.size() > 1) {
      failures_.push_back(
          absl::StrCat("false alarms: ", false_alarms_.size(), ", first: ", false_alarms_[0]));
    }
    // Chance may have made less of a drop of it.
    const bool is_large = dropped_to_posts_ <= kLargeDrop * usual_posts_;
    if (!drop_found_ && is_large) {
      failures_.push_back(absl::StrCat(
          "the drop of ", absl::FormatTime(drop_, absl::UTCTimeZone()),
          " was not found within two minutes; told: ", absl::StrJoin(false_alarms_, "; "),
          "; scatter ", core_->watch().volume().stream().ScatterShare()));
    }
    if (!surge_found_) failures_.push_back("the surge was not found within two minutes");
    // I29.
    for (const auto& [day, posts] : posts_by_day_) {
      uint64_t counted = core_->watch().metering().Posts(day, day + 1);
      if (counted == posts) continue;
      failures_.push_back(
          absl::StrCat("day ", day, ": metered ", counted, " posts, X bills ", posts));
    }
    report_.merged = core_->state().merged_events();
    report_.trace = core_->state().chain();
  }

  // Of the two minutes in which the drop is to be found.
  double usual_posts_ = 0;
  double dropped_to_posts_ = 0;
  SeededRandom random_;
  const absl::Time start_;
  absl::Time now_;
  double rate_;
  Core::Options options_;
  std::unique_ptr<MemStore> store_ = std::make_unique<MemStore>();
  std::unique_ptr<Core> core_;
  std::vector<Source> sources_;
  // Second by second, for backfill.
  std::vector<std::pair<absl::Time, std::vector<uint64_t>>> recent_;
  std::vector<std::pair<Source*, std::vector<std::pair<absl::Time, uint64_t>>>> pending_;
  uint64_t number_ = 0;
  // Seconds for which the deduper is still away, and how long it has been.
  uint64_t away_ = 0;
  absl::Duration away_time_;

  // The truth.
  std::set<std::pair<int32_t, uint64_t>> billed_;
  std::map<int32_t, uint64_t> posts_by_day_;
  absl::Time drop_;
  absl::Time surge_;
  bool drop_found_ = false;
  bool surge_found_ = false;
  std::vector<std::string> false_alarms_;
  std::vector<std::string> failures_;
  WorldReport report_;
};

}  // namespace

WorldReport RunVolumeWorld(uint64_t seed) { return VolumeWorld(seed).Run(); }

}  // namespace braid
