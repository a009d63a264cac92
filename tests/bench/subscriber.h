// The benchmark's subscriber: a process of its own that follows the log with
// whole frames, unpacks every payload, and counts into memory that it shares
// with the benchmark.
//
// Threads: one writer (the subscriber's), any readers.

#ifndef BRAID_TESTS_BENCH_SUBSCRIBER_H_
#define BRAID_TESTS_BENCH_SUBSCRIBER_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "tests/harness/log_client.h"

namespace braid::bench {

// Latencies from 1 µs to 1 h in steps of a sixteenth of a power of two: within
// 4.5 %.
inline constexpr int kLatencyStepsPerPower = 16;
inline constexpr int kLatencyBuckets = 32 * kLatencyStepsPerPower;

// A copy of the counters at one time.
struct SubscriberSample {
  uint64_t events = 0;
  // Of these, fetched again: no latency is taken of them.
  uint64_t recovered_events = 0;
  uint64_t payload_bytes = 0;
  // Bytes of the responses as they came over gRPC.
  uint64_t response_bytes = 0;
  uint64_t next_sequence = 0;
  uint64_t broken_frames = 0;
  std::array<uint64_t, kLatencyBuckets> latency{};

  // Of the events counted after `earlier`; zero when there are none.
  absl::Duration Latency(const SubscriberSample& earlier, double quantile) const;
};

class SubscriberCounters final {
 public:
  // Maps `file`, making it if need be.
  static SubscriberCounters* Map(const std::string& file);

  SubscriberSample Read() const;

  void RecordLatency(absl::Duration latency);
  std::atomic<uint64_t> events;
  std::atomic<uint64_t> recovered_events;
  std::atomic<uint64_t> payload_bytes;
  std::atomic<uint64_t> response_bytes;
  std::atomic<uint64_t> next_sequence;
  std::atomic<uint64_t> broken_frames;

 private:
  std::array<std::atomic<uint64_t>, kLatencyBuckets> latency_;
};

// The whole process; ends when it is killed.
[[noreturn]] void RunSubscriber(const harness::LogAddress& address, const std::string& file);

}  // namespace braid::bench

#endif  // BRAID_TESTS_BENCH_SUBSCRIBER_H_
