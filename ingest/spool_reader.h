// Reads one session of a spool from an offset on: from the memory tail, else
// from the segment files. What is damaged on disk comes out as a Loss record
// of exactly its offsets.
//
// On the loop. Several readers of one spool do not disturb each other.
// Bounds: one read-ahead buffer.

#ifndef BRAID_INGEST_SPOOL_READER_H_
#define BRAID_INGEST_SPOOL_READER_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "braid/v1/ingest_service.pb.h"
#include "ingest/segment_scan.h"
#include "ingest/spool.h"

namespace braid {

class SpoolReader {
 public:
  // REQUIRES: spool outlives this.
  explicit SpoolReader(Spool& spool) : spool_(spool) {}

  void Seek(uint64_t epoch, uint64_t offset);
  uint64_t epoch() const { return epoch_; }
  // Of the record that Next will return.
  uint64_t offset() const { return offset_; }

  // The record that begins at offset(), with its epoch; moves behind it.
  // Nothing at the session's end so far. What is no longer kept comes out as a
  // Loss up to the first retained offset. FailedPrecondition if offset() lies
  // inside a record or beyond the end, NotFound if the session is gone: then
  // whoever asked for it does not mean this session. Unavailable if the disk
  // failed: ask again later; what fails read_attempts_max times in a row is a
  // Loss.
  absl::StatusOr<absl::optional<v1::SessionRecord>> Next();

 private:
  absl::StatusOr<v1::SessionRecord> ReadTail();
  absl::StatusOr<v1::SessionRecord> ReadFile(SpoolSession* session);
  // Places scan_ at or before offset_ in the segment.
  void OpenScan(uint64_t first_offset, const SpoolSegment& segment);
  // Of the first data in a segment; InfiniteFuture if it can not be told.
  absl::Time FirstReceiveTime(uint64_t first_offset) const;
  void NoteInterval(const v1::SessionRecord& record);
  // Of the last data before offset_, or somewhat earlier.
  absl::Time LastReceiveTime(const SpoolSession& session) const;
  v1::SessionRecord LossUntil(uint64_t end_offset, v1::Loss::Reason reason);

  Spool& spool_;
  uint64_t epoch_ = 0;
  uint64_t offset_ = 0;
  // Of the segment with this generation; null when there is none.
  std::unique_ptr<SegmentScan> scan_;
  uint64_t generation_ = 0;
  // Of the last data that was read: where a damaged stretch begins in time.
  ReceiveInterval last_interval_;
  // In a row.
  int read_failures_ = 0;
};

}  // namespace braid

#endif  // BRAID_INGEST_SPOOL_READER_H_
