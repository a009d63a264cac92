#include "dedupe/stream_watch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dedupe/frame_parts.h"
#include "dedupe/keys.h"
#include "dedupe/usage_keys.h"
#include "dedupe/watch_notices.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

using v1::StreamNotice;

std::string PauseReason(const UsageLimit& limit) {
  return absl::StrCat("limit of ", limit.posts, " posts per ", PeriodWord(limit.period),
                      " reached");
}

std::string LagKey(const std::string& source_id) { return UsageKey(kUsageLag, source_id); }

}  // namespace

StreamWatch::StreamWatch(const Store& store, Options options)
    : options_(std::move(options)),
      store_(store),
      metering_(store),
      volume_(store, options_.volume) {}

absl::Status StreamWatch::Load() {
  absl::Status status = metering_.Load();
  if (status.ok()) status = volume_.Load();
  if (!status.ok()) return status;
  absl::StatusOr<std::string> bytes = store_.Get(Table::kUsage, UsageKey(kUsageLimits));
  if (bytes.ok()) {
    if (!limits_.ParseFromString(*bytes)) return absl::DataLossError("limits can not be read");
    limits_bytes_ = *std::move(bytes);
  } else if (!absl::IsNotFound(bytes.status())) {
    return bytes.status();
  }
  status = LoadXUsage();
  if (!status.ok()) return status;
  absl::Status bad;
  status =
      store_.Scan(Table::kUsage, UsageKey(kUsageLag), UsageKey(kUsageLag + 1),
                  [&](absl::string_view key, absl::string_view value) {
                    store::v1::LagSeries lag;
                    if (!lag.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
                      bad = absl::DataLossError("lag can not be read");
                      return false;
                    }
                    lags_.try_emplace(std::string(key.substr(1)), options_.lag, std::move(lag));
                    return true;
                  });
  return status.ok() ? bad : status;
}

absl::Status StreamWatch::LoadXUsage() {
  absl::StatusOr<std::string> bytes = store_.Get(Table::kUsage, UsageKey(kUsageOfX));
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  v1::XUsage usage;
  if (!usage.ParseFromString(*bytes)) return absl::DataLossError("X's usage can not be read");
  x_reset_day_ = static_cast<int>(usage.reset_day());
  return absl::OkStatus();
}

std::string StreamWatch::ResetDayProblem() const {
  bool by_month = std::any_of(
      options_.limits.begin(), options_.limits.end(),
      [](const UsageLimit& limit) { return limit.period == UsageLimit::Period::kMonth; });
  // Ours ends at 28, so that every month has it.
  int theirs = std::min(x_reset_day_, 28);
  if (!by_month || theirs == 0 || theirs == options_.usage_reset_day) return "";
  return absl::StrCat("usage_reset_day is ", options_.usage_reset_day, " and X counts from day ",
                      x_reset_day_, ": limits per month count another month than X bills.");
}

void StreamWatch::OnOpened(const store::v1::SourceOpened& opened) {
  volume_.OnOpened(opened.source_id(), opened.session_epoch());
}

absl::Status StreamWatch::OnFrame(const std::string& source_id, const v1::Frame& frame,
                                  absl::string_view is_new, absl::Time newest, WriteSet* changes) {
  absl::Status status = metering_.OnFrame(frame, is_new, newest, changes);
  if (!status.ok()) return status;
  volume_.OnFrame(source_id, frame, is_new);
  if (frame.origin() == v1::EVENT_ORIGIN_LIVE) OnLag(source_id, frame, is_new);
  return absl::OkStatus();
}

void StreamWatch::OnLag(const std::string& source_id, const v1::Frame& frame,
                        absl::string_view is_new) {
  LagModel* stream = nullptr;
  LagModel* own = nullptr;
  for (int i = 0, count = FrameEventCount(frame); i < count; ++i) {
    if (!FrameHoldsPost(frame, i)) continue;
    uint64_t id =
        frame.post_ids_size() > 0 ? frame.post_ids(i) : WindowKeyTime(FrameWindowKey(frame, i));
    absl::Time created = SnowflakeTime(id);
    absl::Duration lag = FrameReceiveTime(frame, i) - created;
    if (own == nullptr) {
      store::v1::LagSeries none;
      own = &lags_.try_emplace(source_id, options_.lag, none).first->second;
      stream = &lags_.try_emplace(kStreamLag, options_.lag, none).first->second;
    }
    own->OnPost(lag);
    if (HasBit(is_new, i)) stream->OnPost(lag);
  }
}

