#include "dedupe/metering.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "base/random.h"
#include "dedupe/frame_parts.h"
#include "dedupe/keys.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

constexpr int32_t kStartDay = 19'723;  // 2024-01-01

uint64_t PostAt(absl::Time created, uint64_t number) { return FirstSnowflakeAt(created) + number; }

// A metering over a store, committed after every frame.
class MeteringTest : public testing::Test {
 protected:
  MeteringTest() { Reload(); }

  void Reload() {
    metering_.reset();
    metering_ = std::make_unique<Metering>(*store_);
    ASSERT_TRUE(metering_->Load().ok());
  }

  void Commit(WriteSet* changes) {
    metering_->Seal(changes);
    ASSERT_TRUE(store_->Commit(*changes).ok());
    metering_->Committed();
    changes->Clear();
  }

  // `tags`: those of every event.
  void Deliver(const std::vector<uint64_t>& ids, absl::Time received,
               const std::vector<std::string>& tags = {}) {
    v1::Frame frame = MakeFrame(ids, received);
    for (const std::string& tag : tags) frame.add_rule_tags(tag);
    std::string is_new = EmptyBitmap(static_cast<int>(ids.size()));
    for (size_t i = 0; i < ids.size(); ++i) {
      if (known_.insert(ids[i]).second) SetBit(&is_new, static_cast<int>(i));
      frame.add_tag_indexes(static_cast<uint32_t>(tags.size()));
      for (size_t tag = 0; tag < tags.size(); ++tag) {
        frame.add_tag_indexes(static_cast<uint32_t>(tag));
      }
    }
    WriteSet changes;
    ASSERT_TRUE(
        metering_->OnFrame(frame, is_new, TestStart() + absl::Hours(10'000), &changes).ok());
    Commit(&changes);
  }

  uint64_t Posts(int32_t day) { return metering_->Posts(day, day + 1); }

  std::unique_ptr<MemStore> store_ = std::make_unique<MemStore>();
  std::unique_ptr<Metering> metering_;
  std::set<uint64_t> known_;
};

TEST_F(MeteringTest, TwoConnectionsOfOnePostAreBilledOnce) {
  uint64_t post = PostAt(TestStart() + absl::Hours(3), 1);
  Deliver({post}, TestStart() + absl::Hours(3));
  Deliver({post}, TestStart() + absl::Hours(3) + absl::Seconds(1));
  EXPECT_EQ(Posts(kStartDay), 1u);
  EXPECT_EQ(ReadUsage(*store_, kStartDay)->deliveries(), 2u);
}

TEST_F(MeteringTest, TheSamePostOnTheNextDayIsBilledAgain) {
  uint64_t post = PostAt(TestStart() + absl::Hours(23), 1);
  Deliver({post}, TestStart() + absl::Hours(23));
  Deliver({post}, TestStart() + absl::Hours(25));
  Deliver({post}, TestStart() + absl::Hours(26));
  EXPECT_EQ(Posts(kStartDay), 1u);
  EXPECT_EQ(Posts(kStartDay + 1), 1u);
}

TEST_F(MeteringTest, AroundMidnightItDoesNotMatterWhoseCopyCameFirst) {
  absl::Time midnight = TestStart() + absl::Hours(24);
  uint64_t post = PostAt(midnight - absl::Milliseconds(200), 1);
  Deliver({post}, midnight + absl::Milliseconds(300));
  Reload();
  // A spool brings what another connection received before.
  Deliver({post}, midnight - absl::Milliseconds(100));
  Deliver({post}, midnight - absl::Milliseconds(50));
  EXPECT_EQ(Posts(kStartDay), 1u);
  EXPECT_EQ(Posts(kStartDay + 1), 1u);
}

TEST_F(MeteringTest, TagsCountForTheCopyThatWasBilled) {
  uint64_t post = PostAt(TestStart(), 1);
  Deliver({post}, TestStart(), {"cats", "dogs"});
  Deliver({post}, TestStart(), {"cats"});
  auto tags = *ReadTagUsage(*store_, kStartDay);
  EXPECT_EQ(tags["cats"].posts(), 1u);
  EXPECT_EQ(tags["cats"].deliveries(), 2u);
  EXPECT_EQ(tags["dogs"].posts(), 1u);
}

TEST_F(MeteringTest, TagsBeyondTheBoundCountAsOther) {
  std::vector<std::string> tags;
  for (size_t i = 0; i < Metering::kTagsMax + 20; ++i) tags.push_back(absl::StrCat("tag", i));
  Deliver({PostAt(TestStart(), 1), PostAt(TestStart(), 2)}, TestStart(), tags);
  auto counted = *ReadTagUsage(*store_, kStartDay);
  EXPECT_EQ(counted.size(), Metering::kTagsMax + 1);
  EXPECT_EQ(counted[kOtherTags].posts(), 2u) << "an event counts once";
}

TEST_F(MeteringTest, OldDaysAndEntriesGo) {
  uint64_t post = PostAt(TestStart(), 1);
  Deliver({post}, TestStart(), {"cats"});
  Deliver({post}, TestStart() + absl::Hours(30), {"cats"});
  EXPECT_EQ(metering_->entry_count(), 1u);
  WriteSet changes;
  metering_->Expire(kStartDay + 4, UtcDayStart(kStartDay + 4), &changes);
  Commit(&changes);
  EXPECT_EQ(metering_->entry_count(), 0u);
  EXPECT_EQ(Posts(kStartDay), 1u);
  metering_->Expire(kStartDay + 400, UtcDayStart(kStartDay + 400), &changes);
  Commit(&changes);
  EXPECT_EQ(Posts(kStartDay), 0u);
  EXPECT_TRUE(ReadTagUsage(*store_, kStartDay)->empty());
  EXPECT_EQ(Posts(kStartDay + 1), 1u);
}

// Copies of posts on random days in random order, with restarts, against the
// set of (post, day).
TEST_F(MeteringTest, CountsWhatASetOfPostAndDayCounts) {
  uint64_t again = 0;
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    store_ = std::make_unique<MemStore>();
    known_.clear();
    Reload();
    SeededRandom random(seed);
    std::set<std::tuple<int32_t, uint64_t>> truth;
    std::map<int32_t, uint64_t> posts;
    for (int i = 0; i < 400; ++i) {
      std::vector<uint64_t> ids;
      absl::Time received = TestStart() + absl::Hours(24) + absl::Minutes(random.Below(4 * 1440));
      for (uint64_t n = 1 + random.Below(6); n > 0; --n) {
        // Created up to a day before, or a moment after by X's clock.
        absl::Time created = TestStart() + absl::Hours(23) + absl::Minutes(random.Below(40) * 97);
        ids.push_back(PostAt(created, random.Below(3)));
        int32_t day = UtcDay(received);
        if (truth.insert({day, ids.back()}).second) ++posts[day];
      }
      Deliver(ids, received);
      if (random.Below(20) == 0) Reload();
    }
    for (int32_t day = kStartDay; day < kStartDay + 8; ++day) {
      EXPECT_EQ(Posts(day), posts[day]) << "seed " << seed << ", day " << day;
    }
    again += metering_->entry_count();
  }
  EXPECT_GT(again, 100u) << "copies on other days happened";
}

}  // namespace
}  // namespace braid
