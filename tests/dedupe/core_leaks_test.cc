// Connections that vouch and miss events, from inputs to gaps.

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "dedupe/core.h"
#include "dedupe/cover_keys.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using store::v1::InputRecord;
using store::v1::StoredGap;
using v1::Gap;
using v1::StreamNotice;
using Tables = std::array<MemStore::TableMap, kTableCount>;

constexpr absl::Duration kSlack = absl::Seconds(10);
constexpr int kPostsPerSecond = 5;

// Whether a connection (0 or 1) brings a post of a second, or is down then.
struct Plan {
  std::function<bool(int connection, int second, int post)> brings = [](int, int, int) {
    return true;
  };
  std::function<bool(int connection, int second)> is_up = [](int, int) { return true; };
};

class CoreLeaksTest : public testing::Test {
 protected:
  void SetUp() override {
    InputRecord tick = TickInput(absl::ZeroDuration(), now_);
    tick.mutable_tick()->set_first_after_start(true);
    for (const char* name : kNames) tick.mutable_tick()->add_sources(name);
    Take(std::move(tick));
    for (const char* name : kNames) Take(OpenInput(name, 1));
  }

  void Run(int seconds, const Plan& plan) {
    for (int i = 0; i < seconds; ++i) Second(plan);
  }

  void Second(const Plan& plan) {
    now_ += absl::Seconds(1);
    ++second_;
    for (int at = 0; at < 2; ++at) {
      bool up = plan.is_up(at, second_);
      if (up && !up_[at]) from_[at] = now_;
      up_[at] = up;
      if (!up) continue;
      std::vector<uint64_t> ids;
      for (int i = 0; i < kPostsPerSecond; ++i) {
        if (plan.brings(at, second_ - behind_[at], i)) ids.push_back(Id(second_ - behind_[at], i));
      }
      if (!ids.empty()) TakeFrame(at, ids, v1::EVENT_ORIGIN_LIVE);
      absl::Time until = now_ - kSlack - absl::Seconds(behind_[at]);
      if (until > from_[at]) {
        Cover(at, from_[at], until, v1::EVENT_ORIGIN_LIVE);
        from_[at] = until;
      }
    }
    InputRecord tick = TickInput(absl::Seconds(1), now_);
    for (int at = 0; at < 2; ++at) {
      auto* attention = tick.mutable_tick()->add_attention();
      attention->set_source_id(kNames[at]);
      attention->set_receiving(up_[at]);
      attention->set_drained(true);
    }
    Take(std::move(tick));
  }

  // Created within the second before `now` at that time; every other post is of
  // tag "odd".
  uint64_t Id(int second, int post) const {
    return FirstSnowflakeAt(TestStart() + absl::Seconds(second - 1) +
                            absl::Milliseconds(100 + 150 * post));
  }
  void TakeFrame(int at, const std::vector<uint64_t>& ids, v1::EventOrigin origin) {
    InputRecord input = FrameInput(kNames[at], 1, offset_[at], ids, now_);
    offset_[at] += ids.size();
    v1::Frame* frame = input.mutable_record()->mutable_record()->mutable_frame();
    frame->set_origin(origin);
    frame->add_rule_tags("odd");
    for (uint64_t id : ids) {
      bool is_odd = (id >> 22) % 300 >= 150;
      frame->add_tag_indexes(is_odd ? 1 : 0);
      if (is_odd) frame->add_tag_indexes(0);
    }
    Take(std::move(input));
  }
  void Cover(int at, absl::Time from, absl::Time until, v1::EventOrigin origin) {
    InputRecord input = CoverInput(kNames[at], 1, offset_[at]++, from, until);
    input.mutable_record()->mutable_record()->mutable_cover()->set_origin(origin);
    Take(std::move(input));
  }

  void Take(InputRecord input) {
    inputs_.push_back(input);
    absl::StatusOr<Group> group = CommitInput(std::move(input), core_.get(), &store_);
    ASSERT_TRUE(group.ok()) << group.status();
    for (const CommittedRecord& record : group->records) {
      if (record.record->has_notice()) notices_.push_back(record.record->notice());
    }
  }

  int Count(StreamNotice::Type type) const {
    return static_cast<int>(
        std::count_if(notices_.begin(), notices_.end(),
                      [&](const StreamNotice& notice) { return notice.type() == type; }));
  }
  StoredGap Stored(uint64_t number) const {
    StoredGap gap;
    gap.ParseFromString(*store_.Get(Table::kCover, CoverGapKey(number)));
    return gap;
  }
  double Since(int64_t micros) const {
    return absl::ToDoubleSeconds(absl::FromUnixMicros(micros) - TestStart());
  }
  double Watermark() const { return Since(core_->gaps().watermark_micros()); }