void StreamWatch::OnConnectionEvent(const std::string& source_id,
                                    const v1::ConnectionEvent& event) {
  volume_.OnState(source_id, event.state() == v1::ConnectionReport::STATE_RECEIVING,
                  ToTime(event.event_time()));
}

std::vector<StreamNotice> StreamWatch::OnTick(const store::v1::Tick& tick, absl::Time now,
                                              absl::Time delivered, WriteSet* changes) {
  std::vector<StreamNotice> notices;
  metering_.Expire(UtcDay(now), delivered, changes);
  CheckUsage(now, &notices, changes);
  for (const VolumeWatch::Change& change : volume_.OnTick(tick.listening(), now)) {
    notices.push_back(VolumeNotice(change));
  }
  for (auto& [source_id, lag] : lags_) {
    absl::optional<LagModel::Change> change = lag.OnTick(now);
    if (change) notices.push_back(LagNotice(source_id, *change, lag.state()));
  }
  for (StreamNotice& notice : notices) SetTime(now, notice.mutable_notice_time());
  return notices;
}

void StreamWatch::CheckUsage(absl::Time now, std::vector<StreamNotice>* notices,
                             WriteSet* changes) {
  std::vector<UsageEvent> events = CheckLimits(
      options_.limits, options_.usage_reset_day, UtcDay(now),
      [this](UsagePeriod period) { return metering_.Posts(period.first_day, period.until_day); },
      &limits_);
  if (limits_.has_pause() && limits_.pause().ends_micros() > 0) {
    FollowLimits(now, notices, changes);
  }
  for (const UsageEvent& event : events) {
    const UsageLimit& limit = options_.limits[event.limit];
    notices->push_back(UsageNotice(event, limit));
    if (!event.reached || limit.action != UsageLimit::Action::kPause) continue;
    notices->push_back(
        Pause(now, UtcDayStart(event.period.until_day), PauseReason(limit), changes));
  }
}

// A limit's pause lasts while a configured limit asks for it: limits may have
// been raised or taken away since, or their periods moved.
void StreamWatch::FollowLimits(absl::Time now, std::vector<StreamNotice>* notices,
                               WriteSet* changes) {
  store::v1::Pause* pause = limits_.mutable_pause();
  absl::optional<LimitPause> asked =
      AskedPause(options_.limits, options_.usage_reset_day, &limits_);
  if (absl::ToUnixMicros(now) >= pause->ends_micros()) {
    notices->push_back(Resume(now, "the limit's period is over", changes));
  } else if (!asked) {
    notices->push_back(Resume(now, "no configured limit is reached any more", changes));
  } else {
    // Told and kept with its span when it ends.
    pause->set_ends_micros(absl::ToUnixMicros(UtcDayStart(asked->until_day)));
    pause->set_reason(PauseReason(options_.limits[asked->limit]));
  }
}

std::vector<StreamNotice> StreamWatch::OnCommand(const store::v1::Command& command, absl::Time now,
                                                 WriteSet* changes) {
  std::vector<StreamNotice> notices;
  if (command.action() == store::v1::Command::ACTION_PAUSE) {
    const bool is_operators = paused() && limits_.pause().ends_micros() == 0;
    std::string reason = command.reason();
    if (reason.empty()) reason = is_operators ? limits_.pause().reason() : "no reason given";
    notices.push_back(Pause(now, absl::InfiniteFuture(), reason, changes));
  } else if (command.action() == store::v1::Command::ACTION_RESUME && paused()) {
    notices.push_back(Resume(now, "an operator resumed it", changes));
    WaiveReached(&limits_);
  }
  for (StreamNotice& notice : notices) SetTime(now, notice.mutable_notice_time());
  return notices;
}

