// A long world for what the core watches: days of a daily cycle on two
// connections, with cuts and backfill, deduper restarts with a backlog, one
// drop and one surge. No connectors and no network: the core's inputs are made
// here, so that days pass in a second.

#ifndef BRAID_TESTS_SIM_VOLUME_WORLD_H_
#define BRAID_TESTS_SIM_VOLUME_WORLD_H_

#include <cstdint>

#include "tests/sim/world.h"

namespace braid {

WorldReport RunVolumeWorld(uint64_t seed);

}  // namespace braid

#endif  // BRAID_TESTS_SIM_VOLUME_WORLD_H_
