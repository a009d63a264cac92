// The part of Core that moves with time: loading, ticks, the floor, expiry.

#include <algorithm>

#include "base/bytes.h"
#include "base/check.h"
#include "dedupe/core.h"
#include "dedupe/core_clock.h"
#include "dedupe/hold.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

// A day's jump takes 26 minutes; the sources agree on X's time within seconds.
constexpr int64_t kSettleStepMicros = 60'000'000;

// A week of held keys is let go of within three minutes: sooner than input can
// fill what is left of a short disk.
constexpr int64_t kLetGoStepMicros = int64_t{3600} * 1'000'000;

// Resolution of log retention and of starting to read at a time: 1,560 marks
// in 26 h.
constexpr int64_t kTimeMarkMicros = 60'000'000;

// 24 small files a day and table, a twentieth of what is kept.
constexpr int64_t kWriteOutMicros = int64_t{3600} * 1'000'000;

}  // namespace

Core::Core(const Store& store, Options options)
    : options_(options),
      store_(store),
      strays_(store),
      window_(store, options.window),
      work_(options.work),
      watch_(store, options.watch),
      gaps_(store, options.gaps),
      recovery_(store, options.recovery, &gaps_, &work_),
      minutes_(store, options.window_span) {}

absl::StatusOr<std::unique_ptr<Core>> Core::Load(const Store& store, Options options) {
  if (options.log_retention > options.window_span) options.log_retention = options.window_span;
  std::unique_ptr<Core> core(new Core(store, options));
  absl::Status status = core->LoadState();
  if (status.ok()) status = core->sessions_.Load(store);
  if (status.ok()) status = core->strays_.Load();
  if (status.ok()) status = core->gaps_.Load();
  if (status.ok()) status = core->minutes_.Load();
  if (status.ok()) status = core->window_.Load();
  if (status.ok()) status = core->work_.Load(store, core->state_.work());
  if (status.ok()) status = core->watch_.Load();
  if (status.ok()) status = core->recovery_.Load();
  if (!status.ok()) return status;
  return core;
}

absl::Status Core::LoadState() {
  absl::StatusOr<std::string> bytes = store_.Get(Table::kMeta, kMetaCore);
  if (absl::IsNotFound(bytes.status())) {
    state_.set_next_sequence(1);
    state_.set_earliest_sequence(1);
    state_.set_chain(std::string(kChainBytes, '\0'));
    return absl::OkStatus();
  }
  if (!bytes.ok()) return bytes.status();
  if (!state_.ParseFromString(*bytes) || state_.chain().size() != kChainBytes) {
    return absl::DataLossError("meta/core can not be read");
  }
  const size_t prefix_bytes = sizeof(kMetaTimePrefix) - 1;
  std::string until = kMetaTimePrefix;
  ++until.back();
  return store_.Scan(
      Table::kMeta, kMetaTimePrefix, until, [&](absl::string_view key, absl::string_view value) {
        time_index_.emplace_back(static_cast<int64_t>(ReadBe64(key.substr(prefix_bytes))),
                                 DecodeLogKey(value));
        return true;
      });
}

void Core::Seal(Group* group) {
  sessions_.Seal(&group->changes);
  watch_.Seal(&group->changes);
  recovery_.Seal(&group->changes);
  gaps_.Seal(&group->changes);
  minutes_.Seal(&group->changes);
  state_.set_stray_count(strays_.count());
  *state_.mutable_work() = work_.counters();
  group->changes.Put(Table::kMeta, kMetaCore, state_.SerializeAsString());
}

void Core::Committed() {
  window_.Committed();
  strays_.Committed();
  watch_.Committed();
  minutes_.Committed();
}

absl::Time Core::Trusted() const {
  return std::min(now(), absl::FromUnixMicros(state_.settled_micros()));
}

uint64_t Core::FloorKeyTime() const {
  return FirstSnowflakeAt(absl::FromUnixMicros(state_.floor_micros()));
}

