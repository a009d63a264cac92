#include "ingest/offer_client.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/base/mem_file_system.h"
#include "tests/ingest/fake_deduper.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

class OfferClientTest : public testing::Test {
 protected:
  OfferClientTest() {
    spool_options_.dir = "/spool";
    spool_options_.segment_bytes = 16 << 10;
    spool_options_.disk_bytes_max = 1 << 20;
    client_options_.name = "deduper-1";
    client_options_.identity.set_source_id("fra-a");
    StartProcess();
  }

  void StartProcess() {
    client_.reset();
    spool_.reset();
    files_.ProcessKilled();
    spool_ = *Spool::Open(loop_, files_, random_, spool_options_,
                          [](absl::Status status) { FAIL() << status; });
    client_ = std::make_unique<OfferClient>(loop_, random_, deduper_, *spool_, client_options_,
                                            [this] { return report_; });
    client_->Start();
  }

  void Append(int count, int events = 1, size_t bytes = 100) {
    for (int i = 0; i < count; ++i) {
      v1::SessionRecord record;
      for (int k = 0; k < events; ++k) record.mutable_frame()->add_lengths(1);
      record.mutable_frame()->set_payload(absl::StrCat(next_++, std::string(bytes, 'x')));
      spool_->Append(record);
    }
  }

  uint64_t Durable(uint64_t epoch) { return deduper_.durable.expected[epoch]; }

  SimLoop loop_;
  MemFileSystem files_{loop_};
  SeededRandom random_{3};
  FakeDeduper deduper_{loop_, random_};
  Spool::Options spool_options_;
  OfferClient::Options client_options_;
  v1::ConnectionReport report_;
  int next_ = 0;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<OfferClient> client_;
};

TEST_F(OfferClientTest, EverythingArrivesAndIsAcknowledged) {
  Append(100, 3);
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(Durable(1), 300);
  EXPECT_TRUE(spool_->FullyAcknowledged(0));
  EXPECT_TRUE(client_->connected());
  EXPECT_EQ(deduper_.last_hello.source_id(), "fra-a");
}

TEST_F(OfferClientTest, NewRecordsArePushedBeforeTheSync) {
  loop_.RunFor(absl::Seconds(1));
  files_.options().sync_delay = absl::Hours(1);
  Append(1);
  loop_.RunFor(absl::Milliseconds(4));
  EXPECT_EQ(deduper_.now.expected[1], 1);
}

TEST_F(OfferClientTest, OlderSessionsAreOfferedFirstAndNamedInTheHello) {
  deduper_.unreachable = true;
  Append(10);
  StartProcess();
  Append(5);
  loop_.RunFor(absl::Seconds(1));
  deduper_.unreachable = false;
  loop_.RunFor(absl::Seconds(10));
  ASSERT_EQ(deduper_.last_hello.sessions_size(), 2);
  EXPECT_EQ(deduper_.last_hello.sessions(0).epoch(), 1);
  EXPECT_EQ(deduper_.last_hello.session_epoch(), 2);
  EXPECT_EQ(Durable(1), 10);
  EXPECT_EQ(Durable(2), 5);
}

TEST_F(OfferClientTest, InFlightStaysWithinTheWindow) {
  client_options_.window_bytes = 5000;
  client_options_.window_records = 20;
  StartProcess();
  deduper_.commits = false;
  Append(50, 1, 1000);
  loop_.RunFor(absl::Seconds(2));
  EXPECT_EQ(client_->metrics().in_flight_records.value(), 5);
  EXPECT_EQ(deduper_.now.expected[2], 5);
  Append(1000);
  StartProcess();
  loop_.RunFor(absl::Seconds(2));
  EXPECT_LE(client_->metrics().in_flight_records.value(), 20);
}

TEST_F(OfferClientTest, ALostRecordIsNackedAndSentAgain) {
  loop_.RunFor(absl::Seconds(1));
  deduper_.faults.lose = 0.5;
  Append(20);
  loop_.RunFor(absl::Milliseconds(1));
  deduper_.faults.lose = 0;
  Append(1);
  loop_.RunFor(absl::Seconds(15));
  EXPECT_GT(deduper_.counts.nacks, 0);
  EXPECT_EQ(Durable(1), 21);
}

TEST_F(OfferClientTest, OneRewindAnswersTheNacksOfAWholeWindow) {
  loop_.RunFor(absl::Seconds(1));
  deduper_.faults.lose = 1;
  Append(1);
  loop_.RunFor(absl::Milliseconds(1));
  deduper_.faults.lose = 0;
  Append(1000);
  loop_.RunFor(absl::Seconds(5));
  EXPECT_EQ(Durable(1), 1001);
  EXPECT_LT(client_->metrics().sent_records.value(), 2100);
}

