// A careful reader of the log: follows it over restarts of the deduper, checks
// every payload and remembers what it saw.
//
// Threads: seen() from any.

#ifndef BRAID_TESTS_INTEGRATION_READER_H_
#define BRAID_TESTS_INTEGRATION_READER_H_

#include <gtest/gtest.h>

#include <vector>

#include "base/mutex.h"
#include "tests/harness/frames.h"
#include "tests/harness/log_client.h"

namespace braid::integration {

class Reader final {
 public:
  explicit Reader(const harness::LogAddress& address)
      : follower_(address, [this](const v1::TailEventsResponse& response, absl::Time) {
          for (const v1::LogFrame& frame : response.frames()) Remember(frame);
        }) {}

  std::vector<harness::LogItem> seen() {
    MutexLock lock(&mu_);
    return seen_;
  }

 private:
  void Remember(const v1::LogFrame& frame) {
    MutexLock lock(&mu_);
    absl::Status decoded = harness::DecodeFrame(
        frame, [this](const harness::SeenEvent& event) ABSL_NO_THREAD_SAFETY_ANALYSIS {
          seen_.push_back({event.sequence, event.id});
        });
    EXPECT_TRUE(decoded.ok()) << decoded;
  }

  Mutex mu_;
  std::vector<harness::LogItem> seen_ ABSL_GUARDED_BY(mu_);
  harness::LogFollower follower_;
};

}  // namespace braid::integration

#endif  // BRAID_TESTS_INTEGRATION_READER_H_
