// Stored keys and values of a deduper, byte by byte (docs/KEYS.md shows each
// with an example). Pure functions; any thread.

#ifndef BRAID_DEDUPE_KEYS_H_
#define BRAID_DEDUPE_KEYS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/store/v1/log.pb.h"
#include "braid/v1/ingest_service.pb.h"
#include "proto/window_key.h"

namespace braid {

// Position of a record in the log.
struct LogKey {
  uint64_t sequence = 0;
  uint32_t ordinal = 0;
  bool operator==(const LogKey& other) const {
    return sequence == other.sequence && ordinal == other.ordinal;
  }
};

std::string EncodeLogKey(LogKey key);
// REQUIRES: at least 12 bytes.
LogKey DecodeLogKey(absl::string_view bytes);

// Value of a log record: format, chain, check, body.
inline constexpr char kLogFormat = 1;
inline constexpr size_t kChainBytes = 16;
inline constexpr size_t kLogHeaderBytes = 1 + kChainBytes + 8;
// `chain` already includes this record.
std::string EncodeLogValue(absl::string_view key, absl::string_view chain, absl::string_view body);
struct LogValue {
  absl::string_view chain;
  absl::string_view body;
};
// DataLoss when the bytes are not what was written under this key. The views
// point into `value`.
absl::StatusOr<LogValue> DecodeLogValue(absl::string_view key, absl::string_view value);
std::string NextChain(absl::string_view chain, absl::string_view key, absl::string_view body);

// Number of events, whether it holds post ids or keys.
int FrameEventCount(const v1::Frame& frame);
std::string FrameWindowKey(const v1::Frame& frame, int event);

// 16.4 s of creation time: a key's sightings are found by looking through one
// bucket from the event's own record on.
inline constexpr int kSightingBucketShift = 36;
uint32_t SightingBucket(uint64_t window_key_time);
std::string EncodeSightingKey(uint32_t bucket, LogKey log_key);
std::string EncodeSightingPrefix(uint32_t bucket);
// REQUIRES: a key made by EncodeSightingKey.
LogKey DecodeSightingKey(absl::string_view bytes);

std::string EncodeStrayKey(int64_t arrival_micros, absl::string_view window_key);
struct StrayKey {
  int64_t arrival_micros;
  absl::string_view window_key;
};
StrayKey DecodeStrayKey(absl::string_view bytes);
// Behind all arrivals: the same strays by key.
inline constexpr char kStrayIdPrefix[] = "\xff";
std::string EncodeStrayIdKey(absl::string_view window_key);
struct StrayValue {
  uint64_t sequence;
  int64_t arrival_micros;
};
std::string EncodeStrayValue(StrayValue value);
// REQUIRES: at least 16 bytes.
StrayValue DecodeStrayValue(absl::string_view bytes);

std::string EncodeSourceKey(absl::string_view source_id, uint64_t epoch);
struct SourceKey {
  std::string source_id;
  uint64_t epoch;
};
absl::StatusOr<SourceKey> DecodeSourceKey(absl::string_view bytes);

std::string EncodeSequence(uint64_t sequence);

// Keys of the meta table.
inline constexpr char kMetaIdentity[] = "identity";
inline constexpr char kMetaCore[] = "core";
// "time/" + BE64(core's time, micros) -> log key of the first record after it.
inline constexpr char kMetaTimePrefix[] = "time/";
std::string EncodeTimeKey(int64_t now_micros);
// "work/" + BE64(number) + 0 -> WorkTask, + 1 -> WorkState.
inline constexpr char kMetaWorkPrefix[] = "work/";
struct WorkKey {
  uint64_t number;
  bool is_state;
};
std::string EncodeWorkKey(WorkKey key);
absl::StatusOr<WorkKey> DecodeWorkKey(absl::string_view bytes);
// "job/" + BE64(number) -> StoredJob; "recovery" -> RecoveryState.
inline constexpr char kMetaJobPrefix[] = "job/";
std::string EncodeJobKey(uint64_t number);
inline constexpr char kMetaRecovery[] = "recovery";
// Exclusive end of the keys with this prefix.
std::string MetaPrefixEnd(const std::string& prefix);

}  // namespace braid

#endif  // BRAID_DEDUPE_KEYS_H_
