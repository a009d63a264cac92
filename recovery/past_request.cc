#include "recovery/past_request.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "proto/time_range.h"
#include "recovery/proof.h"

namespace braid {
namespace {

using Method = v1::RecoveryJob::Method;

constexpr int64_t kSecondMicros = 1'000'000;
constexpr int64_t kMinuteMicros = 60 * kSecondMicros;

// Whole units, never less than what was wanted. Times are after 1970.
Interval Outward(const Interval& wanted, int64_t unit) {
  return {wanted.from / unit * unit, (wanted.until + unit - 1) / unit * unit};
}

std::string Text(int64_t micros, const char* format) {
  return absl::FormatTime(format, absl::FromUnixMicros(micros), absl::UTCTimeZone());
}

PastRequest Recovery(const PastSource& source, const Interval& wanted) {
  constexpr char kIso[] = "%Y-%m-%dT%H:%M:%SZ";
  XFamily family = source.live.dialect->family;
  PastRequest past;
  past.request = source.live;
  if (!source.recovery_url.empty()) past.request.url = source.recovery_url;
  past.asked = Outward(wanted, kSecondMicros);
  past.has_final_record = family == XFamily::kGnip;
  past.request.parameters.emplace_back(StartTimeParameter(family), Text(past.asked.from, kIso));
  past.request.parameters.emplace_back(EndTimeParameter(family), Text(past.asked.until, kIso));
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
  constexpr char kMinute[] = "%Y%m%d%H%M";
  PastRequest past;
  past.request = source.live;
  past.request.url = ReplayUrl(source);
  past.asked = Outward(wanted, kMinuteMicros);
  past.has_final_record = true;
  past.request.parameters.emplace_back("fromDate", Text(past.asked.from, kMinute));
  past.request.parameters.emplace_back("toDate", Text(past.asked.until, kMinute));
  return past;
}

}  // namespace

std::vector<Method> StreamMethods(const Dialect& dialect) {
  std::vector<Method> methods;
  if (dialect.has_recovery) methods.push_back(v1::RecoveryJob::METHOD_RECOVERY);
  if (dialect.has_replay) methods.push_back(v1::RecoveryJob::METHOD_REPLAY);
  return methods;
}

absl::StatusOr<PastRequest> MakePastRequest(const PastSource& source,
                                            const v1::RecoveryStep& step) {
  std::vector<Method> methods = StreamMethods(*source.live.dialect);
  Method method = step.step().method();
  if (std::find(methods.begin(), methods.end(), method) == methods.end()) {
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
