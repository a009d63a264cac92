#include "ingest/spool.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/random.h"
#include "ingest/spool_reader.h"
#include "proto/proto_time.h"
#include "tests/base/mem_file_system.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

constexpr char kDir[] = "/spool";

Spool::Options SmallOptions() {
  Spool::Options options;
  options.dir = kDir;
  options.segment_bytes = 4096;
  options.disk_bytes_max = 20 * 4096;
  options.tail_bytes_max = 1;
  return options;
}

// A frame of `events` events, received at second `at`, with `bytes` of payload.
v1::SessionRecord FrameRecord(int events, int at, size_t bytes = 100) {
  v1::SessionRecord record;
  v1::Frame* frame = record.mutable_frame();
  SetTime(absl::FromUnixSeconds(at), frame->mutable_base_receive_time());
  for (int i = 0; i < events; ++i) {
    frame->add_lengths(10);
    frame->add_receive_offsets_micros(i);
  }
  frame->set_payload(std::string(bytes, static_cast<char>('a' + at % 26)));
  return record;
}

std::string Describe(const v1::SessionRecord& record) {
  std::string where = absl::StrCat(record.session_epoch(), "/", record.offset());
  if (record.has_loss()) {
    return absl::StrCat(where, " loss ", record.loss().offsets(), " ",
                        v1::Loss::Reason_Name(record.loss().reason()), " ",
                        record.loss().first_receive_time().seconds(), "..",
                        record.loss().last_receive_time().seconds());
  }
  return absl::StrCat(where, " frame ", record.frame().lengths_size());
}

class SpoolTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(Open().ok()); }

  absl::Status Open() {
    spool_.reset();
    files_.ProcessKilled();
    auto spool = Spool::Open(loop_, files_, random_, options_,
                             [this](absl::Status status) { fatal_ = status; });
    if (spool.ok()) spool_ = *std::move(spool);
    return spool.status();
  }

  void AppendFrames(int count, int events = 1, size_t bytes = 100) {
    for (int i = 0; i < count; ++i) spool_->Append(FrameRecord(events, next_second_++, bytes));
  }

  // Everything from there on, one line each.
  std::vector<std::string> Read(uint64_t epoch, uint64_t offset) {
    SpoolReader reader(*spool_);
    reader.Seek(epoch, offset);
    std::vector<std::string> lines;
    for (;;) {
      auto record = reader.Next();
      if (!record.ok()) lines.push_back(absl::StrCat("error ", record.status().code()));
      if (!record.ok() || !record->has_value()) return lines;
      lines.push_back(Describe(**record));
    }
  }

  std::string Names(const std::string& dir) {
    std::string names;
    auto list = files_.List(dir);
    if (!list.ok()) return "none";
    for (const std::string& name : *list) absl::StrAppend(&names, names.empty() ? "" : " ", name);
    return names;
  }

  void Corrupt(const std::string& path, uint64_t position) {
    auto bytes = files_.Read(path, 0, 1 << 20);
    ASSERT_TRUE(bytes.ok() && position < bytes->size());
    (*bytes)[position] ^= 1;
    ASSERT_TRUE(files_.Replace(path, *bytes).ok());
  }

  SimLoop loop_;
  MemFileSystem files_{loop_};
  SeededRandom random_{7};
  Spool::Options options_ = SmallOptions();
  absl::Status fatal_;
  int next_second_ = 1000;
  std::unique_ptr<Spool> spool_;
};

TEST_F(SpoolTest, ASpoolIsOpenedByItsOwnerOnly) {
  Spool::Options options = SmallOptions();
  auto open = [&](const std::string& owner) {
    spool_.reset();
    options.owner = owner;
    auto spool = Spool::Open(loop_, files_, random_, options, [](absl::Status) {});
    if (spool.ok()) spool_ = *std::move(spool);
    return spool.status();
  };
  // One without a name takes the first.
  EXPECT_TRUE(open("main/fra-a").ok());
  EXPECT_TRUE(open("main/fra-a").ok());
  for (const char* other : {"main/nyc-b", "other/fra-a"}) {
    absl::Status refused = open(other);
    EXPECT_TRUE(absl::IsFailedPrecondition(refused)) << refused;
    EXPECT_NE(refused.message().find("'/spool' holds what 'main/fra-a' received, and '"),
              absl::string_view::npos)
        << refused;
  }
  ASSERT_TRUE(files_.Remove("/spool/owner").ok());
  EXPECT_TRUE(open("main/nyc-b").ok());
}

