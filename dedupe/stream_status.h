// What a stream's status says: a pure function of what is known, so that every
// verdict can be tested.
//
// Health means freshness, not "the process runs": a connection is receiving if
// it says so, said so within 5 s, and its last byte is younger than 30 s.

#ifndef BRAID_DEDUPE_STREAM_STATUS_H_
#define BRAID_DEDUPE_STREAM_STATUS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "braid/store/v1/log.pb.h"
#include "braid/v1/admin_service.pb.h"
#include "dedupe/behind_tracker.h"
#include "dedupe/rate_window.h"
#include "dedupe/session_directory.h"

namespace braid {

struct ConnectionFacts {
  SourceSnapshot source;
  // As configured; the source's own word where that is empty.
  std::string network;
  // Which part of the stream it carries; 0 where there are none.
  uint32_t partition = 0;
  BehindTracker::Quantiles behind;
  // Why what it brings is no sound copy; "": it is one.
  std::string unsound;
};

struct StreamFacts {
  std::string name;
  std::string log_id;
  // The deduper's X time.
  absl::Time now;
  // The loop's: what SourceSnapshot's times are compared with.
  absl::Time loop_now;
  store::v1::CoreState core;
  std::vector<ConnectionFacts> connections;
  // 0: the stream has none. Else it is as redundant as its weakest partition.
  uint32_t partition_count = 0;
  bool accepting = true;
  uint32_t tails = 0;
  uint64_t window_entries = 0;
  uint64_t window_memory_bytes = 0;
  uint64_t window_disk_bytes = 0;
  uint64_t disk_free_bytes = 0;
  absl::Duration commit_delay_p50;
  absl::Duration commit_delay_p99;
};

// Names of the counters in the RateWindow.
std::string EventsCounter(const std::string& connection);
std::string FirstsCounter(const std::string& connection);
std::string BytesCounter(const std::string& connection);
inline constexpr char kMergedCounter[] = "merged";
inline constexpr char kDuplicatesCounter[] = "duplicates";
inline constexpr char kMergedBytesCounter[] = "merged_bytes";
// dedupe/live_copies.h
inline constexpr char kLiveCopiesCounter[] = "live_copies";
inline constexpr char kLiveEventsCounter[] = "live_events";

bool IsReceiving(const SourceSnapshot& source, absl::Time loop_now);

v1::StreamStatus BuildStatus(const StreamFacts& facts, const RateWindow& rates);

}  // namespace braid

#endif  // BRAID_DEDUPE_STREAM_STATUS_H_
