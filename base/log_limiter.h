// At most so many lines a second per event name, so that a storm of one kind
// can not fill the disk or hide the others. Pure; not thread-safe.
//
// Bounds: Options::names_max names; beyond it all further names share one
// allowance.

#ifndef BRAID_BASE_LOG_LIMITER_H_
#define BRAID_BASE_LOG_LIMITER_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace braid {

class LogLimiter {
 public:
  struct Options {
    // A person can not read more; a machine has metrics.
    uint32_t lines_per_second = 10;
    // Event names are literals of ours: a few hundred.
    size_t names_max = 1024;
  };

  LogLimiter() : LogLimiter(Options()) {}
  explicit LogLimiter(const Options& options) : options_(options) {}

  // nullopt: suppress this line. Else how many lines of this name were
  // suppressed since its last one.
  absl::optional<uint64_t> Admit(absl::string_view event, absl::Time now);

 private:
  struct Allowance {
    absl::Time window_start = absl::InfinitePast();
    uint32_t lines = 0;
    uint64_t suppressed = 0;
  };

  const Options options_;
  absl::flat_hash_map<std::string, Allowance> allowances_;
};

}  // namespace braid

#endif  // BRAID_BASE_LOG_LIMITER_H_
