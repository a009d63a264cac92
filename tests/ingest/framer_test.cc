#include "ingest/framer.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/random.h"
#include "gtest/gtest.h"
#include "proto/frame_codec.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

const absl::Time kStart = absl::FromUnixSeconds(1700000000);

std::string LineOf(uint64_t id, size_t bytes) {
  std::string line = absl::StrCat("{\"data\":{\"id\":\"", id, "\",\"text\":\"");
  line.append(bytes - line.size() - 3, 'x');
  return line + "\"}}";
}

struct Feeder {
  explicit Feeder(Framer::Options options = {}) : framer(options) {}

  void Add(uint64_t id, size_t bytes, v1::EventOrigin origin = v1::EVENT_ORIGIN_LIVE,
           std::vector<absl::string_view> tags = {}) {
    std::string line = LineOf(id, bytes);
    framer.Add({line, id, nullptr, now, origin, &tags}, &closed);
    now += absl::Microseconds(10);
  }

  Framer framer;
  absl::Time now = kStart;
  std::vector<v1::Frame> closed;
};

TEST(FramerTest, FrameSaysEverythingAboutItsPosts) {
  Feeder feeder;
  feeder.Add(11, 100, v1::EVENT_ORIGIN_LIVE, {"cats", "dogs"});
  feeder.Add(12, 200);
  feeder.Add(13, 150, v1::EVENT_ORIGIN_LIVE, {"dogs"});
  EXPECT_FALSE(feeder.framer.empty());
  feeder.framer.Close(&feeder.closed);
  EXPECT_TRUE(feeder.framer.empty());
  ASSERT_EQ(feeder.closed.size(), 1);
  const v1::Frame& frame = feeder.closed[0];
  EXPECT_TRUE(ValidateFrame(frame).ok()) << ValidateFrame(frame);
  EXPECT_EQ(frame.post_ids(2), 13);
  EXPECT_EQ(ToTime(frame.base_receive_time()), kStart);
  EXPECT_EQ(frame.receive_offsets_micros(2), 20);
  EXPECT_EQ(frame.line_hashes(1), Hash64(LineOf(12, 200)));
  EXPECT_EQ(*DecompressPayload(frame), LineOf(11, 100) + LineOf(12, 200) + LineOf(13, 150));
  EXPECT_EQ(frame.rule_tags_size(), 2);
  std::vector<uint32_t> indexes(frame.tag_indexes().begin(), frame.tag_indexes().end());
  EXPECT_EQ(indexes, (std::vector<uint32_t>{2, 0, 1, 0, 1, 1}));
}

TEST(FramerTest, PostsAndOtherEventsHaveFramesOfTheirOwn) {
  Feeder feeder;
  v1::EventKey key;
  key.set_kind(v1::EVENT_KIND_LIKE);
  key.add_object_ids("00112233445566778899aabbccddeeff");
  SetTime(kStart, key.mutable_event_time());
  feeder.Add(11, 100);
  feeder.framer.Add({"{\"like\":1}", 0, &key, kStart, v1::EVENT_ORIGIN_LIVE, nullptr},
                    &feeder.closed);
  feeder.framer.Add({"{\"like\":2}", 0, &key, kStart, v1::EVENT_ORIGIN_LIVE, nullptr},
                    &feeder.closed);
  feeder.Add(12, 100);
  feeder.framer.Close(&feeder.closed);
  ASSERT_EQ(feeder.closed.size(), 3);
  for (const v1::Frame& frame : feeder.closed) EXPECT_TRUE(ValidateFrame(frame).ok());
  EXPECT_EQ(feeder.closed[1].keys_size(), 2);
  EXPECT_EQ(feeder.closed[1].keys(0).object_ids(0), key.object_ids(0));
  EXPECT_EQ(feeder.closed[1].post_ids_size(), 0);
  EXPECT_EQ(feeder.closed[2].post_ids(0), 12);
}

TEST(FramerTest, TagTableStartsAnewWithEachFrame) {
  Feeder feeder;
  feeder.Add(1, 100, v1::EVENT_ORIGIN_LIVE, {"a", "b"});
  feeder.framer.Close(&feeder.closed);
  feeder.Add(2, 100, v1::EVENT_ORIGIN_LIVE, {"b"});
  feeder.framer.Close(&feeder.closed);
  feeder.Add(3, 100);
  feeder.framer.Close(&feeder.closed);
  ASSERT_EQ(feeder.closed.size(), 3);
  EXPECT_EQ(feeder.closed[1].rule_tags(0), "b");
  EXPECT_EQ(feeder.closed[1].tag_indexes(1), 0);
  EXPECT_EQ(feeder.closed[2].tag_indexes_size(), 0);
  for (const v1::Frame& frame : feeder.closed) EXPECT_TRUE(ValidateFrame(frame).ok());
}

TEST(FramerTest, FrameHoldsOneOriginOnly) {
  Feeder feeder;
  feeder.Add(1, 100, v1::EVENT_ORIGIN_BACKFILL);
  feeder.Add(2, 100, v1::EVENT_ORIGIN_LIVE);
  ASSERT_EQ(feeder.closed.size(), 1);
  EXPECT_EQ(feeder.closed[0].origin(), v1::EVENT_ORIGIN_BACKFILL);
}

TEST(FramerTest, FrameNeverExceedsItsSizeButForOneLongLine) {
  Feeder feeder;
  SeededRandom random(5);
  for (int i = 0; i < 2000; ++i) feeder.Add(random.Next() >> 1 | 1, 100 + random.Below(9000));
  for (const v1::Frame& frame : feeder.closed) {
    EXPECT_LE(frame.decompressed_bytes(), 64 * 1024);
    EXPECT_TRUE(ValidateFrame(frame).ok());
  }
  feeder.closed.clear();
  feeder.Add(7, 2 << 20);
  ASSERT_FALSE(feeder.closed.empty());
  EXPECT_EQ(feeder.closed.back().lengths_size(), 1);
  EXPECT_EQ(feeder.closed.back().decompressed_bytes(), 2 << 20);
  EXPECT_TRUE(ValidateFrame(feeder.closed.back()).ok());
  EXPECT_TRUE(feeder.framer.empty());
}

TEST(FramerTest, TwoConnectionsSoonCutTheSameFrames) {
  SeededRandom random(9);
  std::vector<uint64_t> ids;
  for (int i = 0; i < 4000; ++i) ids.push_back(random.Next() >> 1 | 1);
  Feeder early, late;
  for (size_t i = 0; i < ids.size(); ++i) {
    early.Add(ids[i], 2000);
    if (i >= 7) late.Add(ids[i], 2000);
  }
  size_t same = 0;
  for (const v1::Frame& frame : late.closed) {
    for (const v1::Frame& other : early.closed) same += frame.payload() == other.payload();
  }
  EXPECT_GT(same, late.closed.size() * 8 / 10) << "of " << late.closed.size();
}

}  // namespace
}  // namespace braid
