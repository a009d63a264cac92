// Writes the first inputs of the targets whose inputs are protos or checksummed
// (tests/fuzz/corpus), from which the fuzzers go on.

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "ingest/spool_format.h"
#include "proto/frame_codec.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"

namespace braid {
namespace {

void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary).write(bytes.data(), static_cast<int64_t>(bytes.size()));
}

std::string Chunk(const std::string& bytes) {
  const std::string length = {static_cast<char>(bytes.size() >> 8), static_cast<char>(bytes.size())};
  return length + bytes;
}

v1::Frame FrameOf(int posts) {
  std::vector<uint64_t> ids;
  for (int i = 0; i < posts; ++i) ids.push_back(FirstSnowflakeAt(TestStart()) + i);
  v1::Frame frame = MakeFrame(ids, TestStart());
  frame.add_rule_tags("cats");
  frame.add_rule_tags("dogs");
  for (int i = 0; i < posts; ++i) {
    frame.add_tag_indexes(1);
    frame.add_tag_indexes(i % 2);
  }
  return frame;
}

v1::Frame KeyFrame() {
  v1::Frame frame = FrameOf(3);
  for (uint64_t id : frame.post_ids()) {
    v1::EventKey* key = frame.add_keys();
    key->set_kind(v1::EVENT_KIND_LIKE);
    key->add_object_ids(std::to_string(id));
  }
  frame.clear_post_ids();
  return frame;
}

void WriteFrames(const std::string& dir) {
  Write(dir + "/one", '\x00' + FrameOf(1).SerializeAsString());
  Write(dir + "/nine_parts", std::string("\x0a\x55\x01", 3) + FrameOf(9).SerializeAsString());
  Write(dir + "/keys", std::string("\x06\x05", 2) + KeyFrame().SerializeAsString());
  v1::Frame plain = FrameOf(2);
  plain.set_payload(LineOf(plain.post_ids(0)) + LineOf(plain.post_ids(1)));
  Write(dir + "/plain_payload", '\x01' + plain.SerializeAsString());
}

// As FuzzInput reads them: a choice, then a chunk.
std::string Request(char choice, const v1::OfferRequest& request) {
  return choice + Chunk(request.SerializeAsString());
}

v1::OfferRequest Hello(const std::string& source, std::vector<uint64_t> epochs) {
  v1::OfferRequest request;
  v1::OfferRequest::Hello* hello = request.mutable_hello();
  hello->set_stream("streams/s");
  hello->set_source_id(source);
  for (uint64_t epoch : epochs) {
    hello->set_session_epoch(epoch);
    hello->add_sessions()->set_epoch(epoch);
  }
  return request;
}

v1::OfferRequest Record(const store::v1::InputRecord& input) {
  v1::OfferRequest request;
  *request.mutable_record() = input.record().record();
  return request;
}

v1::OfferRequest FrameRequest(uint64_t epoch, uint64_t offset, int posts) {
  store::v1::InputRecord input;
  input.mutable_record()->mutable_record()->set_session_epoch(epoch);
  input.mutable_record()->mutable_record()->set_offset(offset);
  *input.mutable_record()->mutable_record()->mutable_frame() = FrameOf(posts);
  return Record(input);
}

