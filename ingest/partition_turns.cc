#include "ingest/partition_turns.h"

#include <algorithm>

namespace braid {

int PartitionTurns::Join() {
  members_.emplace_back();
  return static_cast<int>(members_.size()) - 1;
}

absl::Duration PartitionTurns::Ask(int number, absl::Time now, bool peer_receives) {
  Member& member = members_[static_cast<size_t>(number)];
  if (peer_receives) return Begin(member, now);
  if (!member.booked || Overtaken(member, now)) {
    absl::Time turn = now;
    for (const Member& other : members_) {
      if (&other == &member) continue;
      turn = std::max(turn, other.last_attempt + gap_);
      if (other.booked) turn = std::max(turn, *other.booked + gap_);
    }
    member.booked = turn;
  }
  return *member.booked <= now ? Begin(member, now) : *member.booked - now;
}

// Who comes late to its turn may find that another has just gone.
bool PartitionTurns::Overtaken(const Member& member, absl::Time now) const {
  return std::any_of(members_.begin(), members_.end(), [&](const Member& other) {
    return &other != &member && other.last_attempt > *member.booked - gap_ &&
           other.last_attempt > now - gap_;
  });
}

absl::Duration PartitionTurns::Begin(Member& member, absl::Time now) {
  member.booked.reset();
  member.last_attempt = now;
  return absl::ZeroDuration();
}

}  // namespace braid
