#include "dedupe/creation_index.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "base/utc_text.h"
#include "dedupe/keys.h"
#include "proto/reason.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

// The floor moves with every tick, the oldest sequence once a minute.
constexpr int64_t kHeadStartMicros = 60'000'000;

// Far more than copies differ in lateness.
constexpr absl::Duration kFirstEventSlack = absl::Hours(1);

// One more than asked for tells whether there is more.
absl::Status ReadIds(const Store& store, const CreationSpan& span, size_t count,
                     std::vector<CreationEntry>* entries) {
  return store.Scan(
      Table::kIds, span.from, span.until, [&](absl::string_view key, absl::string_view value) {
        if (value.size() < sizeof(uint64_t)) return true;
        uint64_t sequence = ReadBe64(value);
        bool wanted = sequence >= span.from_sequence && sequence < span.until_sequence;
        if (wanted) entries->push_back({std::string(key), sequence});
        return entries->size() <= count;
      });
}

absl::Status ReadStrays(const Store& store, const CreationSpan& span, size_t count,
                        std::vector<CreationEntry>* entries) {
  const size_t prefix_bytes = EncodeStrayIdKey("").size();
  return store.Scan(Table::kStrays, EncodeStrayIdKey(span.from), EncodeStrayIdKey(span.until),
                    [&](absl::string_view key, absl::string_view value) {
                      uint64_t sequence = DecodeStrayValue(value).sequence;
                      bool wanted = sequence >= span.from_sequence &&
                                    sequence < std::min(span.until_sequence, span.strays_until);
                      if (wanted) {
                        entries->push_back({std::string(key.substr(prefix_bytes)), sequence});
                      }
                      return entries->size() <= count;
                    });
}

bool IsBefore(const CreationEntry& a, const CreationEntry& b) {
  return std::tie(a.key, a.sequence) < std::tie(b.key, b.sequence);
}

std::string CreationTimeText(const std::string& key) {
  return UtcText(key.size() < sizeof(uint64_t) ? absl::UnixEpoch()
                                               : SnowflakeTime(WindowKeyTime(key)));
}

}  // namespace

std::string KeyAt(int64_t create_micros) {
  return EncodeSequence(FirstSnowflakeAt(absl::FromUnixMicros(create_micros)));
}

std::string KeyAfter(std::string key) {
  key.push_back('\0');
  return key;
}

std::string KeyWellBefore(absl::string_view first_key) {
  absl::Time created = SnowflakeTime(WindowKeyTime(first_key));
  return KeyAt(absl::ToUnixMicros(created - kFirstEventSlack));
}

absl::StatusOr<CreationPage> ReadCreationPage(const Store& store, const CreationSpan& span,
                                              size_t count) {
  CreationPage page;
  page.complete = true;
  if (span.from >= span.until) return page;
  std::vector<CreationEntry> ids;
  std::vector<CreationEntry> strays;
  absl::Status status = ReadIds(store, span, count, &ids);
  if (status.ok()) status = ReadStrays(store, span, count, &strays);
  if (!status.ok()) return status;
  std::merge(std::make_move_iterator(ids.begin()), std::make_move_iterator(ids.end()),
             std::make_move_iterator(strays.begin()), std::make_move_iterator(strays.end()),
             std::back_inserter(page.entries), IsBefore);
  if (page.entries.size() <= count) return page;
  size_t cut = count;
  if (cut > 0 && page.entries[cut].key == page.entries[cut - 1].key) ++cut;
  page.complete = cut == page.entries.size() && ids.size() <= count && strays.size() <= count;
  page.entries.resize(cut);
  return page;
}

absl::StatusOr<std::string> EarliestKey(const ReadableStream& stream, int64_t watermark_micros) {
  int64_t floor_micros = stream.floor_micros();
  std::string from = KeyAt(floor_micros);
  uint64_t earliest = stream.reader().earliest_sequence();
  if (earliest > 1) {
    // What was created after the oldest record was admitted came after it. Also
    // where the watermark is not there yet: below, some is gone.
    absl::StatusOr<CommittedRecord> oldest = stream.reader().RecordOf(earliest);
    int64_t admitted_micros = oldest.ok() ? oldest->record->admission_micros() : 0;
    return KeyAt(std::max(floor_micros, admitted_micros) + kHeadStartMicros);
  }
  // Nothing was forgotten but what was below the floor: from the first.
  absl::optional<std::string> first;
  absl::Status status = stream.store().Scan(Table::kIds, from, "",
                                            [&first](absl::string_view key, absl::string_view) {
                                              first = std::string(key);
                                              return false;
                                            });
  if (!status.ok()) return status;
  if (!first && watermark_micros == 0) return std::string();
  if (first) from = watermark_micros == 0 ? KeyWellBefore(*first) : *first;
  if (watermark_micros > 0) from = std::min(from, KeyAt(watermark_micros));
  return std::max(KeyAt(floor_micros), from);
}

absl::Status CheckFloor(const ReadableStream& stream, const std::string& from) {
  std::string floor = KeyAt(stream.floor_micros());
  if (from >= floor) return absl::OkStatus();
  std::string lost_from = CreationTimeText(from);
  std::string lost_until = CreationTimeText(floor);
  return ReasonError(
      absl::StatusCode::kOutOfRange,
      absl::StrCat("what was created from ", lost_from, " to ", lost_until,
                   " is no longer kept in creation order and is lost to this reader"),
      {"CURSOR_TOO_OLD", {{"lost_from_time", lost_from}, {"lost_until_time", lost_until}}});
}

}  // namespace braid
