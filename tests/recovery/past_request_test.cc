#include "recovery/past_request.h"

#include <gtest/gtest.h>

#include "proto/time_range.h"
#include "recovery/proof.h"

namespace braid {
namespace {

using Job = v1::RecoveryJob;

// Half a second past a whole one, on both ends.
v1::RecoveryStep Step(Job::Method method) {
  v1::RecoveryStep step;
  step.mutable_step()->set_method(method);
  *step.mutable_step()->mutable_fetch_range() =
      RangeOf({1'700'000'000'500'000, 1'700'000'100'500'000});
  return step;
}

PastSource Source(const char* dialect) {
  PastSource source;
  source.live.dialect = FindDialect(dialect);
  source.live.account = "acme";
  source.live.label = "prod";
  source.live.partition = source.live.dialect->partitions > 0 ? 1 : 0;
  return source;
}

std::string Url(const PastSource& source, const v1::RecoveryStep& step) {
  auto past = MakePastRequest(source, step);
  if (!past.ok()) return std::string(past.status().message());
  auto url = StreamUrl(past->request);
  return url.ok() ? *url : std::string(url.status().message());
}

TEST(PastRequestTest, EachDialectSpellsTheRangeInItsWay) {
  EXPECT_EQ(Url(Source("x-v2-filtered"), Step(Job::METHOD_RECOVERY)),
            "https://api.x.com/2/tweets/search/stream?start_time=2023-11-14T22%3A13%3A20Z"
            "&end_time=2023-11-14T22%3A15%3A01Z");
  EXPECT_EQ(Url(Source("gnip-powertrack"), Step(Job::METHOD_RECOVERY)),
            "https://gnip-stream.x.com/stream/powertrack/accounts/acme/publishers/twitter/"
            "prod.json?startTime=2023-11-14T22%3A13%3A20Z&endTime=2023-11-14T22%3A15%3A01Z");
  EXPECT_EQ(Url(Source("gnip-powertrack"), Step(Job::METHOD_REPLAY)),
            "https://gnip-stream.gnip.com/replay/powertrack/accounts/acme/publishers/twitter/"
            "prod.json?fromDate=202311142213&toDate=202311142216");
}

TEST(PastRequestTest, TheRangeGrowsToWholeUnitsAndNeverShrinks) {
  auto recovery = MakePastRequest(Source("x-v2-filtered"), Step(Job::METHOD_RECOVERY));
  EXPECT_EQ(recovery->asked, (Interval{1'700'000'000'000'000, 1'700'000'101'000'000}));
  EXPECT_FALSE(recovery->has_final_record);
  auto replay = MakePastRequest(Source("gnip-powertrack"), Step(Job::METHOD_REPLAY));
  EXPECT_EQ(replay->asked, (Interval{1'699'999'980'000'000, 1'700'000'160'000'000}));
  EXPECT_TRUE(replay->has_final_record);
}

TEST(PastRequestTest, TheStepsPartitionIsAskedFor) {
  v1::RecoveryStep step = Step(Job::METHOD_RECOVERY);
  step.set_partition(7);
  EXPECT_NE(Url(Source("x-v2-firehose"), step).find("?partition=7&start_time="), std::string::npos);
}

TEST(PastRequestTest, ConfiguredUrlsComeBeforeTheDerivedOnes) {
  PastSource source = Source("gnip-powertrack");
  source.live.url = "http://127.0.0.1:9/stream/powertrack/accounts/a/publishers/twitter/b.json";
  EXPECT_EQ(Url(source, Step(Job::METHOD_REPLAY)),
            "http://127.0.0.1:9/replay/powertrack/accounts/a/publishers/twitter/b.json"
            "?fromDate=202311142213&toDate=202311142216");
  source.recovery_url = "https://one.example/x";
  source.replay_url = "https://two.example/y";
  EXPECT_EQ(Url(source, Step(Job::METHOD_RECOVERY)).substr(0, 22), "https://one.example/x?");
  EXPECT_EQ(Url(source, Step(Job::METHOD_REPLAY)).substr(0, 22), "https://two.example/y?");
}

TEST(PastRequestTest, WhatADialectHasNotIsNotOffered) {
  for (auto [dialect, method] : {std::pair("x-v2-sample", Job::METHOD_RECOVERY),
                                 std::pair("x-v2-filtered", Job::METHOD_REPLAY),
                                 std::pair("x-v2-filtered", Job::METHOD_SEARCH),
                                 std::pair("gnip-sample10-likes", Job::METHOD_RECOVERY)}) {
    EXPECT_EQ(MakePastRequest(Source(dialect), Step(method)).status().code(),
              absl::StatusCode::kUnimplemented)
        << dialect;
  }
  v1::RecoveryStep empty;
  empty.mutable_step()->set_method(Job::METHOD_RECOVERY);
  EXPECT_FALSE(MakePastRequest(Source("x-v2-filtered"), empty).ok());
}

}  // namespace
}  // namespace braid
