// What the deduper's hot path costs: window lookups, Apply, a synced commit.
//   bazel run -c opt //tests/bench:dedupe_bench

#include <benchmark/benchmark.h>
#include <stdlib.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

#include "base/check.h"
#include "base/random.h"
#include "dedupe/core.h"
#include "dedupe/gap_watch.h"
#include "dedupe/keys.h"
#include "dedupe/rocks_store.h"
#include "dedupe/window.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

constexpr int kFrameEvents = 32;

class TempStore {
 public:
  TempStore() {
    std::string pattern = (std::filesystem::temp_directory_path() / "braid_bench_XXXXXX").string();
    dir_ = mkdtemp(pattern.data());
    BRAID_CHECK(RocksStore::Init(dir_ + "/prod", "prod", "log", absl::Now()).ok());
    Reopen();
  }
  ~TempStore() {
    store_.reset();
    std::filesystem::remove_all(dir_);
  }
  void Reopen() {
    store_.reset();
    auto store = RocksStore::Open(dir_ + "/prod", "prod", {});
    BRAID_CHECK(store.ok());
    store_ = *std::move(store);
  }
  RocksStore& store() { return *store_; }

 private:
  std::string dir_;
  std::unique_ptr<RocksStore> store_;
};

// Ids as a stream of that rate has them.
uint64_t IdNumber(uint64_t i, uint64_t per_second) {
  return FirstSnowflakeAt(TestStart() + absl::Microseconds(i * 1'000'000 / per_second)) +
         (i & 0xfff);
}

void FillIds(Store* store, uint64_t count, uint64_t per_second) {
  for (uint64_t i = 0; i < count;) {
    WriteSet changes;
    for (int j = 0; j < 20'000 && i < count; ++j, ++i) {
      changes.Put(Table::kIds, PostWindowKey(IdNumber(i, per_second)), EncodeSequence(i + 1));
    }
    BRAID_CHECK(store->Commit(changes).ok());
  }
}

void WindowLookupInMemory(benchmark::State& state) {
  MemStore store;
  Window window(store, {});
  const uint64_t count = 1'000'000;
  for (uint64_t i = 0; i < count; ++i) window.Insert(PostWindowKey(IdNumber(i, 6000)));
  window.Committed();
  SeededRandom random(1);
  for (auto _ : state) {
    benchmark::DoNotOptimize(
        window.Contains(PostWindowKey(IdNumber(random.Below(2 * count), 6000))));
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["memory_bytes_per_key"] =
      static_cast<double>(window.memory_bytes()) / static_cast<double>(window.memory_keys());
}
BENCHMARK(WindowLookupInMemory);

// Live deliveries of two connections at 45,000/s, with cover, ticks and what is
// judged: per delivery, without what the window and the log cost.
void Compare(benchmark::State& state) {
  constexpr int kFrames = 45'000 / kFrameEvents;
  MemStore store;
  GapWatch watch(store, {});
  const std::vector<std::string> sources = {"a", "b"};
  const std::vector<v1::StreamNotice> none;
  store::v1::Tick tick;
  auto end_second = [&](absl::Time now, bool first) {
    WriteSet changes;
    tick.set_first_after_start(first);
    tick.set_elapsed_micros(1'000'000);
    BRAID_CHECK(watch.OnTick({tick, now, sources, {}, false, 1, none, {1, 0}}, &changes).ok());
    watch.Seal(&changes);
    BRAID_CHECK(store.Commit(changes).ok());
  };
  absl::Time now = TestStart();
  end_second(now, true);
  for (const std::string& source : sources) {
    auto* attention = tick.add_attention();
    attention->set_source_id(source);
    attention->set_receiving(true);
  }
  std::string is_new((kFrameEvents + 7) / 8, '\xff');
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<v1::Frame> frames(kFrames);
    for (int i = 0; i < kFrames; ++i) {
      frames[i].set_origin(v1::EVENT_ORIGIN_LIVE);
      frames[i].add_rule_tags("rule");
      SetTime(now, frames[i].mutable_base_receive_time());
      for (int j = 0; j < kFrameEvents; ++j) {
        uint64_t id = FirstSnowflakeAt(now + absl::Microseconds(i * 700)) + j + (i % 1000) * 64;
        frames[i].add_post_ids(id);
        frames[i].add_receive_offsets_micros(j);
        frames[i].add_tag_indexes(1);
        frames[i].add_tag_indexes(0);
      }
    }
    state.ResumeTiming();
    for (const v1::Frame& frame : frames)
      watch.OnFrame("a", frame, is_new, 1, absl::ToUnixMicros(now), now);
    for (const v1::Frame& frame : frames)
      watch.OnFrame("b", frame, "", 1, absl::ToUnixMicros(now), now);
    now += absl::Seconds(1);
    v1::Cover cover;
    cover.set_origin(v1::EVENT_ORIGIN_LIVE);
    SetTime(TestStart(), cover.mutable_create_time_range()->mutable_start_time());
    SetTime(now - absl::Seconds(10), cover.mutable_create_time_range()->mutable_end_time());
    WriteSet changes;
    for (const std::string& source : sources) {
      BRAID_CHECK(watch.OnCover(source, cover, now > TestStart() + absl::Seconds(10),
                                absl::ToUnixMicros(now) - 10'000'000, &changes)
                      .ok());
    }
    end_second(now, false);
  }
  state.SetItemsProcessed(state.iterations() * kFrames * kFrameEvents * 2);
}
BENCHMARK(Compare)->Unit(benchmark::kMillisecond);

