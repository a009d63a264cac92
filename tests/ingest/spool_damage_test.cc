// Damage to a spool's files at every position, after a clean stop and after a
// kill: either every record comes back, or a Loss covers exactly the missing
// offsets. And: disks that fail for a while, noise where a header should be.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "ingest/spool.h"
#include "ingest/spool_check.h"
#include "ingest/spool_reader.h"
#include "proto/proto_time.h"
#include "tests/base/mem_file_system.h"
#include "tests/ingest/failing_file_system.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

constexpr char kDir[] = "/spool";
constexpr int kFirstSecond = 1000;

enum class Damage { kTruncate, kZero, kFlip, kDelete };

class Disk {
 public:
  Disk() {
    options_.dir = kDir;
    options_.segment_bytes = 4096;
    options_.disk_bytes_max = 1 << 20;
    options_.tail_bytes_max = 1;
  }

  absl::Status Open() {
    spool_.reset();
    files_.ProcessKilled();
    auto spool = Spool::Open(loop_, failing_, random_, options_,
                             [this](absl::Status status) { fatal_ = status; });
    if (spool.ok()) spool_ = *std::move(spool);
    return spool.status();
  }

  // Record i stands at offset 2 i and was received at second i.
  void Append(int count) {
    for (int i = 0; i < count; ++i) {
      v1::SessionRecord record;
      v1::Frame* frame = record.mutable_frame();
      SetTime(absl::FromUnixSeconds(kFirstSecond + appended_++),
              frame->mutable_base_receive_time());
      for (int event = 0; event < 2; ++event) {
        frame->add_lengths(10);
        frame->add_receive_offsets_micros(event);
      }
      frame->set_payload(std::string(300, 'p'));
      spool_->Append(record);
    }
  }
  void Sync() { loop_.RunFor(absl::Milliseconds(100)); }

  std::vector<std::string> Segments(uint64_t epoch) {
    std::vector<std::string> paths;
    auto names = files_.List(SessionDir(kDir, epoch));
    for (const std::string& name : *names) {
      if (absl::EndsWith(name, kSegmentSuffix)) {
        paths.push_back(absl::StrCat(SessionDir(kDir, epoch), "/", name));
      }
    }
    return paths;
  }

  void Harm(const std::string& path, Damage damage, uint64_t position) {
    if (damage == Damage::kDelete) {
      ASSERT_TRUE(files_.Remove(path).ok());
      return;
    }
    std::string bytes = *files_.Read(path, 0, 1 << 20);
    if (damage == Damage::kTruncate) bytes.resize(position);
    if (damage == Damage::kFlip) bytes[position] ^= 0x10;
    for (uint64_t i = position; damage == Damage::kZero && i < bytes.size(); ++i) bytes[i] = '\0';
    ASSERT_TRUE(files_.Replace(path, bytes).ok());
  }

  struct Found {
    uint64_t records = 0, lost_offsets = 0, end = 0;
    bool unknown_loss = false;
  };

  // Every record once and in order, every other offset below `promised` inside
  // a loss whose times hold those of what it stands for.
  Found Check(uint64_t epoch, uint64_t promised) {
    Found found;
    SpoolReader reader(*spool_);
    reader.Seek(epoch, 0);
    while (true) {
      auto record = reader.Next();
      EXPECT_TRUE(record.ok()) << record.status();
      if (!record.ok() || !record->has_value()) break;
      EXPECT_EQ((*record)->offset(), found.end);
      uint64_t until = found.end + OffsetCount(**record);
      if ((*record)->has_loss()) {
        found.lost_offsets += until - found.end;
        ReceiveInterval interval = ReceiveIntervalOf(**record);
        if ((*record)->loss().reason() == v1::Loss::REASON_SPOOL_CORRUPT) {
          EXPECT_LE(interval.first, absl::FromUnixSeconds(kFirstSecond + found.end / 2));
          EXPECT_GE(interval.last, absl::FromUnixSeconds(kFirstSecond + (until - 1) / 2));
        }
      } else {
        EXPECT_EQ(ToTime((*record)->frame().base_receive_time()),
                  absl::FromUnixSeconds(kFirstSecond + found.end / 2));
        ++found.records;
      }
      found.end = until;
    }
    EXPECT_GE(found.end, promised);
    EXPECT_EQ(found.end, found.records * 2 + found.lost_offsets);
    reader.Seek(spool_->epoch(), 0);
    auto first = reader.Next();
    found.unknown_loss = first.ok() && first->has_value() && (*first)->has_loss();
    return found;
  }