TEST_F(SpoolTest, RecordsTakeOneOffsetPerEventAndOneForAllElse) {
  spool_->Append(FrameRecord(3, 1));
  v1::SessionRecord cover;
  cover.mutable_cover();
  spool_->Append(cover);
  spool_->Append(FrameRecord(2, 2));
  spool_->Append(MakeLoss(0, 0, ReceiveInterval(), v1::Loss::REASON_OVERSIZE_LINE));
  EXPECT_EQ(Read(1, 0), (std::vector<std::string>{"1/0 frame 3", "1/3 frame 0", "1/4 frame 2",
                                                  "1/6 loss 0 REASON_OVERSIZE_LINE 0..0"}));
  EXPECT_EQ(Read(1, 4),
            (std::vector<std::string>{"1/4 frame 2", "1/6 loss 0 REASON_OVERSIZE_LINE 0..0"}));
}

TEST_F(SpoolTest, ReadsTheSameFromMemoryAndFromFiles) {
  AppendFrames(200, 2);
  std::vector<std::string> from_files = Read(1, 0);
  ASSERT_EQ(from_files.size(), 200);
  options_.tail_bytes_max = 1 << 20;
  ASSERT_TRUE(Open().ok());
  next_second_ = 1000;
  AppendFrames(200, 2);
  std::vector<std::string> from_memory = Read(2, 0);
  for (std::string& line : from_files) line[0] = '2';
  EXPECT_EQ(from_memory, from_files);
}

TEST_F(SpoolTest, EveryStartRaisesTheEpochAndKeepsOlderSessions) {
  AppendFrames(2);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(spool_->epoch(), 2);
  AppendFrames(1);
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(spool_->epoch(), 4);
  std::vector<v1::OfferRequest::Session> sessions = spool_->Sessions();
  ASSERT_EQ(sessions.size(), 3) << "session 3 was empty";
  EXPECT_EQ(sessions[0].epoch(), 1);
  EXPECT_EQ(sessions[0].end_offset(), 2);
  EXPECT_EQ(sessions[1].epoch(), 2);
  EXPECT_EQ(sessions[2].epoch(), 4);
  EXPECT_EQ(Read(1, 0).size(), 2);
}

TEST_F(SpoolTest, OffsetInsideARecordAndUnknownSessionsAreErrors) {
  spool_->Append(FrameRecord(3, 1));
  EXPECT_EQ(Read(1, 1), std::vector<std::string>{"error 9"});
  EXPECT_EQ(Read(1, 4), std::vector<std::string>{"error 9"});
  EXPECT_EQ(Read(9, 0), std::vector<std::string>{"error 5"});
  EXPECT_EQ(Read(1, 3), std::vector<std::string>{});
}

TEST_F(SpoolTest, SyncsAfterTwentyMillisecondsAndAtOnceAfterManyBytes) {
  const Counter& syncs = spool_->metrics().syncs;
  AppendFrames(1);
  loop_.RunFor(absl::Milliseconds(19));
  EXPECT_EQ(files_.sync_count(), 0);
  loop_.RunFor(absl::Milliseconds(4));
  EXPECT_EQ(syncs.value(), 1);
  EXPECT_EQ(files_.sync_count(), 2) << "of the segment and of its mark";
  AppendFrames(1, 1, options_.sync_bytes);
  loop_.RunFor(absl::Milliseconds(2));
  EXPECT_EQ(syncs.value(), 2);
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(syncs.value(), 2) << "nothing to sync";
}

TEST_F(SpoolTest, FlushEndsWhenAllIsDurable) {
  int flushed = 0;
  spool_->Flush([&] { ++flushed; });
  loop_.RunFor(absl::ZeroDuration());
  EXPECT_EQ(flushed, 1) << "nothing to sync";
  AppendFrames(100);
  spool_->Flush([&] { ++flushed; });
  loop_.RunFor(absl::ZeroDuration());
  EXPECT_EQ(flushed, 1);
  loop_.RunFor(absl::Milliseconds(19));
  EXPECT_EQ(flushed, 2) << "before the group's time";
}

TEST_F(SpoolTest, FailedAppendAndFailedSyncAreFatalOnce) {
  files_.FailNextSync(absl::InternalError("EIO"));
  AppendFrames(1);
  loop_.RunFor(absl::Seconds(1));
  EXPECT_EQ(fatal_.message(), "EIO");
  uint64_t records = spool_->metrics().records.value();
  AppendFrames(1);
  EXPECT_EQ(spool_->metrics().records.value(), records);

  fatal_ = absl::OkStatus();
  ASSERT_TRUE(Open().ok());
  files_.FailNextAppend(absl::ResourceExhaustedError("full"));
  AppendFrames(1);
  EXPECT_EQ(fatal_.message(), "full");
}

