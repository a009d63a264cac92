#include "base/metrics.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

TEST(LatencyHistogram, QuantileOfEmptyIsZero) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.Quantile(0.5), absl::ZeroDuration());
}

TEST(LatencyHistogram, EveryDurationIsWithin13PercentOfItsBucketsLimit) {
  for (int64_t nanos = 1000; nanos < 3'600'000'000'000; nanos += nanos / 37 + 1) {
    LatencyHistogram histogram;
    histogram.Record(absl::Nanoseconds(nanos));
    const absl::Duration limit = histogram.Quantile(0.5);
    ASSERT_GT(limit, absl::Nanoseconds(nanos));
    ASSERT_LE(absl::ToInt64Nanoseconds(limit), nanos + nanos / 8 + 1);
  }
}

TEST(LatencyHistogram, LimitsRiseAndAValueAtALimitIsInTheNextBucket) {
  for (int bucket = 0; bucket + 1 < LatencyHistogram::kBuckets; ++bucket) {
    ASSERT_LT(LatencyHistogram::BucketLimit(bucket), LatencyHistogram::BucketLimit(bucket + 1));
    LatencyHistogram histogram;
    histogram.Record(LatencyHistogram::BucketLimit(bucket));
    ASSERT_EQ(histogram.bucket_count(bucket + 1), 1);
  }
}

TEST(LatencyHistogram, ExtremesAreKeptInTheFirstAndLastBucket) {
  LatencyHistogram histogram;
  histogram.Record(-absl::Seconds(1));
  histogram.Record(absl::ZeroDuration());
  histogram.Record(absl::Hours(1000));
  EXPECT_EQ(histogram.bucket_count(0), 2);
  EXPECT_EQ(histogram.bucket_count(LatencyHistogram::kBuckets - 1), 1);
}

TEST(LatencyHistogram, QuantilesOfManyRecords) {
  LatencyHistogram histogram;
  histogram.RecordMany(absl::Milliseconds(1), 99);
  histogram.RecordMany(absl::Seconds(1), 1);
  EXPECT_LT(histogram.Quantile(0.99), absl::Milliseconds(2));
  EXPECT_GT(histogram.Quantile(0.995), absl::Milliseconds(900));
  EXPECT_EQ(histogram.count(), 100);
  EXPECT_EQ(histogram.sum(), absl::Milliseconds(1099));
}

TEST(MetricsRegistry, ScrapeHoldsBuildProcessAndCollectedMetrics) {
  MetricsRegistry registry;
  Counter posts;
  posts.Add(3);
  LatencyHistogram latency;
  latency.RecordMany(absl::Milliseconds(3), 4);
  registry.AddCollector([&](MetricSink& sink) {
    sink.AddCounter("braid_posts_total", "Posts.", {{"stream", "a\"b"}},
                    static_cast<double>(posts.value()));
    sink.AddHistogram("braid_commit_seconds", "Commits.", {}, latency);
  });
  registry.AddCollector(
      [](MetricSink& sink) { sink.AddCounter("braid_posts_total", "Posts.", {}, 9); });
  const std::string text = registry.Scrape();
  EXPECT_TRUE(absl::StrContains(text, "braid_build_info{version=\"0.1.0\",commit=")) << text;
  EXPECT_TRUE(absl::StrContains(text,
                                "\n# TYPE braid_posts_total counter\n"
                                "braid_posts_total{stream=\"a\\\"b\"} 3\n"
                                "braid_posts_total 9\n"))
      << text;
  EXPECT_TRUE(absl::StrContains(text, "braid_commit_seconds_bucket{le=\"0.002\"} 0\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "braid_commit_seconds_bucket{le=\"0.005\"} 4\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "braid_commit_seconds_bucket{le=\"+Inf\"} 4\n")) << text;
  EXPECT_TRUE(absl::StrContains(text, "braid_commit_seconds_count 4\n")) << text;
  for (const char* name : {"process_cpu_seconds_total", "process_resident_memory_bytes",
                           "process_open_fds", "process_max_fds"}) {
    EXPECT_TRUE(absl::StrContains(text, absl::StrCat("\n", name, " "))) << text;
    EXPECT_FALSE(absl::StrContains(text, absl::StrCat("\n", name, " 0\n"))) << text;
  }
}

}  // namespace
}  // namespace braid
