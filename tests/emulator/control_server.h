// The control endpoint's HTTP: one request per connection, answered at once by
// a callback. Threads: the emulator's loop. Bounds: 64 connections.

#ifndef BRAID_TESTS_EMULATOR_CONTROL_SERVER_H_
#define BRAID_TESTS_EMULATOR_CONTROL_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "tests/emulator/http_text.h"
#include "tests/emulator/listener.h"
#include "tests/emulator/poller.h"
#include "tests/emulator/transport.h"

namespace braid::emulator {

class ControlServer final : public PollHandler {
 public:
  using Handler = std::function<HttpAnswer(const HttpRequest&)>;

  // `listener` and `poller` outlive it.
  ControlServer(Listener* listener, Poller* poller, Handler handler);
  ~ControlServer() override;

  void OnEvent(int fd, uint32_t epoll_events) override;
  // Writes answers, drops what is done. Once per turn.
  void Pump();

 private:
  struct Peer {
    std::unique_ptr<Transport> transport;
    std::string in;
    std::string out;
    bool is_answered = false;
    bool is_dead = false;
  };

  void AcceptAll();
  void Read(Peer* peer);

  Listener* const listener_;
  Poller* const poller_;
  const Handler handler_;
  std::map<int, Peer> peers_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_CONTROL_SERVER_H_