absl::Status Core::ApplyTick(const store::v1::InputRecord& input, Group* group) {
  const store::v1::Tick& tick = input.tick();
  MoveNow(tick);
  if (tick.first_after_start() && tick.sources_size() > 0) NoteSources(tick);
  MoveFloor(tick.first_after_start() ? 0 : tick.elapsed_micros(), tick.let_go());
  store::v1::LogRecord record;
  record.set_admission_micros(input.admission_micros());
  *record.mutable_tick() = tick;
  AppendRecord(std::move(record), 0, group);
  // What passed while it was down is the wall clock's word: leases last.
  int64_t ran_micros =
      tick.first_after_start() ? 0 : std::max<int64_t>(0, tick.elapsed_micros());
  work_.Tick(ran_micros, &group->changes);
  absl::Time delivered = floor() + options_.window_span;
  std::vector<v1::StreamNotice> notices = watch_.OnTick(tick, now(), delivered, &group->changes);
  minutes_.OnNotices(notices, now(), &group->changes);
  GapWatch::TickFacts facts{tick,
                            Trusted(),
                            {},
                            {},
                            watch_.paused(),
                            state_.rule_set().version(),
                            notices,
                            {state_.next_sequence(), state_.next_ordinal()}};
  if (tick.first_after_start()) {
    facts.sources.assign(state_.sources().begin(), state_.sources().end());
    facts.partitions.assign(state_.source_partitions().begin(), state_.source_partitions().end());
  }
  absl::StatusOr<std::vector<v1::StreamNotice>> found = gaps_.OnTick(facts, &group->changes);
  if (!found.ok()) return found.status();
  notices.insert(notices.end(), found->begin(), found->end());
  AppendNotices(input.admission_micros(), std::move(notices), group);
  recovery_.OnTick(RecoveryFacts(), ran_micros, &group->changes);
  AppendNotices(input.admission_micros(), recovery_.TakeNotices(), group);
  AskForRemovals(input.admission_micros(), group);
  return Expire(group);
}

void Core::NoteSources(const store::v1::Tick& tick) {
  std::map<std::string, uint32_t> partitions;
  for (int i = 0; i < tick.sources_size(); ++i) {
    partitions[tick.sources(i)] = i < tick.source_partitions_size() ? tick.source_partitions(i) : 0;
  }
  state_.clear_sources();
  state_.clear_source_partitions();
  for (const auto& [source_id, partition] : partitions) {
    state_.add_sources(source_id);
    state_.add_source_partitions(partition);
  }
}

void Core::MoveNow(const store::v1::Tick& tick) {
  if (state_.now_micros() == 0) {
    state_.set_now_micros(tick.wall_micros());
  } else {
    state_.set_now_micros(state_.now_micros() + std::max<int64_t>(0, tick.elapsed_micros()));
  }
  state_.set_last_wall_micros(tick.wall_micros());
  absl::optional<int64_t> x_time =
      AgreedXTime(EstimateXTime(sessions_.sources(), state_.now_micros()), state_.now_micros());
  if (!x_time) return;
  sessions_.ShiftReceiveNow(*x_time - state_.now_micros());
  gaps_.OnNowMoved(*x_time - state_.now_micros());
  state_.set_now_micros(*x_time);
}

// A host whose clock is a day ahead at a start must not throw the window away
// before two sources have told X's time: after a jump of the wall clock the
// floor follows a minute per tick. It waits for sources that are away and for what is
// being fetched again.
void Core::MoveFloor(int64_t elapsed_micros, bool let_go) {
  int64_t settled = state_.now_micros();
  if (state_.settled_micros() > 0) {
    int64_t step = std::max(kSettleStepMicros, elapsed_micros);
    settled = std::min(settled, state_.settled_micros() + step);
  }
  state_.set_settled_micros(std::max(state_.settled_micros(), settled));
  int64_t span = absl::ToInt64Microseconds(options_.window_span);
  int64_t floor = HoldMicros() - span;
  if (let_go) {
    int64_t next = std::max(state_.floor_micros(), floor) + kLetGoStepMicros;
    floor = std::min(state_.settled_micros() - span, next);
  }
  state_.set_floor_micros(std::max({state_.floor_micros(), floor, int64_t{0}}));
}

