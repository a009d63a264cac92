#include "dedupe/record_cache.h"

#include <iterator>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace braid {

absl::StatusOr<std::shared_ptr<const UnpackedRecord>> RecordCache::Get(uint64_t sequence,
                                                                       bool with_payload) const {
  std::shared_ptr<const UnpackedRecord> found = Find(sequence, with_payload);
  if (found != nullptr) return found;
  // Two readers may load the same at once: both are right.
  absl::StatusOr<std::shared_ptr<const UnpackedRecord>> loaded = Load(sequence, with_payload);
  if (loaded.ok()) Keep(*loaded);
  return loaded;
}

std::shared_ptr<const UnpackedRecord> RecordCache::Find(uint64_t sequence,
                                                        bool with_payload) const {
  MutexLock lock(&mu_);
  auto it = entries_.upper_bound(sequence);
  if (it == entries_.begin()) return nullptr;
  Entry& entry = std::prev(it)->second;
  if (sequence >= entry.record->end_sequence()) return nullptr;
  if (with_payload && !entry.record->with_payload()) return nullptr;
  by_use_.splice(by_use_.begin(), by_use_, entry.use);
  return entry.record;
}

absl::StatusOr<std::shared_ptr<const UnpackedRecord>> RecordCache::Load(uint64_t sequence,
                                                                        bool with_payload) const {
  absl::StatusOr<CommittedRecord> record = reader_.RecordOf(sequence);
  if (!record.ok()) return record.status();
  if (!record->record->has_events()) {
    return absl::DataLossError(absl::StrCat("sequence ", sequence, " holds no event"));
  }
  absl::StatusOr<UnpackedRecord> unpacked = UnpackedRecord::Open(*std::move(record), with_payload);
  if (!unpacked.ok()) return unpacked.status();
  if (sequence - unpacked->first_sequence() >= unpacked->event_count()) {
    return absl::DataLossError(absl::StrCat("the record of sequence ", sequence, " lacks it"));
  }
  unpacked->DropPacked();
  return std::make_shared<const UnpackedRecord>(*std::move(unpacked));
}

void RecordCache::Keep(std::shared_ptr<const UnpackedRecord> record) const {
  uint64_t first = record->first_sequence();
  uint64_t bytes = record->memory_bytes();
  std::vector<std::shared_ptr<const UnpackedRecord>> removed;  // freed after the lock
  MutexLock lock(&mu_);
  Entry& entry = entries_[first];
  if (entry.record == nullptr) {
    by_use_.push_front(first);
    entry.use = by_use_.begin();
  } else {
    by_use_.splice(by_use_.begin(), by_use_, entry.use);
    removed.push_back(std::move(entry.record));
  }
  bytes_ += bytes - entry.bytes;
  entry.bytes = bytes;
  entry.record = std::move(record);
  while (bytes_ > options_.bytes_max && !by_use_.empty()) {
    auto oldest = entries_.find(by_use_.back());
    bytes_ -= oldest->second.bytes;
    removed.push_back(std::move(oldest->second.record));
    entries_.erase(oldest);
    by_use_.pop_back();
  }
}

uint64_t RecordCache::bytes() const {
  MutexLock lock(&mu_);
  return bytes_;
}

}  // namespace braid
