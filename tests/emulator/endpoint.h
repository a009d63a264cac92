// Every stream X sells: its path, what it carries, and its limits. One table.
//
// Pure. Threads: any.

#ifndef BRAID_TESTS_EMULATOR_ENDPOINT_H_
#define BRAID_TESTS_EMULATOR_ENDPOINT_H_

#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/emulator/account.h"
#include "tests/emulator/route_table.h"
#include "tests/emulator/topic.h"

namespace braid::emulator {

struct Endpoint {
  const char* name;  // as the connections API names it; Gnip's are its types
  const char* pattern;
  Family family;
  TopicKind kind;
  int percent;
  const char* language;
  int partition_count;  // 0: takes no partition; else it is mandatory
  // Connect attempts per window, per account.
  int connect_limit;
  absl::Duration connect_window;
  bool has_recovery;
  bool is_replay;
};

struct EndpointMatch {
  const Endpoint* endpoint = nullptr;
  PathNames names;
};

// Nothing: no stream has this path.
std::optional<EndpointMatch> FindEndpoint(absl::string_view path);
const std::vector<Endpoint>& AllEndpoints();

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_ENDPOINT_H_