  // How often each record is there, by its receive time in seconds. Expects no
  // loss.
  std::map<int64_t, int> TimesSeen() {
    std::map<int64_t, int> seen;
    for (const auto& session : spool_->Sessions()) {
      SpoolReader reader(*spool_);
      reader.Seek(session.epoch(), session.first_retained_offset());
      while (true) {
        auto record = reader.Next();
        EXPECT_TRUE(record.ok()) << record.status();
        if (!record.ok() || !record->has_value()) break;
        EXPECT_FALSE((*record)->has_loss());
        ++seen[(*record)->frame().base_receive_time().seconds()];
      }
    }
    return seen;
  }

  SimLoop loop_;
  MemFileSystem files_{loop_};
  FailingFileSystem failing_{files_};
  SeededRandom random_{7};
  Spool::Options options_;
  absl::Status fatal_;
  int appended_ = 0;
  std::unique_ptr<Spool> spool_;
};

// The last record of session 1, never synced after a kill, is all that may be
// missing without a loss.
void HarmEverywhere(bool clean_stop, bool later_session) {
  uint64_t harmed = 0;
  for (Damage damage : {Damage::kTruncate, Damage::kZero, Damage::kFlip, Damage::kDelete}) {
    bool more = true;
    for (uint64_t step = 0; more; ++step) {
      more = false;
      for (int segment = 0; segment < 3; ++segment) {
        Disk disk;
        ASSERT_TRUE(disk.Open().ok());
        disk.Append(29);
        disk.Sync();
        disk.Append(1);
        if (clean_stop) disk.Sync();
        uint64_t promised = clean_stop ? 60 : 58;
        if (later_session) {
          ASSERT_TRUE(disk.Open().ok());
          promised = 60;
        }
        std::vector<std::string> segments = disk.Segments(1);
        ASSERT_EQ(segments.size(), 3);
        uint64_t position = step * 13;
        if (position >= *disk.files_.Size(segments[segment])) continue;
        more = damage != Damage::kDelete;
        SCOPED_TRACE(absl::StrCat("damage ", static_cast<int>(damage), " segment ", segment, " at ",
                                  position));
        disk.Harm(segments[segment], damage, position);
        ASSERT_TRUE(disk.Open().ok());
        Disk::Found found = disk.Check(1, promised);
        EXPECT_FALSE(found.unknown_loss);
        EXPECT_LE(found.end, 60);
        // A header tells nothing that the records do not.
        bool header = damage == Damage::kFlip && position < kSegmentHeaderBytes;
        EXPECT_TRUE(!header || found.records == 30);
        if (found.lost_offsets > 0) ++harmed;
        // What was found stays so.
        ASSERT_TRUE(disk.Open().ok());
        EXPECT_EQ(disk.Check(1, promised).lost_offsets, found.lost_offsets);
      }
    }
  }
  EXPECT_GT(harmed, 500);
}

TEST(SpoolDamageTest, AfterACleanStopEveryMissingOffsetIsInsideALoss) {
  HarmEverywhere(true, false);
}

TEST(SpoolDamageTest, AfterAKillEveryMissingSyncedOffsetIsInsideALoss) {
  HarmEverywhere(false, false);
}

TEST(SpoolDamageTest, EveryMissingOffsetOfAnOlderSessionIsInsideALoss) {
  HarmEverywhere(true, true);
}

TEST(SpoolDamageTest, SessionsWhoseSegmentsAreAllGoneAreALossOfAllTheirOffsets) {
  for (bool with_dir : {false, true}) {
    Disk disk;
    ASSERT_TRUE(disk.Open().ok());
    disk.Append(30);
    disk.Sync();
    std::string dir = SessionDir(kDir, 1);
    for (const std::string& path : disk.Segments(1)) disk.Harm(path, Damage::kDelete, 0);
    if (with_dir) {
      ASSERT_TRUE(disk.Open().ok());
      EXPECT_EQ(disk.Check(1, 60).lost_offsets, 60);
      auto names = disk.files_.List(dir);
      for (const std::string& name : *names) {
        ASSERT_TRUE(disk.files_.Remove(absl::StrCat(dir, "/", name)).ok());
      }
      ASSERT_TRUE(disk.files_.Remove(dir).ok());
    }
    ASSERT_TRUE(disk.Open().ok());
    EXPECT_EQ(disk.spool_->Sessions()[0].end_offset(), 60);
    if (!with_dir) EXPECT_EQ(disk.Check(1, 60).lost_offsets, 60);
  }
}

