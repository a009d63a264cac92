// What deduper, recoverers and command line must mean alike of recovery: what a
// recoverer is called as a source, and when a job or a step is over. Pure; any
// thread.

#ifndef BRAID_PROTO_RECOVERY_TERMS_H_
#define BRAID_PROTO_RECOVERY_TERMS_H_

#include <algorithm>
#include <cstddef>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "braid/v1/recovery.pb.h"

namespace braid {

// A name of a connection holds no slash.
inline constexpr absl::string_view kRecoveryPrefix = "recovery/";

// "fra" → "recovery/fra".
inline std::string RecoverySourceOf(absl::string_view recoverer) {
  return absl::StrCat(kRecoveryPrefix, recoverer);
}

inline bool IsRecoverySource(absl::string_view source_id) {
  return absl::StartsWith(source_id, kRecoveryPrefix);
}

// "recovery/fra" → "fra"; empty for a connection.
inline absl::string_view RecovererOf(absl::string_view source_id) {
  return absl::ConsumePrefix(&source_id, kRecoveryPrefix) ? source_id : "";
}

// What a worker says of a fetch that ended cleanly and proves nothing by itself:
// the same keys once more, later, are the other half (recovery/proof.h).
inline constexpr absl::string_view kProofCleanEnd = "clean_end";

// Posts that X looks up at once (docs/X-API 2.2): of one request, and of one job.
inline constexpr size_t kLookupIdsMax = 100;

// Of a job or a step.
inline bool IsEnded(v1::RecoveryJob::State state) {
  return state == v1::RecoveryJob::STATE_SUCCEEDED || state == v1::RecoveryJob::STATE_FAILED ||
         state == v1::RecoveryJob::STATE_CANCELLED;
}

// It is for posts, not for a range: gaps and other jobs do not matter to it, nor it
// to them.
inline bool IsOfIds(const v1::RecoveryJob& job) { return job.post_ids_size() > 0; }

// A step of it can be taken by a recoverer at once. A backfill is the deduper's own.
inline bool WaitsForRecoverer(const v1::RecoveryJob& job) {
  return std::any_of(job.steps().begin(), job.steps().end(), [](const auto& step) {
    return step.state() == v1::RecoveryJob::STATE_QUEUED &&
           step.method() != v1::RecoveryJob::METHOD_BACKFILL;
  });
}

}  // namespace braid

#endif  // BRAID_PROTO_RECOVERY_TERMS_H_
