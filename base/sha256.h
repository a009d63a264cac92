// SHA-256 of short inputs, by OpenSSL. Pure; any thread.

#ifndef BRAID_BASE_SHA256_H_
#define BRAID_BASE_SHA256_H_

#include <array>
#include <cstdint>

#include "absl/strings/string_view.h"

namespace braid {

std::array<uint8_t, 32> Sha256(absl::string_view bytes);

}  // namespace braid

#endif  // BRAID_BASE_SHA256_H_
