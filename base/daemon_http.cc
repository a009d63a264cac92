#include "base/daemon_http.h"

#include <chrono>

namespace braid {
namespace {

// A loop that has not turned for so long is stuck; a segment's first read from
// a cold disk takes well under a second.
constexpr int64_t kStuckSeconds = 10;

int64_t MonotonicSeconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

absl::Status DaemonHttp::Start(const std::string& address) {
  Tick();
  if (address.empty()) return absl::OkStatus();
  server_.Handle("/metrics", [this] {
    return HttpServerResponse{200, "text/plain; version=0.0.4", registry_.Scrape()};
  });
  server_.Handle("/-/healthy", [this] {
    bool stuck = MonotonicSeconds() - last_tick_seconds_ > kStuckSeconds;
    return stuck ? HttpServerResponse{503, "text/plain", "the loop is stuck\n"}
                 : HttpServerResponse{200, "text/plain", "ok\n"};
  });
  server_.Handle("/-/ready", [this] {
    return draining_ ? HttpServerResponse{503, "text/plain", "draining\n"}
                     : HttpServerResponse{200, "text/plain", "ok\n"};
  });
  absl::Status status = server_.Start(address);
  if (status.ok()) port_ = server_.port();
  return status;
}

void DaemonHttp::Tick() { last_tick_seconds_ = MonotonicSeconds(); }

}  // namespace braid
