// Gaps as people and programs see them. Pure; any thread.

#ifndef BRAID_DEDUPE_GAP_TEXT_H_
#define BRAID_DEDUPE_GAP_TEXT_H_

#include <map>
#include <string>

#include "absl/time/time.h"
#include "braid/store/v1/gaps.pb.h"
#include "braid/v1/gap.pb.h"
#include "braid/v1/stream_service.pb.h"

namespace braid {

// How many events a gap of this length lacks, with a 90 % interval.
v1::Estimate EstimateOf(double events);

// How long the ways to fill a gap work, from its start.
struct GapRoutes {
  // What X gives a reconnect.
  absl::Duration backfill = absl::Minutes(5);
  // By their words; those that X is asked by.
  std::map<std::string, absl::Duration> asked = {{"recovery", absl::Hours(24)}};
};

// `parent`: "streams/main/", which its names begin with.
v1::Gap ViewOfGap(const store::v1::StoredGap& gap, const GapRoutes& routes,
                  const std::string& parent);

// "lost for good: total outage of 12 s, 2026-11-21T17:20:36+00:00 to …"
std::string GapSentence(v1::StreamNotice::Type type, const store::v1::StoredGap& gap);

}  // namespace braid

#endif  // BRAID_DEDUPE_GAP_TEXT_H_