TEST(SpoolDamageTest, WithoutMarksTheEndIsUnknownAndALossSaysSo) {
  Disk disk;
  ASSERT_TRUE(disk.Open().ok());
  disk.Append(30);
  disk.Sync();
  disk.Harm(MarkPath(SessionDir(kDir, 1), 0), Damage::kDelete, 0);
  ASSERT_TRUE(disk.Open().ok());
  Disk::Found found = disk.Check(1, 60);
  EXPECT_EQ(found.records, 30);
  EXPECT_TRUE(found.unknown_loss);
  ASSERT_TRUE(disk.Open().ok());
  EXPECT_FALSE(disk.Check(1, 60).unknown_loss) << "told once";
}

TEST(SpoolDamageTest, MarksStayBoundedThroughManySyncs) {
  Disk disk;
  disk.options_.disk_bytes_max = 64 << 20;
  ASSERT_TRUE(disk.Open().ok());
  for (int i = 0; i < 6000; ++i) {
    disk.Append(1);
    disk.loop_.RunFor(absl::Milliseconds(25));
  }
  uint64_t mark_bytes = 0;
  auto names = disk.files_.List(SessionDir(kDir, 1));
  for (const std::string& name : *names) {
    if (!absl::EndsWith(name, kMarkSuffix)) continue;
    mark_bytes += *disk.files_.Size(absl::StrCat(SessionDir(kDir, 1), "/", name));
  }
  EXPECT_LE(mark_bytes, 2 * kMarkFileBytesMax);
  disk.Harm(disk.Segments(1).back(), Damage::kDelete, 0);
  ASSERT_TRUE(disk.Open().ok());
  EXPECT_GT(disk.Check(1, 12000).lost_offsets, 0);
}

TEST(SpoolDamageTest, NoiseInANeverSyncedSegmentIsATornTail) {
  Disk disk;
  ASSERT_TRUE(disk.Open().ok());
  disk.Append(9);
  disk.Sync();
  std::string next = SegmentPath(kDir, 1, 18);
  if (disk.Segments(1).size() == 1) {
    std::string noise(500, '\0');
    for (char& c : noise) c = static_cast<char>(disk.random_.Next());
    ASSERT_TRUE(disk.files_.Replace(next, noise).ok());
  }
  ASSERT_TRUE(disk.Open().ok());
  Disk::Found found = disk.Check(1, 18);
  EXPECT_EQ(found.records, 9);
  EXPECT_EQ(found.lost_offsets, 0);
  EXPECT_FALSE(found.unknown_loss);
}

TEST(SpoolDamageTest, ADiskThatFailsForAWhileLosesNothing) {
  Disk disk;
  ASSERT_TRUE(disk.Open().ok());
  disk.Append(30);
  disk.Sync();
  ASSERT_TRUE(disk.Open().ok());
  SpoolReader reader(*disk.spool_);
  reader.Seek(1, 0);
  disk.failing_.FailReads(kSegmentSuffix, disk.options_.read_attempts_max - 1);
  int unavailable = 0;
  uint64_t records = 0;
  while (true) {
    auto record = reader.Next();
    if (absl::IsUnavailable(record.status())) {
      ++unavailable;
      continue;
    }
    ASSERT_TRUE(record.ok());
    if (!record->has_value()) break;
    EXPECT_FALSE((*record)->has_loss());
    ++records;
  }
  EXPECT_EQ(unavailable, disk.options_.read_attempts_max - 1);
  EXPECT_EQ(records, 30);
  EXPECT_EQ(disk.spool_->metrics().read_errors.value(), unavailable);
}

TEST(SpoolDamageTest, ADiskThatGoesOnFailingIsALoss) {
  Disk disk;
  ASSERT_TRUE(disk.Open().ok());
  disk.Append(30);
  disk.Sync();
  ASSERT_TRUE(disk.Open().ok());
  SpoolReader reader(*disk.spool_);
  reader.Seek(1, 0);
  disk.failing_.FailReads(disk.Segments(1)[0], 1000);
  for (int i = 1; i < disk.options_.read_attempts_max; ++i) {
    ASSERT_TRUE(absl::IsUnavailable(reader.Next().status()));
  }
  auto record = reader.Next();
  ASSERT_TRUE(record.ok() && record->has_value());
  EXPECT_EQ((*record)->loss().reason(), v1::Loss::REASON_SPOOL_CORRUPT);
}

