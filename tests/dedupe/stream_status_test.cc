#include "dedupe/stream_status.h"

#include <gtest/gtest.h>

#include "absl/strings/str_join.h"
#include "dedupe/admin_service.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1790000000);
const absl::Time kLoopNow = absl::UnixEpoch() + absl::Hours(5);

ConnectionFacts Receiving(const std::string& id) {
  ConnectionFacts facts;
  facts.source.source_id = id;
  facts.source.connected = true;
  facts.source.calls = 1;
  facts.source.connect_time = kLoopNow - absl::Minutes(1);
  facts.source.report_time = kLoopNow - absl::Milliseconds(500);
  facts.source.report.set_state(v1::ConnectionReport::STATE_RECEIVING);
  // The connector's own clock: far from ours.
  SetTime(absl::FromUnixSeconds(5000), facts.source.report.mutable_report_time());
  SetTime(absl::FromUnixSeconds(4999), facts.source.report.mutable_last_byte_time());
  facts.network = "net-" + id;
  return facts;
}

StreamFacts Facts(std::vector<ConnectionFacts> connections) {
  StreamFacts facts;
  facts.name = "main";
  facts.now = kNow;
  facts.loop_now = kLoopNow;
  facts.core.set_next_sequence(1);
  facts.connections = std::move(connections);
  return facts;
}

std::string Problems(const StreamFacts& facts) {
  return absl::StrJoin(BuildStatus(facts, RateWindow()).problems(), "|");
}

TEST(StreamStatusTest, HealthCountsReceivingConnections) {
  auto health = [](std::vector<ConnectionFacts> connections) {
    return BuildStatus(Facts(std::move(connections)), RateWindow()).health();
  };
  EXPECT_EQ(health({}), v1::StreamStatus::HEALTH_DARK);
  EXPECT_EQ(health({Receiving("a")}), v1::StreamStatus::HEALTH_EXPOSED);
  EXPECT_EQ(health({Receiving("a"), Receiving("b")}), v1::StreamStatus::HEALTH_REDUNDANT);
}

TEST(StreamStatusTest, WhoDoesNotVouchIsNoSecondCopy) {
  StreamFacts facts = Facts({Receiving("a"), Receiving("b")});
  facts.connections[1].unsound = "has not vouched for anything yet";
  v1::StreamStatus status = BuildStatus(facts, RateWindow());
  EXPECT_EQ(status.health(), v1::StreamStatus::HEALTH_EXPOSED);
  EXPECT_EQ(Problems(facts),
            "b receives, but has not vouched for anything yet: what it brings is no copy to rely on.");
  // Posts come all the same.
  facts.connections[0].unsound = "misses events that others bring";
  EXPECT_EQ(BuildStatus(facts, RateWindow()).health(), v1::StreamStatus::HEALTH_EXPOSED);
}

// Heartbeats come, so its socket lives.
TEST(StreamStatusTest, WhoFellSilentIsNoSecondCopy) {
  StreamFacts facts = Facts({Receiving("a"), Receiving("b")});
  SetDuration(absl::Seconds(14), facts.connections[1].source.report.mutable_data_silence());
  EXPECT_EQ(BuildStatus(facts, RateWindow()).health(), v1::StreamStatus::HEALTH_EXPOSED);
  EXPECT_EQ(
      Problems(facts),
      "b receives, but has brought no data for 14 s, longer than its usual rate explains: what "
      "it brings is no copy to rely on.");
}

TEST(StreamStatusTest, AStreamIsAsRedundantAsItsWeakestPartition) {
  auto carrying = [](const std::string& id, uint32_t partition) {
    ConnectionFacts facts = Receiving(id);
    facts.partition = partition;
    return facts;
  };
  StreamFacts facts = Facts({carrying("a", 1), carrying("b", 1), carrying("c", 2)});
  facts.partition_count = 2;
  v1::StreamStatus status = BuildStatus(facts, RateWindow());
  EXPECT_EQ(status.health(), v1::StreamStatus::HEALTH_EXPOSED);
  EXPECT_NE(Problems(facts).find("Only one connection is receiving for partition 2:"),
            std::string::npos)
      << Problems(facts);
  EXPECT_EQ(status.connections(2).partition(), 2);
  facts.connections.push_back(carrying("d", 2));
  EXPECT_EQ(BuildStatus(facts, RateWindow()).health(), v1::StreamStatus::HEALTH_REDUNDANT);
  facts.partition_count = 3;
  EXPECT_EQ(BuildStatus(facts, RateWindow()).health(), v1::StreamStatus::HEALTH_DARK);
}

