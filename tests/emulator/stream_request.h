// What a request for a stream asks for, and X's refusal of what is wrong with
// it. Pure. Threads: any.

#ifndef BRAID_TESTS_EMULATOR_STREAM_REQUEST_H_
#define BRAID_TESTS_EMULATOR_STREAM_REQUEST_H_

#include <optional>
#include <string>
#include <variant>

#include "absl/time/time.h"
#include "tests/emulator/endpoint.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/past_feed.h"

namespace braid::emulator {

struct StreamAsk {
  int partition = 0;
  absl::Duration backfill;
  // Recovery or replay: this span, then the end.
  std::optional<TimeSpan> span;
  bool is_local_dc_only = false;
  std::string datacenter;  // where the client "reached" X
};

// How far back recovery goes. X's pages say 24 hours, and 5 days elsewhere.
inline constexpr absl::Duration kRecoveryWindow = absl::Hours(24);

std::variant<StreamAsk, HttpAnswer> ReadStreamRequest(const Endpoint& endpoint,
                                                      const HttpRequest& request, absl::Time now,
                                                      absl::Duration recovery_window);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_STREAM_REQUEST_H_
