// Core against a naive model, and its bytes under random groupings and
// restarts.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "base/random.h"
#include "dedupe/core.h"
#include "dedupe/frame_parts.h"
#include "dedupe/keys.h"
#include "proto/frame_codec.h"
#include "proto/recovery_terms.h"
#include "proto/snowflake.h"
#include "recovery/route_table.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using store::v1::InputRecord;
using Tables = std::array<MemStore::TableMap, kTableCount>;

Core::Options SmallOptions() {
  Core::Options options;
  options.hold_max = absl::Hours(12);
  options.window.memory_bytes_max = 2000;
  // What is watched has state of its own.
  options.watch.volume.model.warm_up = absl::ZeroDuration();
  options.watch.lag.hold = absl::Minutes(1);
  UsageLimit limit;
  limit.posts = 200;
  limit.action = UsageLimit::Action::kPause;
  options.watch.limits.push_back(limit);
  options.recovery.parent = "streams/main/";
  options.recovery.policy = *PolicyOf({});
  return options;
}

// Runs the inputs in groups of random size; with `restart`, from a reloaded
// core now and then.
Tables RunInputs(const std::vector<InputRecord>& inputs, uint64_t seed, uint64_t group_max,
                 bool restart) {
  SeededRandom random(seed);
  auto store = std::make_unique<MemStore>();
  std::unique_ptr<Core> core = *Core::Load(*store, SmallOptions());
  for (size_t at = 0; at < inputs.size();) {
    Group group;
    for (uint64_t left = 1 + random.Below(group_max); left > 0 && at < inputs.size(); --left) {
      EXPECT_TRUE(core->Apply(inputs[at++], &group).ok());
    }
    core->Seal(&group);
    EXPECT_TRUE(store->Commit(group.changes).ok());
    core->Committed();
    for (const auto& [table, key] : group.drops) EXPECT_TRUE(store->DropBefore(table, key).ok());
    if (restart && random.Below(6) == 0) {
      core.reset();
      store = std::make_unique<MemStore>(*store);
      core = *Core::Load(*store, SmallOptions());
    }
  }
  return store->tables();
}

store::v1::CoreState StateOf(const Tables& tables) {
  store::v1::CoreState state;
  EXPECT_TRUE(state.ParseFromString(tables[static_cast<int>(Table::kMeta)].at(kMetaCore)));
  return state;
}

TEST(CorePropertyTest, BytesDoNotDependOnGroupsOrRestarts) {
  int expired = 0;
  int held = 0;
  int unheld = 0;
  int jobs = 0;
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    std::vector<InputRecord> inputs = RandomInputs(seed, 800);
    Tables one_by_one = RunInputs(inputs, seed, 1, false);
    // Not vacuous: all that depends on state kept in memory happened.
    store::v1::CoreState state = StateOf(one_by_one);
    EXPECT_FALSE(one_by_one[static_cast<int>(Table::kIds)].empty());
    EXPECT_FALSE(one_by_one[static_cast<int>(Table::kSightings)].empty());
    EXPECT_GT(state.duplicate_events(), 0);
    EXPECT_GT(state.stray_count(), 0);
    int64_t span = absl::ToInt64Microseconds(SmallOptions().window_span);
    if (state.floor_micros() + span < state.settled_micros()) ++held;
    if (state.unheld_events() > 0) ++unheld;
    jobs += one_by_one[static_cast<int>(Table::kMeta)].count(EncodeJobKey(1)) > 0 ? 1 : 0;
    EXPECT_GT(state.lost_lines(), 0);
    if (state.earliest_sequence() > 1) ++expired;
    EXPECT_TRUE(RunInputs(inputs, seed + 100, 40, false) == one_by_one) << "groups, seed " << seed;
    EXPECT_TRUE(RunInputs(inputs, seed + 200, 40, true) == one_by_one) << "restarts, seed " << seed;
    EXPECT_TRUE(RunInputs(inputs, seed + 300, 1, true) == one_by_one) << "restarts, seed " << seed;
  }
  EXPECT_GT(expired, 1);
  EXPECT_GT(held, 0);
  EXPECT_GT(unheld, 1);
  EXPECT_GT(jobs, 1);
}

