#include "dedupe/window.h"

#include "dedupe/keys.h"

namespace braid {
namespace {

// 16.4 s of creation time: at the record of 143,199 posts/s one slice is some
// 40 MB, so that letting go of one keeps most of the memory useful.
constexpr int kSliceShift = 36;

uint64_t SliceOf(absl::string_view key) { return WindowKeyTime(key) >> kSliceShift; }

bool IsPost(absl::string_view key) { return key.size() == sizeof(uint64_t); }

// A slot and its control byte.
constexpr uint64_t kPostBytes = sizeof(uint64_t) + 1;
// Slot, control byte, and 25 bytes on the heap with their allocation overhead.
constexpr uint64_t kOtherBytes = sizeof(std::string) + 1;
constexpr uint64_t kOtherHeapBytes = 48;

}  // namespace

absl::Status Window::Load() {
  return store_.ScanBack(Table::kIds, "", [this](absl::string_view key, absl::string_view) {
    known_from_slice_ = SliceOf(key) + 1;
    return false;
  });
}

absl::StatusOr<bool> Window::Contains(absl::string_view key) const {
  uint64_t slice = SliceOf(key);
  if (IsKnown(slice)) {
    auto it = slices_.find(slice);
    if (it == slices_.end()) return false;
    return IsPost(key) ? it->second.posts.contains(WindowKeyTime(key))
                       : it->second.others.contains(key);
  }
  if (overlay_.contains(key)) return true;
  ++store_lookups_;
  absl::StatusOr<std::string> found = store_.Get(Table::kIds, key);
  if (found.ok()) return true;
  if (absl::IsNotFound(found.status())) return false;
  return found.status();
}

void Window::Insert(absl::string_view key) {
  uint64_t number = SliceOf(key);
  if (!IsKnown(number)) {
    overlay_.insert(std::string(key));
    return;
  }
  Slice& slice = slices_[number];
  if (IsPost(key)) {
    slice.posts.insert(WindowKeyTime(key));
  } else {
    slice.others.insert(std::string(key));
  }
  uint64_t bytes = slice.posts.capacity() * kPostBytes + slice.others.capacity() * kOtherBytes +
                   slice.others.size() * kOtherHeapBytes;
  memory_bytes_ += bytes - slice.bytes;
  slice.bytes = bytes;
  ++memory_keys_;
}

void Window::LetGoOfOldest() {
  auto oldest = slices_.begin();
  const Slice& slice = oldest->second;
  known_from_slice_ = oldest->first + 1;
  memory_bytes_ -= slice.bytes;
  memory_keys_ -= slice.posts.size() + slice.others.size();
  slices_.erase(oldest);
}

void Window::Committed() {
  overlay_.clear();
  while (memory_bytes_ > options_.memory_bytes_max) LetGoOfOldest();
}

void Window::ForgetBefore(uint64_t key_time) {
  uint64_t first = key_time >> kSliceShift;
  while (!slices_.empty() && slices_.begin()->first < first) LetGoOfOldest();
}

}  // namespace braid
