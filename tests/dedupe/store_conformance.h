// What every Store must do. A test file instantiates it with a factory:
// INSTANTIATE_TYPED_TEST_SUITE_P(Mem, StoreConformance, MemStoreFactory), where
// a factory has `Store& store()` and `void Reopen()` (store() anew, as a
// restarted process finds it).

#ifndef BRAID_TESTS_DEDUPE_STORE_CONFORMANCE_H_
#define BRAID_TESTS_DEDUPE_STORE_CONFORMANCE_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "dedupe/store.h"

namespace braid {

template <typename Factory>
class StoreConformance : public testing::Test {
 protected:
  Store& store() { return factory_.store(); }
  void Reopen() { factory_.Reopen(); }

  static std::string Str(absl::string_view bytes) {
    return std::string(bytes.data(), bytes.size());
  }

  void Put(Table table, const std::string& key, const std::string& value) {
    WriteSet changes;
    changes.Put(table, key, value);
    ASSERT_TRUE(store().Commit(changes).ok());
  }

  std::vector<std::string> Keys(Table table, absl::string_view from, absl::string_view until) {
    std::vector<std::string> keys;
    absl::Status status =
        store().Scan(table, from, until, [&](absl::string_view key, absl::string_view) {
          keys.push_back(Str(key));
          return true;
        });
    EXPECT_TRUE(status.ok()) << status;
    return keys;
  }

  std::vector<std::string> KeysBack(Table table, absl::string_view from) {
    std::vector<std::string> keys;
    absl::Status status =
        store().ScanBack(table, from, [&](absl::string_view key, absl::string_view) {
          keys.push_back(Str(key));
          return true;
        });
    EXPECT_TRUE(status.ok()) << status;
    return keys;
  }

  Factory factory_;
};

using Strings = std::vector<std::string>;

TYPED_TEST_SUITE_P(StoreConformance);

TYPED_TEST_P(StoreConformance, AbsentKeyIsNotFound) {
  EXPECT_TRUE(absl::IsNotFound(this->store().Get(Table::kIds, "absent").status()));
}

TYPED_TEST_P(StoreConformance, CommittedKeyIsFoundInItsTableOnly) {
  this->Put(Table::kIds, "key", "value");
  EXPECT_EQ(*this->store().Get(Table::kIds, "key"), "value");
  EXPECT_TRUE(absl::IsNotFound(this->store().Get(Table::kLog, "key").status()));
}

TYPED_TEST_P(StoreConformance, EveryTableIsThere) {
  for (int i = 0; i < kTableCount; ++i) {
    this->Put(static_cast<Table>(i), "key", std::to_string(i));
  }
  this->Reopen();
  for (int i = 0; i < kTableCount; ++i) {
    EXPECT_EQ(*this->store().Get(static_cast<Table>(i), "key"), std::to_string(i));
  }
}

TYPED_TEST_P(StoreConformance, KeysAndValuesMayHoldAnyByte) {
  std::string key("\0\xff\0a", 4);
  std::string value("\xff\0", 2);
  this->Put(Table::kLog, key, value);
  this->Reopen();
  EXPECT_EQ(*this->store().Get(Table::kLog, key), value);
}

TYPED_TEST_P(StoreConformance, LaterChangesOfOneCommitWin) {
  WriteSet changes;
  changes.Put(Table::kIds, "a", "1");
  changes.Put(Table::kIds, "a", "2");
  changes.Put(Table::kIds, "b", "1");
  changes.Delete(Table::kIds, "b");
  changes.DeleteRange(Table::kIds, "c", "e");
  changes.Put(Table::kIds, "d", "1");
  ASSERT_TRUE(this->store().Commit(changes).ok());
  EXPECT_EQ(*this->store().Get(Table::kIds, "a"), "2");
  EXPECT_EQ(this->Keys(Table::kIds, "", ""), (Strings{"a", "d"}));
}

TYPED_TEST_P(StoreConformance, DeleteRangeLeavesItsEnd) {
  for (const char* key : {"a", "b", "c", "d"}) this->Put(Table::kStrays, key, "");
  WriteSet changes;
  changes.DeleteRange(Table::kStrays, "b", "d");
  ASSERT_TRUE(this->store().Commit(changes).ok());
  EXPECT_EQ(this->Keys(Table::kStrays, "", ""), (Strings{"a", "d"}));
}

TYPED_TEST_P(StoreConformance, ScanVisitsHalfOpenRangeAscending) {
  for (const char* key : {"b", "a", "d", "c"}) this->Put(Table::kLog, key, "");
  EXPECT_EQ(this->Keys(Table::kLog, "b", "d"), (Strings{"b", "c"}));
  EXPECT_EQ(this->Keys(Table::kLog, "bb", ""), (Strings{"c", "d"}));
}

TYPED_TEST_P(StoreConformance, ScanStopsWhenAsked) {
  for (const char* key : {"a", "b", "c"}) this->Put(Table::kLog, key, "");
  int visited = 0;
  ASSERT_TRUE(this->store()
                  .Scan(Table::kLog, "", "",
                        [&](absl::string_view, absl::string_view) { return ++visited < 2; })
                  .ok());
  EXPECT_EQ(visited, 2);
}

TYPED_TEST_P(StoreConformance, ScanBackStartsAtOrBelow) {
  for (const char* key : {"a", "c", "e"}) this->Put(Table::kLog, key, "");
  EXPECT_EQ(this->KeysBack(Table::kLog, "d"), (Strings{"c", "a"}));
  EXPECT_EQ(this->KeysBack(Table::kLog, "c"), (Strings{"c", "a"}));
  EXPECT_EQ(this->KeysBack(Table::kLog, ""), (Strings{"e", "c", "a"}));
  EXPECT_EQ(this->KeysBack(Table::kIds, ""), Strings{});
}

TYPED_TEST_P(StoreConformance, DropBeforeKeepsKeysFromItOn) {
  for (const char* key : {"a", "b", "c"}) this->Put(Table::kIds, key, "");
  ASSERT_TRUE(this->store().DropBefore(Table::kIds, "b").ok());
  EXPECT_EQ(this->Keys(Table::kIds, "b", ""), (Strings{"b", "c"}));
}

TYPED_TEST_P(StoreConformance, CommitsSurviveReopening) {
  this->Put(Table::kMeta, "core", "state");
  this->Put(Table::kSources, std::string("a\0", 2), "session");
  this->Reopen();
  EXPECT_EQ(*this->store().Get(Table::kMeta, "core"), "state");
  EXPECT_EQ(*this->store().Get(Table::kSources, absl::string_view("a\0", 2)), "session");
}

REGISTER_TYPED_TEST_SUITE_P(StoreConformance, AbsentKeyIsNotFound,
                            CommittedKeyIsFoundInItsTableOnly, EveryTableIsThere,
                            KeysAndValuesMayHoldAnyByte, LaterChangesOfOneCommitWin,
                            DeleteRangeLeavesItsEnd, ScanVisitsHalfOpenRangeAscending,
                            ScanStopsWhenAsked, ScanBackStartsAtOrBelow,
                            DropBeforeKeepsKeysFromItOn, CommitsSurviveReopening);

}  // namespace braid

#endif  // BRAID_TESTS_DEDUPE_STORE_CONFORMANCE_H_
