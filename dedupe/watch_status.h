// What the status says of consumption, volume and lag: a copy of the watch's
// state, taken with the core's. Pure; any thread may have one.

#ifndef BRAID_DEDUPE_WATCH_STATUS_H_
#define BRAID_DEDUPE_WATCH_STATUS_H_

#include <map>
#include <string>

#include "absl/time/time.h"
#include "braid/v1/admin_service.pb.h"
#include "dedupe/stream_watch.h"

namespace braid {

struct WatchStatus {
  v1::StreamStatus::Volume volume;
  // Unset where nothing is paused.
  v1::StreamStatus::Pause pause;
  bool paused = false;
  // By connection, and StreamWatch::kStreamLag.
  std::map<std::string, v1::StreamStatus::Lag> lags;
  uint64_t posts_today = 0;
  // Empty: none.
  std::string reset_day_problem;
};

WatchStatus TakeWatchStatus(const StreamWatch& watch, absl::Time now);

// Into the status and its connections; adds the problems.
void FillWatchStatus(const WatchStatus& watch, v1::StreamStatus* status);

}  // namespace braid

#endif  // BRAID_DEDUPE_WATCH_STATUS_H_
