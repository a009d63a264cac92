#include "dedupe/keys.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "dedupe/cover_keys.h"
#include "proto/proto_time.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

std::string Hex(const std::string& bytes) { return absl::BytesToHexString(bytes); }

// The examples of docs/KEYS.md.
TEST(KeysTest, KeysAreTheDocumentedBytes) {
  EXPECT_EQ(Hex(EncodeLogKey({258, 1})), "000000000000010200000001");
  EXPECT_EQ(Hex(PostWindowKey(1741700000000000001)), "182bc2ec0d4c4001");
  EXPECT_EQ(Hex(EncodeSequence(258)), "0000000000000102");
  EXPECT_EQ(Hex(EncodeSightingKey(0x182bc2e, {258, 1})), "0182bc2e000000000000010200000001");
  EXPECT_EQ(Hex(EncodeStrayKey(1704067200000000, PostWindowKey(20))),
            "00060dd7102120000000000000000014");
  EXPECT_EQ(Hex(EncodeSourceKey("fra-a", 3)), "6672612d61000000000000000003");
  EXPECT_EQ(Hex(EncodeCoverSpanKey({"fra-a", v1::EVENT_ORIGIN_LIVE, 1704067200000000})),
            "7300004d0b6672612d61000100060dd710212000");
  EXPECT_EQ(Hex(CoverGapKey(7)), "670000000000000007");
  EXPECT_EQ(Hex(CoverMinuteKey(28401120)), "6d0000000001b15de0");
  EXPECT_EQ(Hex(EncodeTimeKey(1704067200000000)), "74696d652f00060dd710212000");
}

TEST(KeysTest, KeysDecodeToWhatWasEncoded) {
  EXPECT_EQ(DecodeLogKey(EncodeLogKey({7, 9})), (LogKey{7, 9}));
  EXPECT_EQ(DecodeSightingKey(EncodeSightingKey(5, {7, 9})), (LogKey{7, 9}));
  std::string stray = EncodeStrayKey(12, "key");
  EXPECT_EQ(DecodeStrayKey(stray).arrival_micros, 12);
  EXPECT_EQ(DecodeStrayKey(stray).window_key, "key");
  // An epoch that holds zero bytes and a source id are told apart.
  EXPECT_EQ(DecodeSourceKey(EncodeSourceKey("a", 0))->source_id, "a");
  EXPECT_EQ(DecodeSourceKey(EncodeSourceKey("a", 0))->epoch, 0);
  EXPECT_FALSE(DecodeSourceKey("short").ok());
}

TEST(KeysTest, PostHasOneKeyHoweverItIsWritten) {
  v1::EventKey key;
  key.set_kind(v1::EVENT_KIND_POST);
  key.add_object_ids("1741700000000000001");
  EXPECT_EQ(EventWindowKey(key), PostWindowKey(1741700000000000001));
}

TEST(KeysTest, OtherEventsSortByCreationTime) {
  v1::EventKey key;
  key.set_kind(v1::EVENT_KIND_COMPLIANCE);
  key.add_object_ids("12");
  SetTime(absl::FromUnixSeconds(1704067200), key.mutable_event_time());
  std::string window_key = EventWindowKey(key);
  EXPECT_EQ(window_key.size(), 25);
  EXPECT_EQ(SnowflakeTime(WindowKeyTime(window_key)), absl::FromUnixSeconds(1704067200));
}

TEST(KeysTest, AnyDifferenceGivesAnotherKey) {
  v1::EventKey key;
  key.set_kind(v1::EVENT_KIND_COMPLIANCE);
  key.add_object_ids("12");
  key.add_object_ids("3");
  std::string base = EventWindowKey(key);
  v1::EventKey other = key;
  other.set_object_ids(0, "1");
  other.set_object_ids(1, "23");
  EXPECT_NE(EventWindowKey(other), base);
  other = key;
  other.set_members_hash(1);
  EXPECT_NE(EventWindowKey(other), base);
  other = key;
  other.set_kind(v1::EVENT_KIND_LIKE);
  EXPECT_NE(EventWindowKey(other), base);
}

TEST(KeysTest, LogValueComesBackWhole) {
  std::string key = EncodeLogKey({1, 0});
  std::string chain(kChainBytes, 'c');
  std::string value = EncodeLogValue(key, chain, "body");
  absl::StatusOr<LogValue> decoded = DecodeLogValue(key, value);
  ASSERT_TRUE(decoded.ok());
  EXPECT_EQ(decoded->chain, chain);
  EXPECT_EQ(decoded->body, "body");
}

TEST(KeysTest, DamagedLogValueIsDataLoss) {
  std::string key = EncodeLogKey({1, 0});
  std::string value = EncodeLogValue(key, std::string(kChainBytes, 'c'), "body");
  std::string flipped = value;
  flipped.back() ^= 1;
  EXPECT_TRUE(absl::IsDataLoss(DecodeLogValue(key, flipped).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeLogValue(EncodeLogKey({2, 0}), value).status()));
  EXPECT_TRUE(absl::IsDataLoss(DecodeLogValue(key, value.substr(0, 10)).status()));
  value[0] = 2;
  EXPECT_TRUE(absl::IsDataLoss(DecodeLogValue(key, value).status()));
}

}  // namespace
}  // namespace braid
