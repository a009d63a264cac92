// The HTTP port of a daemon that lives on one loop: metrics, whether the loop
// still turns, whether it drains.
//
// Threads: Tick, SetDraining, Start and Stop on the loop's; the answers are given
// on the server's. Ownership: the registry outlives Stop.

#ifndef BRAID_BASE_DAEMON_HTTP_H_
#define BRAID_BASE_DAEMON_HTTP_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "base/http_server.h"
#include "base/metrics.h"

namespace braid {

class DaemonHttp {
 public:
  explicit DaemonHttp(MetricsRegistry& registry) : registry_(registry) {}
  ~DaemonHttp() { Stop(); }

  // Empty: no port.
  absl::Status Start(const std::string& address);
  void Stop() { server_.Stop(); }
  // The loop turns: a few times a second.
  void Tick();
  void SetDraining() { draining_ = true; }

  // 0 without a port.
  int port() const { return port_; }

 private:
  MetricsRegistry& registry_;
  // Seconds of the steady clock at the last tick.
  std::atomic<int64_t> last_tick_seconds_{0};
  std::atomic<bool> draining_{false};
  int port_ = 0;
  HttpServer server_;
};

}  // namespace braid

#endif  // BRAID_BASE_DAEMON_HTTP_H_
