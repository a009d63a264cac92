#include "tests/emulator/x_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace braid::emulator {
namespace {

constexpr size_t kPeersMax = 256;
// A client that does not finish its request within it is dropped.
constexpr absl::Duration kRequestMax = absl::Seconds(10);
// As X's answers show them.
constexpr int kShownConnectLimit = 50;
constexpr absl::Duration kConnectWindow = absl::Minutes(15);

constexpr char kTooManyConnections[] =
    R"({"title":"ConnectionException","detail":"This stream is currently at the maximum allowed connection limit.","connection_issue":"TooManyConnections","type":"https://api.x.com/2/problems/streaming-connection"})";
constexpr char kTooManyRequests[] =
    R"({"title":"Too Many Requests","detail":"Too Many Requests","type":"about:blank","status":429})";
constexpr char kUnauthorized[] =
    R"({"title":"Unauthorized","type":"about:blank","status":401,"detail":"Unauthorized"})";
constexpr char kForbidden[] =
    R"({"client_id":"1","required_enrollment":"Appropriate Level of API Access","registration_url":"https://developer.x.com/en/docs/projects/overview","title":"Client Forbidden","detail":"This request must be made using an approved developer account that is enrolled in the requested endpoint.","reason":"client-not-enrolled","type":"https://api.x.com/2/problems/client-forbidden"})";
constexpr char kUnavailable[] =
    R"({"title":"Service Unavailable","detail":"Service Unavailable","type":"about:blank","status":503})";
constexpr char kNotFound[] =
    R"({"title":"Not Found Error","type":"https://api.x.com/2/problems/resource-not-found","status":404,"detail":"Not Found"})";
constexpr char kRules[] =
    R"({"data":[{"id":"1668374837483741000","value":"emulated","tag":"news"}],"meta":{"sent":"2026-01-01T00:00:00.000Z","result_count":1}})";

HttpAnswer AnswerFor(Refusal refusal) {
  switch (refusal) {
    case Refusal::k401:
      return {401, kUnauthorized};
    case Refusal::k403:
      return {403, kForbidden};
    case Refusal::k429Slots:
      return {429, kTooManyConnections};
    case Refusal::k429Rate:
      return {429, kTooManyRequests};
    default:
      return {503, kUnavailable};
  }
}

// A test names its connections by ?connection=… or by the User-Agent.
std::string TagOf(const HttpRequest& request) {
  std::string tag = request.Query("connection");
  return tag.empty() ? request.Header("user-agent") : tag;
}

void SetSocketOptions(int fd, const XServerOptions& options) {
  int timeout_ms = static_cast<int>(absl::ToInt64Milliseconds(options.client_timeout));
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
  if (options.send_buffer_bytes == 0) return;
  int bytes = static_cast<int>(options.send_buffer_bytes);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

}  // namespace

XServer::XServer(const XServerOptions& options, Listener* listener, Poller* poller,
                 TransportFactory* transports, const PostLog* log, TruthWriter* truth,
                 const Moment* now)
    : options_(options),
      listener_(listener),
      poller_(poller),
      transports_(transports),
      log_(log),
      truth_(truth),
      now_(now) {
  poller_->Add(listener_->fd(), this);
}

XServer::~XServer() {
  for (auto& [fd, peer] : peers_) poller_->Remove(fd);
  poller_->Remove(listener_->fd());
}

void XServer::OnEvent(int fd, uint32_t epoll_events) {
  if (fd == listener_->fd()) return AcceptAll();
  auto found = peers_.find(fd);
  if (found == peers_.end()) return;
  Peer& peer = found->second;
  if (peer.is_dead || (epoll_events & ~uint32_t{EPOLLOUT}) == 0) return;
  if (peer.stream != nullptr) {
    peer.stream->OnReadable(*now_);
  } else {
    ReadRequest(&peer);
  }
}

void XServer::AcceptAll() {
  while (std::optional<Accepted> accepted = listener_->Accept()) {
    Peer& peer = peers_[accepted->fd];
    peer.address = accepted->address;
    peer.transport = transports_->Make(accepted->fd);
    peer.deadline = now_->elapsed + kRequestMax;
    SetSocketOptions(accepted->fd, options_);
    poller_->Add(accepted->fd, this);
    ++accepted_count_;
    bool is_refusing = now_->elapsed < refusal_until_;
    if (peers_.size() > kPeersMax || (is_refusing && refusal_ == Refusal::kReset)) {
      ++refused_count_;
      peer.transport->ResetOnClose();
      peer.is_dead = true;
    }
  }
}

void XServer::ReadRequest(Peer* peer) {
  char buffer[4096];
  for (;;) {
    IoResult result = peer->transport->Read(buffer, sizeof(buffer));
    if (result.state == IoState::kBlocked) break;
    if (result.state == IoState::kClosed) {
      peer->is_dead = true;
      return;
    }
    if (!peer->is_answered && !peer->is_hole) peer->in.append(buffer, result.bytes);
  }
  if (peer->is_answered || peer->is_hole) return;
  HttpRequest request;
  switch (ParseRequest(peer->in, &request)) {
    case ParseState::kNeedMore:
      return;
    case ParseState::kBad:
      return Answer(peer, {400, R"({"title":"Invalid Request"})"});
    case ParseState::kDone:
      return HandleRequest(peer, request);
  }
}

void XServer::Answer(Peer* peer, HttpAnswer answer) {
  if (answer.status != 200) ++refused_count_;
  answer.extra_headers = LimitHeaders();
  peer->out = RenderAnswer(answer, now_->x_time);
  peer->is_answered = true;
  peer->deadline = now_->elapsed + kRequestMax;
}

void XServer::HandleRequest(Peer* peer, const HttpRequest& request) {
  if (request.path == "/2/tweets/search/stream/rules") return Answer(peer, {200, kRules});
  if (request.method != "GET" || request.path != "/2/tweets/search/stream") {
    return Answer(peer, {404, kNotFound});
  }
  CountAttempt();
  if (RefuseNow(peer)) return;
  if (!options_.bearer_token.empty() &&
      request.Header("authorization") != "Bearer " + options_.bearer_token) {
    return Answer(peer, AnswerFor(Refusal::k401));
  }
  if (options_.connect_limit > 0 && attempts_ > options_.connect_limit) {
    return Answer(peer, AnswerFor(Refusal::k429Rate));
  }
  if (SlotsTaken() >= options_.slots) return Answer(peer, AnswerFor(Refusal::k429Slots));
  StartStream(peer, request);
}

bool XServer::RefuseNow(Peer* peer) {
  if (now_->elapsed >= refusal_until_) return false;
  if (refusal_ == Refusal::kBlackHole) {
    ++refused_count_;
    peer->is_hole = true;
    peer->deadline = absl::InfiniteDuration();
    return true;
  }
  Answer(peer, AnswerFor(refusal_));
  return true;
}

void XServer::StartStream(Peer* peer, const HttpRequest& request) {
  StreamIdentity identity;
  identity.number = ++stream_count_;
  identity.tag = TagOf(request);
  identity.address = peer->address;
  identity.gzip = options_.gzip && absl::StrContains(request.Header("accept-encoding"), "gzip");
  std::string head =
      absl::StrCat("HTTP/1.1 200 OK\r\ndate: ", HttpDate(now_->x_time),
                   "\r\ncontent-type: application/json; charset=utf-8\r\ntransfer-encoding: chunked"
                   "\r\ncache-control: no-cache, no-store, max-age=0\r\nserver: tsa_b\r\n",
                   identity.gzip ? "content-encoding: gzip\r\n" : "");
  for (const std::string& header : LimitHeaders()) absl::StrAppend(&head, header, "\r\n");
  peer->stream = std::make_unique<ClientStream>(options_.stream, std::move(identity),
                                                peer->transport.get(), log_, truth_, *now_);
  peer->stream->Start(head + "\r\n");
  peer->in.clear();
}

void XServer::CountAttempt() {
  if (now_->x_time >= attempts_reset_) {
    attempts_ = 0;
    attempts_reset_ = now_->x_time + kConnectWindow;
  }
  ++attempts_;
}

std::vector<std::string> XServer::LimitHeaders() const {
  int limit = options_.connect_limit > 0 ? options_.connect_limit : kShownConnectLimit;
  return {absl::StrCat("x-rate-limit-limit: ", limit),
          absl::StrCat("x-rate-limit-remaining: ", std::max(0, limit - attempts_)),
          absl::StrCat("x-rate-limit-reset: ", absl::ToUnixSeconds(attempts_reset_))};
}

int XServer::SlotsTaken() const {
  int taken = 0;
  for (const auto& [fd, peer] : peers_) {
    taken += peer.stream != nullptr && peer.stream->takes_slot() ? 1 : 0;
  }
  for (absl::Duration until : zombie_slots_) taken += now_->elapsed < until ? 1 : 0;
  return taken;
}

void XServer::WriteAnswer(int fd, Peer* peer) {
  if (peer->out.empty()) return;
  IoResult result = peer->transport->Write({{peer->out.data(), peer->out.size()}});
  if (result.state == IoState::kClosed) peer->is_dead = true;
  if (result.state == IoState::kOk) peer->out.erase(0, result.bytes);
  // The client closes when it has read the answer.
  if (peer->out.empty()) peer->transport->FinishWriting();
  poller_->SetWantsWrite(fd, !peer->out.empty());
}

void XServer::PumpPeer(int fd, Peer* peer) {
  if (peer->stream != nullptr) {
    poller_->SetWantsWrite(fd, peer->stream->Pump(*now_));
    peer->is_dead = peer->stream->is_dead();
  } else {
    WriteAnswer(fd, peer);
    if (now_->elapsed >= peer->deadline) peer->is_dead = true;
  }
}

void XServer::Pump() {
  for (auto it = peers_.begin(); it != peers_.end();) {
    Peer& peer = it->second;
    if (!peer.is_dead) PumpPeer(it->first, &peer);
    if (!peer.is_dead) {
      ++it;
      continue;
    }
    if (peer.stream != nullptr) {
      past_sent_posts_ += peer.stream->sent_posts();
      if (peer.stream->left_unclean()) {
        zombie_slots_.push_back(now_->elapsed + options_.zombie_slot);
      }
    }
    poller_->Remove(it->first);
    it = peers_.erase(it);
  }
  zombie_slots_.erase(
      std::remove_if(zombie_slots_.begin(), zombie_slots_.end(),
                     [this](absl::Duration until) { return until <= now_->elapsed; }),
      zombie_slots_.end());
}

absl::Duration XServer::NextDeadline() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const auto& [fd, peer] : peers_) {
    next = std::min(next, peer.stream != nullptr ? peer.stream->NextDeadline() : peer.deadline);
  }
  return next;
}

bool XServer::HasBacklog() const {
  return std::any_of(peers_.begin(), peers_.end(), [](const auto& entry) {
    const ClientStream* stream = entry.second.stream.get();
    return stream != nullptr && !stream->is_black_hole() && stream->backlog_bytes() > 0;
  });
}

void XServer::AbandonAll() {
  for (auto& [fd, peer] : peers_) {
    if (peer.stream != nullptr) peer.stream->Abandon(*now_);
  }
}

void XServer::Refuse(Refusal how, absl::Duration length) {
  refusal_ = how;
  refusal_until_ = now_->elapsed + length;
}

std::vector<ClientStream*> XServer::Streams() {
  std::map<uint32_t, ClientStream*> by_number;
  for (auto& [fd, peer] : peers_) {
    if (peer.stream != nullptr && peer.stream->takes_slot()) {
      by_number[peer.stream->identity().number] = peer.stream.get();
    }
  }
  std::vector<ClientStream*> out;
  for (auto& [number, stream] : by_number) out.push_back(stream);
  return out;
}

}  // namespace braid::emulator
