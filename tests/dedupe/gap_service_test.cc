// The calls of GapService over a store that a core wrote.

#include "dedupe/gap_service.h"

#include <gtest/gtest.h>

#include <memory>

#include "dedupe/core.h"
#include "proto/proto_time.h"
#include "proto/reason.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

class GapServiceTest : public testing::Test {
 protected:
  GapServiceTest() {
    core_ = *Core::Load(store_, {});
    store::v1::InputRecord tick = TickInput(absl::ZeroDuration(), TestStart());
    tick.mutable_tick()->set_first_after_start(true);
    tick.mutable_tick()->add_sources("a");
    Apply(std::move(tick));
    Apply(OpenInput("a", 1));
    // Three minutes, each with a hole of ten seconds at its end, told at once.
    for (int i = 0; i < 3; ++i) {
      Cover(i * 60, i * 60 + 50);
    }
    Cover(180, 200);
    for (int i = 0; i < 200; ++i) Tick();
    GapStream& stream = streams_["main"];
    stream.store = &store_;
    stream.routes = {absl::Minutes(5), {{"recovery", absl::Hours(24)}}};
    stream.connections = {{"a", 0}, {"b", 0}};
    stream.now = [this] { return core_->now(); };
  }

  void Apply(store::v1::InputRecord input) {
    absl::Status status = CommitInput(std::move(input), core_.get(), &store_).status();
    ASSERT_TRUE(status.ok()) << status;
  }
  void Tick() {
    store::v1::InputRecord tick = TickInput(absl::Seconds(1), TestStart());
    auto* attention = tick.mutable_tick()->add_attention();
    attention->set_source_id("a");
    attention->set_receiving(true);
    Apply(std::move(tick));
  }
  void Cover(int from, int until) {
    Apply(CoverInput("a", 1, offset_++, TestStart() + absl::Seconds(from),
                     TestStart() + absl::Seconds(until)));
  }
  absl::StatusOr<v1::ListGapsResponse> List(v1::ListGapsRequest request) {
    request.set_parent("streams/main");
    return ListGaps(streams_, request);
  }

  MemStore store_;
  std::unique_ptr<Core> core_;
  uint64_t offset_ = 0;
  GapStreams streams_;
};

TEST_F(GapServiceTest, ListsNewestFirstByPages) {
  v1::ListGapsRequest request;
  request.set_page_size(2);
  auto page = List(request);
  ASSERT_TRUE(page.ok()) << page.status();
  ASSERT_EQ(page->gaps_size(), 2);
  EXPECT_EQ(page->gaps(0).name(), "streams/main/gaps/3");
  EXPECT_EQ(page->gaps(1).name(), "streams/main/gaps/2");
  request.set_page_token(page->next_page_token());
  page = List(request);
  ASSERT_TRUE(page.ok());
  ASSERT_EQ(page->gaps_size(), 1);
  EXPECT_EQ(page->gaps(0).name(), "streams/main/gaps/1");
  EXPECT_TRUE(page->next_page_token().empty());
}

TEST_F(GapServiceTest, APageTokenIsOfItsCallOnly) {
  v1::ListGapsRequest request;
  request.set_page_size(1);
  request.set_page_token(List(request)->next_page_token());
  request.mutable_filter()->add_kinds(v1::Gap::KIND_PAUSED);
  EXPECT_TRUE(absl::IsInvalidArgument(List(request).status()));
  request.set_page_token("nonsense");
  EXPECT_TRUE(absl::IsInvalidArgument(List(request).status()));
}

TEST_F(GapServiceTest, FiltersByStateKindAndRange) {
  v1::ListGapsRequest request;
  request.mutable_filter()->add_states(v1::Gap::STATE_LOST);
  EXPECT_EQ(List(request)->gaps_size(), 0);
  request.mutable_filter()->add_states(v1::Gap::STATE_OPEN);
  request.mutable_filter()->add_kinds(v1::Gap::KIND_TOTAL_OUTAGE);
  EXPECT_EQ(List(request)->gaps_size(), 3);
  // From the end of the first to the start of the third: the second only.
  SetTime(TestStart() + absl::Seconds(60),
          request.mutable_filter()->mutable_range()->mutable_start_time());
  SetTime(TestStart() + absl::Seconds(170),
          request.mutable_filter()->mutable_range()->mutable_end_time());
  ASSERT_EQ(List(request)->gaps_size(), 1);
  EXPECT_EQ(List(request)->gaps(0).name(), "streams/main/gaps/2");
}

