#include "dedupe/comparison.h"

#include <algorithm>

namespace braid {
namespace {

// Of a receipt: fine enough for connections of one city.
constexpr int64_t kUnitMicros = 100;
constexpr int64_t kUnitsMax = (int64_t{1} << 31) - 1;
constexpr int64_t kSecondMicros = 1'000'000;

int64_t UnitsOf(const Comparison::Delivery& delivery) {
  int64_t after = delivery.receive_micros - delivery.second * kSecondMicros;
  return std::clamp<int64_t>(after / kUnitMicros, 0, kUnitsMax);
}

int SkewBucket(int64_t units) {
  int64_t limit = 1000 / kUnitMicros;
  int bucket = 0;
  while (bucket + 1 < Comparison::kSkewBuckets && units > limit) {
    limit *= 2;
    ++bucket;
  }
  return bucket;
}

int LowestPlace(uint32_t mask) { return __builtin_ctz(mask); }

bool IsOne(uint32_t mask) { return mask != 0 && (mask & (mask - 1)) == 0; }

}  // namespace

Comparison::OpenSecond* Comparison::Open(int64_t second, uint64_t sequence) {
  if (last_ != nullptr && last_second_ == second) return last_;
  auto [it, is_new] = open_.try_emplace(second);
  if (is_new) {
    it->second.first_sequence = sequence;
    first_sequences_.insert(sequence);
    // The seconds of a stream resemble one another.
    if (last_ != nullptr) it->second.entries.reserve(last_->entries.size());
  }
  last_second_ = second;
  last_ = &it->second;
  return last_;
}

Comparison::Entry* Comparison::AddKey(const Delivery& delivery, uint64_t sequence) {
  OpenSecond* second = Open(delivery.second, sequence);
  auto [it, is_new] = second->entries.try_emplace(delivery.key, Entry{});
  Entry& entry = it->second;
  entry.is_post = delivery.is_post;
  key_count_ += is_new;
  if (delivery.place < 0) return &entry;
  uint8_t bit = static_cast<uint8_t>(1 << delivery.place);
  int64_t units = UnitsOf(delivery);
  if (entry.mask == 0) {
    entry.first_receipt = static_cast<uint32_t>(units);
  } else if (IsOne(entry.mask) && entry.mask != bit) {
    std::pair<int, int> pair = std::minmax(LowestPlace(entry.mask), delivery.place);
    int64_t apart = units - static_cast<int64_t>(entry.first_receipt);
    ++second->skews[pair][SkewBucket(apart < 0 ? -apart : apart)];
  }
  entry.mask |= bit;
  return &entry;
}

int64_t Comparison::NextOpen(int64_t second) const {
  auto it = open_.lower_bound(second);
  return it == open_.end() ? std::numeric_limits<int64_t>::max() : it->first;
}

Comparison::Figures Comparison::Close(int64_t second, uint32_t panel, int64_t late_micros) {
  Figures figures;
  auto it = open_.find(second);
  if (it == open_.end()) return figures;
  // In an array first: a second may hold 100,000 events.
  static constexpr int kMasks = 1 << kConnectionsMax;
  std::vector<std::array<uint32_t, kMasks>> counts(1, {0});
  for (const auto& [key, entry] : it->second.entries) {
    if (entry.mask == 0) continue;
    bool lacks = (entry.mask & panel) != panel;
    if (lacks && int64_t{entry.first_receipt} * kUnitMicros > late_micros) continue;
    ++counts[0][entry.mask];
    for (int tag : entry.tags) {
      if (tag == 0) break;
      if (counts.size() <= static_cast<size_t>(tag)) counts.resize(tag + 1, {0});
      ++counts[tag][entry.mask];
    }
    if (lacks && entry.is_post) figures.odd.push_back(key);
  }
  for (size_t tag = 0; tag < counts.size(); ++tag) {
    for (int mask = 1; mask < kMasks; ++mask) {
      if (counts[tag][mask] > 0) figures.events[static_cast<int>(tag)][mask] = counts[tag][mask];
    }
  }
  std::sort(figures.odd.begin(), figures.odd.end());
  if (figures.odd.size() > kSamplesMax) figures.odd.resize(kSamplesMax);
  figures.skews = std::move(it->second.skews);
  key_count_ -= it->second.entries.size();
  last_ = nullptr;
  first_sequences_.erase(first_sequences_.find(it->second.first_sequence));
  open_.erase(it);
  return figures;
}

void Comparison::Clear() {
  last_ = nullptr;
  open_.clear();
  first_sequences_.clear();
  key_count_ = 0;
}

uint64_t Comparison::FirstSequence() const {
  return first_sequences_.empty() ? std::numeric_limits<uint64_t>::max()
                                  : *first_sequences_.begin();
}

bool Comparison::HoldsTag(int tag) const {
  for (const auto& [number, second] : open_) {
    for (const auto& [key, entry] : second.entries) {
      for (int known : entry.tags) {
        if (known == tag) return true;
      }
    }
  }
  return false;
}

}  // namespace braid
