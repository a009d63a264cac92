// Tokens of pages: where the next page begins, and for which request. Opaque
// to clients, as X's.
//
// Pure. Threads: any.

#ifndef BRAID_TESTS_EMULATOR_PAGE_TOKEN_H_
#define BRAID_TESTS_EMULATOR_PAGE_TOKEN_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace braid::emulator {

// `request` is everything that must be the same on the next page.
std::string PageToken(uint64_t position, absl::string_view request);
// Nothing: not a token, or one of another request.
std::optional<uint64_t> ReadPageToken(absl::string_view token, absl::string_view request);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_PAGE_TOKEN_H_
