#include "dedupe/frame_parts.h"

#include <gtest/gtest.h>

#include "proto/frame_codec.h"
#include "tests/dedupe/core_inputs.h"

namespace braid {
namespace {

TEST(FramePartsTest, BitmapsAreLeastSignificantFirst) {
  std::string bitmap = EmptyBitmap(9);
  EXPECT_EQ(bitmap.size(), 2);
  SetBit(&bitmap, 0);
  SetBit(&bitmap, 8);
  EXPECT_EQ(bitmap, "\x01\x01");
  EXPECT_TRUE(HasBit(bitmap, 8));
  EXPECT_FALSE(HasBit(bitmap, 1));
  EXPECT_FALSE(HasBit(bitmap, 99));
}

TEST(FramePartsTest, KeptEventsBringTheirLinesTimesAndTags) {
  v1::Frame frame = MakeFrame({11, 12, 13}, TestStart());
  for (const char* tag : {"cats", "dogs"}) frame.add_rule_tags(tag);
  // 11: cats; 12: none; 13: both.
  for (uint32_t index : {1, 0, 0, 2, 0, 1}) frame.add_tag_indexes(index);
  ASSERT_TRUE(ValidateFrame(frame).ok());
  absl::StatusOr<v1::Frame> kept = KeepMarked(frame, "\x06");
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_TRUE(ValidateFrame(*kept).ok());
  ASSERT_EQ(kept->post_ids_size(), 2);
  EXPECT_EQ(kept->post_ids(0), 12);
  EXPECT_EQ(kept->receive_offsets_micros(1), frame.receive_offsets_micros(2));
  EXPECT_EQ(kept->line_hashes(1), frame.line_hashes(2));
  EXPECT_EQ(std::vector<uint32_t>(kept->tag_indexes().begin(), kept->tag_indexes().end()),
            (std::vector<uint32_t>{0, 2, 0, 1}));
  EXPECT_EQ(*DecompressPayload(*kept), LineOf(12) + LineOf(13));
}

TEST(FramePartsTest, SightingsHaveHashesButNoPayload) {
  v1::Frame frame = MakeFrame({11, 12, 13}, TestStart());
  v1::Frame rest = WithoutMarked(frame, "\x02");
  ASSERT_EQ(rest.line_hashes_size(), 2);
  EXPECT_EQ(rest.line_hashes(1), frame.line_hashes(2));
  EXPECT_EQ(rest.post_ids_size(), 2);
  EXPECT_EQ(rest.post_ids(1), 13);
  EXPECT_EQ(rest.payload(), "");
  EXPECT_EQ(rest.lengths_size(), 0);
}

TEST(FramePartsTest, BitsFollowTheirEvents) {
  // Of events 0 to 9, the odd ones are kept; of those 3 and 9 are set.
  std::string marked("\xaa\x02", 2);
  std::string bits("\x08\x02", 2);
  EXPECT_EQ(KeepMarkedBits(bits, marked, 10), "\x12");
}

}  // namespace
}  // namespace braid