TEST(SpoolDamageTest, ADiskThatFailsAtTheStartLosesNothingSynced) {
  for (int failures : {1, 2, 5, 30}) {
    Disk disk;
    ASSERT_TRUE(disk.Open().ok());
    disk.Append(30);
    disk.Sync();
    disk.failing_.FailReads(kSegmentSuffix, failures);
    ASSERT_TRUE(disk.Open().ok());
    disk.failing_.FailReads(kSegmentSuffix, 0);
    Disk::Found found = disk.Check(1, 60);
    EXPECT_EQ(found.records, 30);
    EXPECT_FALSE(found.unknown_loss);
  }
}

TEST(SpoolDamageTest, AFullOrFailingDiskStopsTheSpoolAndKeepsWhatItHas) {
  int stopped = 0;
  for (int change = 0; change < 40; ++change) {
    Disk disk;
    ASSERT_TRUE(disk.Open().ok());
    disk.Append(15);
    disk.Sync();
    disk.failing_.FailAfter(change);
    for (int i = 0; i < 15; ++i) {
      disk.Append(1);
      disk.loop_.RunFor(absl::Milliseconds(25));
    }
    bool flushed = false;
    if (disk.fatal_.ok()) disk.spool_->Flush([&] { flushed = true; });
    disk.Sync();
    stopped += !disk.fatal_.ok();
    // Whoever is told that all is durable finds all of it.
    uint64_t promised = flushed ? *disk.spool_->EndOffset(1) : 30;
    uint64_t syncs = disk.spool_->metrics().syncs.value();
    disk.failing_.Heal();
    disk.files_.PowerCut(disk.random_);
    ASSERT_TRUE(disk.Open().ok());
    Disk::Found found = disk.Check(1, promised);
    EXPECT_EQ(found.lost_offsets, 0);
    EXPECT_GE(found.records, 15 + (syncs > 1 ? syncs - 2 : 0) - 5);
  }
  EXPECT_GT(stopped, 10);
}

TEST(SpoolCheckTest, ChecksThatTheDirectoryCanBeWrittenToAndHasRoom) {
  Disk disk;
  ASSERT_TRUE(disk.files_.CreateDir("/var").ok());
  EXPECT_TRUE(CheckSpoolDir(disk.failing_, "/var/spool/a", 1000).ok());
  EXPECT_TRUE(disk.files_.List("/var")->empty()) << "nothing stays behind";
  disk.files_.options().free_bytes = 999;
  EXPECT_TRUE(absl::IsResourceExhausted(CheckSpoolDir(disk.failing_, "/var/spool/a", 1000)));
  disk.failing_.FailAfter(0);
  absl::Status status = CheckSpoolDir(disk.failing_, "/var/spool/a", 0);
  EXPECT_TRUE(absl::IsFailedPrecondition(status));
  EXPECT_TRUE(absl::StrContains(status.message(), "'/var/spool/a' can not be written to"));
}

TEST(SpoolSessionsTest, ThousandsOfStartsKeepEveryRecordInFewSessions) {
  Disk disk;
  disk.options_.disk_bytes_max = 64 << 20;
  // Each start lists them all.
  disk.options_.sessions_max = 16;
  constexpr int kStarts = 5000;
  size_t most = 0;
  for (int i = 0; i < kStarts; ++i) {
    ASSERT_TRUE(disk.Open().ok());
    disk.Append(1);
    if (i % 3 == 0) disk.Sync();
    most = std::max(most, disk.spool_->Sessions().size());
  }
  EXPECT_LE(most, disk.options_.sessions_max + 1);
  std::map<int64_t, int> seen = disk.TimesSeen();
  ASSERT_EQ(seen.size(), kStarts);
  for (const auto& [second, times] : seen) ASSERT_EQ(times, 1) << second;
}

TEST(SpoolSessionsTest, AKillAmidAMergeLosesNothing) {
  for (int step = 0;; ++step) {
    Disk disk;
    disk.options_.sessions_max = 4;
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(disk.Open().ok());
      disk.Append(1);
      disk.Sync();
    }
    disk.failing_.FailAfter(step);
    bool merged = disk.Open().ok();
    disk.failing_.Heal();
    disk.files_.PowerCut(disk.random_);
    ASSERT_TRUE(disk.Open().ok());
    EXPECT_EQ(disk.TimesSeen().size(), 5) << step;
    if (merged) break;
    ASSERT_LT(step, 100);
  }
}

}  // namespace
}  // namespace braid