  static constexpr const char* kNames[2] = {"a", "b"};
  MemStore store_;
  std::unique_ptr<Core> core_ = *Core::Load(store_, Core::Options());
  std::vector<InputRecord> inputs_;
  absl::Time now_ = TestStart();
  int second_ = 0;
  uint64_t offset_[2] = {0, 0};
  bool up_[2] = {true, true};
  absl::Time from_[2] = {TestStart(), TestStart()};
  // Seconds by which it hands everything over later.
  int behind_[2] = {0, 0};
  std::vector<StreamNotice> notices_;
};

// Each leaves out posts of its own, and some posts both do.
Plan BothMiss() {
  Plan plan;
  plan.brings = [](int connection, int second, int post) {
    int at = second * kPostsPerSecond + post;
    return at % 7 != connection && at % 11 != 0;
  };
  return plan;
}

Plan BMissesATenth() {
  Plan plan;
  plan.brings = [](int connection, int second, int post) {
    return connection == 0 || (second * kPostsPerSecond + post) % 10 != 0;
  };
  return plan;
}

TEST_F(CoreLeaksTest, WhatOneMissesAndTheOtherBringsIsALeakAndNoGap) {
  Run(300, BMissesATenth());
  EXPECT_EQ(Count(StreamNotice::TYPE_LEAK_BEGAN), 1);
  EXPECT_EQ(Count(StreamNotice::TYPE_GAP_OPENED), 0);
  EXPECT_NEAR(Watermark(), 290, 1);
  const auto& pair = core_->gaps().leaks().state().partitions(0).pairs(0);
  EXPECT_EQ(pair.only_second(), 0);
  EXPECT_NEAR(pair.only_first(), 290 * kPostsPerSecond / 10, 2);
  Run(700, Plan());
  EXPECT_EQ(Count(StreamNotice::TYPE_LEAK_ENDED), 1);
}

TEST_F(CoreLeaksTest, WhatBothMissIsAGapThatGrowsHoldsReadersAndClosesWhenRecovered) {
  Run(30, Plan());
  Run(100, BothMiss());
  ASSERT_EQ(Count(StreamNotice::TYPE_GAP_OPENED), 1);
  EXPECT_EQ(Stored(1).kind(), Gap::KIND_ONE_SIDED);
  EXPECT_TRUE(Stored(1).growing());
  EXPECT_NEAR(Since(Stored(1).from_micros()), 30, 1);
  EXPECT_NEAR(Watermark(), 30, 1);
  EXPECT_EQ(Stored(1).sources_size(), 2);
  EXPECT_GT(Stored(1).sample_post_ids_size(), 5);
  EXPECT_GT(Stored(1).missing().high(), 1);
  Run(100, Plan());
  EXPECT_FALSE(Stored(1).growing());
  EXPECT_NEAR(Since(Stored(1).until_micros()), 130, 2);
  // A connection that was compared heals nothing by vouching again.
  Cover(0, TestStart(), now_ - kSlack, v1::EVENT_ORIGIN_LIVE);
  Run(2, Plan());
  EXPECT_EQ(Stored(1).state(), Gap::STATE_OPEN);
  Cover(0, TestStart() + absl::Seconds(20), TestStart() + absl::Seconds(140),
        v1::EVENT_ORIGIN_RECOVERY);
  Run(2, Plan());
  EXPECT_EQ(Stored(1).state(), Gap::STATE_RECOVERED);
  EXPECT_EQ(Stored(1).recovered_by(), "recovery");
  EXPECT_NEAR(Watermark(), 224, 1);
  Run(200, Plan());
  EXPECT_EQ(Count(StreamNotice::TYPE_GAP_OPENED), 1);
}

TEST_F(CoreLeaksTest, ASecondIsJudgedWhenTheSlowerConnectionHadTimeToo) {
  behind_[1] = 20;
  Run(200, Plan());
  const auto& pair = core_->gaps().leaks().state().partitions(0).pairs(0);
  // All but what came before its first cover.
  EXPECT_NEAR(pair.both(), 150 * kPostsPerSecond, kPostsPerSecond);
  EXPECT_EQ(pair.only_first(), 0);
  EXPECT_EQ(pair.only_second(), 0);
  EXPECT_EQ(Count(StreamNotice::TYPE_LEAK_BEGAN), 0);
  // Readers wait for it, but not for one that is as slow as a minute.
  EXPECT_NEAR(Watermark(), 170, 1);
  behind_[1] = 80;
  Run(60, Plan());
  EXPECT_NEAR(Watermark(), 220, 1);
}

TEST_F(CoreLeaksTest, WhatALeakyConnectionCoversAloneIsAGap) {
  Run(300, BMissesATenth());
  Plan alone = BMissesATenth();
  alone.is_up = [](int connection, int) { return connection == 1; };
  Run(120, alone);
  ASSERT_EQ(Count(StreamNotice::TYPE_GAP_OPENED), 1);
  EXPECT_EQ(Stored(1).kind(), Gap::KIND_ONE_SIDED);
  ASSERT_EQ(Stored(1).sources_size(), 1);
  EXPECT_EQ(Stored(1).sources(0), "b");
  EXPECT_NEAR(Since(Stored(1).from_micros()), 290, 1);
  Run(60, BMissesATenth());
  EXPECT_FALSE(Stored(1).growing());
  // 130 s, of which it missed a tenth of 5/s.
  EXPECT_NEAR(Stored(1).missing().value(), 65, 15);
}

