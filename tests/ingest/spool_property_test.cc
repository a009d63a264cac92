// Kills between any two changes of the disk, power cuts with random unsynced
// bytes left, raised epochs and overflows, again and again on one directory.

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "ingest/spool.h"
#include "ingest/spool_reader.h"
#include "tests/base/mem_file_system.h"
#include "tests/ingest/failing_file_system.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

constexpr char kDir[] = "/spool";

struct Tally {
  int kills = 0, raises = 0, cut_records = 0, corrupt_losses = 0;
  uint64_t overflow_offsets = 0, records = 0;
};

class World {
 public:
  World(uint64_t seed, bool small, Tally* tally) : random_(seed), tally_(tally) {
    options_.dir = kDir;
    options_.segment_bytes = 4096;
    options_.disk_bytes_max = small ? 8 * 4096 : 1 << 30;
    options_.tail_bytes_max = 1 << random_.Below(16);
    files_.options().garble = 0.3;
    files_.options().removed_returns = 0.5;
  }

  void Live(int lives) {
    for (int life = 0; life < lives && !testing::Test::HasFatalFailure(); ++life) {
      if (!Open()) return;
      Check();
      if (random_.Below(2) == 0) failing_.FailAfter(random_.Below(60));
      LiveOnce(life);
      Kill();
    }
  }

 private:
  bool Open() {
    fatal_ = false;
    auto spool =
        Spool::Open(loop_, failing_, random_, options_, [this](absl::Status) { fatal_ = true; });
    EXPECT_TRUE(spool.ok()) << spool.status();
    if (spool.ok()) spool_ = *std::move(spool);
    return spool.ok();
  }

  void LiveOnce(int life) {
    uint64_t steps = random_.Below(80);
    for (uint64_t i = 0; i < steps && !fatal_; ++i) {
      uint64_t dice = random_.Below(40);
      if (dice == 0) {
        ++tally_->raises;
        spool_->RaiseEpoch(spool_->epoch() + random_.Below(5), Spool::CurrentId::kKept);
      } else if (dice < 10) {
        loop_.RunFor(absl::Milliseconds(random_.Below(30)));
      } else {
        Append(absl::StrCat(life, "/", i));
      }
    }
  }

  void Append(const std::string& name) {
    v1::SessionRecord record;
    uint64_t events = 1 + random_.Below(5);
    for (uint64_t i = 0; i < events; ++i) record.mutable_frame()->add_lengths(1);
    record.mutable_frame()->set_payload(name);
    record.mutable_frame()->add_rule_tags(std::string(random_.Below(900), 'x'));
    ++tally_->records;
    appended_.emplace(name, false);
    spool_->Append(record);
  }

  void Kill() {
    ++tally_->kills;
    // Where the session's directory is now, also amid a raise.
    std::vector<std::string> names = *files_.List(kDir);
    for (const std::string& name : names) {
      auto segments = files_.List(absl::StrCat(kDir, "/", name));
      if (!segments.ok()) continue;
      for (const std::string& segment : *segments) {
        std::string path = absl::StrCat(kDir, "/", name, "/", segment);
        if (ParseSpoolNumber(segment, kSegmentSuffix).has_value()) NoteDurable(path, *files_.SyncedSize(path));
      }
    }
    spool_.reset();
    if (random_.Below(3) == 0)
      files_.ProcessKilled();
    else
      files_.PowerCut(random_);
    failing_.Heal();
  }

  // Finds by content which records end within the synced bytes.
  void NoteDurable(const std::string& path, uint64_t synced_bytes) {
    uint64_t first = *ParseSpoolNumber(path.substr(path.rfind('/') + 1), ".seg");
    SegmentScan scan(files_, path, kSegmentHeaderBytes, first);
    while (auto item = scan.Next()) {
      if (scan.position() > synced_bytes || !item->record.has_frame()) continue;
      appended_[item->record.frame().payload()] = true;
    }
  }

