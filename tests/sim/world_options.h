// What a seed draws: the size of the world and what goes wrong in it. Bounds
// are drawn small, so that they are reached in minutes.

#ifndef BRAID_TESTS_SIM_WORLD_OPTIONS_H_
#define BRAID_TESTS_SIM_WORLD_OPTIONS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/random.h"
#include "dedupe/core.h"
#include "tests/sim/sim_x.h"

namespace braid {

enum class Fault {
  kCutClean,
  kCutMessage,
  kCutTruncated,
  kCutReset,
  kBlackHole,
  kStall,
  kRefuse503,
  kRefuse429,
  kRefuseSlots,
  kRefuseConnect,
  kRefuseDns,
  kKillConnector,
  kPowerCutConnector,
  kLoseSpool,
  kKillDeduper,
  kFailedCommit,
  kCutOffer,
  kPartitionOffer,
  kStepWallClock,
  kDrainConnector,
  kLoseRecord,
  kRepeatRecord,
  kOmitPosts,
  kDamageSpool,
  kNoiseTail,
  kReadError,
  kCutFullBuffer,
  kRefuse401,
  kRefuseUsageCap,
  kWeClose,
  // A connector can not reach a deduper for 1 to 4 days and comes back with
  // its backlog.
  kAway,
  kStrayFlood,
  kRestoreDeduper,
  kDamageRecord,
  kZombieSlot,
  // An operator lets connections go, one after the other or nearly at once.
  kGrantDrain,
  // A connector that dies soon after each of several starts.
  kCrashLoop,
  // A process stands still: what it is sent waits in its sockets.
  kFreezeConnector,
  kFreezeDeduper,
};
inline constexpr int kFaultCount = 39;
const char* FaultName(Fault fault);

// A fault that is drawn by nobody: tests/sim/script.h.
struct ScriptStep {
  // Since X's first instant.
  absl::Duration due;
  // "/close?connection=0&how=reset"
  std::string command;
};

struct WorldOptions {
  int connectors = 2;
  // Whether all of them are connections of one process.
  bool one_process = false;
  // Of each process.
  ConnectBudget connect_share = {25, absl::Minutes(15)};
  // 0: never asked for.
  int backfill_minutes = 0;
  bool reconnect_on_data_silence = false;
  int dedupers = 1;
  absl::Duration trouble = absl::Minutes(3);
  // Between two faults, on average.
  absl::Duration fault_interval = absl::Seconds(10);
  // Which faults this world knows; empty means none.
  std::vector<Fault> faults;
  // Beside them, in the order of time.
  std::vector<ScriptStep> script;
  // X's first instant.
  absl::Time start_time = absl::FromUnixSeconds(1704067200);
  // What the dedupers' core is configured with.
  Core::Options core;
  SimX::Options x;
  // While healing, X goes on so slowly: posts per second.
  double heal_rate = 0.2;
  uint64_t spool_bytes_max = 64 << 20;
  uint64_t segment_bytes = 1 << 20;
  uint64_t tail_bytes_max = 8 << 20;
  uint64_t line_bytes_max = 16 << 10;
  // Of the reader's blocks under way.
  uint64_t ring_bytes_max = 64 << 20;
  absl::Duration sync_delay_max = absl::Milliseconds(30);
  absl::Duration net_delay_max = absl::Milliseconds(80);
  uint64_t window_bytes_max = 1 << 20;
};

WorldOptions DrawWorldOptions(Random& random);

// A world of one kind of trouble, for figures: longer, and with bounds that are
// not reached.
struct NamedWorld {
  const char* name;
  const char* what;
  WorldOptions (*make)(Random& random);
};
// All of them, ending with the one that draws everything.
const std::vector<NamedWorld>& NamedWorlds();

}  // namespace braid

#endif  // BRAID_TESTS_SIM_WORLD_OPTIONS_H_
