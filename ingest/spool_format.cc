#include "ingest/spool_format.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/bytes.h"
#include "base/hash.h"

namespace braid {
namespace {

constexpr char kSegmentMagic[] = "BRDSPOOL";
constexpr char kEpochMagic[] = "BRDEPOCH";
constexpr size_t kMagicBytes = 8;
constexpr size_t kNumberDigits = 20;
constexpr size_t kChecksumBytes = 8;

absl::Status CheckMagic(absl::string_view bytes, absl::string_view magic) {
  if (bytes.size() < kMagicBytes + 4) return absl::DataLossError("file is too short");
  if (!absl::StartsWith(bytes, magic)) {
    return absl::FailedPreconditionError("not a file of a spool");
  }
  uint32_t format = ReadBe32(bytes.substr(kMagicBytes));
  if (format != kSpoolFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("written in format ", format, "; this version knows ", kSpoolFormat));
  }
  return absl::OkStatus();
}

void AppendMap(const std::map<uint64_t, uint64_t>& map, std::string* out) {
  AppendBe32(out, map.size());
  for (const auto& [key, value] : map) {
    AppendBe64(out, key);
    AppendBe64(out, value);
  }
}

bool TakeMap(absl::string_view* bytes, std::map<uint64_t, uint64_t>* map) {
  if (bytes->size() < 4) return false;
  uint32_t count = ReadBe32(*bytes);
  bytes->remove_prefix(4);
  if (bytes->size() / 16 < count) return false;
  for (uint32_t i = 0; i < count; ++i) {
    map->emplace(ReadBe64(*bytes), ReadBe64(bytes->substr(8)));
    bytes->remove_prefix(16);
  }
  return true;
}

}  // namespace

std::string SpoolNumber(uint64_t number) { return absl::StrFormat("%020d", number); }

absl::optional<uint64_t> ParseSpoolNumber(absl::string_view name, absl::string_view suffix) {
  uint64_t number = 0;
  if (name.size() != kNumberDigits + suffix.size() || !absl::EndsWith(name, suffix) ||
      !absl::SimpleAtoi(name.substr(0, kNumberDigits), &number) ||
      !absl::StartsWith(name, SpoolNumber(number))) {
    return absl::nullopt;
  }
  return number;
}

std::string EncodeSegmentHeader(uint64_t first_offset) {
  std::string bytes = kSegmentMagic;
  AppendBe32(&bytes, kSpoolFormat);
  AppendBe32(&bytes, 0);
  AppendBe64(&bytes, first_offset);
  AppendBe64(&bytes, Hash64(bytes));
  return bytes;
}

absl::Status CheckSegmentHeader(absl::string_view bytes, uint64_t first_offset) {
  bytes = bytes.substr(0, kSegmentHeaderBytes);
  constexpr uint64_t kChecked = kSegmentHeaderBytes - kChecksumBytes;
  if (bytes.size() < kSegmentHeaderBytes ||
      Hash64(bytes.substr(0, kChecked)) != ReadBe64(bytes.substr(kChecked))) {
    return absl::DataLossError("damaged header");
  }
  absl::Status status = CheckMagic(bytes, kSegmentMagic);
  if (!status.ok()) return status;
  if (bytes != EncodeSegmentHeader(first_offset)) {
    return absl::DataLossError("header of another segment");
  }
  return absl::OkStatus();
}

void AppendRecordBytes(uint64_t offset, absl::string_view body, std::string* out) {
  std::string tail;
  tail.reserve(8 + body.size());
  AppendBe64(&tail, offset);
  tail.append(body.data(), body.size());
  AppendBe32(out, body.size());
  AppendBe64(out, Hash64(tail));
  out->append(tail);
}

std::string EncodeSyncMark(const SyncMark& mark) {
  std::string bytes;
  bool any = mark.received.first <= mark.received.last;
  AppendBe64(&bytes, mark.end_offset);
  AppendBe64(&bytes, any ? absl::ToUnixMicros(mark.received.first) : 0);
  AppendBe64(&bytes, any ? absl::ToUnixMicros(mark.received.last) : 0);
  AppendBe64(&bytes, Hash64(bytes));
  return bytes;
}

SyncMark HighestSyncMark(absl::string_view bytes) {
  SyncMark highest;
  for (; bytes.size() >= kSyncMarkBytes; bytes.remove_prefix(kSyncMarkBytes)) {
    absl::string_view checked = bytes.substr(0, kSyncMarkBytes - kChecksumBytes);
    uint64_t end_offset = ReadBe64(bytes);
    if (Hash64(checked) != ReadBe64(bytes.substr(checked.size())) ||
        end_offset < highest.end_offset) {
      continue;
    }
    highest = SyncMark();
    highest.end_offset = end_offset;
    uint64_t first = ReadBe64(bytes.substr(8));
    if (first == 0) continue;
    highest.received.first = absl::FromUnixMicros(static_cast<int64_t>(first));
    highest.received.last = absl::FromUnixMicros(static_cast<int64_t>(ReadBe64(bytes.substr(16))));
  }
  return highest;
}

StoredRecord DecodeRecord(absl::string_view bytes) {
  StoredRecord record;
  record.bytes_needed = kRecordHeaderBytes;
  record.state = StoredRecord::State::kCut;
  if (bytes.size() < kRecordHeaderBytes) return record;
  uint64_t length = ReadBe32(bytes);
  // A record is never empty: a tail of zeros is no record.
  if (length == 0 || length > kRecordBodyBytesMax) {
    record.state = StoredRecord::State::kBad;
    return record;
  }
  record.bytes_needed += length;
  if (bytes.size() < record.bytes_needed) return record;
  absl::string_view checked = bytes.substr(4 + kChecksumBytes, 8 + length);
  record.offset = ReadBe64(checked);
  record.body = checked.substr(8);
  record.state = Hash64(checked) == ReadBe64(bytes.substr(4)) ? StoredRecord::State::kWhole
                                                              : StoredRecord::State::kBad;
  return record;
}

std::string EncodeEpochFile(const EpochFile& file) {
  std::string bytes = kEpochMagic;
  AppendBe32(&bytes, kSpoolFormat);
  AppendBe64(&bytes, file.epoch);
  AppendBe64(&bytes, file.session_id);
  AppendMap(file.ends, &bytes);
  AppendMap(file.session_ids, &bytes);
  AppendMap(file.renames, &bytes);
  AppendBe64(&bytes, Hash64(bytes));
  return bytes;
}

absl::StatusOr<EpochFile> DecodeEpochFile(absl::string_view bytes) {
  absl::Status status = CheckMagic(bytes, kEpochMagic);
  if (!status.ok()) return status;
  absl::Status damaged = absl::DataLossError("damaged");
  if (bytes.size() < kMagicBytes + 4 + 16 + kChecksumBytes) return damaged;
  size_t checked = bytes.size() - kChecksumBytes;
  if (Hash64(bytes.substr(0, checked)) != ReadBe64(bytes.substr(checked))) return damaged;

  EpochFile file;
  file.epoch = ReadBe64(bytes.substr(kMagicBytes + 4));
  file.session_id = ReadBe64(bytes.substr(kMagicBytes + 12));
  absl::string_view rest = bytes.substr(0, checked).substr(kMagicBytes + 20);
  if (!TakeMap(&rest, &file.ends) || !TakeMap(&rest, &file.session_ids) ||
      !TakeMap(&rest, &file.renames)) {
    return damaged;
  }
  return file;
}

}  // namespace braid
