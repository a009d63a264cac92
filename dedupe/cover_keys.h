// Keys of the cover table: what is whole and what is not (docs/KEYS.md). Pure
// functions; any thread.

#ifndef BRAID_DEDUPE_COVER_KEYS_H_
#define BRAID_DEDUPE_COVER_KEYS_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "braid/v1/types.pb.h"

namespace braid {

inline constexpr char kCoverComparison = 'c';
inline constexpr char kCoverGap = 'g';
inline constexpr char kCoverCapped = 'k';
inline constexpr char kCoverMinute = 'm';
inline constexpr char kCoverState = 'o';
inline constexpr char kCoverMisses = 'r';
inline constexpr char kCoverSpan = 's';

inline constexpr int64_t kDayMicros = int64_t{86'400} * 1'000'000;
inline constexpr int64_t kMinuteMicros = 60'000'000;

// A span lies within one UTC day, so that days expire whole.
struct CoverSpanKey {
  std::string source_id;
  v1::EventOrigin origin = v1::EVENT_ORIGIN_UNSPECIFIED;
  int64_t from_micros = 0;
};
std::string EncodeCoverSpanKey(const CoverSpanKey& key);
// REQUIRES: a key that EncodeCoverSpanKey made.
CoverSpanKey DecodeCoverSpanKey(absl::string_view bytes);
// First key of the spans of the day that holds `micros`.
std::string CoverDayKey(int64_t micros);

std::string CoverGapKey(uint64_t number);
// A minute in which the source was compared.
std::string CoverMissKey(const std::string& source_id, int64_t minute);
// `minute`: since the epoch.
std::string CoverMinuteKey(int64_t minute);
// REQUIRES: a key that CoverMinuteKey made.
int64_t CoverKeyMinute(absl::string_view key);
// A span at the contract's cap, by its start in microseconds.
std::string CoverCappedKey(int64_t from_micros);
// REQUIRES: a key that CoverCappedKey made.
int64_t CoverKeyCapped(absl::string_view key);

}  // namespace braid

#endif  // BRAID_DEDUPE_COVER_KEYS_H_