TEST_F(CoreLeaksTest, WhatASoundConnectionCoversAloneIsNoGap) {
  Plan misses_none = BMissesATenth();
  Run(300, misses_none);
  misses_none.is_up = [](int connection, int) { return connection == 0; };
  Run(600, misses_none);
  EXPECT_EQ(Count(StreamNotice::TYPE_GAP_OPENED), 0);
  EXPECT_NEAR(Watermark(), 890, 1);
}

TEST_F(CoreLeaksTest, WhatItIsLikeAfterwardsJudgesASpanItCoveredAlone) {
  Plan alone;
  alone.is_up = [](int connection, int) { return connection == 1; };
  Run(30, Plan());
  Run(300, alone);
  EXPECT_EQ(Count(StreamNotice::TYPE_GAP_OPENED), 0);
  Run(200, BMissesATenth());
  ASSERT_GE(Count(StreamNotice::TYPE_GAP_OPENED), 1);
  EXPECT_NEAR(Since(Stored(1).from_micros()), 20, 1);
}

TEST_F(CoreLeaksTest, WhatBackfillBringsIsNotCompared) {
  Plan plan;
  // b is back after a minute, and what it missed comes by backfill.
  plan.is_up = [](int connection, int second) {
    return connection == 0 || second <= 60 || second > 120;
  };
  plan.brings = [](int, int second, int post) { return post != 1 || second % 2 == 1; };
  Run(122, plan);
  // Some seconds are not judged yet.
  std::vector<uint64_t> ids;
  for (int second = 50; second < 120; second += 2) ids.push_back(Id(second, 1));
  TakeFrame(1, ids, v1::EVENT_ORIGIN_BACKFILL);
  Run(100, plan);
  EXPECT_EQ(core_->gaps().leaks().record().Around("a", INT64_MAX)[0].missed, 0);
  const auto& pair = core_->gaps().leaks().state().partitions(0).pairs(0);
  EXPECT_EQ(pair.only_first(), 0);
  EXPECT_EQ(Count(StreamNotice::TYPE_LEAK_BEGAN), 0);
}

TEST_F(CoreLeaksTest, APersistentOneIsSplitByTheHour) {
  Run(2 * 3600, BothMiss());
  // TestStart is a full hour.
  ASSERT_EQ(Count(StreamNotice::TYPE_GAP_OPENED), 2);
  EXPECT_EQ(Stored(2).parent(), 1u);
  EXPECT_EQ(Since(Stored(2).until_micros()), 3600);
  EXPECT_EQ(Since(Stored(1).from_micros()), 3600);
  EXPECT_TRUE(Stored(1).growing());
  EXPECT_FALSE(Stored(2).growing());
  EXPECT_GT(Stored(2).missing().value(), Stored(1).missing().value() / 2);
}

// Bytes of the store after these inputs, in random groups and with restarts.
Tables Again(const std::vector<InputRecord>& inputs, uint64_t seed, bool restarts) {
  SeededRandom random(seed);
  auto store = std::make_unique<MemStore>();
  std::unique_ptr<Core> core = *Core::Load(*store, Core::Options());
  for (size_t at = 0; at < inputs.size();) {
    Group group;
    for (uint64_t left = 1 + random.Below(12); left > 0 && at < inputs.size(); --left) {
      EXPECT_TRUE(core->Apply(inputs[at++], &group).ok());
    }
    core->Seal(&group);
    EXPECT_TRUE(store->Commit(group.changes).ok());
    core->Committed();
    if (!restarts || random.Below(10) > 0) continue;
    core.reset();
    store = std::make_unique<MemStore>(*store);
    core = *Core::Load(*store, Core::Options());
  }
  return store->tables();
}

TEST_F(CoreLeaksTest, NeitherGroupsNorRestartsChangeWhatIsFound) {
  Plan plan = BothMiss();
  plan.is_up = [](int connection, int second) {
    return connection == 0 ? second % 400 > 60 : second % 333 > 20;
  };
  Run(700, plan);
  EXPECT_GT(Count(StreamNotice::TYPE_GAP_OPENED), 0);
  EXPECT_GT(core_->gaps().leaks().state().tags_size(), 0);
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    EXPECT_TRUE(Again(inputs_, seed, false) == store_.tables()) << "groups, seed " << seed;
    EXPECT_TRUE(Again(inputs_, seed, true) == store_.tables()) << "restarts, seed " << seed;
  }
}

}  // namespace
}  // namespace braid
