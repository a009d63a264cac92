// The emulated X's port: accepts, reads requests, has JSON endpoints answer by
// the route table, checks their credentials, and owns the open streams. Who may stream what the
// StreamDesk decides.
//
// Threads: the emulator's loop. Bounds: 256 sockets, each with a request of at
// most 16 KB and a body of 8 MB, or a ClientStream.

#ifndef BRAID_TESTS_EMULATOR_X_SERVER_H_
#define BRAID_TESTS_EMULATOR_X_SERVER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/emulator/client_stream.h"
#include "tests/emulator/connection_book.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/listener.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/poller.h"
#include "tests/emulator/route_table.h"
#include "tests/emulator/stream_desk.h"
#include "tests/emulator/transport.h"
#include "tests/emulator/truth_writer.h"
#include "tests/emulator/x_settings.h"

namespace braid::emulator {

// Everything the server works with; all outlive it.
struct XServerParts {
  const XSettings* settings = nullptr;
  Listener* listener = nullptr;
  Poller* poller = nullptr;
  TransportFactory* transports = nullptr;
  StreamDesk* desk = nullptr;
  TruthWriter* truth = nullptr;
  const Moment* now = nullptr;
};

class XServer final : public PollHandler, public ConnectionList {
 public:
  explicit XServer(const XServerParts& parts);
  ~XServer() override;

  void OnEvent(int fd, uint32_t epoll_events) override;
  // Writes to all streams, drops what is dead. Once per turn.
  void Pump();
  absl::Duration NextDeadline() const;
  // Does any stream that may send still wait to?
  bool HasBacklog() const;
  void AbandonAll();

  // Where JSON endpoints add themselves, before the first request.
  RouteTable& routes() { return routes_; }

  std::vector<ConnectionRecord> Connections() const override { return desk_->book().records(); }
  bool Kill(const std::string& id) override;

  // Open streams in the order of their numbers.
  std::vector<ClientStream*> Streams();
  uint64_t accepted_count() const { return accepted_count_; }
  // Of these, streams of posts.
  uint64_t begun_count() const { return begun_count_; }
  uint64_t refused_count() const { return refused_count_; }
  // Everything handed over by streams that are gone.
  uint64_t past_sent_posts() const { return past_sent_posts_; }

 private:
  struct Peer {
    std::string address;
    std::unique_ptr<Transport> transport;
    std::string in;
    std::string out;  // an answer that is no stream
    bool is_answered = false;
    bool is_hole = false;  // never answered
    bool is_dead = false;
    bool is_ended = false;  // the desk knows that the stream is over
    absl::Duration deadline;
    std::unique_ptr<ClientStream> stream;
  };

  void AcceptAll();
  void ReadRequest(Peer* peer);
  void Answer(Peer* peer, const HttpAnswer& answer);
  void Drop(Peer* peer);
  void HandleRequest(Peer* peer, const HttpRequest& request);
  HttpAnswer AnswerByTable(const Peer& peer, const HttpRequest& request, Family* family) const;
  int HandleStream(Peer* peer, const StreamRequest& request);
  void StartStream(Peer* peer, DeskDecision decision);
  void EndOverdue();
  void PumpPeer(int fd, Peer* peer);
  void WriteAnswer(int fd, Peer* peer);

  const XSettings* const settings_;
  Listener* const listener_;
  Poller* const poller_;
  TransportFactory* const transports_;
  StreamDesk* const desk_;
  TruthWriter* const truth_;
  const Moment* const now_;

  std::map<int, Peer> peers_;
  uint64_t accepted_count_ = 0;
  uint64_t begun_count_ = 0;
  uint64_t refused_count_ = 0;
  uint64_t past_sent_posts_ = 0;
  RouteTable routes_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_X_SERVER_H_
