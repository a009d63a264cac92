// The bytes of one fuzz input, taken from the front: choices first, content
// behind them. Beyond the end everything is zero and empty.
//
// Pure; one thread. The bytes outlive this.

#ifndef BRAID_TESTS_FUZZ_FUZZ_INPUT_H_
#define BRAID_TESTS_FUZZ_FUZZ_INPUT_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace braid {

class FuzzInput {
 public:
  FuzzInput(const uint8_t* data, size_t size) : rest_(reinterpret_cast<const char*>(data), size) {}

  bool empty() const { return rest_.empty(); }
  uint8_t TakeByte() { return static_cast<uint8_t>(rest_.empty() ? 0 : TakeBytes(1)[0]); }
  absl::string_view TakeBytes(size_t bytes) {
    absl::string_view taken = rest_.substr(0, std::min(bytes, rest_.size()));
    rest_.remove_prefix(taken.size());
    return taken;
  }
  // Two bytes of length, then that much.
  absl::string_view TakeChunk() {
    const size_t high = TakeByte();
    return TakeBytes(high << 8 | TakeByte());
  }
  absl::string_view TakeRest() { return TakeBytes(rest_.size()); }

 private:
  absl::string_view rest_;
};

}  // namespace braid

#endif  // BRAID_TESTS_FUZZ_FUZZ_INPUT_H_
