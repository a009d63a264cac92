#include "dedupe/log_entry.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"

namespace braid {
namespace {

// Sequence and ordinal.
constexpr size_t kKeyBytes = 12;

absl::Status Damaged(absl::string_view key, absl::string_view what) {
  if (key.size() != kKeyBytes) return absl::DataLossError("log entry with a key of another kind");
  return absl::DataLossError(absl::StrCat("log entry at sequence ", DecodeLogKey(key).sequence,
                                          " is damaged: ", what));
}

}  // namespace

uint32_t SequenceCount(const store::v1::LogRecord& record) {
  if (record.has_events()) return record.events().new_count();
  return record.has_notice() ? 1 : 0;
}

absl::StatusOr<CommittedRecord> DecodeLogEntry(absl::string_view key, absl::string_view value) {
  if (key.size() != kKeyBytes) return Damaged(key, "key");
  absl::StatusOr<LogValue> checked = DecodeLogValue(key, value);
  if (!checked.ok()) return Damaged(key, checked.status().message());
  auto record = std::make_shared<store::v1::LogRecord>();
  if (!record->ParseFromArray(checked->body.data(), static_cast<int>(checked->body.size()))) {
    return Damaged(key, "message");
  }
  LogKey position = DecodeLogKey(key);
  CommittedRecord entry;
  entry.first_sequence = position.sequence;
  entry.ordinal = position.ordinal;
  entry.chain = ReadBe64(checked->chain);
  entry.sequence_count = SequenceCount(*record);
  entry.record = std::move(record);
  return entry;
}

}  // namespace braid
