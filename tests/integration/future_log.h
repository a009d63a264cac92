// Makes a deduper's data directory look as if a newer version had written it.

#ifndef BRAID_TESTS_INTEGRATION_FUTURE_LOG_H_
#define BRAID_TESTS_INTEGRATION_FUTURE_LOG_H_

#include <string>

#include "absl/status/status.h"

namespace braid::integration {

// `dir`: the stream's directory. REQUIRES: no deduper runs on it.
[[nodiscard]] absl::Status SetFormat(const std::string& dir, uint32_t format);

}  // namespace braid::integration

#endif  // BRAID_TESTS_INTEGRATION_FUTURE_LOG_H_
