// Sum of SHA-256(window key) modulo 2^256: tells two sets of events apart, in
// whatever order they are added, and sums of parts add up. Pure; any thread.
//
// It finds what went wrong by accident or by one who has no freedom to choose
// ids; it is no defence against one who may invent thousands of ids to make
// sums meet.

#ifndef BRAID_BASE_KEYS_DIGEST_H_
#define BRAID_BASE_KEYS_DIGEST_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace braid {

class KeysDigest {
 public:
  static constexpr size_t kBytes = 32;

  void AddKey(absl::string_view window_key);
  void Add(const KeysDigest& other);
  // Big-endian. Other lengths than kBytes are refused: false.
  bool AddBytes(absl::string_view bytes);
  std::string Bytes() const;

 private:
  // Least significant first.
  std::array<uint64_t, 4> words_{};
};

}  // namespace braid

#endif  // BRAID_BASE_KEYS_DIGEST_H_
