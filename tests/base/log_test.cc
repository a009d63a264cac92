#include "base/log.h"

#include <limits>

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/log_limiter.h"
#include "base/log_line.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

using Format = LogOptions::Format;

LogLine SampleLine() {
  LogLine line;
  line.time = absl::FromUnixMillis(1704067200123);
  line.level = LogLevel::kWarn;
  line.component = "connector";
  line.event = "connection.ended";
  line.message = "connection ended";
  line.fields = {{"cause", "reset by peer"}, {"status", 503}, {"after", absl::Milliseconds(1500)}};
  return line;
}

TEST(LogLine, IsOneJsonObjectWithTheFixedKeysFirst) {
  EXPECT_EQ(FormatLogLine(SampleLine(), Format::kJson),
            R"({"ts":"2024-01-01T00:00:00.123Z","level":"warn","event":"connection.ended",)"
            R"("msg":"connection ended","component":"connector","cause":"reset by peer",)"
            R"("status":503,"after":1.5})");
}

TEST(LogLine, LogfmtQuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(FormatLogLine(SampleLine(), Format::kLogfmt),
            "ts=2024-01-01T00:00:00.123Z level=warn event=connection.ended "
            "msg=\"connection ended\" component=connector cause=\"reset by peer\" status=503 "
            "after=1.5");
}

TEST(LogLine, TextIsForPeople) {
  EXPECT_EQ(FormatLogLine(SampleLine(), Format::kText),
            "2024-01-01T00:00:00.123Z WARN  connection.ended: connection ended "
            "cause=\"reset by peer\" status=503 after=1.5");
}

TEST(LogLine, ControlCharactersAreEscapedInEveryFormat) {
  LogLine line = SampleLine();
  line.message = std::string("a\nb\x1b[31m\0c\x7f", 11);
  line.fields = {{"k",
                  "x\r\ny\xc2\x9b"
                  "2J"}};
  for (Format format : {Format::kJson, Format::kLogfmt, Format::kText}) {
    const std::string out = FormatLogLine(line, format);
    for (unsigned char c : out) EXPECT_TRUE(c >= 0x20 && c != 0x7f) << out;
    EXPECT_TRUE(absl::StrContains(out, "a\\nb\\u001b[31m\\u0000c\\u007f")) << out;
    EXPECT_TRUE(absl::StrContains(out, "\"x\\u000d\\ny\\u009b2J\"")) << out;
  }
}

TEST(LogLine, BytesThatAreNotUtf8BecomeTheReplacementCharacter) {
  LogLine line = SampleLine();
  line.fields = {{"k", "\xff\xc3(\xed\xa0\x80ok \xc3\xa9"}};
  EXPECT_TRUE(absl::StrContains(FormatLogLine(line, Format::kJson),
                                "\"k\":\"\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFDok \u00e9\""));
}

TEST(LogLine, InfinityIsAStringSinceJsonHasNone) {
  LogLine line = SampleLine();
  line.fields = {{"k", std::numeric_limits<double>::infinity()}};
  EXPECT_TRUE(absl::StrContains(FormatLogLine(line, Format::kJson), "\"k\":\"inf\""));
}

TEST(LogLimiter, SuppressesBeyondTheRateAndCountsInTheNextLine) {
  LogLimiter limiter;
  const absl::Time start = absl::UnixEpoch();
  for (int i = 0; i < 10; ++i) EXPECT_EQ(limiter.Admit("a", start), 0u);
  for (int i = 0; i < 7; ++i) EXPECT_EQ(limiter.Admit("a", start), absl::nullopt);
  EXPECT_EQ(limiter.Admit("b", start), 0u);
  EXPECT_EQ(limiter.Admit("a", start + absl::Seconds(1)), 7u);
  EXPECT_EQ(limiter.Admit("a", start + absl::Seconds(1)), 0u);
}

TEST(LogLimiter, NamesBeyondTheMaximumShareOneAllowance) {
  LogLimiter limiter({.lines_per_second = 1, .names_max = 2});
  const absl::Time now = absl::UnixEpoch();
  EXPECT_TRUE(limiter.Admit("a", now).has_value());
  EXPECT_TRUE(limiter.Admit("b", now).has_value());
  EXPECT_TRUE(limiter.Admit("c", now).has_value());
  EXPECT_FALSE(limiter.Admit("d", now).has_value());
}

TEST(Log, WritesLinesAtOrAboveTheLevelAndLimitsEachEvent) {
  InitLog({.level = LogLevel::kInfo, .format = Format::kLogfmt, .component = "test"});
  testing::internal::CaptureStderr();
  Log(LogLevel::kDebug, "quiet", "not seen");
  for (int i = 0; i < 50; ++i) Log(LogLevel::kInfo, "storm", "seen", {{"i", i}});
  Log(LogLevel::kError, "other", "seen {} too");
  const std::string out = testing::internal::GetCapturedStderr();
  const std::vector<std::string> lines = absl::StrSplit(out, '\n', absl::SkipEmpty());
  EXPECT_FALSE(absl::StrContains(out, "quiet"));
  EXPECT_TRUE(absl::StrContains(lines.back(), "level=error event=other msg=\"seen {} too\""));
  // 10 a second: 11, or 21 on a machine that took over a second for 50 lines.
  EXPECT_GE(lines.size(), 11);
  EXPECT_LE(lines.size(), 31);
}

}  // namespace
}  // namespace braid
