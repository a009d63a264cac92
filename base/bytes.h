// Fixed-width integers in stored keys (big-endian, so that keys sort by value)
// and small conversions between our types and those of libraries.

#ifndef BRAID_BASE_BYTES_H_
#define BRAID_BASE_BYTES_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/strings/string_view.h"

namespace braid {

inline void AppendBe64(std::string* out, uint64_t value) {
  for (int shift = 56; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

inline void AppendBe32(std::string* out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

// REQUIRES: bytes.size() >= 8.
inline uint64_t ReadBe64(absl::string_view bytes) {
  uint64_t value = 0;
  for (int i = 0; i < 8; ++i) value = (value << 8) | static_cast<uint8_t>(bytes[i]);
  return value;
}

// REQUIRES: bytes.size() >= 4.
inline uint32_t ReadBe32(absl::string_view bytes) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = (value << 8) | static_cast<uint8_t>(bytes[i]);
  return value;
}

// Debian's absl::string_view is not std::string_view and does not convert.
inline absl::string_view ToAbsl(std::string_view view) { return {view.data(), view.size()}; }

}  // namespace braid

#endif  // BRAID_BASE_BYTES_H_
