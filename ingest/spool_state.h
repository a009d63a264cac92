// What a spool knows in memory of its sessions and segments, and how that is
// found again at a start.
//
// On the loop. Bounds: one small struct per segment file, an index entry per
// 64 KB (5 MB for a full spool of 20 GiB).

#ifndef BRAID_INGEST_SPOOL_STATE_H_
#define BRAID_INGEST_SPOOL_STATE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/file_system.h"
#include "ingest/session_record.h"
#include "ingest/spool_format.h"

namespace braid {

struct SpoolSegment {
  uint64_t size_bytes = 0;
  // Changes when the file is replaced: what a reader has of it is void.
  uint64_t generation = 0;
  // Holds nothing but the record of a loss, written by this process.
  bool is_loss = false;
  // Records by (offset, position), one about every 64 KB; grown by whoever
  // walks the file from its beginning.
  std::vector<std::pair<uint64_t, uint64_t>> index;
  // Known for segments written by this process.
  absl::optional<ReceiveInterval> interval;
  // Loop time since when every deduper has it.
  absl::optional<absl::Time> acknowledged_time;

  // Remembers the record if the index has none near it.
  void NoteRecord(uint64_t offset, uint64_t position);
};

struct SpoolSession {
  // By first offset; a segment ends where the next begins, the last at
  // end_offset.
  std::map<uint64_t, SpoolSegment> segments;
  uint64_t end_offset = 0;
  // By deduper: everything below is durable there.
  std::vector<uint64_t> acknowledged;
  // Of all its data, as far as known.
  ReceiveInterval received;

  uint64_t first_retained() const {
    return segments.empty() ? end_offset : segments.begin()->first;
  }
  // REQUIRES: first_retained() <= offset < end_offset.
  std::map<uint64_t, SpoolSegment>::iterator SegmentOf(uint64_t offset);
  uint64_t SegmentEnd(std::map<uint64_t, SpoolSegment>::const_iterator segment) const;
  // Below it every deduper has everything.
  uint64_t AcknowledgedByAll() const;
};

struct SpoolState {
  // A session may have lost synced records from its end, and nothing tells how
  // many.
  bool end_is_unknown = false;
  // Without records: to be removed once the epoch file names their successor.
  std::vector<uint64_t> empty_epochs;
  EpochFile epoch_file;
  // By epoch.
  std::map<uint64_t, SpoolSession> sessions;
};

std::string SessionDir(const std::string& dir, uint64_t epoch);
std::string SegmentPath(const std::string& dir, uint64_t epoch, uint64_t first_offset);
std::string EpochPath(const std::string& dir);

// A session's directory on its way out.
inline constexpr char kGoneSuffix[] = ".gone";
absl::Status RemoveGoneDir(FileSystem& files, const std::string& gone);
// Removes a session; after a crash it is there whole or on its way out.
absl::Status RemoveSessionDir(FileSystem& files, const std::string& dir, uint64_t epoch);

// Finds what an earlier process left. Finishes renames and removals and finds
// where each session ends: at its highest mark or after its last whole record,
// whichever is higher, so that what was synced and can not be read stands as a
// hole (SpoolReader makes a Loss of it) and what never was synced is cut. Error
// with the file's name and the remedy, and nothing touched, where the directory
// is not a spool that this version knows.
absl::StatusOr<SpoolState> RecoverSpool(FileSystem& files, const std::string& dir);
// The same error, and nothing touched where the directory is a spool either.
absl::Status LookAtSpool(FileSystem& files, const std::string& dir);

}  // namespace braid

#endif  // BRAID_INGEST_SPOOL_STATE_H_
