#include "dedupe/merger.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

class MergerTest : public testing::Test {
 protected:
  MergerTest() { Restart(); }

  void Restart(Merger::Options options = {}) {
    merger_.reset();
    store_ = std::make_unique<MemStore>(*store_);
    core_ = *Core::Load(*store_, {});
    merger_ =
        std::make_unique<Merger>(loop_, *store_, *core_, options, [this](absl::Status status) {
          fatal_ = status;
          ++fatals_;
        });
  }
  void Settle() { loop_.RunFor(absl::ZeroDuration()); }

  void AdmitFrame(uint64_t offset, uint64_t bytes = 100) {
    merger_->Admit(
        FrameInput("a", 1, offset, {FirstSnowflakeAt(loop_.WallNow()) + offset}, loop_.WallNow()),
        bytes, [this](const ApplyResult& result) {
          done_.push_back(result.expected_offset);
          // Told only when it is durable.
          EXPECT_GE(stored_expected(), result.expected_offset);
        });
  }
  uint64_t stored_expected() const {
    store::v1::SessionState state;
    EXPECT_TRUE(state.ParseFromString(*store_->Get(Table::kSources, EncodeSourceKey("a", 1))));
    return state.expected_offset();
  }

  SimLoop loop_;
  std::unique_ptr<MemStore> store_ = std::make_unique<MemStore>();
  std::unique_ptr<Core> core_;
  std::unique_ptr<Merger> merger_;
  absl::Status fatal_;
  int fatals_ = 0;
  std::vector<uint64_t> done_;
};

TEST_F(MergerTest, EverythingWaitingIsOneCommit) {
  merger_->Start();
  Settle();
  uint64_t before = store_->commits();
  merger_->Admit(OpenInput("a", 1), 10, nullptr);
  AdmitFrame(0);
  AdmitFrame(1);
  EXPECT_TRUE(done_.empty());
  Settle();
  EXPECT_EQ(store_->commits(), before + 1);
  EXPECT_EQ(done_, (std::vector<uint64_t>{1, 2}));
}

