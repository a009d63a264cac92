#include "base/keys_digest.h"

#include "base/bytes.h"
#include "base/sha256.h"

namespace braid {

void KeysDigest::AddKey(absl::string_view window_key) {
  std::array<uint8_t, kBytes> hash = Sha256(window_key);
  AddBytes({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

void KeysDigest::Add(const KeysDigest& other) {
  unsigned carry = 0;
  for (size_t i = 0; i < words_.size(); ++i) {
    uint64_t sum = words_[i] + other.words_[i];
    unsigned overflow = sum < words_[i];
    words_[i] = sum + carry;
    carry = overflow | static_cast<unsigned>(words_[i] < sum);
  }
}

bool KeysDigest::AddBytes(absl::string_view bytes) {
  if (bytes.size() != kBytes) return false;
  KeysDigest other;
  for (size_t i = 0; i < words_.size(); ++i) {
    other.words_[words_.size() - 1 - i] = ReadBe64(bytes.substr(8 * i));
  }
  Add(other);
  return true;
}

std::string KeysDigest::Bytes() const {
  std::string bytes;
  for (size_t i = words_.size(); i-- > 0;) AppendBe64(&bytes, words_[i]);
  return bytes;
}

}  // namespace braid
