// One simulated world: X, connectors, dedupers, the network between them, and
// what goes wrong, all decided by one seed. Links the production classes; only
// the seams are replaced.

#ifndef BRAID_TESTS_SIM_WORLD_H_
#define BRAID_TESTS_SIM_WORLD_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "braid/store/v1/gaps.pb.h"
#include "braid/v1/stream_service.pb.h"
#include "tests/sim/gap_bounds.h"
#include "tests/sim/world_options.h"

namespace braid {

struct WorldReport {
  std::vector<std::string> failures;
  // By Fault: how often it really hit something.
  std::array<uint64_t, kFaultCount> fired{};
  uint64_t turns = 0;
  uint64_t posts = 0;
  uint64_t deliveries = 0;
  // Distinct events in the log of the first deduper.
  uint64_t merged = 0;
  uint64_t covers = 0;
  // Of these: what backfill brought.
  uint64_t backfill_covers = 0;
  uint64_t losses = 0;
  // Lines that are missing inside a recorded loss.
  uint64_t excused = 0;
  // Zombie slots that their connector freed at X.
  uint64_t freed = 0;
  // Drains that a deduper granted.
  uint64_t grants = 0;
  // Posts that X sent as backfill.
  uint64_t backfilled = 0;
  // Of all dedupers: gaps opened and filled, the time that is missing in the
  // end, and what X published in it.
  uint64_t gaps = 0;
  uint64_t gaps_recovered = 0;
  uint64_t gap_seconds = 0;
  uint64_t gap_posts = 0;
  // Posts that X published and the log lacks outside of gaps, below the
  // watermark: none.
  uint64_t silent_posts = 0;
  // Of the first deduper at the end; zero where a gap holds it.
  absl::Duration watermark_lag;
  // From its first post to the end.
  absl::Duration length;
  GapBoundFigures bounds;
  // Of the first deduper: its gaps by number, and what readers were told, in
  // order.
  std::vector<store::v1::StoredGap> ledger;
  std::vector<v1::StreamNotice> notices;
  // X's first instant.
  absl::Time start;
  // Events that a reader in creation order got late.
  uint64_t late = 0;
  // Changes with anything that happened: same seed, same trace.
  std::string trace;
};

WorldReport RunWorld(uint64_t seed);
// Of one kind.
WorldReport RunNamedWorld(const NamedWorld& world, uint64_t seed);
// Exactly this one; the seed draws what is left open.
WorldReport RunWorldOf(const WorldOptions& options, uint64_t seed);

}  // namespace braid

#endif  // BRAID_TESTS_SIM_WORLD_H_
