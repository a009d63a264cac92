// What a connector finds on its disk: every record it hands out was whole, and
// the walk ends at the first that is not.

#include <memory>
#include <string>

#include "base/check.h"
#include "ingest/segment_scan.h"
#include "ingest/spool_format.h"
#include "tests/base/mem_file_system.h"
#include "tests/fuzz/fuzz_input.h"
#include "tests/sim/sim_loop.h"

namespace braid {
namespace {

constexpr uint64_t kFirstOffset = 1000;

// Walks `bytes` as a segment file.
void Walk(const std::string& bytes) {
  SimLoop loop;
  MemFileSystem files(loop);
  BRAID_CHECK(files.CreateDir("spool").ok());
  BRAID_CHECK(files.Replace("spool/segment", bytes).ok());
  if (CheckSegmentHeader(bytes, kFirstOffset).ok()) BRAID_CHECK(bytes.size() >= kSegmentHeaderBytes);
  SegmentScan scan(files, "spool/segment", std::min<uint64_t>(bytes.size(), kSegmentHeaderBytes),
                   kFirstOffset);
  uint64_t offset = kFirstOffset;
  while (absl::optional<SegmentScan::Item> item = scan.Next()) {
    BRAID_CHECK(item->offset == offset && item->end_offset != offset);
    offset = item->end_offset;
  }
  BRAID_CHECK(scan.position() <= bytes.size() || bytes.size() < kSegmentHeaderBytes);
  BRAID_CHECK(scan.damaged() || scan.position() == bytes.size());
}

// Records with the right checksums around bodies of the input's choice.
std::string WholeRecords(FuzzInput* input) {
  std::string bytes = EncodeSegmentHeader(kFirstOffset);
  uint64_t offset = kFirstOffset;
  while (!input->empty()) {
    const uint8_t step = input->TakeByte();
    const absl::string_view body = input->TakeChunk();
    if (!body.empty()) AppendRecordBytes(offset, body, &bytes);
    offset += step;
  }
  return bytes;
}

void ReadEpochFile(absl::string_view bytes) {
  absl::StatusOr<EpochFile> file = DecodeEpochFile(bytes);
  if (!file.ok()) return;
  absl::StatusOr<EpochFile> again = DecodeEpochFile(EncodeEpochFile(*file));
  BRAID_CHECK(again.ok() && again->epoch == file->epoch && again->ends == file->ends);
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  braid::FuzzInput input(data, size);
  switch (input.TakeByte() % 3) {
    case 0:
      braid::Walk(std::string(input.TakeRest()));
      break;
    case 1:
      braid::Walk(braid::WholeRecords(&input));
      break;
    default:
      const absl::string_view bytes = input.TakeRest();
      braid::ReadEpochFile(bytes);
      braid::ParseSpoolNumber(bytes, ".seg");
  }
  return 0;
}