TEST_F(SpoolTest, AcknowledgedSegmentsStayForTheRetention) {
  options_.deduper_count = 2;
  ASSERT_TRUE(Open().ok());
  AppendFrames(100);
  uint64_t bytes = spool_->UnacknowledgedBytes(0);
  EXPECT_GT(bytes, 10000);
  spool_->Acknowledge(0, 2, 100);
  EXPECT_EQ(spool_->UnacknowledgedBytes(0), 0);
  EXPECT_EQ(spool_->UnacknowledgedBytes(1), bytes);
  loop_.RunFor(absl::Hours(1));
  EXPECT_EQ(spool_->Sessions().back().first_retained_offset(), 0) << "deduper 1 has nothing";
  EXPECT_FALSE(spool_->FullyAcknowledged(1));
  spool_->Acknowledge(1, 2, 100);
  EXPECT_TRUE(spool_->FullyAcknowledged(1));
  loop_.RunFor(absl::Minutes(14));
  EXPECT_EQ(spool_->Sessions().back().first_retained_offset(), 0);
  loop_.RunFor(absl::Minutes(2));
  EXPECT_GT(spool_->Sessions().back().first_retained_offset(), 50);
}

TEST_F(SpoolTest, WhatADeduperLostIsKeptForItAgain) {
  AppendFrames(100);
  const uint64_t bytes = spool_->UnacknowledgedBytes(0);
  spool_->ResetAcknowledged(0, 1, 100);
  ASSERT_TRUE(spool_->FullyAcknowledged(0));
  loop_.RunFor(absl::Minutes(10));
  spool_->ResetAcknowledged(0, 1, 0);
  EXPECT_FALSE(spool_->FullyAcknowledged(0));
  EXPECT_EQ(spool_->UnacknowledgedBytes(0), bytes);
  // Its retention begins anew, once it is acknowledged again.
  loop_.RunFor(absl::Hours(1));
  EXPECT_EQ(Read(1, 0).size(), 100);
  spool_->ResetAcknowledged(0, 1, 100);
  loop_.RunFor(absl::Minutes(14));
  EXPECT_EQ(spool_->Sessions().back().first_retained_offset(), 0);
  loop_.RunFor(absl::Minutes(2));
  EXPECT_GT(spool_->Sessions().back().first_retained_offset(), 50);
  // What is gone stays gone, and an epoch that is not kept is nobody's.
  spool_->ResetAcknowledged(0, 1, 0);
  spool_->ResetAcknowledged(0, 77, 5);
  EXPECT_GT(spool_->Sessions().back().first_retained_offset(), 50);
  EXPECT_LT(spool_->UnacknowledgedBytes(0), bytes);
}

TEST_F(SpoolTest, OlderSessionIsGoneWhenAllOfItExpired) {
  AppendFrames(100);
  ASSERT_TRUE(Open().ok());
  spool_->Acknowledge(0, 1, 100);
  loop_.RunFor(absl::Minutes(16));
  EXPECT_EQ(Names(kDir), absl::StrCat(SpoolNumber(2), " epoch"));
  EXPECT_EQ(spool_->Sessions().size(), 1);
}

TEST_F(SpoolTest, AtTheCapAcknowledgedSegmentsGoFirst) {
  AppendFrames(300);
  spool_->Acknowledge(0, 1, 300);
  AppendFrames(400);
  EXPECT_EQ(spool_->metrics().lost_offsets.value(), 0);
  EXPECT_GT(spool_->Sessions().back().first_retained_offset(), 0);
  EXPECT_GT(spool_->metrics().removed_segments.value(), 0);
}

TEST_F(SpoolTest, AtTheCapTheOldestRecordsBecomeOneLossOfExactlyTheirOffsets) {
  AppendFrames(3000, 2);
  std::vector<std::string> lines = Read(1, 0);
  uint64_t lost = spool_->metrics().lost_offsets.value();
  ASSERT_GT(lost, 2000);
  EXPECT_EQ(lines[0],
            absl::StrCat("1/0 loss ", lost, " REASON_SPOOL_OVERFLOW 1000..", 1000 + lost / 2 - 1));
  EXPECT_EQ(lines[1], absl::StrCat("1/", lost, " frame 2"));
  EXPECT_EQ(lines.size(), 1 + 3000 - lost / 2);
  // Who had some of it gets a loss of the rest only.
  EXPECT_EQ(Read(1, 500)[0], absl::StrCat("1/500 loss ", lost - 500,
                                          " REASON_SPOOL_OVERFLOW 1000..", 1000 + lost / 2 - 1));
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Read(1, 0), lines);
}

