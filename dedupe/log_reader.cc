#include "dedupe/log_reader.h"

#include <algorithm>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/utc_text.h"
#include "proto/reason.h"

namespace braid {
namespace {

constexpr size_t kLogKeyBytes = 12;

absl::Status Damaged(uint64_t lost_from, uint64_t lost_until) {
  return ReasonError(
      absl::StatusCode::kDataLoss,
      absl::StrCat("the log is damaged: sequences ", lost_from, " to ", lost_until - 1,
                   " can not be read. Go on at ", lost_until),
      {"LOG_DAMAGED",
       {{"lost_from_sequence", absl::StrCat(lost_from)},
        {"lost_until_sequence", absl::StrCat(lost_until)},
        {"lost_sequences", absl::StrCat(lost_until - lost_from)}}});
}

// Goes through the log's entries in order and keeps those with sequences from
// `from` to `limit`, as long as none is missing. Whether a damaged entry held
// any shows the key after it.
class LogWalk {
 public:
  LogWalk(uint64_t from, uint64_t limit, uint64_t bytes_max)
      : expected_(from), limit_(limit), bytes_max_(bytes_max) {}

  // False: no more is wanted.
  bool Visit(absl::string_view key, absl::string_view value) {
    if (key.size() < kLogKeyBytes) return true;
    uint64_t sequence = DecodeLogKey(key).sequence;
    if (sequence > expected_) return Lose(std::min(sequence, limit_));
    if (damaged_ && sequence == damaged_sequence_) ++damaged_passed_;
    damaged_ = false;
    if (sequence >= limit_) return false;
    absl::StatusOr<CommittedRecord> record = DecodeLogEntry(key, value);
    if (!record.ok()) {
      Log(LogLevel::kError, "log_entry_damaged", "an entry of the log is damaged",
          {{"error", record.status()}});
      damaged_ = true;
      damaged_sequence_ = sequence;
      return true;
    }
    uint64_t end = sequence + record->sequence_count;
    if (end <= expected_) return true;
    expected_ = end;
    bytes_ += value.size();
    records_.push_back(*std::move(record));
    return bytes_ < bytes_max_;
  }
  // The store has no more entries, unless a Visit had enough.
  void End() {
    if (bytes_ < bytes_max_ && lost_until_ == 0 && expected_ < limit_) Lose(limit_);
  }

  std::vector<CommittedRecord> TakeRecords() { return std::move(records_); }
  uint64_t lost_from() const { return lost_from_; }
  uint64_t lost_until() const { return lost_until_; }
  uint64_t damaged_passed() const { return damaged_passed_; }

 private:
  bool Lose(uint64_t until) {
    lost_from_ = expected_;
    lost_until_ = until;
    return false;
  }

