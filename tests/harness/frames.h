// What a reader that takes whole frames does with them: unpack the payload,
// number the marked events, hand them out one by one. Checks on the way that the
// payload and each line of it are what the hashes say.
//
// Threads: pure. Bounds: one decompressed frame.

#ifndef BRAID_TESTS_HARNESS_FRAMES_H_
#define BRAID_TESTS_HARNESS_FRAMES_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/v1/stream_service.pb.h"

namespace braid::harness {

// One event of the log as a reader sees it.
struct SeenEvent {
  uint64_t sequence = 0;
  // Post id; 0 for events that are no posts.
  uint64_t id = 0;
  absl::Time receive_time;
  // Valid during the call only.
  absl::string_view line;
};

// Calls `visit` for each marked event, in order. Failure: the frame contradicts
// itself; says how.
[[nodiscard]] absl::Status DecodeFrame(const v1::LogFrame& frame,
                                       const std::function<void(const SeenEvent&)>& visit);

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_FRAMES_H_
