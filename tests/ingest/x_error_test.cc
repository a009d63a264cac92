#include "ingest/x_error.h"

#include <set>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace braid {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1700000000);

TEST(XErrorTest, EachRefusalHasItsClassAndCause) {
  struct Case {
    int status;
    absl::string_view body;
    RetryClass retry;
    absl::string_view cause;
  };
  for (const Case& c : std::vector<Case>{
           {200, "", RetryClass::kOk, "connected"},
           {429, R"({"title":"ConnectionException","connection_issue":"TooManyConnections"})",
            RetryClass::kTooManyConnections, "too_many_connections"},
           {429, R"({"detail":"This stream is at the maximum allowed connection limit."})",
            RetryClass::kTooManyConnections, "too_many_connections"},
           {429, R"({"error":{"message":"Too many connections."}})",
            RetryClass::kTooManyConnections, "too_many_connections"},
           {429, R"({"title":"Too Many Requests","status":429})", RetryClass::kRateLimited,
            "rate_limited"},
           {429, R"({"errors":[{"code":88}]})", RetryClass::kRateLimited, "rate_limited"},
           {429, R"({"title":"UsageCapExceeded","period":"Monthly"})", RetryClass::kTerminal,
            "usage_cap"},
           {420, "Enhance your calm", RetryClass::kRateLimited, "rate_limited"},
           {402, "CreditsDepleted", RetryClass::kTerminal, "payment"},
           {401, "", RetryClass::kTerminal, "unauthorized"},
           {403, R"({"reason":"client-not-enrolled"})", RetryClass::kTerminal, "forbidden"},
           {403, R"({"connection_issue":"ProvisioningSubscription"})", RetryClass::kHttp,
            "provisioning"},
           {404, "", RetryClass::kTerminal, "not_found"},
           {406, "", RetryClass::kTerminal, "bad_request"},
           {409, R"({"connection_issue":"RuleConfigurationIssue"})", RetryClass::kTerminal,
            "rules"},
           {302, "", RetryClass::kTerminal, "redirect"},
           {204, "", RetryClass::kHttp, "unexpected_status"},
           {418, "", RetryClass::kHttp, "unexpected_status"},
           {500, "", RetryClass::kHttp, "server_error"},
           {503, "TooManyConnections", RetryClass::kHttp, "server_error"},
       }) {
    HttpHead head;
    head.status = c.status;
    Verdict verdict = ClassifyAnswer(head, c.body, kNow);
    EXPECT_EQ(verdict.retry, c.retry) << c.status << c.body;
    EXPECT_EQ(CauseWord(verdict.cause), c.cause) << c.status << c.body;
  }
}

TEST(XErrorTest, RateLimitLastsUntilItsResetByTheServersDate) {
  HttpHead head;
  head.status = 429;
  head.headers["x-rate-limit-reset"] = "1700000300";
  EXPECT_EQ(ClassifyAnswer(head, "", kNow).delay_min, absl::Seconds(300));
  head.headers["date"] = "Tue, 14 Nov 2023 22:15:00 GMT";  // 1700000100
  EXPECT_EQ(ClassifyAnswer(head, "", kNow).delay_min, absl::Seconds(200));
  head.headers["x-rate-limit-reset"] = "1800000000";
  EXPECT_EQ(ClassifyAnswer(head, "", kNow).delay_min, kDelayMinMax);
  head.headers["x-rate-limit-reset"] = "5";
  EXPECT_EQ(ClassifyAnswer(head, "", kNow).delay_min, absl::ZeroDuration());
  head.headers["x-rate-limit-reset"] = "soon";
  EXPECT_EQ(ClassifyAnswer(head, "", kNow).delay_min, absl::ZeroDuration());
}

TEST(XErrorTest, SlotsAreNotHeldByTheRateLimitsReset) {
  HttpHead head;
  head.status = 429;
  head.headers["x-rate-limit-reset"] = "1700000300";
  EXPECT_EQ(ClassifyAnswer(head, "TooManyConnections", kNow).delay_min, absl::ZeroDuration());
}

TEST(XErrorTest, RetryAfterIsHonoured) {
  HttpHead head;
  head.status = 503;
  head.headers["retry-after"] = "120";
  EXPECT_EQ(ClassifyAnswer(head, "", kNow).delay_min, absl::Seconds(120));
}