// Offsets by a plain rule, keys in plain sets; knows nothing of slices,
// tables, groups. Without ticks beyond the first, so that nothing expires.
class Model {
 public:
  // Number of new events; -1 when the core should not have applied it. What is
  // fetched again from below the floor is not taken.
  int Apply(const v1::SessionRecord& record, const std::string& source, absl::Time floor) {
    uint64_t& expected = expected_[{source, record.session_epoch()}];
    uint64_t takes = record.has_frame() ? record.frame().post_ids_size() : 1;
    if (record.has_loss()) takes = std::max<uint64_t>(1, record.loss().offsets());
    if (record.offset() > expected || record.offset() + takes <= expected) return -1;
    expected = record.offset() + takes;
    int added = 0;
    for (uint64_t id : record.frame().post_ids()) {
      bool forgotten = IsRecoverySource(source) && id < FirstSnowflakeAt(floor);
      refused_ += forgotten ? 1 : 0;
      if (!forgotten) added += seen_.insert(id).second ? 1 : 0;
    }
    return added;
  }
  uint64_t expected(const std::string& source, uint64_t epoch) {
    return expected_[{source, epoch}];
  }
  const std::set<uint64_t>& seen() const { return seen_; }
  int refused() const { return refused_; }

 private:
  std::map<std::pair<std::string, uint64_t>, uint64_t> expected_;
  std::set<uint64_t> seen_;
  int refused_ = 0;
};

// Every event that the log delivers, by sequence.
std::map<uint64_t, uint64_t> Delivered(const MemStore& store, std::string* chain) {
  std::map<uint64_t, uint64_t> out;
  *chain = std::string(kChainBytes, '\0');
  for (const auto& [key, value] : store.table(Table::kLog)) {
    absl::StatusOr<LogValue> decoded = DecodeLogValue(key, value);
    EXPECT_TRUE(decoded.ok()) << decoded.status();
    *chain = NextChain(*chain, key, decoded->body);
    EXPECT_EQ(decoded->chain, *chain);
    store::v1::LogRecord record;
    EXPECT_TRUE(record.ParseFromArray(decoded->body.data(), decoded->body.size()));
    if (!record.has_events()) continue;
    uint64_t sequence = DecodeLogKey(key).sequence;
    const v1::Frame& frame = record.events().frame();
    std::string lines = *DecompressPayload(frame);
    size_t begin = 0;
    for (int i = 0; i < frame.post_ids_size(); ++i) {
      EXPECT_EQ(lines.substr(begin, frame.lengths(i)), LineOf(frame.post_ids(i)));
      begin += frame.lengths(i);
      if (HasBit(record.events().new_bitmap(), i)) out[sequence++] = frame.post_ids(i);
    }
  }
  return out;
}

TEST(CorePropertyTest, DeliversWhatANaiveModelDelivers) {
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    MemStore store;
    Core::Options options;
    options.window.memory_bytes_max = 2000;
    std::unique_ptr<Core> core = *Core::Load(store, options);
    Model model;
    for (const InputRecord& input : RandomInputs(seed, 500)) {
      // Opens name no retained offsets here: the model has no idea of them.
      InputRecord plain = input;
      if (plain.has_opened()) plain.mutable_opened()->clear_sessions();
      if (plain.has_tick() && core->now() > absl::UnixEpoch()) continue;
      Group group;
      absl::StatusOr<ApplyResult> result = core->Apply(plain, &group);
      ASSERT_TRUE(result.ok());
      core->Seal(&group);
      ASSERT_TRUE(store.Commit(group.changes).ok());
      core->Committed();
      if (!plain.has_record() || result->outcome == ApplyResult::Outcome::kNotOpened) continue;
      const v1::SessionRecord& record = plain.record().record();
      int added = model.Apply(record, plain.record().source_id(), core->floor());
      EXPECT_EQ(result->outcome == ApplyResult::Outcome::kApplied, added >= 0);
      if (added >= 0) {
        EXPECT_EQ(result->new_events, added);
      }
      EXPECT_EQ(result->expected_offset,
                model.expected(plain.record().source_id(), record.session_epoch()));
    }
    std::string chain;
    std::map<uint64_t, uint64_t> delivered = Delivered(store, &chain);
    EXPECT_EQ(chain, core->state().chain());
    std::set<uint64_t> ids;
    uint64_t next = 1;
    for (const auto& [sequence, id] : delivered) {
      EXPECT_EQ(sequence, next++);
      EXPECT_TRUE(ids.insert(id).second) << id << " twice";
    }
    EXPECT_EQ(ids, model.seen());
    EXPECT_EQ(core->last_sequence(), model.seen().size());
    EXPECT_GT(core->state().duplicate_events(), 0);
    EXPECT_GT(core->state().late_events(), 0);
    EXPECT_GT(model.refused(), 0);
  }
}

}  // namespace
}  // namespace braid
