#include "ingest/slot_keeper.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/base/mem_file_system.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

using Strings = std::vector<std::string>;

// X's connections API over a list that the test holds.
class FakeX final : public HttpClient {
 public:
  explicit FakeX(Loop& loop) : loop_(loop) {}

  RequestId Open(HttpRequest request, std::shared_ptr<HttpHandler> handler) override {
    requests.push_back(absl::StrCat(request.method, " ",
                                    request.url.substr(request.url.find("/2/")), request.body));
    if (is_silent) return ++last_id_;
    std::string body = request.method == "GET" ? List(request.url) : Kill(request.body);
    loop_.Post([this, handler, body] {
      HttpHead head;
      head.status = status;
      handler->OnHead(head, loop_.Now());
      handler->OnBytes(body, loop_.Now());
      handler->OnDone({HttpEnd::Kind::kClean, ""}, loop_.Now());
    });
    return ++last_id_;
  }
  void Close(RequestId) override { ++closes; }

  struct Entry {
    std::string id;
    absl::Time connected_at;
  };
  std::vector<Entry> entries;
  Strings requests;
  Strings killed;
  int status = 200;
  int closes = 0;
  bool is_silent = false;
  // One entry a page.
  bool has_pages = false;

 private:
  std::string List(const std::string& url) {
    size_t first = absl::StrContains(url, "pagination_token=p1") ? 1 : 0;
    size_t last = has_pages ? first + 1 : entries.size();
    std::string body = "{\"data\":[";
    for (size_t i = first; i < last && i < entries.size(); ++i) {
      absl::StrAppend(&body, i == first ? "" : ",", "{\"id\":\"", entries[i].id,
                      "\",\"endpoint_name\":\"filtered_stream\",\"connected_at\":\"",
                      absl::FormatTime(absl::RFC3339_full, entries[i].connected_at,
                                       absl::UTCTimeZone()),
                      "\"}");
    }
    absl::StrAppend(&body, "],\"meta\":{", last < entries.size() ? "\"next_token\":\"p1\"" : "", "}}");
    return body;
  }
  std::string Kill(const std::string& body) {
    std::string results;
    for (auto it = entries.begin(); it != entries.end();) {
      if (!absl::StrContains(body, absl::StrCat("\"", it->id, "\""))) {
        ++it;
        continue;
      }
      killed.push_back(it->id);
      absl::StrAppend(&results, results.empty() ? "" : ",", "{\"uuid\":\"", it->id,
                      "\",\"success\":true}");
      it = entries.erase(it);
    }
    return absl::StrCat("{\"data\":{\"results\":[", results, "]}}");
  }

  Loop& loop_;
  RequestId last_id_ = 0;
};

class SlotKeeperTest : public testing::Test {
 protected:
  SlotKeeperTest() {
    options_.request.connection = "fra-a";
    options_.file = "/data/spool.connects";
    EXPECT_TRUE(files_.CreateDir("/data").ok());
    Restart();
  }

  void Restart() {
    keeper_ = nullptr;
    keeper_ = std::make_unique<SlotKeeper>(
        loop_, x_, files_, options_, [] { return std::string("t"); },
        [this](absl::string_view cause, absl::string_view) {
          recorded_.push_back(std::string(cause));
        });
  }
  // A connection of ours that lasts long enough to be learned.
  void Accept(const std::string& id) {
    absl::Time now = loop_.WallNow();
    keeper_->OnAccepted(now, now + absl::Milliseconds(100));
    x_.entries.push_back({id, now});
  }
  void End(Cause cause) {
    keeper_->OnEnded({RetryClass::kTooManyConnections, cause});
    loop_.RunFor(absl::Seconds(5));
  }
  void RefuseTwice() {
    End(Cause::kTooManyConnections);
    End(Cause::kTooManyConnections);
  }

  SimLoop loop_;
  MemFileSystem files_{loop_, MemFileSystem::Options()};
  FakeX x_{loop_};
  SlotKeeper::Options options_;
  Strings recorded_;
  std::unique_ptr<SlotKeeper> keeper_;
};

TEST_F(SlotKeeperTest, SecondRefusalInARowEndsOurStaleConnectionOnly) {
  x_.entries.push_back({"peer", loop_.WallNow() - absl::Minutes(5)});
  Accept("ours");
  loop_.RunFor(absl::Minutes(1));
  keeper_->OnEnded({RetryClass::kImmediate, Cause::kReset});
  End(Cause::kTooManyConnections);
  EXPECT_TRUE(x_.killed.empty());
  End(Cause::kTooManyConnections);
  EXPECT_EQ(x_.killed, Strings{"ours"});
  EXPECT_EQ(recorded_, (Strings{"slots_learned", "slots_listed", "slots_killing", "slots_killed"}));
  EXPECT_EQ(keeper_->metrics().kills.value(), 1u);
}

