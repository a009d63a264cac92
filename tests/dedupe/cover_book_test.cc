#include "dedupe/cover_book.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/random.h"
#include "dedupe/cover_keys.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

constexpr auto kLive = v1::EVENT_ORIGIN_LIVE;
constexpr int64_t kSecond = 1'000'000;
// Shortly before a UTC midnight.
constexpr int64_t kStart = 19723 * kDayMicros - 600 * kSecond;

class CoverBookTest : public testing::Test {
 protected:
  void Add(Interval span) { ASSERT_TRUE(book_.Add("a", kLive, span, &changes_).ok()); }
  void Commit() {
    ASSERT_TRUE(store_.Commit(changes_).ok());
    changes_.Clear();
  }
  IntervalSet OnDisk() {
    return (*ReadCover(store_, {kStart, kStart + 86400 * kSecond}))[{"a", kLive}];
  }

  MemStore store_;
  CoverBook book_{store_};
  WriteSet changes_;
};

TEST_F(CoverBookTest, ShorterSpanOfAForgottenTimeDoesNotTakeFromALongerOne) {
  Add({kStart, kStart + 300 * kSecond});
  Commit();
  book_.ForgetBefore(kStart + 400 * kSecond);
  Add({kStart, kStart + 100 * kSecond});
  Commit();
  EXPECT_TRUE(OnDisk().Covers({kStart, kStart + 300 * kSecond}));
  // Also within one group.
  int64_t next = kStart + 310 * kSecond;
  Add({next, next + 50 * kSecond});
  Add({next, next + 20 * kSecond});
  Commit();
  EXPECT_TRUE(OnDisk().Covers({next, next + 50 * kSecond}));
}

TEST_F(CoverBookTest, WhatLiesBeforeTheDayThatIsRememberedIsKept) {
  int64_t midnight = kStart + 600 * kSecond;
  book_.ForgetBefore(midnight + 5 * kSecond);
  Add({midnight - 10 * kSecond, midnight + 10 * kSecond});
  Commit();
  EXPECT_TRUE(OnDisk().Covers({midnight - 10 * kSecond, midnight + 10 * kSecond}));
}

TEST_F(CoverBookTest, DiskHoldsTheUnionOfWhatWasAddedWhateverIsForgotten) {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    SeededRandom random(seed);
    MemStore store;
    CoverBook book(store);
    IntervalSet expected;
    WriteSet changes;
    int64_t forgotten = 0;
    for (int i = 0; i < 200; ++i) {
      int64_t from = kStart + static_cast<int64_t>(random.Below(120)) * 10 * kSecond;
      Interval span{from, from + static_cast<int64_t>(1 + random.Below(30)) * 10 * kSecond};
      ASSERT_TRUE(book.Add("a", kLive, span, &changes).ok());
      expected.Add(span);
      if (random.Below(20) == 0) {
        forgotten =
            std::max(forgotten, kStart + static_cast<int64_t>(random.Below(1200)) * kSecond);
        book.ForgetBefore(forgotten);
      }
      if (random.Below(4) > 0) continue;
      ASSERT_TRUE(store.Commit(changes).ok());
      changes.Clear();
    }
    ASSERT_TRUE(store.Commit(changes).ok());
    CoverBook::Spans spans = *ReadCover(store, {0, kStart + kDayMicros});
    EXPECT_EQ((spans[{"a", kLive}].Intervals()), expected.Intervals()) << seed;
  }
}

}  // namespace
}  // namespace braid
