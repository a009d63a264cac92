#include "tests/sim/world_options.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace braid {
namespace {

// Log-uniform, since both quiet and busy streams matter.
double DrawRate(Random& random) { return 0.05 * std::pow(600.0, random.Unit()); }

absl::Duration Between(Random& random, absl::Duration from, absl::Duration until) {
  return from + (until - from) * random.Unit();
}

}  // namespace

const char* FaultName(Fault fault) {
  static const char* const kNames[kFaultCount] = {
      "cut_clean",     "cut_message",     "cut_truncated",    "cut_reset",       "black_hole",
      "stall",         "refuse_503",      "refuse_429",       "refuse_slots",    "refuse_connect",
      "refuse_dns",    "kill_connector",  "power_cut",        "lose_spool",      "kill_deduper",
      "failed_commit", "cut_offer",       "partition_offer",  "step_wall_clock", "drain_connector",
      "lose_record",   "repeat_record",   "omit_posts",       "damage_spool",    "noise_tail",
      "read_error",    "cut_full_buffer", "refuse_401",       "refuse_usage",    "we_close",
      "away",          "stray_flood",     "restore_deduper",  "damage_record",   "zombie_slot",
      "grant_drain",   "crash_loop",      "freeze_connector", "freeze_deduper",
  };
  return kNames[static_cast<int>(fault)];
}

WorldOptions DrawWorldOptions(Random& random) {
  WorldOptions options;
  options.connectors = random.Below(5) == 0 ? 1 + 2 * static_cast<int>(random.Below(2)) : 2;
  options.dedupers = 1 + static_cast<int>(random.Below(2));
  options.trouble = Between(random, absl::Minutes(1), absl::Minutes(4));
  options.fault_interval = Between(random, absl::Seconds(3), absl::Seconds(40));
  options.x.posts_per_second = DrawRate(random);
  options.x.repeat_share = 0.02 * random.Unit();
  options.x.late_share = 0.05 * random.Unit();
  if (random.Below(3) == 0) {
    options.x.garbage_share = 0.03 * random.Unit();
    options.x.oversize_share = 0.01 * random.Unit();
    options.x.message_share = 0.03 * random.Unit();
    options.x.stray_share = 0.02 * random.Unit();
  }
  options.x.oversize_bytes = static_cast<uint32_t>(options.line_bytes_max) + 10;
  // Each fault is known to half of the worlds, so that most pairs meet and
  // some worlds are nearly calm.
  for (int i = 0; i < kFaultCount; ++i) {
    if (random.Below(2) == 0) options.faults.push_back(static_cast<Fault>(i));
  }
  // Slots are counted in the other half of the worlds.
  if (std::count(options.faults.begin(), options.faults.end(), Fault::kZombieSlot) > 0) {
    options.x.slots = options.connectors;
  }
  if (random.Below(4) == 0) {
    options.spool_bytes_max = 24 << 10;
    options.segment_bytes = 4 << 10;
  }
  // So that records are read from the disk again.
  if (random.Below(2) == 0) options.tail_bytes_max = 1 << 10;
  options.sync_delay_max = absl::Milliseconds(1 + random.Below(200));
  options.net_delay_max = absl::Milliseconds(1 + random.Below(300));
  if (random.Below(2) == 0) options.window_bytes_max = 4 << 10;
  // A few lines at a time and no more.
  if (random.Below(6) == 0) options.ring_bytes_max = 1000;
  options.one_process = random.Below(4) == 0;
  // Short windows, so that they are used up and free again within minutes.
  if (random.Below(2) == 0) {
    options.connect_share = {3 + static_cast<int>(random.Below(6)),
                             absl::Seconds(10 + random.Below(20))};
  }
  if (random.Below(2) == 0) options.backfill_minutes = 1 + static_cast<int>(random.Below(5));
  if (options.backfill_minutes > 0) {
    options.x.backfill = static_cast<SimX::Options::Backfill>(random.Below(4));
  }
  options.reconnect_on_data_silence = random.Below(2) == 0;
  return options;
}

