#include "tests/emulator/past_feed.h"

#include <algorithm>

#include "proto/snowflake.h"

namespace braid::emulator {
namespace {

constexpr size_t kAheadBytes = 256 << 10;
// The latest that anything appears after its creation.
constexpr absl::Duration kLatenessMax = absl::Seconds(2100);

absl::Time MinuteOf(absl::Time time) {
  return absl::FromUnixSeconds(absl::ToUnixSeconds(time) / 60 * 60);
}

}  // namespace

PastFeed::PastFeed(const EventHistory* history, TopicText* text, const Topic& topic,
                   const TimeSpan& span, const PastOptions& options, Moment now)
    : history_(history),
      text_(text),
      topic_(topic),
      options_(options),
      started_(now.elapsed),
      until_(span.until),
      reached_(MinuteOf(span.from)),
      feed_(log_, 0) {
  if (options.is_by_minute) {
    ChooseByMinute(span);
  } else {
    uint64_t until = history->LowerBound(span.until);
    for (uint64_t i = history->LowerBound(span.from); i < until; ++i) numbers_.push_back(i);
  }
  if (options.stop_after < 1) {
    numbers_.resize(static_cast<size_t>(options.stop_after * static_cast<double>(numbers_.size())));
  }
}

absl::Time PastFeed::TimeOf(const Event& event) const {
  return event.kind == EventKind::kPost ? SnowflakeTime(event.id) : event.time();
}

void PastFeed::ChooseByMinute(const TimeSpan& span) {
  uint64_t until = history_->LowerBound(span.until + kLatenessMax);
  for (uint64_t i = history_->LowerBound(span.from); i < until; ++i) {
    const Event& event = history_->At(i);
    absl::Time time = TimeOf(event);
    if (time < span.from || time >= span.until || event.is_deleted || event.is_duplicate) continue;
    const auto& failed = options_.failed_minutes;
    if (std::find(failed.begin(), failed.end(), MinuteOf(time)) != failed.end()) continue;
    numbers_.push_back(i);
  }
  std::stable_sort(numbers_.begin(), numbers_.end(), [this](uint64_t a, uint64_t b) {
    return MinuteOf(TimeOf(history_->At(a))) < MinuteOf(TimeOf(history_->At(b)));
  });
}

// An empty line for each minute without posts before `until`.
void PastFeed::AddMinutes(absl::Time until, Moment now) {
  for (; reached_ < until; reached_ += absl::Minutes(1)) {
    if (!minute_has_posts_) log_.AppendText("\r\n", kNoEmission, now.x_time);
    minute_has_posts_ = false;
  }
}

void PastFeed::RenderNext(Moment now) {
  uint64_t number = numbers_[next_++];
  if (number < history_->first()) return;  // forgotten since
  const Event& event = history_->At(number);
  std::optional<std::string> record = text_->Render(topic_, event, now.x_time);
  if (!record) return;
  if (options_.is_by_minute) AddMinutes(MinuteOf(TimeOf(event)), now);
  minute_has_posts_ = true;
  log_.AppendText(*record, number, now.x_time);
  ++count_;
}

void PastFeed::Render(Moment now) {
  double due = options_.rate * absl::ToDoubleSeconds(now.elapsed - started_) + 1;
  while (next_ < numbers_.size() && feed_.backlog_bytes(log_) < kAheadBytes) {
    if (options_.rate > 0 && static_cast<double>(count_) >= due) return;
    RenderNext(now);
  }
  if (next_ == numbers_.size() && options_.is_by_minute && options_.stop_after >= 1) {
    AddMinutes(MinuteOf(until_), now);
  }
}

std::optional<LogRun> PastFeed::Take(size_t bytes_max, Moment now) {
  Render(now);
  std::vector<uint64_t> dropped;
  std::optional<LogRun> run = feed_.Take(bytes_max, now.x_time, &dropped);
  is_drained_ = !run && feed_.backlog_bytes(log_) == 0;
  return run;
}

}  // namespace braid::emulator
