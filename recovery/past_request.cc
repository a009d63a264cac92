#include "recovery/past_request.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "proto/time_range.h"
#include "recovery/proof.h"

namespace braid {
namespace {

using Method = v1::RecoveryJob::Method;

std::string Text(int64_t micros, const char* format) {
  return absl::FormatTime(format, absl::FromUnixMicros(micros), absl::UTCTimeZone());
}

PastRequest Recovery(const PastSource& source, const Interval& wanted) {
  XFamily family = source.live.dialect->family;
  PastRequest past;
  past.request = source.live;
  if (!source.recovery_url.empty()) past.request.url = source.recovery_url;
  past.asked = Outward(wanted, absl::Seconds(1));
  past.has_final_record = family == XFamily::kGnip;
  past.request.parameters.emplace_back(StartTimeParameter(family), IsoSecond(past.asked.from));
  past.request.parameters.emplace_back(EndTimeParameter(family), IsoSecond(past.asked.until));
  return past;
}

// X's own host for it is another; elsewhere (a relay, the emulator) the path alone
// tells them apart.
std::string ReplayUrl(const PastSource& source) {
  if (!source.replay_url.empty()) return source.replay_url;
  const std::string& url = source.live.url.empty() ? source.live.dialect->url : source.live.url;
  return absl::StrReplaceAll(url,
                             {{"://gnip-stream.x.com/stream/", "://gnip-stream.gnip.com/replay/"},
                              {"/stream/", "/replay/"},
                              {"{account}", source.live.account},
                              {"{label}", source.live.label}});
}

PastRequest Replay(const PastSource& source, const Interval& wanted) {
  PastRequest past;
  past.request = source.live;
  past.request.url = ReplayUrl(source);
  past.asked = Outward(wanted, absl::Minutes(1));
  past.has_final_record = true;
  past.request.parameters.emplace_back("fromDate", MinuteStamp(past.asked.from));
  past.request.parameters.emplace_back("toDate", MinuteStamp(past.asked.until));
  return past;
}

// Those that are a stream.
bool Has(const Dialect& dialect, Method method) {
  if (method == v1::RecoveryJob::METHOD_RECOVERY) return dialect.has_recovery;
  return method == v1::RecoveryJob::METHOD_REPLAY && dialect.has_replay;
}

}  // namespace

std::string IsoSecond(int64_t micros) { return Text(micros, "%Y-%m-%dT%H:%M:%SZ"); }

std::string MinuteStamp(int64_t micros) { return Text(micros, "%Y%m%d%H%M"); }

Interval Outward(const Interval& wanted, absl::Duration unit) {
  int64_t micros = absl::ToInt64Microseconds(unit);
  return {wanted.from / micros * micros, (wanted.until + micros - 1) / micros * micros};
}

absl::StatusOr<PastRequest> MakePastRequest(const PastSource& source,
                                            const v1::RecoveryStep& step) {
  Method method = step.step().method();
  if (!Has(*source.live.dialect, method)) {
    return absl::UnimplementedError(
        absl::StrCat(source.live.dialect->name, " has no ", v1::RecoveryJob::Method_Name(method)));
  }
  Interval wanted = IntervalOf(step.step().fetch_range());
  if (wanted.empty() || wanted.from < 0) {
    return absl::InvalidArgumentError("the step asks for no range");
  }
  PastRequest past = method == v1::RecoveryJob::METHOD_RECOVERY ? Recovery(source, wanted)
                                                                : Replay(source, wanted);
  if (step.partition() > 0 && source.live.dialect->partitions > 0) {
    past.request.partition = static_cast<int>(step.partition());
  }
  return past;
}

}  // namespace braid