TEST_F(SlotKeeperTest, PeerThatConnectedWithUsIsLeftAlone) {
  x_.entries.push_back({"peer", loop_.WallNow() + absl::Seconds(1)});
  Accept("ours");
  loop_.RunFor(absl::Minutes(1));
  keeper_->OnEnded({RetryClass::kImmediate, Cause::kReset});
  x_.entries.pop_back();
  RefuseTwice();
  EXPECT_TRUE(x_.killed.empty());
  EXPECT_EQ(recorded_, (Strings{"slots_ambiguous", "slots_listed", "slots_ambiguous"}));
}

TEST_F(SlotKeeperTest, ConnectionThatDidNotLastIsNeverEndedByItsTime) {
  Accept("ours");
  loop_.RunFor(absl::Seconds(5));
  keeper_->OnEnded({RetryClass::kImmediate, Cause::kReset});
  RefuseTwice();
  EXPECT_TRUE(x_.killed.empty());
}

TEST_F(SlotKeeperTest, WhatAnEarlierRunLeftBehindIsFreed) {
  Accept("ours");
  loop_.RunFor(absl::Minutes(1));
  Restart();
  RefuseTwice();
  EXPECT_EQ(x_.killed, Strings{"ours"});
}

TEST_F(SlotKeeperTest, OtherAnswerBetweenTwoRefusalsStartsTheCountAnew) {
  Accept("ours");
  loop_.RunFor(absl::Minutes(1));
  keeper_->OnEnded({RetryClass::kImmediate, Cause::kReset});
  End(Cause::kTooManyConnections);
  End(Cause::kServerError);
  End(Cause::kTooManyConnections);
  EXPECT_TRUE(x_.killed.empty());
}

TEST_F(SlotKeeperTest, NoticeOfTooManyIsAnsweredByAListAtOnce) {
  End(Cause::kTooManyNotice);
  EXPECT_EQ(recorded_, Strings{"slots_listed"});
  End(Cause::kForceDisconnect);
  EXPECT_EQ(recorded_.size(), 2u);
}

TEST_F(SlotKeeperTest, EveryPageIsReadBeforeAnythingIsConcluded) {
  x_.has_pages = true;
  x_.entries.push_back({"peer", loop_.WallNow() - absl::Minutes(5)});
  Accept("ours");
  loop_.RunFor(absl::Minutes(1));
  keeper_->OnEnded({RetryClass::kImmediate, Cause::kReset});
  RefuseTwice();
  EXPECT_EQ(x_.killed, Strings{"ours"});
  EXPECT_EQ(keeper_->metrics().lists.value(), 4u);
}

TEST_F(SlotKeeperTest, DialectWithoutTheApiAsksNothing) {
  options_.request.dialect = FindDialect("gnip-powertrack");
  Restart();
  Accept("ours");
  loop_.RunFor(absl::Minutes(1));
  RefuseTwice();
  EXPECT_TRUE(x_.requests.empty());
  EXPECT_TRUE(recorded_.empty());
}

TEST_F(SlotKeeperTest, AsksNoMoreThanItsBudget) {
  for (int i = 0; i < 40; ++i) End(Cause::kTooManyConnections);
  EXPECT_EQ(x_.requests.size(), 12u);
  EXPECT_GT(keeper_->metrics().over_budget.value(), 0u);
  loop_.RunFor(absl::Minutes(15));
  End(Cause::kTooManyConnections);
  EXPECT_EQ(x_.requests.size(), 13u);
}

TEST_F(SlotKeeperTest, SilentAnswerIsGivenUp) {
  x_.is_silent = true;
  End(Cause::kTooManyNotice);
  loop_.RunFor(absl::Seconds(11));
  EXPECT_EQ(x_.closes, 1);
  EXPECT_EQ(recorded_, Strings{"slots_list_failed"});
}

TEST_F(SlotKeeperTest, RefusedListConcludesNothing) {
  x_.status = 403;
  End(Cause::kTooManyNotice);
  EXPECT_EQ(recorded_, Strings{"slots_list_failed"});
  EXPECT_EQ(keeper_->metrics().list_failures.value(), 1u);
}

}  // namespace
}  // namespace braid
