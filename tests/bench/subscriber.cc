#include "tests/bench/subscriber.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "tests/harness/frames.h"

namespace braid::bench {
namespace {

int BucketOf(absl::Duration latency) {
  double micros = std::max(1.0, absl::ToDoubleMicroseconds(latency));
  int bucket = static_cast<int>(std::log2(micros) * kLatencyStepsPerPower);
  return std::min(bucket, kLatencyBuckets - 1);
}

absl::Duration BucketLimit(int bucket) {
  return absl::Microseconds(std::exp2((bucket + 1.0) / kLatencyStepsPerPower));
}

}  // namespace

absl::Duration SubscriberSample::Latency(const SubscriberSample& earlier, double quantile) const {
  uint64_t total = (events - recovered_events) - (earlier.events - earlier.recovered_events);
  uint64_t below = 0;
  for (int bucket = 0; bucket < kLatencyBuckets; ++bucket) {
    below += latency[bucket] - earlier.latency[bucket];
    if (total > 0 && static_cast<double>(below) >= quantile * static_cast<double>(total)) {
      return BucketLimit(bucket);
    }
  }
  return absl::ZeroDuration();
}

SubscriberCounters* SubscriberCounters::Map(const std::string& file) {
  int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  BRAID_CHECK(fd >= 0);
  // Zero bytes are zero counters.
  BRAID_CHECK(ftruncate(fd, sizeof(SubscriberCounters)) == 0);
  void* memory =
      mmap(nullptr, sizeof(SubscriberCounters), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  BRAID_CHECK(memory != MAP_FAILED);
  close(fd);
  return static_cast<SubscriberCounters*>(memory);
}

SubscriberSample SubscriberCounters::Read() const {
  SubscriberSample sample;
  sample.events = events.load(std::memory_order_relaxed);
  sample.recovered_events = recovered_events.load(std::memory_order_relaxed);
  sample.payload_bytes = payload_bytes.load(std::memory_order_relaxed);
  sample.response_bytes = response_bytes.load(std::memory_order_relaxed);
  sample.next_sequence = next_sequence.load(std::memory_order_relaxed);
  sample.broken_frames = broken_frames.load(std::memory_order_relaxed);
  for (int i = 0; i < kLatencyBuckets; ++i) {
    sample.latency[i] = latency_[i].load(std::memory_order_relaxed);
  }
  return sample;
}

void SubscriberCounters::RecordLatency(absl::Duration latency) {
  latency_[BucketOf(latency)].fetch_add(1, std::memory_order_relaxed);
}

void RunSubscriber(const harness::LogAddress& address, const std::string& file) {
  SubscriberCounters* counters = SubscriberCounters::Map(file);
  harness::LogFollower follower(address, [&](const v1::TailEventsResponse& response,
                                             absl::Time now) {
    for (const v1::LogFrame& frame : response.frames()) {
      const bool is_recovered = frame.frame().origin() == v1::EVENT_ORIGIN_RECOVERY;
      absl::Status decoded = harness::DecodeFrame(frame, [&](const harness::SeenEvent& event) {
        counters->events.fetch_add(1, std::memory_order_relaxed);
        counters->payload_bytes.fetch_add(event.line.size(), std::memory_order_relaxed);
        if (is_recovered) {
          counters->recovered_events.fetch_add(1, std::memory_order_relaxed);
        } else {
          counters->RecordLatency(now - event.receive_time);
        }
      });
      if (!decoded.ok()) counters->broken_frames.fetch_add(1, std::memory_order_relaxed);
    }
    counters->response_bytes.fetch_add(response.ByteSizeLong(), std::memory_order_relaxed);
    if (response.has_position()) {
      counters->next_sequence.store(response.position().next_sequence(), std::memory_order_relaxed);
    }
  });
  while (true) pause();
}

}  // namespace braid::bench