// Nothing is in memory: every key goes through filter and block cache.
void WindowLookupInStore(benchmark::State& state) {
  TempStore temp;
  const uint64_t count = 1'000'000;
  FillIds(&temp.store(), count, 6000);
  Window window(temp.store(), {});
  BRAID_CHECK(window.Load().ok());
  SeededRandom random(1);
  const bool present = state.range(0) == 1;
  for (auto _ : state) {
    uint64_t id = IdNumber(random.Below(count), 6000) + (present ? 0 : 0x1000);
    benchmark::DoNotOptimize(window.Contains(PostWindowKey(id)));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(WindowLookupInStore)->Arg(1)->Arg(0)->ArgName("present");

store::v1::InputRecord NextFrame(uint64_t epoch, uint64_t frame_number, uint64_t offset) {
  std::vector<uint64_t> ids;
  for (uint64_t i = 0; i < kFrameEvents; ++i) {
    ids.push_back(IdNumber(frame_number * kFrameEvents + i, 50'000));
  }
  return FrameInput("a", epoch, offset, ids, SnowflakeTime(ids.back()));
}

std::unique_ptr<Core> OpenedCore(Store& store) {
  auto core = Core::Load(store, {});
  BRAID_CHECK(core.ok());
  Group group;
  BRAID_CHECK((*core)->Apply(TickInput(absl::ZeroDuration(), TestStart()), &group).ok());
  BRAID_CHECK((*core)->Apply(OpenInput("a", 1), &group).ok());
  return *std::move(core);
}

// One frame of 32 posts; range(0): all new or all duplicates.
void ApplyFrame(benchmark::State& state) {
  MemStore store;
  std::unique_ptr<Core> core = OpenedCore(store);
  Group group;
  const bool duplicates = state.range(0) == 1;
  BRAID_CHECK(core->Apply(NextFrame(1, 0, 0), &group).ok());
  uint64_t frame = 1;
  for (auto _ : state) {
    state.PauseTiming();
    if (group.records.size() > 64) group = Group();
    auto input = NextFrame(1, duplicates ? 0 : frame, frame * kFrameEvents);
    ++frame;
    state.ResumeTiming();
    auto result = core->Apply(std::move(input), &group);
    BRAID_CHECK(result.ok() && result->outcome == ApplyResult::Outcome::kApplied);
    BRAID_CHECK((result->new_events == 0) == duplicates);
  }
  state.SetItemsProcessed(state.iterations() * kFrameEvents);
}
BENCHMARK(ApplyFrame)->Arg(0)->Arg(1)->ArgName("duplicates");

// Apply and a synced commit of range(0) frames of 32 new posts.
void CommitGroup(benchmark::State& state) {
  TempStore temp;
  std::unique_ptr<Core> core = OpenedCore(temp.store());
  uint64_t frame = 0;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<store::v1::InputRecord> inputs;
    for (int i = 0; i < state.range(0); ++i, ++frame) {
      inputs.push_back(NextFrame(1, frame, frame * kFrameEvents));
    }
    state.ResumeTiming();
    Group group;
    for (auto& input : inputs) BRAID_CHECK(core->Apply(std::move(input), &group).ok());
    core->Seal(&group);
    BRAID_CHECK(temp.store().Commit(group.changes).ok());
    core->Committed();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0) * kFrameEvents);
}
BENCHMARK(CommitGroup)->Arg(1)->Arg(16)->Arg(128)->ArgName("frames")->UseRealTime();

// Store and core ready to serve, with 10 million keys.
void OpenWithTenMillionIds(benchmark::State& state) {
  TempStore temp;
  FillIds(&temp.store(), 10'000'000, 6000);
  for (auto _ : state) {
    temp.Reopen();
    BRAID_CHECK(Core::Load(temp.store(), {}).ok());
  }
  state.counters["rocksdb_memory_bytes"] =
      static_cast<double>(temp.store().statistics().cache_bytes);
}
BENCHMARK(OpenWithTenMillionIds)->Iterations(3)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace braid

BENCHMARK_MAIN();
