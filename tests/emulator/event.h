// What the emulated X creates, before it is bytes: small enough to keep
// millions, so that backfill, recovery and search can render it again.

#ifndef BRAID_TESTS_EMULATOR_EVENT_H_
#define BRAID_TESTS_EMULATOR_EVENT_H_

#include <cstdint>

#include "absl/time/time.h"

namespace braid::emulator {

enum class EventKind : uint8_t {
  kPost,
  kLike,
  kPostCompliance,
  kUserCompliance,
  kLikeCompliance,
  kLabel,
  kActivity,
};

struct Event {
  // A post's id; other kinds have a snowflake of their own.
  uint64_t id = 0;
  // When it appeared in the stream, X's clock, unix micros. The time inside the
  // id may be earlier.
  int64_t micros = 0;
  // What it is about: the post or user of a compliance event, the liked post,
  // and for an edit the post that it replaces. 0: nothing.
  uint64_t object = 0;
  // Index of the body in the BodyPool.
  uint32_t body = 0;
  EventKind kind = EventKind::kPost;
  // Which of the kind's names, e.g. delete or withheld.
  uint8_t name = 0;
  // Bytes of the same id that differ: 0 is the first.
  uint8_t variant = 0;
  bool is_duplicate : 1;
  // Deleted since: no search, lookup or recovery finds it.
  bool is_deleted : 1;

  Event() : is_duplicate(false), is_deleted(false) {}
  absl::Time time() const { return absl::FromUnixMicros(micros); }
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_EVENT_H_
