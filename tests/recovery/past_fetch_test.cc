#include "recovery/past_fetch.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "proto/window_key.h"
#include "tests/recovery/fake_wire.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

using Stop = FetchEvidence::Stop;

// A whole minute.
const absl::Time kFrom = absl::FromUnixSeconds(1704060000);

class PastFetchTest : public testing::Test {
 protected:
  PastFetchTest() {
    options_.past.asked = {absl::ToUnixMicros(kFrom),
                           absl::ToUnixMicros(kFrom + absl::Minutes(10))};
    options_.past.request.url = "https://x.test/stream";
  }
  ~PastFetchTest() override { fetch_.reset(); }

  void Start() {
    fetch_ = std::make_unique<PastFetch>(
        loop_, x_, sink_, options_, [this] { return token_; },
        [this](FetchEvidence evidence) {
          fetch_.reset();
          end_ = std::move(evidence);
        });
    loop_.RunFor(absl::ZeroDuration());
  }
  void Answer(int status, std::map<std::string, std::string> headers = {}) {
    // As the simulated wall clock has it.
    headers.emplace("date", "Mon, 01 Jan 2024 00:00:00 GMT");
    x_.wire->OnHead({status, std::move(headers)}, loop_.Now());
    loop_.RunFor(absl::ZeroDuration());
  }
  void Say(const std::string& bytes) {
    x_.wire->OnBytes(bytes, loop_.Now());
    x_.wire->OnDrained(loop_.Now());
    loop_.RunFor(absl::ZeroDuration());
  }
  static uint64_t IdAt(absl::Duration since) { return FirstSnowflakeAt(kFrom + since); }
  static std::string PostAt(absl::Duration since) {
    return absl::StrCat("{\"data\":{\"id\":\"", IdAt(since), "\",\"text\":\"x\"}}\r\n");
  }
  const FetchEvidence& Done(HttpEnd::Kind kind = HttpEnd::Kind::kClean) {
    x_.wire->OnDone({kind, "said the socket"}, loop_.Now());
    loop_.RunFor(absl::ZeroDuration());
    EXPECT_TRUE(end_.has_value());
    return *end_;
  }
  size_t Posts() const { return sink_.PostIds().size(); }

  SimLoop loop_;
  FakeWire x_;
  KeptRecords sink_;
  absl::StatusOr<std::string> token_ = std::string("secret");
  PastFetch::Options options_;
  absl::optional<FetchEvidence> end_;
  std::unique_ptr<PastFetch> fetch_;
};

TEST_F(PastFetchTest, WhatCameIsInFramesAndCounted) {
  options_.witnesses = {IdAt(absl::Seconds(61)), IdAt(absl::Seconds(99))};
  Start();
  EXPECT_EQ(x_.requests.back().headers[0].second, "Bearer secret");
  Answer(200);
  Say(PostAt(absl::Seconds(1)) + "\r\n" + PostAt(absl::Seconds(61)));
  EXPECT_EQ(fetch_->Progress().events, 2u);
  EXPECT_EQ(fetch_->Progress().reached, SnowflakeTime(IdAt(absl::Seconds(61))));
  const FetchEvidence& end = Done();
  EXPECT_EQ(end.stop, Stop::kClean);
  EXPECT_EQ(end.http_status, 200);
  EXPECT_EQ(end.events, 2u);
  EXPECT_EQ(end.keys_digest, DigestOfNothing() + Hash64(PostWindowKey(IdAt(absl::Seconds(1)))) +
                                 Hash64(PostWindowKey(IdAt(absl::Seconds(61)))));
  EXPECT_EQ(*end.seen_minutes.rbegin(), absl::ToUnixMicros(kFrom + absl::Minutes(1)));
  EXPECT_TRUE(end.is_in_order);
  EXPECT_EQ(end.seen_witnesses, (std::vector<uint64_t>{IdAt(absl::Seconds(61))}));
  EXPECT_EQ(end.end_time, loop_.WallNow());
  EXPECT_EQ(Posts(), 2u);
}

