// The filtered stream endpoint: accepts, checks the bearer token and the slots,
// answers as X does, and owns the open streams.
//
// Threads: the emulator's loop. Bounds: 256 sockets, each with a request of at
// most 16 KB or a ClientStream.

#ifndef BRAID_TESTS_EMULATOR_X_SERVER_H_
#define BRAID_TESTS_EMULATOR_X_SERVER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/emulator/client_stream.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/listener.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/poller.h"
#include "tests/emulator/post_log.h"
#include "tests/emulator/transport.h"
#include "tests/emulator/truth_writer.h"

namespace braid::emulator {

struct XServerOptions {
  // Empty: every token is accepted.
  std::string bearer_token;
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

enum class Refusal { kNone, k401, k403, k429Slots, k429Rate, k503, kReset, kBlackHole };

class XServer final : public PollHandler {
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

  // New connections are refused like this until then.
  void Refuse(Refusal how, absl::Duration length);

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
  void Answer(Peer* peer, HttpAnswer answer);
  void HandleRequest(Peer* peer, const HttpRequest& request);
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
  Refusal refusal_ = Refusal::kNone;
  absl::Duration refusal_until_;
  int attempts_ = 0;
  absl::Time attempts_reset_;
  std::vector<absl::Duration> zombie_slots_;  // until when
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_X_SERVER_H_
