// The truth file: what the emulator created, what it handed to the kernel for
// whom, and how every connection began and ended. Tests compare the log with
// it. This is its format and its reader; TruthWriter writes it.
//
// An *emission* is one appearance of a post in the stream; emissions are
// numbered without holes from 0. A duplicate is an emission whose id appeared
// before. So "sent" is a few ranges per connection, however high the rate.
//
// Format, all integers little-endian. Header, 32 bytes: "BRAIDTRU", u32
// version 1, u32 header size, i64 start (unix micros), u64 seed. Then records:
// u32 size of what follows the type, u8 type, and
//   1 created   u64 first emission, i64 micros, u32 count, count x u64 id
//               (bit 63: duplicate)
//   2 connected u32 connection, i64 micros, u32 size, tag, u32 size, address
//   3 sent      u32 connection, i64 micros of the last, u64 first, u32 count
//   4 maybe     as sent: the connection ended while these were partly written
//   5 dropped   as sent: withheld from the connection by a drop command
//   6 ended     u32 connection, i64 micros, u8 EndKind
//   8 kinds     u64 first, u32 count, count x u8 EventKind; without one: posts
//   9 asked     i64 micros, u32 status, u32 connection (0: none was opened),
//               u32 size, request line, u32 size, tag, u32 size, address
//   7 finished  i64 micros: the emulator stopped by itself, nothing is missing
// Sent means that every byte of the record was accepted by the kernel; a reset
// may still have lost it. A created record stands before any sent of it. A
// file cut anywhere can be read up to the cut.
//
// Threads: any, no shared state. Bounds: 16 bytes of memory per emission.

#ifndef BRAID_TESTS_EMULATOR_TRUTH_H_
#define BRAID_TESTS_EMULATOR_TRUTH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/emulator/event.h"

namespace braid::emulator {

enum class EndKind : uint8_t {
  kOpen = 0,          // not ended (yet)
  kClientClosed = 1,  // the client closed or reset
  kDisconnectMessage = 2,
  kZeroChunk = 3,
  kTruncatedChunk = 4,
  kReset = 5,
  kSlowClient = 6,  // backlog above the cap
  kNetwork = 7,     // the kernel gave up on the peer
  kEmulatorStopped = 8,
  kTooManyConnections = 9,  // Gnip: over the limit after the grace
  kJobDone = 10,            // a recovery or replay ended, well or not
  kKilled = 11,             // by the connections API
};
const char* EndKindName(EndKind kind);

struct Emission {
  uint64_t id = 0;
  int64_t micros = 0;
  bool is_duplicate() const { return (id >> 63) != 0; }
  uint64_t post_id() const { return id & ~(uint64_t{1} << 63); }
  absl::Time time() const { return absl::FromUnixMicros(micros); }
};

struct EmissionRange {
  uint64_t first = 0;
  uint64_t count = 0;
};

struct TruthConnection {
  uint32_t number = 0;
  std::string tag;
  std::string address;
  absl::Time connected;
  absl::Time ended = absl::InfiniteFuture();
  EndKind end_kind = EndKind::kOpen;
  std::vector<EmissionRange> sent;
  std::vector<EmissionRange> maybe;
  std::vector<EmissionRange> dropped;
};

// One request: who asked for what, and what X answered.
struct TruthRequest {
  absl::Time time;
  int status = 0;  // 0: no answer, by a fault
  uint32_t connection = 0;
  std::string line;  // "GET /2/tweets/search/stream?backfill_minutes=5"
  std::string tag;
  std::string address;
};

struct Truth {
  absl::Time started;
  uint64_t seed = 0;
  std::vector<Emission> emissions;
  // In the order of their numbers, which start at 1.
  std::vector<TruthConnection> connections;
  // As long as the emissions, or empty: all are posts.
  std::vector<EventKind> kinds;
  std::vector<TruthRequest> requests;
  bool finished = false;
  // Bytes after the last whole record: the emulator was killed or still writes.
  uint64_t torn_bytes = 0;

  // Ids without repeats, of everything created.
  absl::flat_hash_set<uint64_t> CreatedIds() const;
  absl::flat_hash_set<uint64_t> SentIds(const TruthConnection& connection) const;
  absl::flat_hash_set<uint64_t> SentToAny() const;
  // Sent or maybe: what a reader may have seen.
  absl::flat_hash_set<uint64_t> PossiblySentToAny() const;
  uint64_t SentCount(const TruthConnection& connection) const;
  EventKind KindOf(uint64_t emission) const {
    return emission < kinds.size() ? kinds[emission] : EventKind::kPost;
  }
};

absl::StatusOr<Truth> ReadTruth(absl::string_view path);
// The same of the file's bytes.
absl::StatusOr<Truth> ParseTruth(absl::string_view bytes);

namespace truth_format {
inline constexpr char kMagic[] = "BRAIDTRU";
inline constexpr uint32_t kVersion = 1;
inline constexpr uint32_t kHeaderBytes = 32;
inline constexpr uint64_t kDuplicateBit = uint64_t{1} << 63;
enum Type : uint8_t {
  kCreated = 1,
  kConnected = 2,
  kSent = 3,
  kMaybe = 4,
  kDropped = 5,
  kEnded = 6,
  kFinished = 7,
  kKinds = 8,
  kAsked = 9,
};
}  // namespace truth_format

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_TRUTH_H_
