#include "dedupe/log_reader.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "proto/reason.h"

namespace braid {
namespace {

std::string UtcText(absl::Time time) {
  return absl::FormatTime(absl::RFC3339_full, time, absl::UTCTimeZone());
}

}  // namespace

absl::Status LogReader::CheckPosition(uint64_t from, absl::Time delivered_time) const {
  uint64_t next = next_sequence();
  if (from > next) {
    return ReasonError(absl::StatusCode::kOutOfRange,
                       absl::StrCat("sequence ", from, " is in the future: the next one is ", next),
                       {"CURSOR_IN_FUTURE",
                        {{"requested_sequence", absl::StrCat(from)},
                         {"next_sequence", absl::StrCat(next)}}});
  }
  uint64_t earliest = earliest_sequence();
  if (from >= earliest) return absl::OkStatus();
  Reason reason{"CURSOR_TOO_OLD",
                {{"requested_sequence", absl::StrCat(from)},
                 {"earliest_sequence", absl::StrCat(earliest)},
                 {"lost_sequences", absl::StrCat(earliest - from)}}};
  if (delivered_time != absl::InfinitePast()) {
    reason.metadata["lost_from_time"] = UtcText(delivered_time);
  }
  absl::StatusOr<CommittedRecord> record = RecordOf(earliest);
  if (record.ok()) {
    reason.metadata["lost_until_time"] =
        UtcText(absl::FromUnixMicros(record->record->admission_micros()));
  }
  return ReasonError(absl::StatusCode::kOutOfRange,
                     absl::StrCat("sequence ", from, " is no longer kept: the oldest one is ",
                                  earliest, ", ", earliest - from, " are lost to this reader"),
                     reason);
}

absl::StatusOr<std::vector<CommittedRecord>> LogReader::Read(uint64_t from,
                                                             uint64_t bytes_max) const {
  std::vector<CommittedRecord> records;
  if (hot_tail_.Read(from, bytes_max, &records)) return records;
  return ReadStore(from, bytes_max);
}

absl::StatusOr<std::vector<CommittedRecord>> LogReader::ReadStore(uint64_t from,
                                                                  uint64_t bytes_max) const {
  absl::StatusOr<CommittedRecord> first = SeekStore(from);
  if (!first.ok()) return first.status();
  std::vector<CommittedRecord> records;
  absl::Status status;
  uint64_t bytes = 0;
  absl::Status scanned = store_.Scan(
      Table::kLog, EncodeLogKey({first->first_sequence, first->ordinal}), "",
      [&](absl::string_view key, absl::string_view value) {
        absl::StatusOr<CommittedRecord> record = DecodeLogEntry(key, value);
        if (!record.ok()) {
          status = record.status();
          return false;
        }
        if (record->sequence_count > 0) {
          bytes += value.size();
          records.push_back(*std::move(record));
        }
        return bytes < bytes_max;
      });
  if (!scanned.ok()) return scanned;
  // What was read before a damaged entry is good; the next read meets it.
  if (!status.ok() && records.empty()) return status;
  return records;
}

absl::StatusOr<CommittedRecord> LogReader::SeekStore(uint64_t sequence) const {
  absl::StatusOr<CommittedRecord> found = absl::NotFoundError("not found");
  absl::Status scanned = store_.ScanBack(
      Table::kLog, EncodeLogKey({sequence, std::numeric_limits<uint32_t>::max()}),
      [&](absl::string_view key, absl::string_view value) {
        absl::StatusOr<CommittedRecord> record = DecodeLogEntry(key, value);
        if (record.ok() && record->sequence_count == 0) return true;
        found = std::move(record);
        return false;
      });
  if (!scanned.ok()) return scanned;
  if (!found.ok() && !absl::IsNotFound(found.status())) return found;
  if (!found.ok() || found->first_sequence + found->sequence_count <= sequence) {
    return absl::NotFoundError(absl::StrCat("the log has no sequence ", sequence));
  }
  return found;
}

absl::StatusOr<CommittedRecord> LogReader::RecordOf(uint64_t sequence) const {
  if (sequence >= next_sequence()) {
    return absl::NotFoundError(absl::StrCat("the log has no sequence ", sequence, " yet"));
  }
  std::vector<CommittedRecord> records;
  if (hot_tail_.Read(sequence, 1, &records) && !records.empty()) return records.front();
  return SeekStore(sequence);
}

absl::StatusOr<CommittedRecord> LogReader::RecordAt(LogKey position) const {
  std::string key = EncodeLogKey(position);
  absl::StatusOr<std::string> value = store_.Get(Table::kLog, key);
  if (!value.ok()) return value.status();
  return DecodeLogEntry(key, *value);
}

absl::StatusOr<uint64_t> LogReader::FirstAdmittedAt(absl::Time time) const {
  uint64_t low = earliest_sequence();
  uint64_t high = std::max(low, next_sequence());
  while (low < high) {
    uint64_t middle = low + (high - low) / 2;
    absl::StatusOr<CommittedRecord> record = RecordOf(middle);
    if (!record.ok()) return record.status();
    if (absl::FromUnixMicros(record->record->admission_micros()) < time) {
      low = record->first_sequence + record->sequence_count;
    } else {
      // Everything of one record was admitted at once.
      high = std::max(low, record->first_sequence);
    }
  }
  return low;
}

}  // namespace braid
