#include "dedupe/watch_status.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

using store::v1::VolumeSeries;
using Status = v1::StreamStatus;

// Tags shown; a stream of which more are unusual has one trouble, not many.
constexpr int kTagsShown = 10;
// A slot waits for 30 s for a connection that is behind; nothing was observed
// for longer than a minute where none was judged since.
constexpr absl::Duration kObservedAgeMax = absl::Seconds(90);

Status::Volume::State StateOf(const VolumeModel& model) {
  switch (model.state().state()) {
    case VolumeSeries::STATE_DROP:
      return Status::Volume::STATE_DROP;
    case VolumeSeries::STATE_SURGE:
      return Status::Volume::STATE_SURGE;
    default:
      return model.learned() < 1 ? Status::Volume::STATE_LEARNING : Status::Volume::STATE_USUAL;
  }
}

// The stream's volume, or a tag's: the same members.
template <typename Out>
void FillVolume(const VolumeModel& model, bool observes, Out* out) {
  out->set_state(StateOf(model));
  if (model.state().since_seconds() > 0) {
    SetTime(absl::FromUnixSeconds(model.state().since_seconds()), out->mutable_since_time());
  }
  // What was seen before a pause is not what is seen now.
  if (observes) out->set_observed_per_second(model.state().observed_rate());
  out->set_expected_per_second(model.state().expected_rate());
}

Status::Lag LagOf(const store::v1::LagSeries& lag) {
  Status::Lag out;
  SetDuration(absl::Microseconds(lag.p50_micros()), out.mutable_p50());
  SetDuration(absl::Microseconds(lag.p99_micros()), out.mutable_p99());
  out.set_alerted(lag.alerted());
  return out;
}

std::string Rates(double observed, double expected) {
  return absl::StrFormat("%.3g/s instead of %.3g/s", observed, expected);
}

void AddVolumeProblems(const Status::Volume& volume, Status* status) {
  auto word = [](Status::Volume::State state) {
    return state == Status::Volume::STATE_DROP ? "has dropped" : "has surged";
  };
  auto unusual = [](Status::Volume::State state) {
    return state == Status::Volume::STATE_DROP || state == Status::Volume::STATE_SURGE;
  };
  if (unusual(volume.state())) {
    status->add_problems(
        absl::StrCat("The volume ", word(volume.state()), ": ",
                     Rates(volume.observed_per_second(), volume.expected_per_second()), "."));
  }
  if (volume.capped()) {
    status->add_problems("The volume is flat at the contract's cap: X may withhold the rest.");
  }
  for (const Status::Volume::Tag& tag : volume.tags()) {
    status->add_problems(
        absl::StrCat("The volume of rule ", tag.rule_tag(), " ", word(tag.state()), ": ",
                     Rates(tag.observed_per_second(), tag.expected_per_second()), "."));
  }
}

// Why, and how it ends.
std::string PauseProblem(const Status::Pause& pause, const std::string& stream) {
  std::string resume = absl::StrCat("`braid stream resume --stream ", stream, "`");
  if (!pause.has_end_time()) {
    return absl::StrCat("The stream is paused by an operator",
                        pause.reason().empty() ? "" : absl::StrCat(" (", pause.reason(), ")"), ": ",
                        resume, " ends it.");
  }
  return absl::StrCat(
      "The stream is paused by a limit (", pause.reason(), ") until ",
      absl::FormatTime("%Y-%m-%d %H:%M", ToTime(pause.end_time()), absl::UTCTimeZone()),
      " UTC: ", resume, " ends it now, as does a deduper's start with a higher limit.");
}

}  // namespace

WatchStatus TakeWatchStatus(const StreamWatch& watch, absl::Time now) {
  WatchStatus out;
  const VolumeModel& stream = watch.volume().stream();
  if (!watch.options().volume.off) {
    absl::Time judged = absl::FromUnixSeconds(stream.state().slot_end_seconds());
    bool observes = now - judged <= kObservedAgeMax;
    FillVolume(stream, observes, &out.volume);
    out.volume.set_learned(stream.learned());
    out.volume.set_capped(stream.state().capped());
    for (const auto& [tag, model] : watch.volume().tags()) {
      if (model.is_usual() || out.volume.tags_size() == kTagsShown) continue;
      v1::StreamStatus::Volume::Tag* shown = out.volume.add_tags();
      shown->set_rule_tag(tag);
      FillVolume(model, observes, shown);
    }
  }
  out.paused = watch.paused();
  if (out.paused) {
    const store::v1::Pause& pause = watch.limits().pause();
    SetTime(absl::FromUnixMicros(pause.from_micros()), out.pause.mutable_start_time());
    if (pause.ends_micros() > 0) {
      SetTime(absl::FromUnixMicros(pause.ends_micros()), out.pause.mutable_end_time());
    }
    out.pause.set_reason(pause.reason());
  }
  for (const auto& [source_id, lag] : watch.lags()) {
    if (lag.state().measured_minute() > 0) out.lags[source_id] = LagOf(lag.state());
  }
  out.reset_day_problem = watch.ResetDayProblem();
  int32_t today = UtcDay(now);
  out.posts_today = watch.metering().Posts(today, today + 1);
  return out;
}

void FillWatchStatus(const WatchStatus& watch, v1::StreamStatus* status) {
  *status->mutable_volume() = watch.volume;
  AddVolumeProblems(watch.volume, status);
  if (watch.paused) {
    *status->mutable_pause() = watch.pause;
    absl::string_view stream = absl::StripPrefix(status->stream(), "streams/");
    status->add_problems(PauseProblem(watch.pause, std::string(stream)));
  }
  if (!watch.reset_day_problem.empty()) status->add_problems(watch.reset_day_problem);
  status->set_posts_today(watch.posts_today);
  for (const auto& [source_id, lag] : watch.lags) {
    if (source_id == StreamWatch::kStreamLag) {
      *status->mutable_lag() = lag;
    }
    for (v1::Connection& connection : *status->mutable_connections()) {
      size_t slash = connection.name().rfind('/');
      if (connection.name().substr(slash + 1) == source_id) *connection.mutable_lag() = lag;
    }
    if (!lag.alerted()) continue;
    status->add_problems(absl::StrCat(
        source_id.empty() ? "Posts arrive" : absl::StrCat(source_id, " receives"), " late: ",
        absl::FormatDuration(absl::Trunc(ToDuration(lag.p50()), absl::Milliseconds(100))),
        " after their creation."));
  }
}

}  // namespace braid