// Times and offsets at the ends of their types.
std::string Extremes(int64_t seconds, int32_t nanos, uint64_t offsets) {
  v1::OfferRequest frame = FrameRequest(1, 0, 3);
  google::protobuf::Timestamp* base =
      frame.mutable_record()->mutable_frame()->mutable_base_receive_time();
  base->set_seconds(seconds);
  base->set_nanos(nanos);
  for (uint32_t& micros :
       *frame.mutable_record()->mutable_frame()->mutable_receive_offsets_micros()) {
    micros = UINT32_MAX;
  }
  v1::OfferRequest loss = Record(LossInput("a", 1, 3, offsets));
  *loss.mutable_record()->mutable_loss()->mutable_first_receive_time() = *base;
  *loss.mutable_record()->mutable_loss()->mutable_last_receive_time() = *base;
  v1::OfferRequest cover =
      Record(CoverInput("a", 1, 3 + offsets, TestStart(), TestStart() + absl::Seconds(9)));
  v1::TimeRange* range =
      cover.mutable_record()->mutable_cover()->mutable_create_time_range();
  *range->mutable_end_time() = *base;
  v1::OfferRequest next = FrameRequest(1, 4 + offsets, 2);
  std::string calls;
  for (const v1::OfferRequest& request : {Hello("a", {1}), frame, loss, cover, next}) {
    calls += Request(0, request);
  }
  // Time passes, a restart, time passes.
  return calls + "\x0e\x07\x0e";
}

void WriteCalls(const std::string& dir) {
  Write(dir + "/end_of_time", Extremes(INT64_MAX, INT32_MAX, 1));
  Write(dir + "/start_of_time", Extremes(INT64_MIN, INT32_MIN, 1));
  Write(dir + "/end_of_micros", Extremes(INT64_MAX / 1000000, 999999999, 1));
  Write(dir + "/end_of_offsets", Extremes(1704067200, 0, (uint64_t{1} << 62) - 4));

  const std::string open_a = Request(0, Hello("a", {1}));
  const std::string open_b = Request(8, Hello("b", {1}));
  const std::string frame_a = Request(0, FrameRequest(1, 0, 3));
  const std::string cover =
      Request(0, Record(CoverInput("a", 1, 3, TestStart(), TestStart() + absl::Seconds(9))));
  const std::string loss = Request(0, Record(LossInput("a", 1, 4, 7)));
  Write(dir + "/open", open_a);
  Write(dir + "/one_source", open_a + frame_a + cover + loss + '\x0e' + frame_a);
  Write(dir + "/two_sources",
        open_a + frame_a + open_b + Request(8, FrameRequest(1, 0, 9)) + '\x7e' + cover);
  Write(dir + "/restart", open_a + frame_a + '\x07' + Request(0, Hello("a", {1, 2})) +
                              Request(0, FrameRequest(2, 0, 2)) + Request(0, FrameRequest(1, 3, 5)));
  Write(dir + "/hole", open_a + Request(0, FrameRequest(1, 5, 1)));
}

void WriteSpools(const std::string& dir) {
  const std::string frame = FrameRequest(0, 0, 3).record().SerializeAsString();
  const std::string loss = LossInput("a", 0, 0, 7).record().record().SerializeAsString();
  const std::string cover =
      CoverInput("a", 0, 0, TestStart(), TestStart()).record().record().SerializeAsString();
  std::string file = EncodeSegmentHeader(1000);
  AppendRecordBytes(1000, frame, &file);
  AppendRecordBytes(1003, loss, &file);
  Write(dir + "/segment", '\x00' + file);
  Write(dir + "/torn", '\x00' + file.substr(0, file.size() - 3));
  Write(dir + "/bodies", '\x01' + ('\x03' + Chunk(frame)) + ('\x07' + Chunk(loss)) +
                             ('\x01' + Chunk(cover)) + ('\x01' + Chunk("x")));
  EpochFile epochs;
  epochs.epoch = 3;
  epochs.session_id = 9;
  epochs.ends = {{1, 100}, {2, 5}};
  epochs.session_ids = {{1, 7}, {2, 8}};
  epochs.renames = {{2, 3}};
  Write(dir + "/epochs", '\x02' + EncodeEpochFile(epochs));
  Write(dir + "/name", '\x02' + SpoolNumber(7) + ".seg");
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "make_corpus DIR\n"), 2;
  const std::string dir = argv[1];
  braid::WriteFrames(dir + "/frame");
  braid::WriteCalls(dir + "/core");
  braid::WriteSpools(dir + "/spool");
  return 0;
}
