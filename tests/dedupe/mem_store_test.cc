#include "tests/dedupe/mem_store.h"

#include <gtest/gtest.h>

#include <memory>

#include "tests/dedupe/store_conformance.h"

namespace braid {
namespace {

class MemStoreFactory {
 public:
  Store& store() { return *store_; }
  void Reopen() { store_ = std::make_unique<MemStore>(*store_); }

 private:
  std::unique_ptr<MemStore> store_ = std::make_unique<MemStore>();
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Mem, StoreConformance, MemStoreFactory);

namespace {

WriteSet OneKey() {
  WriteSet changes;
  changes.Put(Table::kIds, "key", "value");
  return changes;
}

TEST(MemStoreTest, FailedCommitMayLeaveNothing) {
  MemStore store;
  store.FailNextCommit(MemStore::CommitFault::kFailNotApplied);
  EXPECT_FALSE(store.Commit(OneKey()).ok());
  EXPECT_TRUE(store.fault_fired());
  EXPECT_FALSE(MemStore(store).Get(Table::kIds, "key").ok());
}

TEST(MemStoreTest, FailedCommitMayLeaveEverything) {
  MemStore store;
  store.FailNextCommit(MemStore::CommitFault::kFailApplied);
  EXPECT_FALSE(store.Commit(OneKey()).ok());
  EXPECT_TRUE(MemStore(store).Get(Table::kIds, "key").ok());
}

TEST(MemStoreTest, AfterAFailureOnlyReopeningHelps) {
  MemStore store;
  store.FailNextCommit(MemStore::CommitFault::kFailNotApplied);
  EXPECT_FALSE(store.Commit(OneKey()).ok());
  EXPECT_FALSE(store.Commit(OneKey()).ok());
  MemStore reopened(store);
  EXPECT_TRUE(reopened.Commit(OneKey()).ok());
}

}  // namespace
}  // namespace braid