  void Check() {
    std::map<std::string, int> seen;
    std::map<std::string, uint64_t> epoch_of_life;
    bool overflow = false;
    for (const auto& session : spool_->Sessions()) {
      SpoolReader reader(*spool_);
      reader.Seek(session.epoch(), session.first_retained_offset());
      uint64_t expected = session.first_retained_offset();
      for (;;) {
        auto record = reader.Next();
        ASSERT_TRUE(record.ok()) << record.status();
        if (!record->has_value()) break;
        ASSERT_EQ((*record)->offset(), expected);
        expected += OffsetCount(**record);
        if ((*record)->has_loss()) {
          bool is_overflow = (*record)->loss().reason() == v1::Loss::REASON_SPOOL_OVERFLOW;
          overflow |= is_overflow;
          if (is_overflow) tally_->overflow_offsets += (*record)->loss().offsets();
          if (!is_overflow) ++tally_->corrupt_losses;
          continue;
        }
        std::string name = (*record)->frame().payload();
        ASSERT_TRUE(appended_.count(name)) << "never appended: " << name;
        ++seen[name];
        std::string life = name.substr(0, name.find('/'));
        ASSERT_EQ(epoch_of_life.emplace(life, session.epoch()).first->second, session.epoch());
      }
      ASSERT_EQ(expected, session.end_offset());
    }
    for (auto it = appended_.begin(); it != appended_.end();) {
      auto found = seen.find(it->first);
      int times = found == seen.end() ? 0 : found->second;
      ASSERT_LE(times, 1) << it->first;
      bool may_miss = !it->second || options_.disk_bytes_max < 1 << 20;
      ASSERT_TRUE(times == 1 || may_miss) << it->first << " was synced and is gone";
      if (times == 0) ++tally_->cut_records;
      // What is gone once stays gone: an overflow or a cut is final.
      it = times == 0 && !overflow ? appended_.erase(it) : std::next(it);
    }
  }

  SeededRandom random_;
  Tally* const tally_;
  SimLoop loop_;
  MemFileSystem files_{loop_};
  FailingFileSystem failing_{files_};
  Spool::Options options_;
  bool fatal_ = false;
  std::unique_ptr<Spool> spool_;
  // By name: whether a kill found it synced.
  std::map<std::string, bool> appended_;
};

TEST(SpoolPropertyTest, WhatWasSyncedIsThereOnceAndNothingElse) {
  Tally tally;
  for (uint64_t seed = 1; seed <= 30 && !testing::Test::HasFatalFailure(); ++seed) {
    SCOPED_TRACE(seed);
    World(seed, seed % 3 == 0, &tally).Live(12);
  }
  EXPECT_GT(tally.kills, 200);
  EXPECT_GT(tally.raises, 50);
  EXPECT_GT(tally.cut_records, 50);
  EXPECT_GT(tally.overflow_offsets, 1000);
  EXPECT_GT(tally.records, 5000);
}

// Every step of a raise, by count.
TEST(SpoolPropertyTest, KillAtAnyStepOfARaiseLosesNothing) {
  for (int step = 0;; ++step) {
    SimLoop loop;
    MemFileSystem files(loop);
    FailingFileSystem failing(files);
    SeededRandom random(step);
    Spool::Options options;
    options.dir = kDir;
    auto open = [&] { return *Spool::Open(loop, failing, random, options, [](absl::Status) {}); };
    v1::SessionRecord record;
    record.mutable_cover();
    for (int session = 0; session < 3; ++session) {
      auto spool = open();
      for (int i = 0; i <= session; ++i) spool->Append(record);
      loop.RunFor(absl::Seconds(1));
      if (session < 2) continue;
      failing.FailAfter(step);
      spool->RaiseEpoch(57, Spool::CurrentId::kKept);
    }
    bool raised_whole = !failing.fired();
    failing.Heal();
    files.PowerCut(random);
    auto spool = open();
    std::vector<v1::OfferRequest::Session> sessions = spool->Sessions();
    ASSERT_EQ(sessions.size(), 4);
    for (int session = 0; session < 3; ++session) {
      EXPECT_EQ(sessions[session].end_offset(), session + 1);
      // Either none or all of them: with some below 57, those would be taken
      // for what the deduper has already.
      EXPECT_EQ(sessions[session].epoch() > 57, sessions[0].epoch() > 57) << step;
    }
    EXPECT_EQ(sessions[0].epoch() > 57, step > 0);
    if (raised_whole) break;
    ASSERT_LT(step, 20);
  }
}

}  // namespace
}  // namespace braid
