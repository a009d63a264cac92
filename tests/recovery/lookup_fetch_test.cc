#include "recovery/lookup_fetch.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/snowflake.h"
#include "tests/recovery/fake_wire.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

using Stop = FetchEvidence::Stop;
using Ids = std::vector<uint64_t>;

class LookupFetchTest : public testing::Test {
 protected:
  LookupFetchTest() {
    options_.source = SearchSourceOf({}, RequestOptions());
    options_.wanted = {absl::ToUnixMicros(loop_.WallNow() - absl::Hours(1)),
                       absl::ToUnixMicros(loop_.WallNow())};
  }
  ~LookupFetchTest() override { fetch_.reset(); }

  void Start(int posts) {
    for (int i = 0; i < posts; ++i) options_.post_ids.push_back(Id(i));
    fetch_ = std::make_unique<LookupFetch>(
        loop_, x_, sink_, options_, PageShare{&window_, [] {}, true},
        [] { return std::string("secret"); },
        [this](FetchEvidence evidence) {
          fetch_.reset();
          end_ = std::move(evidence);
        });
  }
  uint64_t Id(int number) const {
    return FirstSnowflakeAt(loop_.WallNow() - absl::Minutes(30)) + static_cast<uint64_t>(number);
  }
  // The posts, and why the others are not there.
  std::string Page(const Ids& posts, const Ids& gone) const {
    auto post = [](std::string* out, uint64_t id) {
      absl::StrAppend(out, R"({"id":")", id, R"("})");
    };
    auto error = [](std::string* out, uint64_t id) {
      absl::StrAppend(out, R"({"value":")", id, R"(","title":"Not Found Error"})");
    };
    return absl::StrCat(R"({"data":[)", absl::StrJoin(posts, ",", post), R"(],"errors":[)",
                        absl::StrJoin(gone, ",", error), "]}");
  }
  void Answer(const std::string& body) { x_.Answer(loop_, 200, body); }

  SimLoop loop_;
  FakeWire x_;
  KeptRecords sink_;
  AttemptWindow window_{ConnectBudget{100, absl::Minutes(15)}};
  LookupFetch::Options options_;
  absl::optional<FetchEvidence> end_;
  std::unique_ptr<LookupFetch> fetch_;
};

TEST_F(LookupFetchTest, TellsWhatXNoLongerHasFromWhatItDidNotAnswerFor) {
  Start(4);
  EXPECT_TRUE(absl::EndsWith(x_.requests[0].url,
                             absl::StrCat("ids=", absl::StrJoin(options_.post_ids, ","))))
      << x_.requests[0].url;
  EXPECT_EQ(x_.requests[0].headers[0].second, "Bearer secret");
  Answer(Page({Id(2), Id(0)}, {Id(3)}));
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->stop, Stop::kClean);
  EXPECT_EQ(end_->events, 2u);
  ASSERT_TRUE(end_->lookup.has_value());
  EXPECT_EQ(end_->lookup->asked_ids, 4u);
  EXPECT_EQ(end_->lookup->unanswered_ids, 1u);
  EXPECT_EQ(end_->lookup->not_had, (Ids{Id(3)}));
  EXPECT_EQ(sink_.PostIds(), (Ids{Id(2), Id(0)}));
}

TEST_F(LookupFetchTest, AsksForAHundredAtOnce) {
  Start(101);
  Answer(Page(Ids(options_.post_ids.begin(), options_.post_ids.end() - 1), {}));
  ASSERT_EQ(x_.requests.size(), 2u);
  EXPECT_TRUE(absl::EndsWith(x_.requests[1].url, absl::StrCat("ids=", Id(100))));
  EXPECT_FALSE(end_.has_value());
  Answer(Page({}, {Id(100)}));
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->lookup->asked_ids, 101u);
  EXPECT_EQ(end_->lookup->unanswered_ids, 0u);
  EXPECT_EQ(end_->lookup->not_had, (Ids{Id(100)}));
  EXPECT_EQ(sink_.PostIds().size(), 100u);
}

TEST_F(LookupFetchTest, ARefusalIsNoAnswer) {
  Start(1);
  x_.Answer(loop_, 403, R"({"title":"Forbidden"})");
  ASSERT_TRUE(end_.has_value());
  EXPECT_EQ(end_->stop, Stop::kRefused);
  EXPECT_TRUE(end_->lookup->not_had.empty());
  EXPECT_TRUE(sink_.records.empty());
}

}  // namespace
}  // namespace braid
