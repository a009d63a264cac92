// XXH3 behind one door. The values are stored and sent: they never change.

#ifndef BRAID_BASE_HASH_H_
#define BRAID_BASE_HASH_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace braid {

// XXH3, 64 bit, seed 0.
uint64_t Hash64(absl::string_view bytes);

// XXH3, 128 bit, seed 0, as 16 bytes in xxHash's canonical (big-endian) order.
std::string Hash128(absl::string_view bytes);

// The same of several pieces, one after the other, without joining them.
std::string Hash128(absl::string_view first, absl::string_view second, absl::string_view third);

}  // namespace braid

#endif  // BRAID_BASE_HASH_H_
