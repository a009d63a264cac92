// Finds out that a log went back: its database holds less, or something else,
// than the mark beside it says was served. The log then goes on under a new id,
// so that no position of the old one ever counts other events.
//
// Threads: before the stream runs. Blocks on the store.

#ifndef BRAID_DEDUPE_ROLLBACK_H_
#define BRAID_DEDUPE_ROLLBACK_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/types/optional.h"
#include "braid/store/v1/log.pb.h"
#include "dedupe/store.h"

namespace braid {

// What was lost of the log that the mark names; nothing where the database has
// all of it.
absl::StatusOr<absl::optional<store::v1::Identity::Ancestor>> FindRollback(
    const Store& store, const store::v1::Identity& identity, const store::v1::CoreState& core,
    const store::v1::LogMark& mark);

// FindRollback, and if so `identity` becomes that of a new log and is
// committed. Returns what was lost. After a crash it can be called again.
absl::StatusOr<absl::optional<store::v1::Identity::Ancestor>> MendRollback(
    Store& store, const store::v1::CoreState& core,
    const absl::optional<store::v1::LogMark>& mark, const std::string& new_log_id,
    store::v1::Identity* identity);

}  // namespace braid

#endif  // BRAID_DEDUPE_ROLLBACK_H_
