#include "tests/harness/metrics_lint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace braid::harness {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string Family(const std::string& name, const std::string& type, const std::string& samples) {
  return absl::StrCat("# HELP ", name, " Some.\n# TYPE ", name, " ", type, "\n", samples);
}

TEST(MetricsLintTest, WhatFollowsTheRulesPasses) {
  EXPECT_THAT(
      LintMetrics(Family("braid_posts_total", "counter",
                         "braid_posts_total{stream=\"a\\\"b\"} 3\nbraid_posts_total 9\n") +
                  Family("braid_window_floor_timestamp_seconds", "gauge",
                         "braid_window_floor_timestamp_seconds 1.7e+09\n") +
                  Family("braid_ack_seconds", "histogram",
                         "braid_ack_seconds_bucket{a=\"b\",le=\"0.1\"} 1\n"
                         "braid_ack_seconds_bucket{a=\"b\",le=\"+Inf\"} 2\n"
                         "braid_ack_seconds_sum{a=\"b\"} 0.2\nbraid_ack_seconds_count{a=\"b\"} 2\n")),
      IsEmpty());
}

TEST(MetricsLintTest, EachMistakeIsNamed) {
  struct Case {
    std::string text;
    std::string problem;
  };
  const Case cases[] = {
      {"# TYPE braid_a_bytes gauge\nbraid_a_bytes 1\n", "braid_a_bytes: has no HELP"},
      {"# HELP braid_a_bytes \n# TYPE braid_a_bytes gauge\nbraid_a_bytes 1\n",
       "braid_a_bytes: HELP is to be a sentence"},
      {Family("braid_posts", "counter", "braid_posts 1\n"),
       "braid_posts: counters, and only they, end in _total"},
      {Family("braid_a_bytes_total", "gauge", "braid_a_bytes_total 1\n"),
       "braid_a_bytes_total: counters, and only they, end in _total"},
      {Family("braid_delay_ms_total", "counter", "braid_delay_ms_total 1\n"),
       "braid_delay_ms_total: has a unit that is no base unit"},
      {Family("braid_bytes_sent_total", "counter", "braid_bytes_sent_total 1\n"),
       "braid_bytes_sent_total: has its unit before the end"},
      {Family("braid_anything", "gauge", "braid_anything 1\n"),
       "braid_anything: gauges end in a unit or in a known word"},
      {Family("posts_total", "counter", "posts_total 1\n"),
       "posts_total: is to be braid_ and words"},
      {Family("braid_a_total", "counter", "braid_a_total -1\n"), "braid_a_total -1: is no count"},
      {Family("braid_a_total", "counter", "braid_b_total 1\n"),
       "braid_b_total 1: stands outside its family"},
      {Family("braid_a_total", "counter", "braid_a_total 1\nbraid_a_total 1\n"),
       "braid_a_total 1: stands twice"},
      {Family("braid_a_total", "counter", "braid_a_total 1\nbraid_a_total{x=1} 1\n"),
       "braid_a_total{x=1} 1: is no sample"},
      {Family("braid_a_timestamp_bytes", "gauge", "braid_a_timestamp_bytes 1\n"),
       "braid_a_timestamp_bytes: timestamps end in _timestamp_seconds"},
      {Family("braid_a_seconds", "histogram",
              "braid_a_seconds_bucket{le=\"1\"} 3\nbraid_a_seconds_bucket{le=\"+Inf\"} 4\n"
              "braid_a_seconds_sum 1\nbraid_a_seconds_count 5\n"),
       "braid_a_seconds: bucket +Inf is not its count"},
  };
  for (const Case& each : cases) {
    EXPECT_THAT(LintMetrics(each.text), ElementsAre(each.problem)) << each.text;
  }
}

TEST(MetricsLintTest, NothingAtAllIsAProblem) {
  EXPECT_THAT(LintMetrics("\n"), ElementsAre("text: holds no sample"));
}

}  // namespace
}  // namespace braid::harness
