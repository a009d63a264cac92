// Connections of one partition in one process take turns to connect, so that
// what takes one away (a bad route, a server of X that restarts, a refusal for
// too many connections) does not meet the other in the same second.
//
// While another member receives, an attempt is immediate: there is nothing to
// stagger, and one connection is exposed until this one is back. Else it comes
// at least `gap` after any attempt or booked turn of the others. A turn that is
// booked stays: with n members nobody waits longer than n gaps.
//
// Pure. Threads: one. Bounds: one turn per member.

#ifndef BRAID_INGEST_PARTITION_TURNS_H_
#define BRAID_INGEST_PARTITION_TURNS_H_

#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace braid {

class PartitionTurns {
 public:
  // A few seconds: longer than it takes X to refuse, shorter than a heartbeat.
  static constexpr absl::Duration kGap = absl::Seconds(3);

  explicit PartitionTurns(absl::Duration gap = kGap) : gap_(gap) {}

  // The number by which the new member asks.
  int Join();
  // Zero: the attempt begins now. `peer_receives`: another member has a stream.
  absl::Duration Ask(int member, absl::Time now, bool peer_receives);

 private:
  struct Member {
    absl::Time last_attempt = absl::InfinitePast();
    absl::optional<absl::Time> booked;
  };

  bool Overtaken(const Member& member, absl::Time now) const;
  absl::Duration Begin(Member& member, absl::Time now);

  absl::Duration gap_;
  std::vector<Member> members_;
};

}  // namespace braid

#endif  // BRAID_INGEST_PARTITION_TURNS_H_
