// The bytes of a spool on disk. docs/KEYS.md has them byte by byte; they
// change only with kSpoolFormat.
//
//   epoch                       see EpochFile
//   <epoch>/<first offset>.seg  header, then records; names of 20 digits
//   <epoch>/<number>.mark       marks: how far the session was durable
//
// Header, 32 bytes, in every format to come: "BRDSPOOL", BE32 format, BE32 zero,
// BE64 first offset, BE64 Hash64 of the 24 bytes before. Record: BE32 length of
// body, BE64 Hash64 of the rest, BE64 offset, body (SessionRecord without its
// epoch, so that a session can get a new one).
//
// Pure; any thread.

#ifndef BRAID_INGEST_SPOOL_FORMAT_H_
#define BRAID_INGEST_SPOOL_FORMAT_H_

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "ingest/session_record.h"

namespace braid {

inline constexpr uint32_t kSpoolFormat = 1;
inline constexpr char kSegmentSuffix[] = ".seg";
inline constexpr char kMarkSuffix[] = ".mark";
inline constexpr uint64_t kSegmentHeaderBytes = 32;
inline constexpr uint64_t kRecordHeaderBytes = 20;
// A frame is 64 KB before compression; the longest line is 2 MiB and may not
// compress. Anything longer is a damaged length.
inline constexpr uint64_t kRecordBodyBytesMax = 16 << 20;

std::string SpoolNumber(uint64_t number);
// The number of a name of 20 digits, then `suffix`; nullopt for other names.
absl::optional<uint64_t> ParseSpoolNumber(absl::string_view name, absl::string_view suffix);

std::string EncodeSegmentHeader(uint64_t first_offset);
// FailedPrecondition: whole, but of another format: must not be touched.
// DataLoss: damaged. What carries no valid checksum is noise and tells nothing,
// not even a format.
absl::Status CheckSegmentHeader(absl::string_view bytes, uint64_t first_offset);

void AppendRecordBytes(uint64_t offset, absl::string_view body, std::string* out);

// Written after each sync: everything below end_offset is durable.
struct SyncMark {
  uint64_t end_offset = 0;
  // Of all the session's data until then.
  ReceiveInterval received;
};
inline constexpr uint64_t kSyncMarkBytes = 32;
std::string EncodeSyncMark(const SyncMark& mark);
// The highest whole one of a file's; zero where there is none.
SyncMark HighestSyncMark(absl::string_view bytes);

struct StoredRecord {
  enum class State {
    kWhole,
    kCut,  // the bytes end before the record does; needs `bytes_needed`
    kBad,
  };
  State state = State::kBad;
  uint64_t offset = 0;
  // Points into the bytes given.
  absl::string_view body;
  // Of header and body together.
  uint64_t bytes_needed = 0;
};
StoredRecord DecodeRecord(absl::string_view bytes);

// What the spool knows beside its records. Replaced atomically at each start
// and at each raise of the epoch.
struct EpochFile {
  // Of the session that is written to.
  uint64_t epoch = 0;
  uint64_t session_id = 0;
  // End offset of each older session, so that damage at its end is noticed, and
  // that it is gone.
  std::map<uint64_t, uint64_t> ends;
  // Session id of each older session.
  std::map<uint64_t, uint64_t> session_ids;
  // Directories to be renamed, old epoch to new: done after this file is
  // durable, and finished by the next start if it was interrupted.
  std::map<uint64_t, uint64_t> renames;
};
std::string EncodeEpochFile(const EpochFile& file);
// FailedPrecondition: not ours or of the future. DataLoss: damaged.
absl::StatusOr<EpochFile> DecodeEpochFile(absl::string_view bytes);

}  // namespace braid

#endif  // BRAID_INGEST_SPOOL_FORMAT_H_
