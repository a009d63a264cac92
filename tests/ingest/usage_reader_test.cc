#include "ingest/usage_reader.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "proto/proto_time.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

constexpr char kAnswer[] =
    R"({"data":{"cap_reset_day":1,"project_cap":"1000","project_usage":"70",)"
    R"("daily_project_usage":{"usage":[{"date":"2026-11-20T00:00:00.000Z","usage":"70"}]}}})";

class FakeX final : public HttpClient {
 public:
  explicit FakeX(Loop& loop) : loop_(loop) {}

  RequestId Open(HttpRequest request, std::shared_ptr<HttpHandler> handler) override {
    times.push_back(loop_.Now());
    last = std::move(request);
    loop_.Post([this, handler, answered = status] {
      HttpHead head;
      head.status = answered;
      head.headers["date"] = "Fri, 20 Nov 2026 10:00:00 GMT";
      handler->OnHead(head, loop_.Now());
      handler->OnBytes(kAnswer, loop_.Now());
      handler->OnDone({HttpEnd::Kind::kClean, ""}, loop_.Now());
    });
    return ++last_id_;
  }
  void Close(RequestId) override {}

  int status = 200;
  std::vector<absl::Time> times;
  HttpRequest last;

 private:
  Loop& loop_;
  RequestId last_id_ = 0;
};

// A deduper that hears when it is there.
class FakeDeduper final : public WorkClient {
 public:
  explicit FakeDeduper(Loop& loop) : loop_(loop) {}

  void Lease(const v1::LeaseRequest&, Done<v1::LeaseResponse>) override {}
  void Renew(const v1::RenewRequest&, Done<v1::RenewResponse>) override {}
  void Report(const v1::ReportRequest&, Done<v1::ReportResponse>) override {}
  void Complete(const v1::CompleteRequest&, Done<v1::CompleteResponse>) override {}
  void ReportRules(const v1::ReportRulesRequest&, Done<v1::ReportRulesResponse>) override {}
  void ReportUsage(const v1::ReportUsageRequest& request,
                   Done<v1::ReportUsageResponse> done) override {
    ++calls;
    if (status.ok()) heard.push_back(request);
    loop_.Post([done = std::move(done), answer = status]() mutable {
      if (!answer.ok()) return done(answer);
      done(v1::ReportUsageResponse());
    });
  }

  absl::Status status;
  int calls = 0;
  std::vector<v1::ReportUsageRequest> heard;

 private:
  Loop& loop_;
};

class UsageReaderTest : public testing::Test {
 protected:
  void Start() {
    UsageReader::Options options;
    options.stream = "streams/main";
    options.url = "https://x.test/2/usage/tweets";
    reader_ = std::make_unique<UsageReader>(loop_, x_, std::vector<WorkClient*>{&first_, &second_},
                                            options,
                                            [] { return absl::StatusOr<std::string>("Bearer t"); });
    reader_->Start();
  }

  SimLoop loop_;
  FakeX x_{loop_};
  FakeDeduper first_{loop_};
  FakeDeduper second_{loop_};
  std::unique_ptr<UsageReader> reader_;
};

TEST_F(UsageReaderTest, EveryDeduperHearsWhatXCounts) {
  Start();
  loop_.RunFor(absl::Minutes(1));
  ASSERT_EQ(first_.heard.size(), 1u);
  ASSERT_EQ(second_.heard.size(), 1u);
  const v1::XUsage& usage = second_.heard[0].usage();
  EXPECT_EQ(second_.heard[0].stream(), "streams/main");
  EXPECT_EQ(usage.project_posts(), 70u);
  EXPECT_EQ(usage.days(0).date(), "2026-11-20");
  EXPECT_EQ(usage.days(0).posts(), 70u);
  EXPECT_EQ(ToTime(usage.observe_time()), absl::FromUnixSeconds(1'795'168'800)) << "X's time";
  EXPECT_EQ(x_.last.headers[0].second, "Bearer t");
  loop_.RunFor(absl::Hours(1));
  EXPECT_EQ(x_.times.size(), 4u);
}

TEST_F(UsageReaderTest, ADeduperThatIsAwayHearsItLater) {
  second_.status = absl::UnavailableError("away");
  Start();
  loop_.RunFor(absl::Minutes(1));
  EXPECT_TRUE(second_.heard.empty());
  EXPECT_GT(second_.calls, 5);
  second_.status = absl::OkStatus();
  loop_.RunFor(absl::Seconds(6));
  EXPECT_EQ(second_.heard.size(), 1u);
  EXPECT_EQ(first_.heard.size(), 1u);
  EXPECT_EQ(x_.times.size(), 1u);
}

TEST_F(UsageReaderTest, ADeduperThatRefusesIsNotAskedAgain) {
  second_.status = absl::UnimplementedError("older");
  Start();
  loop_.RunFor(absl::Minutes(10));
  EXPECT_EQ(second_.calls, 1);
}

// X takes 50 requests in 15 minutes, of everybody together.
TEST_F(UsageReaderTest, WhatXRefusesIsNotAskedForMoreOften) {
  x_.status = 429;
  Start();
  loop_.RunFor(absl::Hours(2));
  EXPECT_LE(x_.times.size(), 7u);
  for (size_t i = 1; i < x_.times.size(); ++i) {
    EXPECT_GE(x_.times[i] - x_.times[i - 1], absl::Minutes(15));
  }
  EXPECT_TRUE(first_.heard.empty());
  x_.status = 503;
  size_t before = x_.times.size();
  loop_.RunFor(absl::Hours(1));
  EXPECT_LE(x_.times.size() - before, 12u);
}

}  // namespace
}  // namespace braid