TEST(StreamStatusTest, AStateThatALaterVersionReportsIsUnknown) {
  ConnectionFacts later = Receiving("a");
  later.source.report.set_state(static_cast<v1::ConnectionReport::State>(99));
  EXPECT_NE(Problems(Facts({later})).find("a is unknown."), std::string::npos);
}

TEST(StreamStatusTest, AnyStalenessMeansNotReceiving) {
  EXPECT_TRUE(IsReceiving(Receiving("a").source, kLoopNow));
  SourceSnapshot source = Receiving("a").source;
  source.connected = false;
  EXPECT_FALSE(IsReceiving(source, kLoopNow));
  source = Receiving("a").source;
  source.report.set_state(v1::ConnectionReport::STATE_CLOSING);
  EXPECT_FALSE(IsReceiving(source, kLoopNow));
  source = Receiving("a").source;
  EXPECT_TRUE(IsReceiving(source, kLoopNow + absl::Seconds(4)));
  EXPECT_FALSE(IsReceiving(source, kLoopNow + absl::Seconds(5)));
  source = Receiving("a").source;
  SetTime(absl::FromUnixSeconds(4971), source.report.mutable_last_byte_time());
  EXPECT_TRUE(IsReceiving(source, kLoopNow));
  SetTime(absl::FromUnixSeconds(4970), source.report.mutable_last_byte_time());
  EXPECT_FALSE(IsReceiving(source, kLoopNow));
  source.report.clear_last_byte_time();
  EXPECT_FALSE(IsReceiving(source, kLoopNow));
}

TEST(StreamStatusTest, ProblemsAreSentences) {
  EXPECT_EQ(Problems(Facts({Receiving("a"), Receiving("b")})), "");
  ConnectionFacts never;
  never.source.source_id = "b";
  EXPECT_EQ(Problems(Facts({Receiving("a"), never})),
            "Only one connection is receiving: one more failure loses data.|"
            "b has not connected since this deduper started.");
  ConnectionFacts off = Receiving("b");
  off.source.report.set_state(v1::ConnectionReport::STATE_BACKING_OFF);
  EXPECT_NE(Problems(Facts({Receiving("a"), off})).find("b is backing off."), std::string::npos);
  ConnectionFacts same = Receiving("b");
  same.network = "net-a";
  EXPECT_EQ(Problems(Facts({Receiving("a"), same})),
            "a and b run in the same network, net-a: one failure can take both.");
  StreamFacts full = Facts({Receiving("a"), Receiving("b")});
  full.accepting = false;
  EXPECT_NE(Problems(full).find("disk is nearly full"), std::string::npos);
}

TEST(StreamStatusTest, WhatIsGoneOrSilentIsNotToldAsIfItWereNow) {
  auto shown = [](const ConnectionFacts& facts) {
    return BuildStatus(Facts({facts}), RateWindow()).connections(0);
  };
  v1::Connection now = shown(Receiving("a"));
  EXPECT_EQ(now.presence(), v1::Connection::PRESENCE_REPORTING);
  EXPECT_EQ(ToDuration(now.last_byte_age()), absl::Milliseconds(1500));
  EXPECT_EQ(ToDuration(now.report_age()), absl::Milliseconds(500));

  ConnectionFacts gone = Receiving("a");
  gone.source.connected = false;
  gone.source.close_time = kLoopNow - absl::Minutes(2);
  gone.source.report_time = kLoopNow - absl::Seconds(121);
  v1::Connection shown_gone = shown(gone);
  EXPECT_EQ(shown_gone.presence(), v1::Connection::PRESENCE_GONE);
  EXPECT_EQ(ToTime(shown_gone.gone_time()), kNow - absl::Minutes(2));
  EXPECT_EQ(ToDuration(shown_gone.report_age()), absl::Seconds(121));
  EXPECT_FALSE(shown_gone.has_last_byte_age());
  EXPECT_NE(Problems(Facts({gone})).find("a has not been connected to this deduper for 120 s"),
            std::string::npos);

  ConnectionFacts streaming = Receiving("a");
  v1::ConnectionReport& report = streaming.source.report;
  SetTime(ToTime(report.report_time()) - absl::Seconds(40), report.mutable_stream_start_time());
  EXPECT_EQ(ToDuration(shown(streaming).stream_up_time()),
            absl::Seconds(40) + ToDuration(shown(streaming).report_age()));

  ConnectionFacts silent = Receiving("a");
  silent.source.report_time = kLoopNow - absl::Seconds(6);
  EXPECT_EQ(shown(silent).presence(), v1::Connection::PRESENCE_SILENT);
  EXPECT_FALSE(shown(silent).has_last_byte_age());
  EXPECT_EQ(shown(ConnectionFacts()).presence(), v1::Connection::PRESENCE_NEVER_SEEN);
  EXPECT_FALSE(shown(ConnectionFacts()).has_report_age());
}