int64_t Core::DeliveredUntil(const std::string& source_id) const {
  auto source = sessions_.sources().find(source_id);
  return source == sessions_.sources().end() ? 0 : DeliveredUntilMicros(source->second);
}

int64_t Core::HoldMicros() const {
  int64_t hold = state_.settled_micros();
  for (const std::string& source_id : state_.sources()) {
    hold = std::min(hold, DeliveredUntil(source_id));
  }
  if (absl::optional<absl::Time> fetched = recovery_.OldestFetch()) {
    hold = std::min(hold, absl::ToUnixMicros(*fetched + options_.window_span));
  }
  return std::max(hold, state_.settled_micros() - absl::ToInt64Microseconds(options_.hold_max));
}

absl::Duration Core::held_back() const {
  absl::Time unheld = absl::FromUnixMicros(state_.settled_micros()) - options_.window_span;
  return std::max(absl::ZeroDuration(), unheld - floor());
}

std::vector<std::string> Core::SourcesBeyondHold() const {
  std::vector<std::string> beyond;
  int64_t limit = state_.settled_micros() - absl::ToInt64Microseconds(options_.hold_max);
  for (const std::string& source_id : state_.sources()) {
    int64_t until = DeliveredUntil(source_id);
    if (until > 0 && until < limit) beyond.push_back(source_id);
  }
  return beyond;
}

absl::Status Core::Expire(Group* group) {
  int64_t now = state_.now_micros();
  // As far as the floor has followed: a stray waits for who is away, too.
  int64_t delivered = state_.floor_micros() + absl::ToInt64Microseconds(options_.window_span);
  absl::Status status =
      strays_.Expire(delivered - absl::ToInt64Microseconds(options_.stray_span), &group->changes);
  if (!status.ok()) return status;
  window_.ForgetBefore(FloorKeyTime());
  // Marks of a time that turned out wrong.
  while (!time_index_.empty() && time_index_.back().first > now) {
    group->changes.Delete(Table::kMeta, EncodeTimeKey(time_index_.back().first));
    time_index_.pop_back();
  }
  if (!time_index_.empty() && now < time_index_.back().first + kTimeMarkMicros) {
    return absl::OkStatus();
  }

  LogKey here{state_.next_sequence(), state_.next_ordinal()};
  time_index_.emplace_back(now, here);
  group->changes.Put(Table::kMeta, EncodeTimeKey(now), EncodeLogKey(here));
  // The log does not wait: it is 20 times what the keys take.
  int64_t oldest = state_.settled_micros() - absl::ToInt64Microseconds(options_.log_retention);
  bool moved = false;
  LogKey first;
  while (time_index_.size() > 1 && time_index_.front().first <= oldest) {
    first = time_index_.front().second;
    moved = true;
    group->changes.Delete(Table::kMeta, EncodeTimeKey(time_index_.front().first));
    time_index_.pop_front();
  }
  if (moved) {
    state_.set_earliest_sequence(std::max(state_.earliest_sequence(), first.sequence));
    group->drops.emplace_back(Table::kLog, EncodeLogKey(first));
  }
  if (written_out_micros_ == 0) written_out_micros_ = now;
  if (now >= written_out_micros_ + kWriteOutMicros || now < written_out_micros_) {
    written_out_micros_ = now;
    group->write_out = true;
  }
  group->drops.emplace_back(Table::kIds, EncodeSequence(FloorKeyTime()));
  group->drops.emplace_back(Table::kSightings,
                            EncodeSightingPrefix(SightingBucket(FloorKeyTime())));
  return absl::OkStatus();
}

}  // namespace braid