TEST_F(SpoolTest, LowDiskCountsAsTheCap) {
  AppendFrames(300);
  files_.options().free_bytes = options_.free_bytes_min - 1;
  loop_.RunFor(absl::Seconds(3));
  uint64_t lost = spool_->metrics().lost_offsets.value();
  EXPECT_GT(lost, 0);
  files_.options().free_bytes = options_.free_bytes_min;
  loop_.RunFor(absl::Seconds(1));
  lost = spool_->metrics().lost_offsets.value();
  loop_.RunFor(absl::Seconds(3));
  EXPECT_EQ(spool_->metrics().lost_offsets.value(), lost);
}

TEST_F(SpoolTest, ReaderGoesOnWhereItsSegmentWasReplaced) {
  AppendFrames(30);
  SpoolReader reader(*spool_);
  reader.Seek(1, 0);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE((*reader.Next()).has_value());
  AppendFrames(1000);
  auto record = reader.Next();
  ASSERT_TRUE(record.ok() && record->has_value());
  EXPECT_TRUE((*record)->has_loss());
  EXPECT_EQ((*record)->offset(), 5);
}

TEST_F(SpoolTest, WhatIsNoLongerKeptComesOutAsALoss) {
  AppendFrames(100);
  spool_->Acknowledge(0, 1, 100);
  loop_.RunFor(absl::Minutes(16));
  uint64_t first = spool_->Sessions().back().first_retained_offset();
  ASSERT_GT(first, 0);
  std::vector<std::string> lines = Read(1, 0);
  EXPECT_EQ(lines[0].substr(0, 12 + SpoolNumber(first).size()),
            absl::StrCat("1/0 loss ", first, " REASON_SPOOL_OVERFLOW 0..0")
                .substr(0, 12 + SpoolNumber(first).size()));
}

TEST_F(SpoolTest, BadRecordBehindTheLastSyncCutsTheEndOfTheSession) {
  AppendFrames(10);
  Corrupt(SegmentPath(kDir, 1, 0), 900);
  ASSERT_TRUE(Open().ok());
  std::vector<std::string> lines = Read(1, 0);
  ASSERT_FALSE(lines.empty());
  EXPECT_LT(lines.size(), 10);
  EXPECT_EQ(lines.back().substr(4), "frame 1");
  EXPECT_EQ(spool_->Sessions()[0].end_offset(), lines.size());
}

TEST_F(SpoolTest, BadRecordElsewhereBecomesALossUpToTheNextSegment) {
  AppendFrames(100);
  uint64_t second = 0;
  auto names = files_.List(SessionDir(kDir, 1));
  ASSERT_GT(names->size(), 3);
  ASSERT_EQ((*names)[0], SpoolNumber(0) + ".mark");
  second = *ParseSpoolNumber((*names)[2], ".seg");
  Corrupt(SegmentPath(kDir, 1, 0), 2000);
  for (bool reopen : {false, true}) {
    if (reopen) {
      ASSERT_TRUE(Open().ok());
    }
    std::vector<std::string> lines = Read(1, 0);
    uint64_t offset = 0;
    int losses = 0;
    for (const std::string& line : lines) {
      EXPECT_EQ(line.substr(0, line.find(' ')), absl::StrCat("1/", offset));
      uint64_t took = 1;
      if (line.find("loss") != std::string::npos) {
        ++losses;
        took = second - offset;
        // Between the record before and the first one after.
        EXPECT_EQ(line, absl::StrCat("1/", offset, " loss ", took, " REASON_SPOOL_CORRUPT ",
                                     1000 + offset - 1, "..", 1000 + second));
      }
      offset += took;
    }
    EXPECT_EQ(losses, 1);
    EXPECT_EQ(offset, 100);
  }
}

TEST_F(SpoolTest, DamagedEndOfAnOlderSessionIsALossToo) {
  AppendFrames(10);
  ASSERT_TRUE(Open().ok());
  AppendFrames(1);
  Corrupt(SegmentPath(kDir, 1, 0), 900);
  ASSERT_TRUE(Open().ok());
  std::vector<std::string> lines = Read(1, 0);
  EXPECT_NE(lines.back().find("REASON_SPOOL_CORRUPT"), std::string::npos);
  EXPECT_EQ(spool_->Sessions()[0].end_offset(), 10);
}