TEST_F(GapServiceTest, GetsOneOrSaysThatThereIsNone) {
  v1::GetGapRequest request;
  request.set_name("streams/main/gaps/2");
  auto gap = GetGap(streams_, request);
  ASSERT_TRUE(gap.ok());
  EXPECT_EQ(ToTime(gap->range().start_time()), TestStart() + absl::Seconds(110));
  EXPECT_EQ(ToTime(gap->range().end_time()), TestStart() + absl::Seconds(120));
  EXPECT_EQ(gap->routes_size(), 2);
  request.set_name("streams/main/gaps/9");
  EXPECT_EQ(ReasonOf(GetGap(streams_, request).status()).reason, "UNKNOWN_GAP");
  request.set_name("streams/other/gaps/1");
  EXPECT_EQ(ReasonOf(GetGap(streams_, request).status()).reason, "UNKNOWN_STREAM");
  request.set_name("gaps/1");
  EXPECT_TRUE(absl::IsInvalidArgument(GetGap(streams_, request).status()));
}

TEST_F(GapServiceTest, AWatchTellsWhatMatchesAndThenWhatChanges) {
  v1::WatchGapsRequest request;
  request.set_parent("streams/main");
  request.mutable_filter()->add_states(v1::Gap::STATE_OPEN);
  std::map<std::string, std::string> told;
  auto changed = ChangedGaps(streams_, request, &told);
  ASSERT_TRUE(changed.ok());
  ASSERT_EQ(changed->size(), 3u);
  EXPECT_EQ((*changed)[0].name(), "streams/main/gaps/1");
  EXPECT_EQ(ChangedGaps(streams_, request, &told)->size(), 0u);
  Cover(110, 120);
  Tick();
  changed = ChangedGaps(streams_, request, &told);
  ASSERT_EQ(changed->size(), 1u);
  EXPECT_EQ((*changed)[0].state(), v1::Gap::STATE_RECOVERED);
}

TEST_F(GapServiceTest, CoverageHasARowPerConnectionAndOneOfAll) {
  v1::QueryCoverageRequest request;
  request.set_parent("streams/main");
  SetTime(TestStart(), request.mutable_range()->mutable_start_time());
  SetTime(TestStart() + absl::Minutes(2), request.mutable_range()->mutable_end_time());
  SetDuration(absl::Seconds(10), request.mutable_bucket());
  auto coverage = QueryCoverage(streams_, request);
  ASSERT_TRUE(coverage.ok()) << coverage.status();
  ASSERT_EQ(coverage->rows_size(), 3);
  EXPECT_EQ(coverage->rows(0).connection_id(), "a");
  ASSERT_EQ(coverage->rows(0).buckets_size(), 12);
  EXPECT_EQ(coverage->rows(0).buckets(4).covered(), 1);
  EXPECT_EQ(coverage->rows(0).buckets(5).covered(), 0);
  EXPECT_EQ(coverage->rows(1).buckets(4).covered(), 0) << "b has no cover";
  const v1::CoverageRow& merged = coverage->rows(2);
  EXPECT_TRUE(merged.connection_id().empty());
  ASSERT_EQ(merged.buckets(5).gaps_size(), 1);
  EXPECT_EQ(merged.buckets(5).gaps(0), 1u);
  EXPECT_EQ(merged.buckets(4).gaps_size(), 0);
  EXPECT_EQ(merged.buckets(5).pending(), 0);
}

TEST_F(GapServiceTest, BeforeTheFirstCoverNothingIsPending) {
  v1::QueryCoverageRequest request;
  request.set_parent("streams/main");
  SetTime(TestStart() - absl::Seconds(10), request.mutable_range()->mutable_start_time());
  // As far as the core's time has come, and no cover reaches.
  SetTime(TestStart() + absl::Seconds(202), request.mutable_range()->mutable_end_time());
  SetDuration(absl::Seconds(1), request.mutable_bucket());
  Tick();
  auto coverage = QueryCoverage(streams_, request);
  ASSERT_TRUE(coverage.ok());
  const v1::CoverageRow& merged = coverage->rows(2);
  EXPECT_EQ(merged.buckets(9).pending(), 0);
  EXPECT_EQ(merged.buckets(10).covered(), 1);
  EXPECT_EQ(merged.buckets(210).pending(), 1);
}

TEST_F(GapServiceTest, CoverageRefusesWhatIsTooFine) {
  v1::QueryCoverageRequest request;
  request.set_parent("streams/main");
  EXPECT_TRUE(absl::IsInvalidArgument(QueryCoverage(streams_, request).status()));
  SetTime(TestStart(), request.mutable_range()->mutable_start_time());
  SetTime(TestStart() + absl::Hours(24), request.mutable_range()->mutable_end_time());
  SetDuration(absl::Seconds(10), request.mutable_bucket());
  EXPECT_TRUE(absl::IsInvalidArgument(QueryCoverage(streams_, request).status()));
  SetDuration(absl::Milliseconds(10), request.mutable_bucket());
  EXPECT_TRUE(absl::IsInvalidArgument(QueryCoverage(streams_, request).status()));
  request.clear_bucket();
  EXPECT_EQ(QueryCoverage(streams_, request)->rows(0).buckets_size(), 120);
}

}  // namespace
}  // namespace braid