TEST_F(OfferClientTest, DeduperThatIsSilentForTenSecondsIsDialedAgain) {
  loop_.RunFor(absl::Seconds(1));
  deduper_.silent = true;
  Append(1);
  loop_.RunFor(absl::Seconds(9));
  EXPECT_EQ(deduper_.counts.calls, 1);
  deduper_.silent = false;
  loop_.RunFor(absl::Seconds(5));
  EXPECT_EQ(deduper_.counts.calls, 2);
  EXPECT_EQ(Durable(1), 1);
}

TEST_F(OfferClientTest, IdleCallIsNotSilence) {
  Append(1);
  loop_.RunFor(absl::Minutes(5));
  EXPECT_EQ(deduper_.counts.calls, 1);
  EXPECT_GE(deduper_.counts.reports, 299) << "a report a second";
}

TEST_F(OfferClientTest, RedialsWithDoublingDelaysUpToFiveSeconds) {
  deduper_.unreachable = true;
  StartProcess();
  int before = deduper_.counts.calls;
  loop_.RunFor(absl::Seconds(3));
  int early = deduper_.counts.calls - before;
  EXPECT_GE(early, 4);
  EXPECT_LE(early, 8);
  loop_.RunFor(absl::Minutes(5));
  int late = deduper_.counts.calls - before - early;
  EXPECT_GE(late, 60) << "at most 5 s";
  EXPECT_LE(late, 121) << "at least half of that";
}

TEST_F(OfferClientTest, ReportsCarryWhatIsSpooledAndGoAtOnceOnChange) {
  loop_.RunFor(absl::Seconds(1));
  deduper_.commits = false;
  Append(10);
  report_.set_state(v1::ConnectionReport::STATE_CLOSING);
  client_->SendReport();
  loop_.RunFor(absl::Milliseconds(5));
  EXPECT_EQ(deduper_.last_report.state(), v1::ConnectionReport::STATE_CLOSING);
  EXPECT_GT(deduper_.last_report.spooled_bytes(), 1000);
}

TEST_F(OfferClientTest, LostSpoolRaisesItsEpochAboveTheDedupers) {
  deduper_.now.highest_epoch = 57;
  deduper_.now.expected[1] = 1000;
  Append(10);
  loop_.RunFor(absl::Seconds(5));
  EXPECT_EQ(deduper_.counts.stale, 1);
  EXPECT_EQ(spool_->epoch(), 58);
  EXPECT_EQ(Durable(58), 10);
}

TEST_F(OfferClientTest, CopiedSpoolWithTheSameEpochAndAnotherIdIsRaisedToo) {
  deduper_.now.highest_epoch = 1;
  deduper_.now.session_id = 12345;
  Append(10);
  loop_.RunFor(absl::Seconds(5));
  EXPECT_EQ(deduper_.counts.stale, 1);
  EXPECT_EQ(Durable(2), 10);
}

TEST_F(OfferClientTest, DeduperThatExpectsMoreThanThereIsMeansAnotherSession) {
  deduper_.now.expected[1] = 1000;
  Append(10);
  loop_.RunFor(absl::Seconds(5));
  EXPECT_EQ(spool_->epoch(), 2);
  EXPECT_EQ(Durable(2), 10);
  EXPECT_EQ(client_->metrics().foreign_offsets.value(), 1);
}

TEST_F(OfferClientTest, ExpectedOffsetInsideARecordMeansAnotherSession) {
  deduper_.now.expected[1] = 2;
  Append(10, 3);
  loop_.RunFor(absl::Seconds(5));
  EXPECT_EQ(spool_->epoch(), 2);
  EXPECT_EQ(Durable(2), 30);
}

TEST_F(OfferClientTest, DeduperMayHaveMoreOfAnOlderSessionThanWeHave) {
  Append(10);
  loop_.RunFor(absl::Seconds(1));
  deduper_.now.expected[1] = deduper_.durable.expected[1] = 12;
  StartProcess();
  Append(3);
  loop_.RunFor(absl::Seconds(2));
  EXPECT_EQ(spool_->epoch(), 2);
  EXPECT_EQ(Durable(2), 3);
  EXPECT_TRUE(spool_->FullyAcknowledged(0));
}

TEST_F(OfferClientTest, WhatIsNoLongerKeptIsOfferedAsALoss) {
  deduper_.unreachable = true;
  spool_options_.disk_bytes_max = 64 << 10;
  spool_options_.tail_bytes_max = 1;
  StartProcess();
  Append(2000);
  deduper_.unreachable = false;
  loop_.RunFor(absl::Seconds(20));
  EXPECT_EQ(Durable(2), 2000);
  ASSERT_FALSE(deduper_.durable.records[2].empty());
  EXPECT_EQ(deduper_.durable.records[2][0]->loss().reason(), v1::Loss::REASON_SPOOL_OVERFLOW);
}

