// Requests per window and endpoint, as X counts them: the headers every answer
// shows, and whether a request is still within.
//
// A window begins with its first request and lasts its length, then the count
// starts anew, which is what x-rate-limit-reset says.
//
// Threads: one. Owner: RestApi. Bounds: one entry per limit.

#ifndef BRAID_TESTS_EMULATOR_RATE_WINDOW_H_
#define BRAID_TESTS_EMULATOR_RATE_WINDOW_H_

#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace braid::emulator {

struct RateLimit {
  // Endpoints that name the same limit share it.
  std::string name;
  int count = 0;  // 0: no limit, no headers
  absl::Duration window = absl::Minutes(15);
  // Gnip's endpoints show no x-rate-limit headers.
  bool has_headers = true;
};

struct RateVerdict {
  bool is_within = true;
  std::vector<std::string> headers;
};

class RateWindows {
 public:
  // Counts one request. Requests beyond the limit count as well.
  RateVerdict Take(const RateLimit& limit, absl::Time now);

 private:
  struct Window {
    int used = 0;
    absl::Time reset = absl::InfinitePast();
  };

  std::map<std::string, Window> windows_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_RATE_WINDOW_H_
