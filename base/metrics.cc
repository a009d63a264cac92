#include "base/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/numeric/bits.h"
#include "base/check.h"
#include "base/process_metrics.h"
#include "base/version.h"

namespace braid {
namespace {

// Buckets are exact in units of an eighth of a microsecond: the smallest
// bucket is [1 µs, 1.125 µs), and every other limit is a multiple.
constexpr int64_t kUnitNanos = 125;

int BucketOf(absl::Duration duration) {
  const int64_t units = absl::ToInt64Nanoseconds(duration) / kUnitNanos;
  if (units < LatencyHistogram::kStepsPerPower) return 0;
  // Bits above the three that choose the step.
  const int power = absl::bit_width(static_cast<uint64_t>(units)) - 4;
  const auto step = static_cast<int>(units >> power) - LatencyHistogram::kStepsPerPower;
  return std::min(power * LatencyHistogram::kStepsPerPower + step, LatencyHistogram::kBuckets - 1);
}

// Alert rules and dashboards ask for these: around 20 ms (added latency) and
// 1 to 60 s (stalls). 256 buckets for each label set would cost the monitoring
// system more than they tell.
constexpr double kExportedBounds[] = {0.0001, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1,
                                      0.2,    0.5,    1,     2,     5,     10,   30,   60,   300};

class FamilySink final : public MetricSink {
 public:
  void AddCounter(absl::string_view name, absl::string_view help, const MetricLabels& labels,
                  double value) override {
    Add(name, help, labels, prometheus::MetricType::Counter).counter.value = value;
  }

  void AddGauge(absl::string_view name, absl::string_view help, const MetricLabels& labels,
                double value) override {
    Add(name, help, labels, prometheus::MetricType::Gauge).gauge.value = value;
  }

  void AddHistogram(absl::string_view name, absl::string_view help, const MetricLabels& labels,
                    const LatencyHistogram& histogram) override {
    auto& out = Add(name, help, labels, prometheus::MetricType::Histogram).histogram;
    uint64_t cumulative = 0;
    int bucket = 0;
    // A bucket that straddles a bound counts for the next one: latency may
    // look up to 13 % worse, never better.
    for (double bound : kExportedBounds) {
      const absl::Duration limit = absl::Seconds(bound);
      while (bucket < LatencyHistogram::kBuckets &&
             LatencyHistogram::BucketLimit(bucket) <= limit) {
        cumulative += histogram.bucket_count(bucket++);
      }
      out.bucket.push_back({cumulative, bound});
    }
    while (bucket < LatencyHistogram::kBuckets) cumulative += histogram.bucket_count(bucket++);
    out.bucket.push_back({cumulative, HUGE_VAL});
    out.sample_count = cumulative;
    out.sample_sum = absl::ToDoubleSeconds(histogram.sum());
  }

  std::string Text() const {
    std::vector<prometheus::MetricFamily> sorted;
    for (const auto& [name, family] : families_) sorted.push_back(family);
    return prometheus::TextSerializer().Serialize(sorted);
  }

 private:
  prometheus::ClientMetric& Add(absl::string_view name, absl::string_view help,
                                const MetricLabels& labels, prometheus::MetricType type) {
    prometheus::MetricFamily& family = families_[std::string(name)];
    if (family.metric.empty()) {
      family.name = std::string(name);
      family.help = std::string(help);
      family.type = type;
    }
    // Two components use one name for different things: ours to fix.
    BRAID_CHECK(family.type == type);
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    for (const auto& [key, value] : labels) metric.label.push_back({key, value});
    return metric;
  }

  std::map<std::string, prometheus::MetricFamily> families_;
};

}  // namespace

void LatencyHistogram::RecordMany(absl::Duration duration, uint64_t count) {
  std::atomic<uint64_t>& bucket = buckets_[BucketOf(duration)];
  bucket.store(bucket.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  const int64_t micros = std::max<int64_t>(0, absl::ToInt64Microseconds(duration));
  sum_micros_.store(
      sum_micros_.load(std::memory_order_relaxed) + static_cast<uint64_t>(micros) * count,
      std::memory_order_relaxed);
}

absl::Duration LatencyHistogram::Quantile(double q) const {
  const uint64_t total = count();
  if (total == 0) return absl::ZeroDuration();
  const double wanted = std::ceil(q * static_cast<double>(total));
  const uint64_t rank =
      std::clamp<uint64_t>(static_cast<uint64_t>(std::max(wanted, 1.0)), 1, total);
  uint64_t seen = 0;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    seen += bucket_count(bucket);
    if (seen >= rank) return BucketLimit(bucket);
  }
  return BucketLimit(kBuckets - 1);
}

uint64_t LatencyHistogram::count() const {
  uint64_t total = 0;
  for (int bucket = 0; bucket < kBuckets; ++bucket) total += bucket_count(bucket);
  return total;
}

absl::Duration LatencyHistogram::sum() const {
  return absl::Microseconds(sum_micros_.load(std::memory_order_relaxed));
}

absl::Duration LatencyHistogram::BucketLimit(int bucket) {
  const int power = bucket / kStepsPerPower;
  const int step = bucket % kStepsPerPower;
  return absl::Nanoseconds((kStepsPerPower + 1 + step) * (kUnitNanos << power));
}

void MetricsRegistry::AddCollector(Collector collector) {
  MutexLock lock(&mu_);
  collectors_.push_back(std::move(collector));
}

std::string MetricsRegistry::Scrape() {
  std::vector<Collector> collectors;
  {
    MutexLock lock(&mu_);
    collectors = collectors_;
  }
  FamilySink sink;
  sink.AddGauge("braid_build_info", "Always 1; the labels say what is running.",
                {{"version", std::string(Version())}, {"commit", std::string(Commit())}}, 1);
  CollectProcessMetrics(sink);
  for (const Collector& collector : collectors) collector(sink);
  return sink.Text();
}

}  // namespace braid
