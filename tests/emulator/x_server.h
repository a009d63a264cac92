// The emulated X's port: accepts, reads requests, has JSON endpoints answer by
// the route table, checks credentials and slots of streams, and owns the open
// streams.
//
// Threads: the emulator's loop. Bounds: 256 sockets, each with a request of at
// most 16 KB and a body of 8 MB, or a ClientStream.

#ifndef BRAID_TESTS_EMULATOR_X_SERVER_H_
#define BRAID_TESTS_EMULATOR_X_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/emulator/account.h"
#include "tests/emulator/client_stream.h"
#include "tests/emulator/connection_book.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/listener.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/poller.h"
#include "tests/emulator/post_log.h"
#include "tests/emulator/route_table.h"
#include "tests/emulator/transport.h"
#include "tests/emulator/truth_writer.h"

namespace braid::emulator {

struct XServerOptions {
  Credentials credentials;
  // X allows two redundant connections.
  int slots = 2;
  bool gzip = false;
  // Connect attempts in 15 minutes. X: 50. 0: shown in headers, not enforced.
  int connect_limit = 0;
  // An end of the client's side that X does not see keeps the slot this long.
  absl::Duration zombie_slot = absl::ZeroDuration();
  // The kernel gives up on a silent peer after it.
  absl::Duration client_timeout = absl::Seconds(30);
  // 0: the kernel's own choice.
  size_t send_buffer_bytes = 0;
  StreamOptions stream;
};

// Besides the names of x_answers.
inline constexpr char kRefuseByReset[] = "reset";
inline constexpr char kRefuseByBlackHole[] = "black-hole";

class XServer final : public PollHandler, public ConnectionList {
 public:
  // All outlive it.
  XServer(const XServerOptions& options, Listener* listener, Poller* poller,
          TransportFactory* transports, const PostLog* log, TruthWriter* truth, const Moment* now);
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

  std::vector<ConnectionRecord> Connections() const override { return book_.records(); }
  bool Kill(const std::string& id) override;

  // New streams are refused like this until then.
  void Refuse(const std::string& how, absl::Duration length);

  // Open streams in the order of their numbers.
  std::vector<ClientStream*> Streams();
  uint64_t accepted_count() const { return accepted_count_; }
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
    absl::Duration deadline;
    std::unique_ptr<ClientStream> stream;
  };

  void AcceptAll();
  void ReadRequest(Peer* peer);
  void Answer(Peer* peer, const HttpAnswer& answer);
  void Refused(Peer* peer, const HttpRequest& request, absl::string_view how);
  void HandleRequest(Peer* peer, const HttpRequest& request);
  HttpAnswer AnswerByTable(const Peer& peer, const HttpRequest& request) const;
  void HandleStream(Peer* peer, const HttpRequest& request);
  bool RefuseNow(Peer* peer);
  void StartStream(Peer* peer, const HttpRequest& request);
  void PumpPeer(int fd, Peer* peer);
  void WriteAnswer(int fd, Peer* peer);
  int SlotsTaken() const;
  std::vector<std::string> LimitHeaders() const;
  void CountAttempt();

  const XServerOptions options_;
  Listener* const listener_;
  Poller* const poller_;
  TransportFactory* const transports_;
  const PostLog* const log_;
  TruthWriter* const truth_;
  const Moment* const now_;

  std::map<int, Peer> peers_;
  uint32_t stream_count_ = 0;
  uint64_t accepted_count_ = 0;
  uint64_t refused_count_ = 0;
  uint64_t past_sent_posts_ = 0;
  RouteTable routes_;
  ConnectionBook book_;
  std::string refusal_;
  absl::Duration refusal_until_;
  int attempts_ = 0;
  absl::Time attempts_reset_;
  std::map<uint32_t, absl::Duration> zombie_slots_;  // stream number -> until when
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_X_SERVER_H_
