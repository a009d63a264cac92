// Reading a deduper's log the way a careful application does: by sequence,
// whole frames, resuming where it stopped when the deduper goes away.
//
// ExportLog reads everything there is and ends. LogFollower reads on a thread
// of its own for as long as it lives, over restarts of the deduper; frames are
// handed to its handler on that thread.
// Bounds: one response in memory; 2^28 followed events.

#ifndef BRAID_TESTS_HARNESS_LOG_CLIENT_H_
#define BRAID_TESTS_HARNESS_LOG_CLIENT_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "braid/v1/admin_service.pb.h"
#include "braid/v1/gap.pb.h"
#include "braid/v1/stream_service.pb.h"

namespace braid::harness {

struct LogItem {
  uint64_t sequence = 0;
  // Post id; 0 for events that are no posts.
  uint64_t id = 0;
  bool operator==(const LogItem&) const = default;
};

struct LogAddress {
  // host:port
  std::string deduper;
  std::string stream = "main";
  // Directory of deploy/make-certs, with ca.crt and operator.*; empty: plain.
  std::string certificate_dir;
};

// The whole merged log from the oldest sequence to the end, in the order it was
// served, each payload checked. Failure: refused, broken, or not done in time.
[[nodiscard]] absl::StatusOr<std::vector<LogItem>> ExportLog(const LogAddress& address,
                                                             absl::Duration timeout);

[[nodiscard]] absl::StatusOr<v1::StreamStatus> GetStatus(
    const LogAddress& address, absl::Duration deadline = absl::Seconds(10));

// All of the stream's gaps, open or closed, newest first.
[[nodiscard]] absl::StatusOr<std::vector<v1::Gap>> ListGaps(const LogAddress& address);

// "did we get it?": found or not, or a failure.
[[nodiscard]] absl::StatusOr<bool> HasEvent(const LogAddress& address, uint64_t id);

class LogFollower final {
 public:
  // On the follower's thread: one response, when it arrived.
  using Handler = std::function<void(const v1::TailEventsResponse& response, absl::Time now)>;

  // Reads from the oldest sequence on.
  LogFollower(LogAddress address, Handler handler);
  // Ends the call and joins the thread.
  ~LogFollower();

  // The sequence it wants next: everything below was handed over.
  uint64_t next_sequence() const { return next_sequence_.load(); }
  uint64_t calls() const { return calls_.load(); }
  // How the last call that ended did so.
  std::string last_error();

 private:
  struct Call;

  void Run();
  void ReadOnce(Call& call);

  const LogAddress address_;
  const Handler handler_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> next_sequence_{0};
  std::atomic<uint64_t> calls_{0};
  Mutex mu_;
  Call* call_ ABSL_GUARDED_BY(mu_) = nullptr;
  std::string last_error_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_LOG_CLIENT_H_