TEST_F(SpoolTest, WhatIsNotASpoolOfThisVersionIsRefusedAndLeftAlone) {
  AppendFrames(10);
  std::string segment = SegmentPath(kDir, 1, 0);
  std::string good = *files_.Read(segment, 0, 1 << 20);
  std::string future = good;
  future[11] = 2;
  std::string checksum;
  AppendBe64(&checksum, Hash64(future.substr(0, 24)));
  future.replace(24, 8, checksum);
  std::string epoch_file = *files_.Read(EpochPath(kDir), 0, 1 << 20);
  std::string future_epoch = epoch_file;
  future_epoch[11] = 9;
  struct Case {
    std::string path, content;
  };
  for (const Case& c :
       {Case{"/spool/notes.txt", "mine"}, Case{"/spool/00000000000000000001/x", "y"},
        Case{segment, future}, Case{EpochPath(kDir), future_epoch},
        Case{EpochPath(kDir), "nonsense that is long enough to be looked at"}}) {
    auto before = files_.Read(c.path, 0, 1 << 20);
    ASSERT_TRUE(files_.Replace(c.path, c.content).ok());
    std::string names = Names(kDir) + Names(SessionDir(kDir, 1));
    absl::Status status = Open();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << c.path;
    EXPECT_NE(status.message().find(c.path), std::string::npos) << status;
    EXPECT_NE(status.message().find("Move it away"), std::string::npos) << status;
    EXPECT_EQ(Names(kDir) + Names(SessionDir(kDir, 1)), names);
    EXPECT_EQ(*files_.Read(c.path, 0, 1 << 20), c.content);
    absl::Status undone = before.ok() ? files_.Replace(c.path, *before) : files_.Remove(c.path);
    ASSERT_TRUE(undone.ok());
  }
  ASSERT_TRUE(files_.Remove(EpochPath(kDir)).ok());
  EXPECT_EQ(Open().code(), absl::StatusCode::kFailedPrecondition);
  ASSERT_TRUE(files_.Replace(EpochPath(kDir), epoch_file).ok());
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(Read(1, 0).size(), 10);
}

TEST_F(SpoolTest, RaisedEpochOffersEverySessionAgainUnderANewNumber) {
  AppendFrames(3);
  ASSERT_TRUE(Open().ok());
  AppendFrames(2);
  spool_->Acknowledge(0, 1, 3);
  uint64_t id = spool_->session_id();
  spool_->RaiseEpoch(57, Spool::CurrentId::kKept);
  EXPECT_EQ(spool_->epoch(), 59);
  EXPECT_EQ(spool_->session_id(), id);
  EXPECT_FALSE(spool_->FullyAcknowledged(0));
  EXPECT_EQ(Read(58, 0).size(), 3);
  AppendFrames(1);
  EXPECT_EQ(Read(59, 0),
            (std::vector<std::string>{"59/0 frame 1", "59/1 frame 1", "59/2 frame 1"}));
  spool_->RaiseEpoch(57, Spool::CurrentId::kNew);
  EXPECT_EQ(spool_->epoch(), 59) << "above it already";
  spool_->RaiseEpoch(59, Spool::CurrentId::kNew);
  EXPECT_EQ(spool_->epoch(), 61);
  EXPECT_NE(spool_->session_id(), id);
  ASSERT_TRUE(Open().ok());
  EXPECT_EQ(spool_->epoch(), 62);
  EXPECT_EQ(Read(60, 0).size(), 3);
  EXPECT_EQ(Read(61, 0).size(), 3);
}

struct CountingObserver : SpoolObserver {
  void OnAppended() override { ++appended; }
  void OnSessionsChanged() override { ++changed; }
  int appended = 0, changed = 0;
};

TEST_F(SpoolTest, ObserversHearOncePerTurn) {
  CountingObserver observer;
  spool_->AddObserver(&observer);
  AppendFrames(10);
  EXPECT_EQ(observer.appended, 0);
  loop_.RunFor(absl::ZeroDuration());
  EXPECT_EQ(observer.appended, 1);
  spool_->RaiseEpoch(5, Spool::CurrentId::kKept);
  loop_.RunFor(absl::ZeroDuration());
  EXPECT_EQ(observer.changed, 1);
  spool_->RemoveObserver(&observer);
  AppendFrames(1);
  loop_.RunFor(absl::ZeroDuration());
  EXPECT_EQ(observer.appended, 1);
}

}  // namespace
}  // namespace braid
