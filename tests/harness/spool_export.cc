#include "tests/harness/spool_export.h"

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "braid/v1/ingest_service.pb.h"
#include "ingest/spool_format.h"
#include "tests/harness/files.h"

namespace braid::harness {
namespace {

absl::Status ReadSegment(const std::string& path, std::vector<uint64_t>* ids) {
  absl::StatusOr<std::string> bytes = ReadFile(path);
  if (!bytes.ok()) return bytes.status();
  absl::string_view rest = *bytes;
  if (rest.size() < kSegmentHeaderBytes) return absl::OkStatus();
  rest.remove_prefix(kSegmentHeaderBytes);
  v1::SessionRecord record;
  while (!rest.empty()) {
    StoredRecord stored = DecodeRecord(rest);
    if (stored.state != StoredRecord::State::kWhole) break;
    if (!record.ParseFromArray(stored.body.data(), static_cast<int>(stored.body.size()))) {
      return absl::DataLossError(absl::StrCat(path, ": record at offset ", stored.offset));
    }
    for (uint64_t id : record.frame().post_ids()) ids->push_back(id);
    rest.remove_prefix(stored.bytes_needed);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::vector<uint64_t>> ExportSpool(const std::string& dir) {
  std::vector<uint64_t> ids;
  std::error_code error;
  std::filesystem::recursive_directory_iterator entries(dir, error), end;
  for (; !error && entries != end; entries.increment(error)) {
    std::string path = entries->path().string();
    if (!absl::EndsWith(path, ".seg")) continue;
    absl::Status read = ReadSegment(path, &ids);
    if (!read.ok()) return read;
  }
  return ids;
}

}  // namespace braid::harness
