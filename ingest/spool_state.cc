#include "ingest/spool_state.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/str_cat.h"

namespace braid {
namespace {

// A seek reads at most this much that it does not want.
constexpr uint64_t kIndexStepBytes = 64 << 10;

}  // namespace

void SpoolSegment::NoteRecord(uint64_t offset, uint64_t position) {
  if (index.empty() || position >= index.back().second + kIndexStepBytes) {
    index.emplace_back(offset, position);
  }
}

std::map<uint64_t, SpoolSegment>::iterator SpoolSession::SegmentOf(uint64_t offset) {
  return std::prev(segments.upper_bound(offset));
}

uint64_t SpoolSession::SegmentEnd(std::map<uint64_t, SpoolSegment>::const_iterator segment) const {
  auto next = std::next(segment);
  return next == segments.end() ? end_offset : next->first;
}

uint64_t SpoolSession::AcknowledgedByAll() const {
  return *std::min_element(acknowledged.begin(), acknowledged.end());
}

std::string SessionDir(const std::string& dir, uint64_t epoch) {
  return absl::StrCat(dir, "/", SpoolNumber(epoch));
}

std::string SegmentPath(const std::string& dir, uint64_t epoch, uint64_t first_offset) {
  return absl::StrCat(SessionDir(dir, epoch), "/", SpoolNumber(first_offset), kSegmentSuffix);
}

std::string EpochPath(const std::string& dir) { return absl::StrCat(dir, "/epoch"); }

absl::Status RemoveGoneDir(FileSystem& files, const std::string& gone) {
  auto names = files.List(gone);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    absl::Status status = files.Remove(absl::StrCat(gone, "/", name));
    if (!status.ok()) return status;
  }
  return files.Remove(gone);
}

absl::Status RemoveSessionDir(FileSystem& files, const std::string& dir, uint64_t epoch) {
  std::string gone = absl::StrCat(SessionDir(dir, epoch), kGoneSuffix);
  absl::Status status = files.Rename(SessionDir(dir, epoch), gone);
  return status.ok() ? RemoveGoneDir(files, gone) : status;
}

}  // namespace braid