TEST_F(PastFetchTest, PostsOfTheRangeAreCountedOnceByTheMinuteWhereThatIsWanted) {
  Start();
  Answer(200);
  Say(PostAt(absl::Seconds(1)));
  EXPECT_FALSE(Done().minutes.has_value());
  options_.counted_max = 3;
  Start();
  Answer(200);
  Say(PostAt(absl::Seconds(1)) + PostAt(absl::Seconds(1)) + PostAt(absl::Seconds(2)));
  Say(PostAt(absl::Seconds(61)) + PostAt(absl::Seconds(-1)) + PostAt(absl::Minutes(10)));
  const FetchEvidence& end = Done();
  EXPECT_EQ(end.events, 6u);
  int64_t first = absl::ToUnixMicros(kFrom);
  EXPECT_EQ(*end.minutes, (MinuteCounts{{first, 2}, {first + 60'000'000, 1}}));
  EXPECT_EQ(end.begin_time, loop_.WallNow());
  Start();
  Answer(200);
  Say(PostAt(absl::Seconds(1)) + PostAt(absl::Seconds(2)) + PostAt(absl::Seconds(3)));
  Say(PostAt(absl::Seconds(4)));
  EXPECT_FALSE(Done().minutes.has_value()) << "too many";
}

TEST_F(PastFetchTest, NothingHasADigestToo) {
  Start();
  Answer(200);
  EXPECT_EQ(Done().keys_digest, DigestOfNothing());
  EXPECT_NE(DigestOfNothing(), 0u);
}

TEST_F(PastFetchTest, AFrameIsClosedWhenItIsOldAndLargeOnesAreKeptOpen) {
  Start();
  Answer(200);
  Say(PostAt(absl::Seconds(1)));
  EXPECT_EQ(Posts(), 0u);
  loop_.RunFor(absl::Milliseconds(401));
  EXPECT_EQ(Posts(), 1u);
}

TEST_F(PastFetchTest, MinutesOutOfOrderAreNoticed) {
  Start();
  Answer(200);
  Say(PostAt(absl::Seconds(61)) + PostAt(absl::Seconds(62)) + PostAt(absl::Seconds(61)));
  Say(PostAt(absl::Seconds(59)));
  const FetchEvidence& end = Done();
  EXPECT_FALSE(end.is_in_order);
  EXPECT_EQ(*end.seen_minutes.rbegin(), absl::ToUnixMicros(kFrom + absl::Minutes(1)));
}

TEST_F(PastFetchTest, LinesThatAreLostAreCountedAndWriteNothing) {
  Start();
  Answer(200);
  Say("{\"no\r\n{\"no\r\n" + std::string(3 << 20, 'x') + "\r\n" + PostAt(absl::Seconds(1)));
  const FetchEvidence& end = Done();
  EXPECT_EQ(end.lost_lines, 3u);
  EXPECT_EQ(Posts(), 1u);
}

TEST_F(PastFetchTest, ACutLineMakesACleanEndABrokenOne) {
  Start();
  Answer(200);
  Say(PostAt(absl::Seconds(1)) + "{\"data\":{\"id");
  const FetchEvidence& end = Done();
  EXPECT_EQ(end.stop, Stop::kBroken);
  EXPECT_EQ(end.lost_lines, 0u) << "it belongs to the last minute";
}

TEST_F(PastFetchTest, AFinalRecordIsReadAndKept) {
  Start();
  Answer(200);
  std::string last =
      R"({"info":{"message":"Recovery Request Completed","sent":"x","activity_count":1}})";
  Say(PostAt(absl::Seconds(1)) + last + "\r\n");
  const FetchEvidence& end = Done();
  ASSERT_TRUE(end.final_record.has_value());
  EXPECT_EQ(end.final_record->activity_count, 1u);
  EXPECT_EQ(end.message, last);
  EXPECT_EQ(end.events, 1u) << "it is no event";
}

TEST_F(PastFetchTest, AnEndThatXAnnouncesIsNoCleanOne) {
  Start();
  Answer(200);
  Say(R"({"errors":[{"title":"operational-disconnect","disconnect_type":)"
      R"("UpstreamOperationalDisconnect","detail":"d","type":"t"}]})"
      "\r\n");
  const FetchEvidence& end = Done();
  EXPECT_EQ(end.stop, Stop::kBroken);
  EXPECT_EQ(end.verdict.cause, Cause::kOperationalDisconnect);
}