TEST_F(MergerTest, GroupEndsAtItsBytes) {
  Restart({.group_bytes_max = 250});
  merger_->Start();
  merger_->Admit(OpenInput("a", 1), 10, nullptr);
  Settle();
  uint64_t before = store_->commits();
  for (uint64_t i = 0; i < 5; ++i) AdmitFrame(i);
  AdmitFrame(5, 10'000);
  Settle();
  EXPECT_EQ(store_->commits(), before + 4);
  EXPECT_EQ(done_.size(), 6);
}

TEST_F(MergerTest, WhatIsFetchedAgainWaitsForWhatIsLive) {
  Restart({.group_bytes_max = 250, .fetched_bytes_max = 250});
  merger_->Start();
  merger_->Admit(OpenInput("a", 1), 10, nullptr);
  merger_->Admit(OpenInput("recovery/r", 1), 10, nullptr);
  Settle();
  std::vector<std::string> order;
  auto admit = [&](const std::string& source, uint64_t offset, Merger::Turn turn) {
    merger_->Admit(
        FrameInput(source, 1, offset,
                   {FirstSnowflakeAt(loop_.WallNow()) + 100 * source.size() + offset},
                   loop_.WallNow()),
        100,
        [&order, source, offset](const ApplyResult& result) {
          EXPECT_EQ(result.expected_offset, offset + 1);
          order.push_back(source + std::to_string(offset));
        },
        turn);
  };
  for (uint64_t i = 0; i < 5; ++i) admit("recovery/r", i, Merger::Turn::kFetched);
  for (uint64_t i = 0; i < 5; ++i) admit("a", i, Merger::Turn::kLive);
  Settle();
  // Neither stands still, however much waits of the other.
  EXPECT_EQ(order, (std::vector<std::string>{"a0", "a1", "recovery/r0", "recovery/r1", "a2", "a3",
                                             "recovery/r2", "recovery/r3", "a4", "recovery/r4"}));
}

TEST_F(MergerTest, ObserverSeesDurableRecordsBeforeTheSourceDoes) {
  std::vector<uint64_t> sequences;
  merger_->SetCommitObserver([&](const std::vector<CommittedRecord>& records) {
    for (const CommittedRecord& record : records) {
      EXPECT_TRUE(
          store_->Get(Table::kLog, EncodeLogKey({record.first_sequence, record.ordinal})).ok());
      if (record.sequence_count > 0) sequences.push_back(record.first_sequence);
    }
    EXPECT_TRUE(done_.empty());
  });
  merger_->Start();
  merger_->Admit(OpenInput("a", 1), 10, nullptr);
  AdmitFrame(0);
  AdmitFrame(1);
  Settle();
  EXPECT_EQ(sequences, (std::vector<uint64_t>{1, 2}));
  EXPECT_EQ(done_.size(), 2);
}

TEST_F(MergerTest, ReadersLearnOfANewStartOfTheLogBeforeAnythingIsDropped) {
  uint64_t earliest = 1;
  int moves = 0;
  auto first_kept = [this] {
    return DecodeLogKey(store_->table(Table::kLog).begin()->first).sequence;
  };
  merger_->SetCommitObserver([&](const std::vector<CommittedRecord>&) {
    if (core_->state().earliest_sequence() == earliest) return;
    ++moves;
    EXPECT_EQ(first_kept(), earliest) << "dropped before anybody was told";
    earliest = core_->state().earliest_sequence();
  });
  merger_->Start();
  merger_->Admit(OpenInput("a", 1), 10, nullptr);
  for (uint64_t i = 0; i < 3; ++i) {
    AdmitFrame(i);
    loop_.RunFor(absl::Minutes(10));
  }
  loop_.RunFor(absl::Hours(26));
  EXPECT_EQ(moves, 3);
  EXPECT_EQ(earliest, 4u);
  EXPECT_EQ(first_kept(), earliest);
}

TEST_F(MergerTest, TimeToWriteOutComesOnceAnHour) {
  merger_->Start();
  loop_.RunFor(absl::Hours(5) + absl::Minutes(2));
  EXPECT_EQ(store_->write_outs(), 5);
}

TEST_F(MergerTest, TicksMoveTheCoreBySteadyTimeWhateverTheWallClockDoes) {
  merger_->Start();
  Settle();
  absl::Time start = core_->now();
  EXPECT_EQ(start, loop_.WallNow());
  loop_.SetWallOffset(-absl::Hours(5));
  loop_.RunFor(absl::Seconds(10));
  EXPECT_EQ(core_->now() - start, absl::Seconds(10));
}

TEST_F(MergerTest, RestartAddsTheWallClocksDifference) {
  merger_->Start();
  loop_.RunFor(absl::Seconds(3));
  absl::Time before = core_->now();
  merger_.reset();
  loop_.RunFor(absl::Minutes(5));
  Restart();
  merger_->Start();
  Settle();
  EXPECT_EQ(core_->now() - before, absl::Minutes(5));
  loop_.SetWallOffset(-absl::Hours(1));
  Restart();
  merger_->Start();
  Settle();
  EXPECT_EQ(core_->now() - before, absl::Minutes(5)) << "never back";
}

TEST_F(MergerTest, TicksAreHeldBackWhileNotAccepting) {
  merger_->Start();
  loop_.RunFor(absl::Seconds(1));
  absl::Time before = core_->now();
  uint64_t commits = store_->commits();
  merger_->SetAccepting(false);
  loop_.RunFor(absl::Seconds(30));
  EXPECT_EQ(store_->commits(), commits);
  merger_->SetAccepting(true);
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(core_->now() - before, absl::Seconds(31));
}

TEST_F(MergerTest, TicksThatMakeRoomPassWhileNotAccepting) {
  Merger::Options options;
  options.sources = {"a"};
  Restart(options);
  merger_->Start();
  loop_.RunFor(absl::Seconds(1));
  absl::Duration held = core_->held_back();
  EXPECT_GT(held, absl::Hours(24)) << "nobody knows what a has";
  merger_->SetAccepting(false);
  merger_->SetLetGo(true);
  loop_.RunFor(absl::Seconds(10));
  EXPECT_LE(core_->held_back(), held - absl::Hours(9));
  loop_.RunFor(absl::Minutes(5));
  EXPECT_EQ(core_->held_back(), absl::ZeroDuration());
  uint64_t commits = store_->commits();
  loop_.RunFor(absl::Minutes(1));
  EXPECT_EQ(store_->commits(), commits) << "nothing is left to let go of";
}

TEST_F(MergerTest, AdmissionsAreStampedInTheCoresTimeAndAscend) {
  std::vector<int64_t> stamps;
  merger_->SetCommitObserver([&](const std::vector<CommittedRecord>& records) {
    for (const auto& record : records) stamps.push_back(record.record->admission_micros());
  });
  merger_->Start();
  loop_.RunFor(absl::Milliseconds(300));
  merger_->Admit(OpenInput("a", 1), 10, nullptr);
  Settle();
  EXPECT_EQ(stamps.back(), absl::ToUnixMicros(loop_.WallNow()));
  loop_.RunFor(absl::Seconds(5));
  EXPECT_TRUE(std::is_sorted(stamps.begin(), stamps.end()));
}

TEST_F(MergerTest, AfterAFailedCommitNobodyIsToldAnything) {
  for (auto fault : {MemStore::CommitFault::kFailApplied, MemStore::CommitFault::kFailNotApplied}) {
    Restart();
    fatals_ = 0;
    merger_->Start();
    merger_->Admit(OpenInput("a", 1), 10, nullptr);
    Settle();
    store_->FailNextCommit(fault);
    AdmitFrame(0);
    Settle();
    AdmitFrame(1);
    loop_.RunFor(absl::Seconds(5));
    EXPECT_TRUE(store_->fault_fired());
    EXPECT_TRUE(done_.empty());
    EXPECT_EQ(fatals_, 1);
    EXPECT_FALSE(fatal_.ok());
  }
}

TEST_F(MergerTest, NothingIsCalledAfterItsEnd) {
  merger_->Start();
  Settle();
  merger_->Admit(OpenInput("a", 1), 10, nullptr);
  AdmitFrame(0);
  merger_.reset();
  loop_.RunFor(absl::Seconds(5));
  EXPECT_TRUE(done_.empty());
}

}  // namespace
}  // namespace braid
