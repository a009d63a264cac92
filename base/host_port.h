// "host:port" as written in configurations, and whether a host can only be
// reached from this machine, which is where plain text is allowed. Pure: no
// name is looked up.

#ifndef BRAID_BASE_HOST_PORT_H_
#define BRAID_BASE_HOST_PORT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace braid {

struct HostPort {
  // Without the brackets of an IPv6 address.
  std::string host;
  uint16_t port = 0;
};

// "127.0.0.1:7400", "[::1]:7400", "name.example:7400". InvalidArgument says
// what is wrong; a missing host or port is wrong.
absl::StatusOr<HostPort> ParseHostPort(absl::string_view address);

// 127.0.0.0/8, ::1, "localhost".
bool IsLoopbackHost(absl::string_view host);

}  // namespace braid

#endif  // BRAID_BASE_HOST_PORT_H_
