#include "ingest/segment_scan.h"

#include <algorithm>
#include <utility>

#include "ingest/session_record.h"
#include "ingest/spool_format.h"

namespace braid {
namespace {

// A few frames at a time: system calls vanish beside the checksum.
constexpr uint64_t kReadAheadBytes = 256 << 10;

}  // namespace

SegmentScan::SegmentScan(FileSystem& files, std::string path, uint64_t position, uint64_t offset)
    : files_(files), path_(std::move(path)), position_(position), offset_(offset) {}

bool SegmentScan::Fill(uint64_t bytes) {
  if (buffer_.size() - begin_ >= bytes) return true;
  buffer_.erase(0, begin_);
  begin_ = 0;
  uint64_t want = std::max(bytes, kReadAheadBytes) - buffer_.size();
  absl::StatusOr<std::string> more = files_.Read(path_, position_ + buffer_.size(), want);
  // A disk that can not be read has damaged the records on it.
  if (!more.ok()) {
    damaged_ = true;
    read_status_ = more.status();
  }
  if (more.ok()) buffer_ += *more;
  return buffer_.size() >= bytes;
}

absl::optional<SegmentScan::Item> SegmentScan::Next() {
  if (damaged_) return absl::nullopt;
  Fill(kRecordHeaderBytes);
  if (buffer_.size() == begin_) return absl::nullopt;
  StoredRecord stored = DecodeRecord(absl::string_view(buffer_).substr(begin_));
  if (stored.state == StoredRecord::State::kCut && Fill(stored.bytes_needed)) {
    stored = DecodeRecord(absl::string_view(buffer_).substr(begin_));
  }
  Item item;
  if (stored.state != StoredRecord::State::kWhole || stored.offset != offset_ ||
      !item.record.ParseFromArray(stored.body.data(), stored.body.size())) {
    damaged_ = true;
    return absl::nullopt;
  }
  item.record.set_offset(offset_);
  item.offset = offset_;
  item.position = position_;
  item.end_offset = offset_ + OffsetCount(item.record);
  offset_ = item.end_offset;
  begin_ += stored.bytes_needed;
  position_ += stored.bytes_needed;
  return item;
}

}  // namespace braid
