#include "dedupe/hot_tail.h"

#include <algorithm>

namespace braid {

HotTail::HotTail(uint64_t next_sequence, Options options)
    : options_(options), next_sequence_(next_sequence) {}

void HotTail::Append(const std::vector<CommittedRecord>& records) {
  // Sizes are counted before the lock is taken: readers wait for it.
  std::vector<Entry> added;
  for (const CommittedRecord& record : records) {
    if (record.sequence_count > 0) added.push_back({record, record.record->ByteSizeLong()});
  }
  if (added.empty()) return;
  std::vector<Waker> wakers;
  std::vector<Entry> removed;  // freed after the lock
  {
    MutexLock lock(&mu_);
    for (Entry& entry : added) {
      bytes_ += entry.bytes;
      next_sequence_ = entry.record.first_sequence + entry.record.sequence_count;
      entries_.push_back(std::move(entry));
    }
    while (bytes_ > options_.bytes_max && !entries_.empty()) {
      bytes_ -= entries_.front().bytes;
      removed.push_back(std::move(entries_.front()));
      entries_.pop_front();
    }
    wakers = TakeWoken();
  }
  for (Waker& wake : wakers) wake();
}

void HotTail::SetWatermark(int64_t micros) {
  std::vector<Waker> wakers;
  {
    MutexLock lock(&mu_);
    if (watermark_micros_ == micros) return;
    watermark_micros_ = micros;
    wakers = TakeWoken();
  }
  for (Waker& wake : wakers) wake();
}

bool HotTail::IsPast(const Mark& seen) const {
  return seen.next_sequence < next_sequence_ || seen.watermark_micros < watermark_micros_;
}

std::vector<HotTail::Waker> HotTail::TakeWoken() {
  std::vector<Waker> woken;
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    if (IsPast(it->second.first)) {
      woken.push_back(std::move(it->second.second));
      it = waiters_.erase(it);
    } else {
      ++it;
    }
  }
  return woken;
}

int64_t HotTail::watermark_micros() const {
  MutexLock lock(&mu_);
  return watermark_micros_;
}

uint64_t HotTail::next_sequence() const {
  MutexLock lock(&mu_);
  return next_sequence_;
}

uint64_t HotTail::first_sequence() const {
  MutexLock lock(&mu_);
  return entries_.empty() ? next_sequence_ : entries_.front().record.first_sequence;
}

uint64_t HotTail::bytes() const {
  MutexLock lock(&mu_);
  return bytes_;
}

bool HotTail::Read(uint64_t from, uint64_t bytes_max, std::vector<CommittedRecord>* out) const {
  MutexLock lock(&mu_);
  if (from >= next_sequence_) return true;
  if (entries_.empty() || from < entries_.front().record.first_sequence) return false;
  auto it = std::partition_point(entries_.begin(), entries_.end(), [from](const Entry& entry) {
    return entry.record.first_sequence + entry.record.sequence_count <= from;
  });
  for (uint64_t bytes = 0; it != entries_.end() && bytes < bytes_max; ++it) {
    out->push_back(it->record);
    bytes += it->bytes;
  }
  return true;
}

HotTail::WaitId HotTail::Wait(Mark seen, Waker wake) {
  MutexLock lock(&mu_);
  if (IsPast(seen)) return 0;
  waiters_.emplace(++last_wait_id_, std::make_pair(seen, std::move(wake)));
  return last_wait_id_;
}

void HotTail::Cancel(WaitId id) {
  Waker dropped;  // destroyed after the lock: it may own its reader
  MutexLock lock(&mu_);
  auto it = waiters_.find(id);
  if (it == waiters_.end()) return;
  dropped = std::move(it->second.second);
  waiters_.erase(it);
}

}  // namespace braid
