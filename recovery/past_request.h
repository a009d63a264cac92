// How X is asked for a past range, by dialect and method: URL, names and forms of
// the parameters. Source: docs/X-API 1.13, 1.14, 2.8.
//
// Pure; any thread.

#ifndef BRAID_RECOVERY_PAST_REQUEST_H_
#define BRAID_RECOVERY_PAST_REQUEST_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/interval_set.h"
#include "braid/v1/recovery.pb.h"
#include "ingest/x_request.h"

namespace braid {

// What belongs to the live stream, and where the past is elsewhere.
struct PastSource {
  RequestOptions live;
  // Empty: the stream's own.
  std::string recovery_url;
  // Empty: as X derives it from the stream's.
  std::string replay_url;
};

struct PastRequest {
  // With the range among the parameters.
  RequestOptions request;
  // What it asks for: the step's fetch_range, outward to X's granularity. Unix
  // microseconds.
  Interval asked;
  // X ends it with a record of its own, and sends the oldest minute first.
  bool has_final_record = false;
};

// Unimplemented: the dialect has no such method.
absl::StatusOr<PastRequest> MakePastRequest(const PastSource& source, const v1::RecoveryStep& step);

// How times are written, of Unix microseconds: "2026-11-20T12:00:00Z", and
// "202611201200".
std::string IsoSecond(int64_t micros);
std::string MinuteStamp(int64_t micros);
// Whole units, never less than what was wanted. REQUIRES: after 1970.
Interval Outward(const Interval& wanted, absl::Duration unit);

}  // namespace braid

#endif  // BRAID_RECOVERY_PAST_REQUEST_H_
