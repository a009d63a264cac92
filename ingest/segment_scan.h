// Walks the records of one segment file, verifying each: checksum, form, and
// that offsets follow each other. Reads ahead 256 KB at a time.
//
// On the loop. Bounds: one read-ahead buffer.

#ifndef BRAID_INGEST_SEGMENT_SCAN_H_
#define BRAID_INGEST_SEGMENT_SCAN_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "base/file_system.h"
#include "braid/v1/ingest_service.pb.h"

namespace braid {

class SegmentScan {
 public:
  struct Item {
    v1::SessionRecord record;
    uint64_t offset = 0;
    // Offset after the record, and position of it in the file.
    uint64_t end_offset = 0;
    uint64_t position = 0;
  };

  // A record with `offset` begins at `position`. REQUIRES: files outlives this.
  SegmentScan(FileSystem& files, std::string path, uint64_t position, uint64_t offset);

  // Nothing at the end of the file and at the first bad record.
  absl::optional<Item> Next();

  // The walk ended at something that is no whole record (or the file could not
  // be read), not at the end of the file.
  bool damaged() const { return damaged_; }
  // The file could not be read, which says nothing about what is in it.
  const absl::Status& read_status() const { return read_status_; }
  // After the last whole record.
  uint64_t position() const { return position_; }
  uint64_t offset() const { return offset_; }

 private:
  // Makes at least `bytes` bytes available from position_ if the file has them.
  bool Fill(uint64_t bytes);

  FileSystem& files_;
  const std::string path_;
  uint64_t position_;
  uint64_t offset_;
  bool damaged_ = false;
  absl::Status read_status_;
  std::string buffer_;
  // Of position_ in the buffer.
  uint64_t begin_ = 0;
};

}  // namespace braid

#endif  // BRAID_INGEST_SEGMENT_SCAN_H_
