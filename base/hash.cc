#include "base/hash.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

namespace braid {
namespace {

std::string Canonical(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  return std::string(reinterpret_cast<const char*>(canonical.digest), sizeof(canonical.digest));
}

}  // namespace

uint64_t Hash64(absl::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

std::string Hash128(absl::string_view bytes) {
  return Canonical(XXH3_128bits(bytes.data(), bytes.size()));
}

std::string Hash128(absl::string_view first, absl::string_view second, absl::string_view third) {
  XXH3_state_t state;
  XXH3_128bits_reset(&state);
  for (absl::string_view piece : {first, second, third}) {
    XXH3_128bits_update(&state, piece.data(), piece.size());
  }
  return Canonical(XXH3_128bits_digest(&state));
}

}  // namespace braid