TEST(StreamStatusTest, TwoProcessesUnderOneNameAreAProblem) {
  ConnectionFacts contested = Receiving("a");
  contested.source.takeovers = 7;
  for (int i = 3; i > 0; --i) {
    contested.source.takeover_times.push_back(kLoopNow - i * absl::Seconds(10));
  }
  StreamFacts facts = Facts({contested, Receiving("b")});
  EXPECT_NE(Problems(facts).find("Two processes run as a and take the connection from one another "
                                 "(7 times so far)"),
            std::string::npos);
  EXPECT_TRUE(BuildStatus(facts, RateWindow()).connections(0).contested());
  // Long ago: somebody stopped one.
  facts.connections[0].source.takeover_times.front() = kLoopNow - absl::Minutes(11);
  EXPECT_EQ(Problems(facts), "");
}

TEST(StreamStatusTest, RatesAreOverTheLastTenSecondsSharesOverAMinute) {
  RateWindow rates;
  for (int i = 0; i <= 120; ++i) {
    // 100/s, then 10/s for the last ten seconds.
    double merged = i <= 110 ? i * 100.0 : 11000 + (i - 110) * 10.0;
    rates.Sample(kLoopNow + absl::Seconds(i), {{kMergedCounter, merged},
                                               // A backfill's are no copies of these.
                                               {kDuplicatesCounter, merged * 7},
                                               {kLiveEventsCounter, merged},
                                               {kLiveCopiesCounter, merged * 1.5},
                                               {EventsCounter("a"), merged},
                                               {FirstsCounter("a"), merged / 4}});
  }
  v1::StreamStatus status = BuildStatus(Facts({Receiving("a")}), rates);
  EXPECT_DOUBLE_EQ(status.merged().events_per_second(), 10);
  EXPECT_DOUBLE_EQ(status.merged().copies_per_event(), 1.5);
  EXPECT_DOUBLE_EQ(status.connections(0).first_share(), 0.25);
  EXPECT_DOUBLE_EQ(status.connections(0).seen_share(), 1);
  EXPECT_DOUBLE_EQ(status.connections(0).rates().events_per_second(), 10);
}

TEST(StreamStatusTest, ConnectionsArePaged) {
  StatusSources sources;
  sources["main"] = [] {
    return BuildStatus(Facts({Receiving("a"), Receiving("b"), Receiving("c")}), RateWindow());
  };
  v1::ListConnectionsRequest request;
  request.set_parent("streams/main");
  request.set_page_size(2);
  auto page = ListConnections(sources, request);
  ASSERT_TRUE(page.ok());
  EXPECT_EQ(page->connections_size(), 2);
  request.set_page_token(page->next_page_token());
  page = ListConnections(sources, request);
  ASSERT_EQ(page->connections_size(), 1);
  EXPECT_EQ(page->connections(0).name(), "streams/main/connections/c");
  EXPECT_EQ(page->next_page_token(), "");
  request.set_parent("streams/other");
  EXPECT_TRUE(absl::IsNotFound(ListConnections(sources, request).status()));
}

TEST(BehindTrackerTest, SlowerConnectionIsBehindWhoeverCommitsFirst) {
  BehindTracker tracker;
  auto commit = [&](const std::string& source, bool is_new, absl::Duration delay) {
    auto record = std::make_shared<store::v1::LogRecord>();
    record->set_source_id(source);
    v1::Frame* frame = is_new ? record->mutable_events()->mutable_frame()
                              : record->mutable_sightings()->mutable_frame();
    frame->set_origin(v1::EVENT_ORIGIN_LIVE);
    SetTime(kNow + delay, frame->mutable_base_receive_time());
    for (uint64_t id = 1; id <= 8000; ++id) {
      frame->add_post_ids(id << 12);
      frame->add_receive_offsets_micros(0);
    }
    if (is_new) record->mutable_events()->set_new_bitmap(std::string(1000, '\xff'));
    tracker.OnCommit({{1, 8000, 0, 0, record}});
  };
  // The slow one was committed first: its copy had the shorter way to us.
  commit("slow", true, absl::Milliseconds(40));
  commit("fast", false, absl::ZeroDuration());
  EXPECT_LT(tracker.Behind("fast").p99, absl::Milliseconds(1));
  EXPECT_NEAR(absl::ToDoubleMilliseconds(tracker.Behind("slow").p50), 40, 6);
  EXPECT_EQ(tracker.Behind("unknown").p50, absl::ZeroDuration());
}

}  // namespace
}  // namespace braid
