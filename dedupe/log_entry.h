// One entry of the log table as readers see it: key and value to a record,
// format byte and hash verified (docs/KEYS.md has the bytes).
//
// Threads: any; everything here is pure.

#ifndef BRAID_DEDUPE_LOG_ENTRY_H_
#define BRAID_DEDUPE_LOG_ENTRY_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dedupe/core.h"
#include "dedupe/keys.h"

namespace braid {

// How many sequences a record takes: one per new event, one for a notice.
uint32_t SequenceCount(const store::v1::LogRecord& record);

// DataLoss where the bytes are not what was written.
absl::StatusOr<CommittedRecord> DecodeLogEntry(absl::string_view key, absl::string_view value);

}  // namespace braid

#endif  // BRAID_DEDUPE_LOG_ENTRY_H_
