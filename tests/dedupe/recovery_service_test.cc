// What a request for a recovery job may ask, before the core hears of it.

#include "dedupe/recovery_service.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "absl/strings/match.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

using Request = v1::CreateRecoveryJobRequest;

void SetRange(int64_t from, int64_t until, Request* request) {
  SetTime(absl::FromUnixSeconds(from), request->mutable_range()->mutable_start_time());
  SetTime(absl::FromUnixSeconds(until), request->mutable_range()->mutable_end_time());
}

Request Of(const std::function<void(Request*)>& fill) {
  Request request;
  request.set_parent("streams/main");
  fill(&request);
  return request;
}

TEST(RecoveryServiceTest, ARangeAGapOrPostsAreAskedFor) {
  auto range = CreateInputOf(Of([](Request* r) { SetRange(100, 200, r); }), "op");
  ASSERT_TRUE(range.ok()) << range.status();
  EXPECT_EQ(range->from_micros(), 100'000'000);
  EXPECT_EQ(range->until_micros(), 200'000'000);
  EXPECT_EQ(range->margin_micros(), -1);
  EXPECT_EQ(range->requester(), "op");
  auto gap = CreateInputOf(Of([](Request* r) { r->set_gap("streams/main/gaps/7"); }), "op");
  ASSERT_TRUE(gap.ok()) << gap.status();
  EXPECT_EQ(gap->gap(), 7u);
  auto posts = CreateInputOf(Of([](Request* r) {
                               r->add_post_ids(1991234567890123456u);
                               r->add_post_ids(1);
                             }),
                             "op");
  ASSERT_TRUE(posts.ok()) << posts.status();
  ASSERT_EQ(posts->post_ids_size(), 2);
  EXPECT_EQ(posts->post_ids(0), 1991234567890123456u);
}

TEST(RecoveryServiceTest, WhatCanNotBeAskedForIsRefusedWithTheReason) {
  struct Case {
    const char* what;
    std::function<void(Request*)> fill;
    const char* says;
  };
  const Case cases[] = {
      {"nothing", [](Request*) {}, "exactly one of range, gap and post_ids"},
      {"two things",
       [](Request* r) {
         SetRange(100, 200, r);
         r->add_post_ids(5);
       },
       "exactly one of range, gap and post_ids"},
      {"a range backwards", [](Request* r) { SetRange(200, 100, r); }, "a later end_time"},
      {"a gap of another stream", [](Request* r) { r->set_gap("streams/other/gaps/7"); },
       "another stream"},
      {"an id of 0", [](Request* r) { r->add_post_ids(0); }, "a post's id is 1 to"},
      {"an id of 64 bits", [](Request* r) { r->add_post_ids(uint64_t{1} << 63); },
       "a post's id is 1 to"},
      {"an id twice",
       [](Request* r) {
         r->add_post_ids(5);
         r->add_post_ids(5);
       },
       "there twice"},
      {"101 ids",
       [](Request* r) {
         for (uint64_t id = 1; id <= 101; ++id) r->add_post_ids(id);
       },
       "at most 100"},
      {"posts by search",
       [](Request* r) {
         r->add_post_ids(5);
         r->set_method(v1::RecoveryJob::METHOD_SEARCH);
       },
       "LOOKUP alone"},
      {"a margin of two hours",
       [](Request* r) {
         SetRange(100, 200, r);
         SetDuration(absl::Hours(2), r->mutable_margin());
       },
       "margin is not between"},
      {"a long reason",
       [](Request* r) {
         SetRange(100, 200, r);
         r->set_reason(std::string(201, 'x'));
       },
       "at most 200 bytes"},
  };
  for (const Case& each : cases) {
    auto input = CreateInputOf(Of(each.fill), "op");
    ASSERT_FALSE(input.ok()) << each.what;
    EXPECT_TRUE(absl::IsInvalidArgument(input.status())) << each.what;
    EXPECT_TRUE(absl::StrContains(input.status().message(), each.says)) << input.status();
  }
}

}  // namespace
}  // namespace braid
