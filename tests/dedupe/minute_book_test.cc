// Counts and digests per minute against the log itself.

#include "dedupe/minute_book.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "base/bytes.h"
#include "base/random.h"
#include "dedupe/core.h"
#include "dedupe/cover_keys.h"
#include "dedupe/frame_parts.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/dedupe/mem_store.h"

namespace braid {
namespace {

using store::v1::InputRecord;
using v1::StreamNotice;

constexpr int64_t kNever = INT64_MAX / 2;

std::string Hex(const KeysDigest& digest) { return absl::BytesToHexString(ToAbsl(digest.Bytes())); }

TEST(KeysDigestTest, IsSha256OfOneKey) {
  KeysDigest digest;
  digest.AddKey("abc");
  EXPECT_EQ(Hex(digest), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(KeysDigestTest, AddsModulo2To256InAnyOrder) {
  std::string ones(32, '\xff');
  KeysDigest a;
  ASSERT_TRUE(a.AddBytes(ones));
  ASSERT_TRUE(a.AddBytes(std::string(31, '\0') + "\x02"));
  EXPECT_EQ(a.Bytes(), std::string(31, '\0') + "\x01");
  EXPECT_FALSE(a.AddBytes("short"));
  KeysDigest one, other, both;
  one.AddKey("x");
  other.AddKey("y");
  both.AddKey("y");
  both.AddKey("x");
  one.Add(other);
  EXPECT_EQ(one.Bytes(), both.Bytes());
  EXPECT_NE(one.Bytes(), other.Bytes());
}

class MinuteBookTest : public testing::Test {
 protected:
  void Frame(const std::vector<uint64_t>& ids, std::string is_new) {
    ASSERT_TRUE(book_.OnFrame(MakeFrame(ids, now_), is_new, now_).ok());
  }
  void Commit() {
    WriteSet changes;
    book_.Seal(&changes);
    ASSERT_TRUE(store_.Commit(changes).ok());
    book_.Committed();
  }
  std::map<int64_t, MinuteTally> All() { return *ReadMinutes(store_, {0, kNever}); }
  static uint64_t IdAt(absl::Time time) { return FirstSnowflakeAt(time) + 7; }

  MemStore store_;
  MinuteBook book_{store_, absl::Hours(26)};
  absl::Time now_ = TestStart();
};

TEST_F(MinuteBookTest, NewEventsCountInTheirMinuteAndDuplicatesNowhere) {
  uint64_t first = IdAt(now_ - absl::Minutes(1));
  Frame({first, IdAt(now_), IdAt(now_) + 1}, "\x05");
  Commit();
  int64_t minute = absl::ToUnixMicros(now_) / kMinuteMicros;
  std::map<int64_t, MinuteTally> all = All();
  ASSERT_EQ(all.size(), 2);
  EXPECT_EQ(all[minute - 1].events, 1);
  EXPECT_EQ(all[minute].events, 1);
  KeysDigest digest;
  digest.AddKey(PostWindowKey(first));
  EXPECT_EQ(Hex(all[minute - 1].keys), Hex(digest));
}

TEST_F(MinuteBookTest, LateEventAddsToItsMinuteAlsoWhenThatLeftMemory) {
  Frame({IdAt(now_)}, "\x01");
  Commit();
  for (int i = 1; i <= 200; ++i) Frame({IdAt(now_ + absl::Minutes(i))}, "\x01");
  Commit();
  Frame({IdAt(now_) + 1}, "\x01");
  Commit();
  EXPECT_EQ(All()[absl::ToUnixMicros(now_) / kMinuteMicros].events, 2);
}

TEST_F(MinuteBookTest, NonsenseTimesCountNowhere) {
  Frame({17, IdAt(now_ - absl::Hours(24 * 401)), IdAt(now_ + absl::Hours(27))}, "\x07");
  Commit();
  EXPECT_TRUE(All().empty());
  Frame({IdAt(now_ - absl::Hours(24 * 399)), IdAt(now_ + absl::Hours(25))}, "\x03");
  Commit();
  EXPECT_EQ(All().size(), 2);
}

TEST_F(MinuteBookTest, ExpiresWhatIsOlderThan400Days) {
  Frame({IdAt(now_), IdAt(now_ + absl::Minutes(1))}, "\x03");
  Commit();
  WriteSet changes;
  MinuteBook::Expire(absl::ToUnixMicros(now_ + absl::Hours(24 * 400) + absl::Minutes(1)), &changes);
  ASSERT_TRUE(store_.Commit(changes).ok());
  EXPECT_EQ(All().size(), 1);
}

TEST_F(MinuteBookTest, RemembersTheCapOverRestarts) {
  StreamNotice notice;
  notice.set_type(StreamNotice::TYPE_VOLUME_CAPPED);
  SetTime(now_ - absl::Seconds(30), notice.mutable_volume()->mutable_since_time());
  WriteSet changes;
  book_.OnNotices({notice}, now_, &changes);
  ASSERT_TRUE(store_.Commit(changes).ok());
  int64_t from = absl::ToUnixMicros(now_ - absl::Seconds(30));
  int64_t later = absl::ToUnixMicros(now_ + absl::Seconds(90));
  EXPECT_EQ(ReadCapped(store_, later)->Intervals(), (std::vector<Interval>{{from, later}}));
  MinuteBook again(store_, absl::Hours(26));
  ASSERT_TRUE(again.Load().ok());
  notice.set_type(StreamNotice::TYPE_VOLUME_UNCAPPED);
  changes.Clear();
  again.OnNotices({notice}, now_ + absl::Seconds(10), &changes);
  ASSERT_TRUE(store_.Commit(changes).ok());
  EXPECT_EQ(ReadCapped(store_, later)->Intervals(),
            (std::vector<Interval>{{from, absl::ToUnixMicros(now_ + absl::Seconds(10))}}));
}

// SHA-256 sums with plain bytes.
struct Naive {
  uint64_t events = 0;
  std::string sum = std::string(32, '\0');
  void Add(const std::string& key) {
    ++events;
    KeysDigest one;
    one.AddKey(key);
    std::string bytes = one.Bytes();
    int carry = 0;
    for (int i = 31; i >= 0; --i) {
      carry += static_cast<uint8_t>(sum[i]) + static_cast<uint8_t>(bytes[i]);
      sum[i] = static_cast<char>(carry & 0xff);
      carry >>= 8;
    }
  }
};

// By minute, of every event that the log delivers.
std::map<int64_t, Naive> Recompute(const MemStore& store) {
  std::map<int64_t, Naive> minutes;
  for (const auto& [key, value] : store.table(Table::kLog)) {
    store::v1::LogRecord record;
    absl::string_view body = DecodeLogValue(key, value)->body;
    EXPECT_TRUE(record.ParseFromArray(body.data(), static_cast<int>(body.size())));
    const v1::Frame& frame = record.events().frame();
    for (int i = 0; i < frame.post_ids_size(); ++i) {
      if (!HasBit(record.events().new_bitmap(), i)) continue;
      uint64_t id = frame.post_ids(i);
      int64_t minute = absl::ToUnixMicros(SnowflakeTime(id)) / kMinuteMicros;
      // Small ids are no snowflakes.
      if (id > 1'000'000) minutes[minute].Add(PostWindowKey(id));
    }
  }
  return minutes;
}

TEST(MinutesPropertyTest, DigestsAreThoseOfTheLogWhateverTheRestarts) {
  for (uint64_t seed = 1; seed <= 8; ++seed) {
    SeededRandom random(seed);
    auto store = std::make_unique<MemStore>();
    store->KeepLog();
    Core::Options options;
    options.window.memory_bytes_max = 2000;
    std::unique_ptr<Core> core = *Core::Load(*store, options);
    std::vector<InputRecord> inputs = RandomInputs(seed, 800);
    for (size_t at = 0; at < inputs.size();) {
      Group group;
      for (uint64_t left = 1 + random.Below(20); left > 0 && at < inputs.size(); --left) {
        ASSERT_TRUE(core->Apply(inputs[at++], &group).ok());
      }
      core->Seal(&group);
      ASSERT_TRUE(store->Commit(group.changes).ok());
      core->Committed();
      if (random.Below(6) > 0) continue;
      core.reset();
      store = std::make_unique<MemStore>(*store);
      core = *Core::Load(*store, options);
    }
    std::map<int64_t, Naive> expected = Recompute(*store);
    std::map<int64_t, MinuteTally> minutes = *ReadMinutes(*store, {0, kNever});
    ASSERT_GT(expected.size(), 50) << seed;
    ASSERT_EQ(minutes.size(), expected.size()) << seed;
    for (const auto& [minute, naive] : expected) {
      EXPECT_EQ(minutes[minute].events, naive.events) << seed << " " << minute;
      EXPECT_EQ(minutes[minute].keys.Bytes(), naive.sum) << seed << " " << minute;
    }
  }
}

}  // namespace
}  // namespace braid