TEST_F(PastFetchTest, OtherEndsOfTheSocketAreBroken) {
  Start();
  Answer(200);
  const FetchEvidence& end = Done(HttpEnd::Kind::kTruncated);
  EXPECT_EQ(end.stop, Stop::kBroken);
  EXPECT_EQ(end.verdict.cause, Cause::kTruncated);
  EXPECT_EQ(end.message, "said the socket");
}

TEST_F(PastFetchTest, SilenceEndsItAndHeartbeatsKeepItAlive) {
  Start();
  Answer(200);
  for (int i = 0; i < 5; ++i) {
    loop_.RunFor(absl::Seconds(20));
    Say("\r\n");
  }
  EXPECT_FALSE(end_.has_value());
  loop_.RunFor(absl::Seconds(26));
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->stop, Stop::kBroken);
  EXPECT_EQ(end_->verdict.cause, Cause::kSilence);
  EXPECT_GE(x_.closes, 1);
}

TEST_F(PastFetchTest, NoAnswerAtAllIsNone) {
  Start();
  loop_.RunFor(absl::Seconds(26));
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->stop, Stop::kFailed);
}

TEST_F(PastFetchTest, ARefusalSaysWhyAndWhenToComeAgain) {
  Start();
  absl::Time reset = loop_.WallNow() + absl::Minutes(4);
  Answer(429, {{"x-rate-limit-reset", absl::StrCat(absl::ToUnixSeconds(reset))},
               {"x-rate-limit-remaining", "0"}});
  Say(R"({"title":"Too Many Requests","status":429})");
  const FetchEvidence& end = Done();
  EXPECT_EQ(end.stop, Stop::kRefused);
  EXPECT_EQ(end.http_status, 429);
  EXPECT_EQ(end.verdict.cause, Cause::kRateLimited);
  FetchOutcome outcome = Judge(end, {v1::RecoveryStep()});
  EXPECT_EQ(outcome.result.refusal(), "rate_limited");
  EXPECT_EQ(ToTime(outcome.result.retry_time()), reset);
  EXPECT_EQ(outcome.result.message(), R"({"title":"Too Many Requests","status":429})");
}

TEST_F(PastFetchTest, EveryStatusHasItsRefusal) {
  for (auto [status, refusal] : std::map<int, const char*>{{401, "credentials"},
                                                           {402, "usage_capped"},
                                                           {403, "forbidden"},
                                                           {404, "not_offered"},
                                                           {406, "range_refused"},
                                                           {416, "range_refused"},
                                                           {503, ""}}) {
    Start();
    Answer(status);
    EXPECT_EQ(Judge(Done(), {v1::RecoveryStep()}).result.refusal(), refusal) << status;
  }
}

TEST_F(PastFetchTest, WithoutCredentialsXIsNotAsked) {
  token_ = absl::NotFoundError("token file can not be read");
  Start();
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->stop, Stop::kRefused);
  EXPECT_EQ(RefusalOf(end_->verdict.cause), "credentials");
  EXPECT_EQ(x_.wire, nullptr);
}

TEST_F(PastFetchTest, AStreamThatGoesOnBeyondTheRangeIsGivenUp) {
  options_.outside_max = 3;
  Start();
  Answer(200);
  Say(PostAt(absl::Minutes(10)) + PostAt(absl::Minutes(10)) + PostAt(absl::Minutes(10)) +
      PostAt(absl::Minutes(10)));
  EXPECT_FALSE(end_.has_value()) << "a little more than asked for is no harm";
  for (int i = 0; i < 4; ++i) {
    ASSERT_FALSE(end_.has_value());
    Say(PostAt(absl::Minutes(12)));
  }
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->stop, Stop::kBroken);
}

TEST_F(PastFetchTest, DestroyedInTheMiddleItLeavesWholeFramesBehind) {
  Start();
  Answer(200);
  Say(PostAt(absl::Seconds(1)));
  fetch_.reset();
  EXPECT_EQ(Posts(), 1u);
  EXPECT_EQ(x_.closes, 1);
  x_.wire->OnBytes(PostAt(absl::Seconds(2)), loop_.Now());
  x_.wire->OnDone({HttpEnd::Kind::kClosed, ""}, loop_.Now());
  loop_.RunFor(absl::Seconds(1));
  EXPECT_FALSE(end_.has_value());
  EXPECT_EQ(Posts(), 1u);
}

}  // namespace
}  // namespace braid