namespace {

WorldOptions Plain(std::vector<Fault> faults, double rate, Random& random) {
  WorldOptions options;
  options.trouble = absl::Minutes(30);
  options.fault_interval = absl::Minutes(2);
  options.faults = std::move(faults);
  options.x.posts_per_second = rate;
  // A rate that falls leaves pauses that the usual one does not explain.
  options.heal_rate = rate;
  options.x.late_share = 0.02;
  options.sync_delay_max = absl::Milliseconds(1 + random.Below(30));
  return options;
}

// One connection that asks for five minutes and is given them so.
WorldOptions OneWithBackfill(SimX::Options::Backfill backfill, Random& random) {
  WorldOptions options = Plain({Fault::kCutClean, Fault::kCutReset, Fault::kRefuse503}, 20, random);
  options.connectors = 1;
  options.backfill_minutes = 5;
  options.x.backfill = backfill;
  return options;
}

}  // namespace

const std::vector<NamedWorld>& NamedWorlds() {
  using Backfill = SimX::Options::Backfill;
  static const auto& worlds = *new std::vector<NamedWorld>{
      {"calm", "two connections, 5/s, nothing goes wrong",
       [](Random& random) { return Plain({}, 5, random); }},
      {"rare", "two connections, 0.02/s, nothing goes wrong",
       [](Random& random) { return Plain({}, 0.02, random); }},
      {"busy", "two connections, 200/s, nothing goes wrong",
       [](Random& random) {
         WorldOptions options = Plain({}, 200, random);
         options.trouble = absl::Minutes(5);
         return options;
       }},
      {"falling", "two connections, 20/s, and after half an hour 0.2/s",
       [](Random& random) {
         WorldOptions options = Plain({}, 20, random);
         options.heal_rate = 0.2;
         return options;
       }},
      {"cuts", "two connections, X cuts and refuses",
       [](Random& random) {
         return Plain({Fault::kCutClean, Fault::kCutTruncated, Fault::kCutReset, Fault::kRefuse503,
                       Fault::kRefuse429, Fault::kRefuseConnect, Fault::kRefuseDns},
                      10, random);
       }},
      {"cuts-rare", "the same at 0.1/s",
       [](Random& random) {
         return Plain({Fault::kCutClean, Fault::kCutReset, Fault::kRefuse503}, 0.1, random);
       }},
      {"backfill-honoured", "one connection, cuts; X sends all of it, older first",
       [](Random& random) { return OneWithBackfill(Backfill::kOlderFirst, random); }},
      {"backfill-ignored", "one connection, cuts; X sends none",
       [](Random& random) { return OneWithBackfill(Backfill::kIgnored, random); }},
      {"backfill-partial", "one connection, cuts; X sends the newest only",
       [](Random& random) { return OneWithBackfill(Backfill::kNewestOnly, random); }},
      {"backfill-interleaved", "one connection, cuts; X sends it among live posts",
       [](Random& random) { return OneWithBackfill(Backfill::kAmongLive, random); }},
      {"slow-reader", "two connections, X throws full buffers away, with and without a word",
       [](Random& random) {
         return Plain({Fault::kCutFullBuffer, Fault::kStall}, 20, random);
       }},
      {"silence", "two connections: black holes, stalls, omissions under heartbeats",
       [](Random& random) {
         return Plain({Fault::kBlackHole, Fault::kStall, Fault::kOmitPosts}, 10, random);
       }},
      {"clocks", "two connections, clocks step by up to an hour, cuts",
       [](Random& random) {
         return Plain({Fault::kStepWallClock, Fault::kCutReset, Fault::kKillDeduper}, 10, random);
       }},
      {"spools", "two connections, spools lost, full or cut by the power",
       [](Random& random) {
         WorldOptions options = Plain({Fault::kLoseSpool, Fault::kPowerCutConnector,
                                       Fault::kPartitionOffer, Fault::kDamageSpool},
                                      10, random);
         options.spool_bytes_max = 64 << 10;
         options.segment_bytes = 8 << 10;
         return options;
       }},
      {"kills", "two connections, every process is killed and drained",
       [](Random& random) {
         return Plain({Fault::kKillConnector, Fault::kKillDeduper, Fault::kDrainConnector,
                       Fault::kCrashLoop, Fault::kFailedCommit, Fault::kPartitionOffer},
                      10, random);
       }},
      {"standstills", "two connections, every process stands still for up to minutes",
       [](Random& random) {
         return Plain({Fault::kFreezeConnector, Fault::kFreezeDeduper}, 10, random);
       }},
      {"everything", "as the seeds of the simulator draw it", DrawWorldOptions},
  };
  return worlds;
}

}  // namespace braid
