// What every setting that has bounds may be, and its default. docs/OPERATIONS.md
// holds the same table; a test compares them.
//
// Constants. Durations are in milliseconds, sizes in bytes.

#ifndef BRAID_BASE_CONFIG_RANGES_H_
#define BRAID_BASE_CONFIG_RANGES_H_

#include <cstdint>
#include <limits>

#include "absl/strings/string_view.h"

namespace braid {

struct ConfigRange {
  // "streams[].lag.hold".
  absl::string_view key;
  uint64_t value_if_unset;
  uint64_t min;
  uint64_t max;
  // As people write it: "1s to 1h".
  absl::string_view text;
};

namespace ranges {

inline constexpr uint64_t kMinute = 60'000;
inline constexpr uint64_t kHour = 60 * kMinute;
inline constexpr uint64_t kDay = 24 * kHour;
inline constexpr uint64_t kMiB = 1 << 20;
inline constexpr uint64_t kGiB = 1 << 30;

// Where unset is 0 the dialect's column counts.
inline constexpr ConfigRange kStallAfter = {"source.stall_after", 0, 100, 10 * kMinute,
                                            "100ms to 10min"};
inline constexpr ConfigRange kHeartbeat = {"source.settings.heartbeat", 0, 100, 10 * kMinute,
                                           "100ms to 10min"};
inline constexpr ConfigRange kSettingStallAfter = {"source.settings.stall_after", 0, 100,
                                                   10 * kMinute, "100ms to 10min"};
inline constexpr ConfigRange kLateness = {"source.settings.lateness", 0, 1000, kHour, "1s to 1h"};
inline constexpr ConfigRange kSlots = {"source.settings.slots", 0, 1, 1000, "1 to 1000"};
inline constexpr ConfigRange kConnectBudget = {"source.settings.connect_budget", 0, 1, 100'000,
                                               "1 to 100000"};
inline constexpr ConfigRange kConnectWindow = {"source.settings.connect_window", 0, 1000, kDay,
                                               "1s to 1d"};
inline constexpr ConfigRange kAccountBudget = {"accounts[].connect_budget", 0, 1, 100'000,
                                               "1 to 100000"};
inline constexpr ConfigRange kAccountSlots = {"accounts[].slots", 0, 1, 1000, "1 to 1000"};
// The first answers after an outage come late: 30 s on top of what is measured.
inline constexpr ConfigRange kBackfillMargin = {"source.backfill_margin", 30'000, 0, 5 * kMinute,
                                                "0s to 5min"};
// Posts are under 100 KiB; a frame has to fit into a 4 MiB message.
inline constexpr ConfigRange kLineMax = {"source.line_max", 2 * kMiB, 1 << 10, 2 * kMiB,
                                         "1KiB to 2MiB"};
// 20 GiB: a day of 6,000 posts/s of 2 KB is 150 GiB compressed to a seventh.
inline constexpr ConfigRange kSpoolSize = {"spool.max_size", 20 * kGiB, kMiB, 1024 * kGiB,
                                           "1MiB to 1TiB"};
inline constexpr ConfigRange kSpoolRetention = {"spool.retention", 15 * kMinute, 1000, 7 * kDay,
                                                "1s to 7d"};
inline constexpr ConfigRange kSegment = {"spool.segment", 64 * kMiB, 64 << 10, kGiB,
                                         "64KiB to 1GiB"};
// 20 ms: the added latency that is allowed; a disk does 50 syncs a second.
inline constexpr ConfigRange kSyncInterval = {"spool.sync_interval", 20, 1, 1000, "1ms to 1s"};
// 26 h: longer than the 24 h that a recovery can reach back. 2 h: what is less than
// an hour younger than the window is a stray.
inline constexpr ConfigRange kWindowSpan = {"streams[].window.span", 26 * kHour, 2 * kHour, 30 * kDay,
                                            "2h to 30d"};
inline constexpr ConfigRange kWindowMemory = {"streams[].window.memory", 128 * kMiB, kMiB,
                                              64 * kGiB, "1MiB to 64GiB"};
inline constexpr ConfigRange kRetention = {"streams[].retention.log", 26 * kHour, 1000, 30 * kDay,
                                           "1s to 30d"};
inline constexpr ConfigRange kPosts = {"streams[].limits[].posts", 0, 1,
                                       std::numeric_limits<int64_t>::max(), "1 or more"};
// 28: every month has it.
inline constexpr ConfigRange kResetDay = {"streams[].usage_reset_day", 1, 1, 28, "1 to 28"};
// A drop of 60 %, a surge of three times are told; see VolumeModel.
inline constexpr ConfigRange kDropPercent = {"streams[].volume.drop_percent", 45, 5, 80, "5 to 80"};
inline constexpr ConfigRange kSurgePercent = {"streams[].volume.surge_percent", 300, 130, 1500,
                                              "130 to 1500"};
// At least one slot of counting; any length above it counts as it is.
inline constexpr ConfigRange kVolumeHold = {"streams[].volume.hold", 30'000, 5000, kHour,
                                            "5s to 1h"};
// A day: one turn of the daily cycle.
inline constexpr ConfigRange kWarmUp = {"streams[].volume.warm_up", kDay, 10 * kMinute, 14 * kDay,
                                        "10min to 14d"};
inline constexpr ConfigRange kLagThreshold = {"streams[].lag.threshold", 30'000, 100, 10 * kMinute,
                                              "100ms to 10min"};
// In whole minutes: lag is judged minute by minute.
inline constexpr ConfigRange kLagHold = {"streams[].lag.hold", 3 * kMinute, kMinute, kDay,
                                         "1min to 1d"};
// Unset: half of retention.log.
inline constexpr ConfigRange kHoldMax = {"streams[].gaps.hold_max", 0, 1000, 7 * kDay, "1s to 7d"};
// 24 h: how far v2's recovery reaches back; Gnip's replay 5 d.
inline constexpr ConfigRange kRecoverableFor = {"streams[].gaps.recoverable_for", 24 * kHour,
                                                kMinute, 7 * kDay, "1min to 7d"};

// Of the two that X runs at a time one is another recoverer's; no contract has 100.
inline constexpr ConfigRange kRecoveryJobs = {"streams[].jobs", 1, 1, 100, "1 to 100"};

inline constexpr ConfigRange kAll[] = {
    kStallAfter,    kHeartbeat,     kSettingStallAfter, kLateness,     kSlots,
    kConnectBudget, kConnectWindow, kAccountBudget,     kAccountSlots, kBackfillMargin,
    kLineMax,       kSpoolSize,     kSpoolRetention,    kSegment,      kSyncInterval,
    kWindowSpan,    kWindowMemory,  kRetention,         kPosts,        kResetDay,
    kDropPercent,   kSurgePercent,  kVolumeHold,        kWarmUp,       kLagThreshold,
    kLagHold,       kHoldMax,       kRecoverableFor,    kRecoveryJobs};

}  // namespace ranges
}  // namespace braid

#endif  // BRAID_BASE_CONFIG_RANGES_H_
