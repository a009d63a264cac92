#include "ingest/x_request.h"

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

RequestOptions Options(std::string url = "https://api.x.com/2/tweets/search/stream") {
  RequestOptions options;
  options.url = std::move(url);
  options.connection = "fra-a";
  options.version = "0.1";
  return options;
}

TEST(XRequestTest, RequestSaysWhoWeAre) {
  auto request = BuildRequest(Options(), "TOKEN", 0);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->url, "https://api.x.com/2/tweets/search/stream");
  ASSERT_EQ(request->headers.size(), 2);
  EXPECT_EQ(request->headers[0].second, "Bearer TOKEN");
  EXPECT_EQ(request->headers[1].second, "braid/0.1 (+fra-a)");
}

TEST(XRequestTest, BackfillJoinsTheQuery) {
  EXPECT_EQ(BuildRequest(Options("https://x.com/s"), "T", 5)->url,
            "https://x.com/s?backfill_minutes=5");
  EXPECT_EQ(BuildRequest(Options("https://x.com/s?a=b"), "T", 2)->url,
            "https://x.com/s?a=b&backfill_minutes=2");
}

RequestOptions Dialected(absl::string_view name, int partition = 0) {
  RequestOptions options = Options("");
  options.dialect = FindDialect(name);
  options.partition = partition;
  return options;
}

TEST(XRequestTest, DialectSaysWhereAndHow) {
  EXPECT_EQ(*StreamUrl(Dialected("x-v2-firehose", 20)),
            "https://api.x.com/2/tweets/firehose/stream?partition=20");
  RequestOptions gnip = Dialected("gnip-sample10", 2);
  gnip.account = "acme";
  gnip.label = "prod.1";
  gnip.parameters = {{"a", "b c&d"}};
  auto request = BuildRequest(gnip, "me@acme.com:pass", 5);
  ASSERT_TRUE(request.ok()) << request.status();
  EXPECT_EQ(request->url,
            "https://gnip-stream.x.com/stream/sample10/accounts/acme/publishers/twitter/prod.1.json"
            "?partition=2&a=b%20c%26d&backfillMinutes=5");
  EXPECT_EQ(request->headers[0].second, "Basic bWVAYWNtZS5jb206cGFzcw==");
  EXPECT_EQ(BuildRequest(Dialected("powerstream"), "T", 1)->url,
            "https://api.x.com/2/powerstream?backfillMinutes=1");
}

TEST(XRequestTest, WhatTheDialectDoesNotHaveIsRefusedByName) {
  struct Case {
    RequestOptions options;
    absl::string_view option;
  };
  RequestOptions no_account = Dialected("gnip-powertrack");
  RequestOptions bad_label = no_account;
  bad_label.account = "acme";
  bad_label.label = "../x";
  for (const Case& c : std::vector<Case>{{Dialected("x-v2-filtered", 1), "partition"},
                                         {Dialected("x-v2-firehose"), "partition"},
                                         {Dialected("x-v2-firehose", 21), "partition"},
                                         {no_account, "account"},
                                         {bad_label, "label"}}) {
    absl::Status status = StreamUrl(c.options).status();
    EXPECT_TRUE(absl::StartsWith(status.message(), c.option)) << status;
  }
  EXPECT_FALSE(BuildRequest(Options(), "T", 6).ok());
}

TEST(XRequestTest, OnlyTlsLeavesTheMachine) {
  for (const char* good :
       {"https://api.x.com/", "http://127.0.0.1:8080/s", "http://localhost/s", "http://[::1]:9/"}) {
    EXPECT_TRUE(CheckStreamUrl(good).ok()) << good;
  }
  for (const char* bad :
       {"http://api.x.com/", "http://127.0.0.1.evil.com/", "http://localhost@evil.com/",
        "http://localhost:80@evil.com/", "http://127.0.0.1\\@evil.com/", "ftp://x.com/", "x.com",
        "https://", "https://user:password@x.com/", "https://x.com/ a", "https://x.com/\r\nA: b",
        "http://127.0.0.256/", "http://127.1.2/", "file:///etc/passwd", "http://localhost.evil.com",
        "https://x.com/#f"}) {
    EXPECT_FALSE(CheckStreamUrl(bad).ok()) << bad;
    EXPECT_FALSE(BuildRequest(Options(bad), "T", 0).ok()) << bad;
  }
}

TEST(XRequestTest, TokenIsReadAnewTrimmedAndNeverNamedInErrors) {
  std::string path = absl::StrCat(testing::TempDir(), "/token");
  std::ofstream(path) << "  SECRET\n";
  EXPECT_EQ(*ReadToken(path), "SECRET");
  std::ofstream(path) << "OTHER";
  EXPECT_EQ(*ReadToken(path), "OTHER");
  std::ofstream(path) << " \n";
  EXPECT_FALSE(ReadToken(path).ok());
  EXPECT_FALSE(ReadToken(path + ".missing").ok());
  EXPECT_EQ(*ReadToken(""), "");
  auto request = BuildRequest(Options(), "SEC\r\nRET", 0);
  ASSERT_FALSE(request.ok());
  EXPECT_EQ(request.status().message().find("SEC"), absl::string_view::npos);
}

}  // namespace
}  // namespace braid
