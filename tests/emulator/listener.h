// A listening TCP socket that never blocks. Threads: one.

#ifndef BRAID_TESTS_EMULATOR_LISTENER_H_
#define BRAID_TESTS_EMULATOR_LISTENER_H_

#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace braid::emulator {

struct Accepted {
  int fd = -1;
  std::string address;  // "127.0.0.1:40312"
};

class Listener {
 public:
  Listener() = default;
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  // "127.0.0.1:0"; port 0 is any free one.
  absl::Status Open(absl::string_view address);
  // The next waiting connection, not blocking.
  std::optional<Accepted> Accept();

  int fd() const { return fd_; }
  int port() const { return port_; }

 private:
  int fd_ = -1;
  int port_ = 0;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_LISTENER_H_
