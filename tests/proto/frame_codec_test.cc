#include "proto/frame_codec.h"

#include <functional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/random.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

v1::Frame GoodFrame() {
  v1::Frame frame;
  frame.set_origin(v1::EVENT_ORIGIN_LIVE);
  std::string lines;
  frame.add_rule_tags("cats");
  for (int i = 1; i <= 3; ++i) {
    std::string line = absl::StrCat("{\"data\":{\"id\":\"", i, "\"}}");
    frame.add_post_ids(i);
    frame.add_receive_offsets_micros(i);
    frame.add_lengths(line.size());
    frame.add_line_hashes(Hash64(line));
    frame.add_tag_indexes(1);
    frame.add_tag_indexes(0);
    lines += line;
  }
  CompressFrame(lines, &frame);
  return frame;
}

TEST(FrameCodecTest, LinesComeBackAsTheyWere) {
  v1::Frame frame = GoodFrame();
  EXPECT_TRUE(ValidateFrame(frame).ok()) << ValidateFrame(frame);
  auto lines = DecompressPayload(frame);
  ASSERT_TRUE(lines.ok()) << lines.status();
  EXPECT_EQ(*lines, R"({"data":{"id":"1"}}{"data":{"id":"2"}}{"data":{"id":"3"}})");
}

TEST(FrameCodecTest, FrameWithKeysOrWithoutTagsIsValid) {
  v1::Frame frame = GoodFrame();
  frame.clear_post_ids();
  for (int i = 0; i < 3; ++i) frame.add_keys()->set_kind(v1::EVENT_KIND_LIKE);
  frame.clear_tag_indexes();
  EXPECT_TRUE(ValidateFrame(frame).ok()) << ValidateFrame(frame);
}

TEST(FrameCodecTest, EveryDisagreementIsRefused) {
  struct Case {
    const char* name;
    std::function<void(v1::Frame*)> spoil;
  };
  for (const Case& c : std::vector<Case>{
           {"empty", [](v1::Frame* f) { *f = v1::Frame(); }},
           {"no origin", [](v1::Frame* f) { f->clear_origin(); }},
           {"unknown origin", [](v1::Frame* f) { f->set_origin(v1::EventOrigin(99)); }},
           {"both kinds of keys", [](v1::Frame* f) { f->add_keys(); }},
           {"id missing", [](v1::Frame* f) { f->mutable_post_ids()->RemoveLast(); }},
           {"id zero", [](v1::Frame* f) { f->set_post_ids(1, 0); }},
           {"id too large", [](v1::Frame* f) { f->set_post_ids(1, uint64_t{1} << 63); }},
           {"offset missing",
            [](v1::Frame* f) { f->mutable_receive_offsets_micros()->RemoveLast(); }},
           {"hash missing", [](v1::Frame* f) { f->mutable_line_hashes()->RemoveLast(); }},
           {"length missing", [](v1::Frame* f) { f->mutable_lengths()->RemoveLast(); }},
           {"length wrong", [](v1::Frame* f) { f->set_lengths(0, f->lengths(0) + 1); }},
           {"lengths overflow", [](v1::Frame* f) { f->set_lengths(0, 0xffffffff); }},
           {"tags short", [](v1::Frame* f) { f->mutable_tag_indexes()->RemoveLast(); }},
           {"tags long", [](v1::Frame* f) { f->add_tag_indexes(0); }},
           {"tag out of range", [](v1::Frame* f) { f->set_tag_indexes(1, 1); }},
           {"tag count huge", [](v1::Frame* f) { f->set_tag_indexes(0, 0xffffffff); }},
           {"payload hash", [](v1::Frame* f) { f->set_payload_xxh3(1); }},
           {"size", [](v1::Frame* f) { f->set_decompressed_bytes(f->decompressed_bytes() + 1); }},
           {"payload is no zstd",
            [](v1::Frame* f) {
              f->set_payload("not zstd");
              f->set_payload_xxh3(Hash64(f->payload()));
            }},
           {"something after the payload",
            [](v1::Frame* f) {
              f->mutable_payload()->push_back('x');
              f->set_payload_xxh3(Hash64(f->payload()));
            }},
       }) {
    v1::Frame frame = GoodFrame();
    c.spoil(&frame);
    EXPECT_EQ(ValidateFrame(frame).code(), absl::StatusCode::kInvalidArgument) << c.name;
  }
}

TEST(FrameCodecTest, ABombIsRefusedBeforeAllocation) {
  v1::Frame frame = GoodFrame();
  frame.set_decompressed_bytes(kFrameBytesMax + 1);
  EXPECT_FALSE(DecompressPayload(frame).ok());
  EXPECT_FALSE(ValidateFrame(frame).ok());
}

TEST(FrameCodecTest, SpoiledPayloadsNeverDecompressToMoreThanWasSaid) {
  SeededRandom random(3);
  int refused = 0;
  for (int round = 0; round < 3000; ++round) {
    v1::Frame frame = GoodFrame();
    std::string* payload = frame.mutable_payload();
    (*payload)[random.Below(payload->size())] = static_cast<char>(random.Next());
    auto lines = DecompressPayload(frame);
    if (lines.ok()) {
      ASSERT_EQ(lines->size(), frame.decompressed_bytes());
    } else {
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace braid