  // The next sequence to keep.
  uint64_t expected_;
  const uint64_t limit_;
  const uint64_t bytes_max_;
  uint64_t bytes_ = 0;
  std::vector<CommittedRecord> records_;
  bool damaged_ = false;
  uint64_t damaged_sequence_ = 0;
  uint64_t damaged_passed_ = 0;
  uint64_t lost_from_ = 0;
  uint64_t lost_until_ = 0;
};

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

absl::Status LogReader::CheckChain(uint64_t from, uint64_t chain) const {
  if (chain == 0 || from <= earliest_sequence() || from > next_sequence()) return absl::OkStatus();
  absl::StatusOr<CommittedRecord> record = RecordOf(from - 1);
  // What can not be read can not be compared.
  if (!record.ok() || record->chain == chain) return absl::OkStatus();
  return ReasonError(
      absl::StatusCode::kOutOfRange,
      absl::StrCat("the log was put back to an older state: up to sequence ", from - 1,
                   " it holds other events than this reader was given. Start again by time or at "
                   "the earliest"),
      {"LOG_ROLLED_BACK",
       {{"requested_sequence", absl::StrCat(from)},
        {"lost_from_sequence", absl::StrCat(earliest_sequence())},
        {"lost_until_sequence", absl::StrCat(from)}}});
}

absl::StatusOr<std::vector<CommittedRecord>> LogReader::Read(uint64_t from,
                                                             uint64_t bytes_max) const {
  std::vector<CommittedRecord> records;
  if (hot_tail_.Read(from, bytes_max, &records)) return records;
  Stretch stretch = ReadStretch(from, bytes_max);
  if (stretch.lost_until == 0) return std::move(stretch.records);
  // Retention may have taken it between two looks: then it is not damage.
  absl::Status position = CheckPosition(from, absl::InfinitePast());
  return position.ok() ? Damaged(stretch.lost_from, stretch.lost_until) : position;
}

LogReader::Stretch LogReader::ReadStretch(uint64_t from, uint64_t bytes_max) const {
  Stretch stretch;
  // What is published, whatever the store holds already.
  uint64_t limit = next_sequence();
  if (from >= limit) return stretch;
  absl::Status scanned = ScanStretch(from, limit, bytes_max, &stretch);
  if (!scanned.ok()) {
    Log(LogLevel::kError, "log_unreadable", "the store can not be read",
        {{"sequence", from}, {"error", scanned}});
  }
  if (!stretch.records.empty()) {
    // What was read before a damaged place is good; the next read meets it.
    stretch.lost_from = stretch.lost_until = 0;
  } else if (!scanned.ok()) {
    stretch.lost_from = from;
    stretch.lost_until = NextReadable(from, limit);
  }
  return stretch;
}

absl::Status LogReader::ScanStretch(uint64_t from, uint64_t limit, uint64_t bytes_max,
                                    Stretch* stretch) const {
  std::string begin = EncodeLogKey({from, 0});
  // The last key at or below a sequence is the record that holds it.
  absl::Status sought =
      store_.ScanBack(Table::kLog, EncodeLogKey({from, std::numeric_limits<uint32_t>::max()}),
                      [&begin](absl::string_view key, absl::string_view) {
                        begin = std::string(key);
                        return false;
                      });
  if (!sought.ok()) return sought;
  LogWalk walk(from, limit, bytes_max);
  absl::Status scanned =
      store_.Scan(Table::kLog, begin, "", [&walk](absl::string_view key, absl::string_view value) {
        return walk.Visit(key, value);
      });
  if (scanned.ok()) walk.End();
  damaged_passed_.Add(walk.damaged_passed());
  stretch->records = walk.TakeRecords();
  stretch->lost_from = walk.lost_from();
  stretch->lost_until = walk.lost_until();
  return scanned;
}

// The first sequence from `from` on whose key can be read, by doubling steps
// and then halving: what can not be read is one stretch of a file.
uint64_t LogReader::NextReadable(uint64_t from, uint64_t limit) const {
  uint64_t found = limit;
  auto readable = [this, limit, &found](uint64_t sequence) {
    uint64_t first = limit;
    absl::Status status = store_.Scan(Table::kLog, EncodeLogKey({sequence, 0}), "",
                                      [&first](absl::string_view key, absl::string_view) {
                                        first = DecodeLogKey(key).sequence;
                                        return false;
                                      });
    if (status.ok()) found = std::min(limit, first);
    return status.ok();
  };
  uint64_t low = from;
  uint64_t high = limit;
  for (uint64_t step = 1; low + step < limit; step *= 2) {
    if (readable(low + step)) {
      high = low + step;
      break;
    }
    low += step;
  }
  while (low + 1 < high) {
    uint64_t middle = low + (high - low) / 2;
    (readable(middle) ? high : low) = middle;
  }
  return found;
}

absl::StatusOr<CommittedRecord> LogReader::RecordOf(uint64_t sequence) const {
  absl::StatusOr<std::vector<CommittedRecord>> records = Read(sequence, 1);
  if (!records.ok()) return records.status();
  if (!records->empty()) return std::move(records->front());
  return absl::NotFoundError(absl::StrCat("the log has no sequence ", sequence, " yet"));
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
    uint64_t looked_at = middle;
    absl::StatusOr<CommittedRecord> record = RecordOf(middle);
    // The record behind a damaged stretch tells: nothing in it is later.
    while (absl::IsDataLoss(record.status())) {
      if (!absl::SimpleAtoi(ReasonOf(record.status()).metadata["lost_until_sequence"],
                            &looked_at) ||
          looked_at >= high) {
        break;
      }
      record = RecordOf(looked_at);
    }
    if (absl::IsDataLoss(record.status()) && looked_at >= high) {
      high = middle;
      continue;
    }
    if (absl::IsOutOfRange(record.status())) {
      // Retention passed it meanwhile.
      low = std::max(low, earliest_sequence());
      high = std::max(low, high);
      continue;
    }
    if (!record.ok()) return record.status();
    if (absl::FromUnixMicros(record->record->admission_micros()) < time) {
      low = record->first_sequence + record->sequence_count;
    } else {
      // Everything of one record was admitted at once.
      high = std::max(low, std::min(middle, record->first_sequence));
    }
  }
  return low;
}

}  // namespace braid
