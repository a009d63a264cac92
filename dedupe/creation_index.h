// The log's events by creation time and key: table `ids`, and the strays of
// table `strays`. Says where they stand in the log, and reads none of them.
//
// Threads: any that may block on the store.
// Bounds: one answer holds as many entries as asked for, plus one.

#ifndef BRAID_DEDUPE_CREATION_INDEX_H_
#define BRAID_DEDUPE_CREATION_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dedupe/readable_stream.h"
#include "dedupe/store.h"

namespace braid {

// The lowest key of an event created at this time (whole milliseconds).
std::string KeyAt(int64_t create_micros);
// Between a key and all that are above it.
std::string KeyAfter(std::string key);

// Where a reading begins that is there before the stream's first cover: so far
// below the first event that what is a little older comes in order too.
std::string KeyWellBefore(absl::string_view first_key);

struct CreationSpan {
  // Keys in [from, until).
  std::string from;
  std::string until;
  // Events in [from_sequence, until_sequence), strays only below
  // strays_until.
  uint64_t from_sequence = 0;
  uint64_t until_sequence = 0;
  uint64_t strays_until = 0;
};

struct CreationEntry {
  std::string key;
  uint64_t sequence = 0;
};

struct CreationPage {
  // Ascending; a key stands twice where the log has it as a stray too.
  std::vector<CreationEntry> entries;
  // The span holds no more.
  bool complete = false;
};

// The first `count` entries; entries of one key are never parted.
absl::StatusOr<CreationPage> ReadCreationPage(const Store& store, const CreationSpan& span,
                                              size_t count);

// From where on the stream can be read in creation order. Right above what
// retention took last there is a minute for the reader to get going; that may be
// above the watermark. Empty: there is neither event nor watermark yet.
absl::StatusOr<std::string> EarliestKey(const ReadableStream& stream, int64_t watermark_micros);

// OUT_OF_RANGE CURSOR_TOO_OLD, with the span of creation time that is lost,
// where keys from `from` on were forgotten.
absl::Status CheckFloor(const ReadableStream& stream, const std::string& from);

}  // namespace braid

#endif  // BRAID_DEDUPE_CREATION_INDEX_H_