TEST_F(OfferClientTest, RefusalThatOnlyAPersonCanEndIsRetriedSlowly) {
  deduper_.refusal = v1::OfferResponse::Refusal::REASON_UNKNOWN_CONNECTION;
  loop_.RunFor(absl::Minutes(1));
  EXPECT_GE(deduper_.counts.calls, 5);
  EXPECT_LE(deduper_.counts.calls, 8);
  deduper_.refusal = v1::OfferResponse::Refusal::REASON_UNSPECIFIED;
  Append(1);
  loop_.RunFor(absl::Seconds(11));
  EXPECT_EQ(Durable(1), 1);
}

TEST_F(OfferClientTest, DrainEndsWhenAllIsAcknowledged) {
  loop_.RunFor(absl::Seconds(1));
  deduper_.commits = false;
  Append(10);
  bool drained = false;
  client_->Drain([&] { drained = true; });
  loop_.RunFor(absl::Seconds(3));
  EXPECT_FALSE(drained);
  deduper_.commits = true;
  deduper_.Die();
  loop_.RunFor(absl::Seconds(3));
  EXPECT_TRUE(drained);
}

TEST_F(OfferClientTest, DrainOfAnEmptySpoolEndsAtOnce) {
  bool drained = false;
  client_->Drain([&] { drained = true; });
  loop_.RunFor(absl::ZeroDuration());
  EXPECT_TRUE(drained);
}

TEST_F(OfferClientTest, EverythingArrivesExactlyInOrderWhateverTheNetworkDoes) {
  FakeDeduper::Counts fired;
  for (uint64_t seed = 1; seed <= 8 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    SimLoop loop;
    MemFileSystem files(loop);
    SeededRandom random(seed);
    FakeDeduper deduper(loop, random);
    deduper.faults = {.lose = 0.02, .repeat = 0.02, .cut = 0.005, .lose_ack = 0.1, .die = 0.002};
    std::unique_ptr<Spool> spool;
    std::unique_ptr<OfferClient> client;
    std::vector<std::string> appended;
    for (int life = 0; life < 4; ++life) {
      client.reset();
      spool.reset();
      files.ProcessKilled();
      // Also a lost disk: its epochs are the deduper's old ones.
      bool lost_disk = life == 2 && seed % 4 == 0;
      if (lost_disk) appended.clear();
      Spool::Options options = spool_options_;
      options.dir = absl::StrCat("/spool", seed % 4 == 0 && life >= 2);
      options.tail_bytes_max = 1 << random.Below(16);
      spool = *Spool::Open(loop, files, random, options, [](absl::Status) { FAIL(); });
      client = std::make_unique<OfferClient>(loop, random, deduper, *spool, client_options_,
                                             [] { return v1::ConnectionReport(); });
      client->Start();
      for (int i = 0; i < 300; ++i) {
        v1::SessionRecord record;
        for (uint64_t k = 0; k <= random.Below(4); ++k) record.mutable_frame()->add_lengths(1);
        appended.push_back(absl::StrCat(seed, "/", life, "/", i));
        record.mutable_frame()->set_payload(appended.back());
        spool->Append(record);
        if (random.Below(10) == 0) loop.RunFor(absl::Milliseconds(random.Below(50)));
      }
    }
    loop.RunFor(absl::Seconds(20));
    fired.lost += deduper.counts.lost;
    fired.repeated += deduper.counts.repeated;
    fired.cuts += deduper.counts.cuts;
    fired.deaths += deduper.counts.deaths;
    fired.lost_acks += deduper.counts.lost_acks;
    fired.stale += deduper.counts.stale;
    deduper.faults = FakeDeduper::Faults();
    loop.RunFor(absl::Minutes(2));
    EXPECT_TRUE(spool->FullyAcknowledged(0));
    std::vector<std::string> arrived;
    for (const auto& session : spool->Sessions()) {
      for (const auto& record : deduper.durable.records[session.epoch()]) {
        ASSERT_TRUE(record->has_frame());
        arrived.push_back(record->frame().payload());
      }
    }
    EXPECT_EQ(arrived, appended);
  }
  EXPECT_GT(fired.lost, 100);
  EXPECT_GT(fired.repeated, 100);
  EXPECT_GT(fired.cuts, 10);
  EXPECT_GT(fired.deaths, 4);
  EXPECT_GT(fired.lost_acks, 100);
  EXPECT_GT(fired.stale, 1);
}

}  // namespace
}  // namespace braid
