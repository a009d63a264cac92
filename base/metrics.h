// Metrics: plain counters that one thread writes without a lock prefix, read
// at scrape time. Components own their counters and report them to a sink;
// the registry turns that into Prometheus' text format.
//
// Names: braid_ prefix, base units, _total, _seconds, _bytes (OPERATIONS 1.6).

#ifndef BRAID_BASE_METRICS_H_
#define BRAID_BASE_METRICS_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace braid {

// Written by one thread, read by any.
class Counter {
 public:
  void Add(uint64_t delta) {
    value_.store(value_.load(std::memory_order_relaxed) + delta, std::memory_order_relaxed);
  }
  void Increment() { Add(1); }
  uint64_t value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Written by one thread, read by any.
class Gauge {
 public:
  void Set(double value) { value_.store(value, std::memory_order_relaxed); }
  double value() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<double> value_{0};
};

// Log-linear histogram of durations, 1 µs to 1 h, 8 steps per power of two:
// quantiles within 13 %. Written by one thread, read by any; fixed size.
class LatencyHistogram {
 public:
  static constexpr int kStepsPerPower = 8;
  static constexpr int kPowers = 32;
  static constexpr int kBuckets = kStepsPerPower * kPowers;

  void Record(absl::Duration duration) { RecordMany(duration, 1); }
  void RecordMany(absl::Duration duration, uint64_t count);
  // Upper bound of the bucket that holds the q-quantile; zero when empty.
  absl::Duration Quantile(double q) const;
  uint64_t count() const;
  absl::Duration sum() const;
  uint64_t bucket_count(int bucket) const {
    return buckets_[bucket].load(std::memory_order_relaxed);
  }
  // Exclusive upper bound of a bucket.
  static absl::Duration BucketLimit(int bucket);

 private:
  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
  std::atomic<uint64_t> sum_micros_{0};
};

using MetricLabels = std::vector<std::pair<std::string, std::string>>;

// Handed to collectors at scrape time.
class MetricSink {
 public:
  virtual ~MetricSink() = default;
  virtual void AddCounter(absl::string_view name, absl::string_view help,
                          const MetricLabels& labels, double value) = 0;
  virtual void AddGauge(absl::string_view name, absl::string_view help,
                        const MetricLabels& labels, double value) = 0;
  // Exported with a few bounds that alert rules use, not all 256.
  virtual void AddHistogram(absl::string_view name, absl::string_view help,
                            const MetricLabels& labels, const LatencyHistogram& histogram) = 0;
};

// Thread-safe. A collector runs on the scraping thread: it only reads Counters,
// Gauges and histograms, or takes a short lock.
class MetricsRegistry {
 public:
  using Collector = std::function<void(MetricSink& sink)>;
  void AddCollector(Collector collector);
  // Everything, with braid_build_info and process_* metrics, as Prometheus text.
  std::string Scrape();

 private:
  Mutex mu_;
  std::vector<Collector> collectors_ ABSL_GUARDED_BY(mu_);
};

}  // namespace braid

#endif  // BRAID_BASE_METRICS_H_