TEST(XErrorTest, EndsAreToldApart) {
  EXPECT_EQ(ClassifyEnd({HttpEnd::Kind::kClean, ""}, true).retry, RetryClass::kImmediate);
  EXPECT_EQ(CauseWord(ClassifyEnd({HttpEnd::Kind::kClean, ""}, true).cause), "clean_eof");
  EXPECT_EQ(CauseWord(ClassifyEnd({HttpEnd::Kind::kTruncated, ""}, true).cause), "truncated");
  EXPECT_EQ(ClassifyEnd({HttpEnd::Kind::kReset, ""}, true).retry, RetryClass::kImmediate);
  EXPECT_EQ(ClassifyEnd({HttpEnd::Kind::kReset, ""}, false).retry, RetryClass::kNetwork);
  EXPECT_EQ(ClassifyEnd({HttpEnd::Kind::kDnsFailed, ""}, false).cause, Cause::kDns);
  EXPECT_EQ(ClassifyEnd({HttpEnd::Kind::kDnsFailed, ""}, false).retry, RetryClass::kDns);
  EXPECT_EQ(ClassifyEnd({HttpEnd::Kind::kConnectFailed, ""}, false).retry, RetryClass::kNetwork);
  EXPECT_EQ(ClassifyEnd({HttpEnd::Kind::kTlsFailed, ""}, false).retry, RetryClass::kHttp);
  EXPECT_EQ(ClassifyEnd({HttpEnd::Kind::kBadEncoding, ""}, true).retry, RetryClass::kHttp);
}

ScannedMessage Message(ControlKind kind, absl::string_view disconnect_type,
                       absl::string_view text = "") {
  ScannedMessage message;
  message.kind = ScannedMessage::Kind::kControl;
  message.control = kind;
  message.disconnect_type = disconnect_type;
  message.text = text;
  return message;
}

TEST(XErrorTest, MessagesSayWhatTheEndThatFollowsMeans) {
  struct Case {
    ScannedMessage message;
    RetryClass retry;
    absl::string_view cause;
  };
  for (const Case& c : std::vector<Case>{
           {Message(ControlKind::kErrors, "UpstreamOperationalDisconnect"), RetryClass::kImmediate,
            "operational_disconnect"},
           {Message(ControlKind::kErrors, "SlowReader"), RetryClass::kImmediate, "slow_reader"},
           {Message(ControlKind::kErrors, "ForceDisconnect"), RetryClass::kTooManyConnections,
            "force_disconnect"},
           {Message(ControlKind::kErrors, "InvalidRules"), RetryClass::kTerminal, "invalid_rules"},
           {Message(ControlKind::kErrors, "SomethingNew"), RetryClass::kImmediate, "other_message"},
           {Message(ControlKind::kError, "", "Forced Disconnect: Too many connections. (Allowed"),
            RetryClass::kTooManyConnections, "too_many_connections_notice"},
           {Message(ControlKind::kError, "", "reached the maximum allowed backup (buffer"),
            RetryClass::kImmediate, "full_buffer"},
           {Message(ControlKind::kError, "", "Twitter is closing for operational reasons"),
            RetryClass::kImmediate, "operational_disconnect"},
       }) {
    auto verdict = ClassifyMessage(c.message);
    ASSERT_TRUE(verdict.has_value()) << c.cause;
    EXPECT_EQ(verdict->retry, c.retry) << c.cause;
    EXPECT_EQ(CauseWord(verdict->cause), c.cause);
  }
  EXPECT_FALSE(ClassifyMessage(Message(ControlKind::kUnknown, "")).has_value());
  EXPECT_FALSE(
      ClassifyMessage(Message(ControlKind::kWarning, "", "unable to keep up")).has_value());
  ScannedMessage stall = Message(ControlKind::kDisconnect, "");
  stall.code = 4;
  EXPECT_EQ(ClassifyMessage(stall)->cause, Cause::kSlowReader);
}

TEST(XErrorTest, RetryWordsAreDistinct) {
  std::set<std::string> words;
  for (int i = 0; i < kRetryClassCount; ++i) {
    EXPECT_TRUE(words.insert(std::string(RetryWord(static_cast<RetryClass>(i)))).second) << i;
  }
}

TEST(XErrorTest, CauseWordsAreDistinct) {
  std::set<std::string> words;
  for (int i = 0; i < kCauseCount; ++i) {
    EXPECT_TRUE(words.insert(std::string(CauseWord(static_cast<Cause>(i)))).second) << i;
  }
  EXPECT_EQ(words.count(""), 0);
  // The core knows by it where a stream begins (dedupe/core.cc).
  EXPECT_EQ(CauseWord(Cause::kConnected), "connected");
}

TEST(XErrorTest, DateIsReadOrAbsent) {
  HttpHead head;
  EXPECT_FALSE(DateOf(head).has_value());
  head.headers["date"] = "Tue, 14 Nov 2023 22:13:20 GMT";
  EXPECT_EQ(DateOf(head), absl::make_optional(kNow));
  head.headers["date"] = "yesterday";
  EXPECT_FALSE(DateOf(head).has_value());
}

}  // namespace
}  // namespace braid
