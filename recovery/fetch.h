// The seam between a worker and one asking of X for a past range: PastFetch is a
// stream (recovery, replay); paged requests (search, lookup) are others.
//
// Threads: the loop.
// Ownership: the worker owns it. Destroying it stops at once: what came is in the
// sink, whole frames of it, and `done` does not run.

#ifndef BRAID_RECOVERY_FETCH_H_
#define BRAID_RECOVERY_FETCH_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "braid/v1/recovery.pb.h"
#include "ingest/record_sink.h"
#include "recovery/proof.h"

namespace braid {

struct FetchProgress {
  uint64_t events = 0;
  uint64_t bytes = 0;
  // Of creation time; InfinitePast: nothing came.
  absl::Time reached = absl::InfinitePast();
};

class Fetch {
 public:
  // Everything that came is in the sink. May destroy the fetch.
  using Done = absl::AnyInvocable<void(FetchEvidence)>;

  virtual ~Fetch() = default;
  virtual FetchProgress Progress() const = 0;
};

// What the Authorization header is made of.
using TokenSource = std::function<absl::StatusOr<std::string>()>;

// Begins at once; `done` runs in a later turn. Unimplemented: this source does
// not offer it.
using FetchMaker = std::function<absl::StatusOr<std::unique_ptr<Fetch>>(
    const v1::RecoveryStep& step, RecordSink& sink, Fetch::Done done)>;

}  // namespace braid

#endif  // BRAID_RECOVERY_FETCH_H_
