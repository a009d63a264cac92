#include "dedupe/window.h"

#include <gtest/gtest.h>

#include <set>

#include "base/random.h"
#include "dedupe/keys.h"
#include "proto/snowflake.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

constexpr uint64_t kStart = uint64_t{1741700000000} << 20;
// More than a slice of the window.
constexpr uint64_t kSliceStep = uint64_t{1} << 36;

void InsertAndCommit(const std::string& key, Window* window, MemStore* store) {
  window->Insert(key);
  WriteSet changes;
  changes.Put(Table::kIds, key, "");
  ASSERT_TRUE(store->Commit(changes).ok());
  window->Committed();
}

TEST(WindowTest, RemembersWhatWasInserted) {
  MemStore store;
  Window window(store, {});
  ASSERT_TRUE(window.Load().ok());
  EXPECT_FALSE(*window.Contains(PostWindowKey(kStart)));
  window.Insert(PostWindowKey(kStart));
  EXPECT_TRUE(*window.Contains(PostWindowKey(kStart)));
  EXPECT_EQ(window.store_lookups(), 0);
}

TEST(WindowTest, KeysOfOneMomentAndOtherKindsAreToldApart) {
  MemStore store;
  Window window(store, {});
  ASSERT_TRUE(window.Load().ok());
  window.Insert(PostWindowKey(kStart) + "\x02other event of 16");
  EXPECT_FALSE(*window.Contains(PostWindowKey(kStart)));
  EXPECT_TRUE(*window.Contains(PostWindowKey(kStart) + "\x02other event of 16"));
}

TEST(WindowTest, AfterARestartTheStoreAnswersForOldSlices) {
  MemStore store;
  Window before(store, {});
  ASSERT_TRUE(before.Load().ok());
  InsertAndCommit(PostWindowKey(kStart), &before, &store);
  Window after(store, {});
  ASSERT_TRUE(after.Load().ok());
  EXPECT_TRUE(*after.Contains(PostWindowKey(kStart)));
  EXPECT_FALSE(*after.Contains(PostWindowKey(kStart + 1)));
  EXPECT_EQ(after.store_lookups(), 2);
  EXPECT_FALSE(*after.Contains(PostWindowKey(kStart + kSliceStep)));
  EXPECT_EQ(after.store_lookups(), 2);
}

TEST(WindowTest, UncommittedKeysOfOldSlicesAreSeen) {
  MemStore store;
  Window before(store, {});
  InsertAndCommit(PostWindowKey(kStart), &before, &store);
  Window window(store, {});
  ASSERT_TRUE(window.Load().ok());
  window.Insert(PostWindowKey(kStart + 1));
  EXPECT_TRUE(*window.Contains(PostWindowKey(kStart + 1)));
}

TEST(WindowTest, MemoryStaysWithinItsBoundAfterEachCommit) {
  MemStore store;
  Window window(store, {.memory_bytes_max = 4000});
  ASSERT_TRUE(window.Load().ok());
  for (uint64_t i = 0; i < 2000; ++i) {
    InsertAndCommit(PostWindowKey(kStart + i * (kSliceStep / 50)), &window, &store);
    EXPECT_LE(window.memory_bytes(), 4000);
  }
  EXPECT_GT(window.memory_keys(), 0);
  EXPECT_LT(window.memory_keys(), 1000);
}

// One random history, seen through windows of different memory that are
// reloaded at different moments, and through a set.
TEST(WindowTest, AnswerDoesNotDependOnWhatIsInMemory) {
  for (uint64_t memory : {uint64_t{0}, uint64_t{500}, uint64_t{3000}, uint64_t{1} << 30}) {
    SeededRandom random(7);
    SeededRandom restarts(memory + 1);
    MemStore store;
    auto window = std::make_unique<Window>(store, Window::Options{memory});
    ASSERT_TRUE(window->Load().ok());
    std::set<std::string> truth;
    WriteSet group;
    for (int i = 0; i < 4000; ++i) {
      std::string key = PostWindowKey(kStart + random.Below(12) * kSliceStep + random.Below(100));
      if (random.Below(4) == 0) key += "longer key, another kind";
      ASSERT_EQ(*window->Contains(key), truth.count(key) > 0);
      if (truth.insert(key).second) {
        window->Insert(key);
        group.Put(Table::kIds, key, "");
      }
      if (random.Below(10) > 0) continue;
      ASSERT_TRUE(store.Commit(group).ok());
      group.Clear();
      window->Committed();
      if (restarts.Below(20) > 0) continue;
      window = std::make_unique<Window>(store, Window::Options{memory});
      ASSERT_TRUE(window->Load().ok());
    }
  }
}

TEST(WindowTest, SlicesBelowTheFloorGiveTheirMemoryBack) {
  MemStore store;
  Window window(store, {});
  window.Insert(PostWindowKey(kStart));
  window.Insert(PostWindowKey(kStart + 2 * kSliceStep));
  window.ForgetBefore(kStart + 2 * kSliceStep);
  EXPECT_EQ(window.memory_keys(), 1);
  EXPECT_TRUE(*window.Contains(PostWindowKey(kStart + 2 * kSliceStep)));
}

}  // namespace
}  // namespace braid