// Pauses, or lets a pause last longer. `ends` in the infinite future: an
// operator's, until somebody resumes; only a limit's has an end.
StreamNotice StreamWatch::Pause(absl::Time now, absl::Time ends, const std::string& reason,
                                WriteSet* changes) {
  bool endless = ends == absl::InfiniteFuture();
  store::v1::Pause* pause = limits_.mutable_pause();
  bool first = pause->from_micros() == 0;
  if (first) pause->set_from_micros(std::max<int64_t>(1, absl::ToUnixMicros(now)));
  bool was_endless = !first && pause->ends_micros() == 0;
  if (endless || was_endless) {
    pause->set_ends_micros(0);
  } else {
    pause->set_ends_micros(std::max(pause->ends_micros(), absl::ToUnixMicros(ends)));
  }
  if (first || endless) pause->set_reason(reason);
  changes->Put(Table::kUsage, UsagePauseKey(pause->from_micros()), pause->SerializeAsString());
  StreamNotice notice;
  notice.set_type(StreamNotice::TYPE_PAUSED);
  notice.set_message(absl::StrCat("paused: ", reason));
  return notice;
}

StreamNotice StreamWatch::Resume(absl::Time now, const std::string& reason, WriteSet* changes) {
  store::v1::Pause pause = limits_.pause();
  limits_.clear_pause();
  pause.set_until_micros(absl::ToUnixMicros(now));
  changes->Put(Table::kUsage, UsagePauseKey(pause.from_micros()), pause.SerializeAsString());
  int64_t oldest = absl::ToUnixMicros(UtcDayStart(UtcDay(now) - Metering::kDaysKept));
  changes->DeleteRange(Table::kUsage, UsagePauseKey(0),
                       UsagePauseKey(std::max<int64_t>(0, oldest)));
  StreamNotice notice;
  notice.set_type(StreamNotice::TYPE_RESUMED);
  notice.set_message(absl::StrCat("resumed: ", reason));
  return notice;
}

std::vector<size_t> StreamWatch::Removals() {
  std::vector<size_t> out;
  for (size_t i = 0; i < options_.limits.size(); ++i) {
    if (options_.limits[i].action != UsageLimit::Action::kRemoveRules) continue;
    const store::v1::LimitState::Limit* noted = LimitStateOf(options_.limits[i], &limits_);
    if (noted->acted() && !noted->removed()) out.push_back(i);
  }
  return out;
}

uint64_t StreamWatch::RemovalTask(size_t limit) {
  return LimitStateOf(options_.limits[limit], &limits_)->removal_task();
}

void StreamWatch::OnRemovalAsked(size_t limit, uint64_t task) {
  LimitStateOf(options_.limits[limit], &limits_)->set_removal_task(task);
}

StreamNotice StreamWatch::OnRemoved(size_t limit, absl::Time now) {
  LimitStateOf(options_.limits[limit], &limits_)->set_removed(true);
  StreamNotice notice = RulesRemovedNotice(options_.limits[limit]);
  SetTime(now, notice.mutable_notice_time());
  return notice;
}

void StreamWatch::OnXUsage(v1::XUsage usage, absl::Time now, WriteSet* changes) {
  // Several workers ask by turns, and none is from the future.
  absl::Time observed = std::min(ToTime(usage.observe_time()), now);
  SetTime(observed, usage.mutable_observe_time());
  usage.set_metered_posts(metering_.Posts(UtcDay(observed), UtcDay(observed) + 1));
  x_reset_day_ = static_cast<int>(usage.reset_day());
  changes->Put(Table::kUsage, UsageKey(kUsageOfX), usage.SerializeAsString());
}

void StreamWatch::Seal(WriteSet* changes) {
  metering_.Seal(changes);
  volume_.Seal(changes);
  for (auto& [source_id, lag] : lags_) {
    if (!lag.changed()) continue;
    lag.clear_changed();
    changes->Put(Table::kUsage, LagKey(source_id), lag.state().SerializeAsString());
  }
  std::string bytes = limits_.SerializeAsString();
  if (bytes == limits_bytes_) return;
  limits_bytes_ = bytes;
  changes->Put(Table::kUsage, UsageKey(kUsageLimits), std::move(bytes));
}

}  // namespace braid
