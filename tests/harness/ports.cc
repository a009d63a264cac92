#include "tests/harness/ports.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/random.h"

namespace braid::harness {
namespace {

bool CanBind(int port) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  BRAID_CHECK(fd >= 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_ANY);
  address.sin_port = htons(static_cast<uint16_t>(port));
  bool bound = bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return bound;
}

}  // namespace

int FreePort() {
  // Above the well-known services, below Linux's first ephemeral port, 32768.
  constexpr int kFirst = 12000;
  constexpr int kEnd = 32000;
  SeededRandom random(OsSeed());
  for (int attempt = 0; attempt < 1000; ++attempt) {
    int port = kFirst + static_cast<int>(random.Below(kEnd - kFirst));
    if (CanBind(port)) return port;
  }
  BRAID_CHECK(!"no free port in 1,000 attempts");
  return 0;
}

}  // namespace braid::harness
