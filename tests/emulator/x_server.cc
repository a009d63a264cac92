#include "tests/emulator/x_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tests/emulator/x_answers.h"

namespace braid::emulator {
namespace {

constexpr size_t kPeersMax = 256;
// Gnip takes 5 MB of rules in one request.
constexpr size_t kRequestBodyBytesMax = 8 << 20;
// A client that does not finish its request within it is dropped.
constexpr absl::Duration kRequestMax = absl::Seconds(10);
constexpr char kFilteredPath[] = "/2/tweets/search/stream";
// As X's answers show them.
constexpr int kShownConnectLimit = 50;
constexpr absl::Duration kConnectWindow = absl::Minutes(15);

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
    if (peers_.size() > kPeersMax || (is_refusing && refusal_ == kRefuseByReset)) {
      ++refused_count_;
      peer.transport->ResetOnClose();
      peer.is_dead = true;
    }
  }
}

void XServer::ReadRequest(Peer* peer) {
  char buffer[16 << 10];
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
  switch (ParseRequest(peer->in, kRequestBodyBytesMax, &request)) {
    case ParseState::kNeedMore:
      return;
    case ParseState::kBad:
      return Answer(peer, emulator::Refused(Family::kV2, "400", now_->x_time));
    case ParseState::kTooLong:
      return Answer(peer, emulator::Refused(Family::kV2, "413", now_->x_time));
    case ParseState::kDone:
      return HandleRequest(peer, request);
  }
}

void XServer::Answer(Peer* peer, const HttpAnswer& answer) {
  peer->out = RenderAnswer(answer, now_->x_time);
  peer->is_answered = true;
  peer->deadline = now_->elapsed + kRequestMax;
}

HttpAnswer XServer::AnswerByTable(const Peer& peer, const HttpRequest& request) const {
  RouteTable::Found found = routes_.Find(request);
  Family family = found.route == nullptr ? Family::kV2 : found.route->family;
  if (found.route == nullptr) {
    return emulator::Refused(family, found.is_path_known ? "405" : "404", now_->x_time);
  }
  std::optional<std::string> account = AccountOf(options_.credentials, family, request);
  if (!account) return emulator::Refused(family, "401", now_->x_time);
  return found.route->handler({request, found.names, family, *account, peer.address, *now_});
}

void XServer::HandleRequest(Peer* peer, const HttpRequest& request) {
  if (request.method == "GET" && request.path == kFilteredPath) return HandleStream(peer, request);
  HttpAnswer answer = AnswerByTable(*peer, request);
  for (const std::string& header : CommonHeaders(Family::kV2, now_->x_time)) {
    answer.extra_headers.push_back(header);
  }
  Answer(peer, answer);
}

void XServer::Refused(Peer* peer, const HttpRequest& request, absl::string_view how) {
  ++refused_count_;
  HttpAnswer answer = emulator::Refused(Family::kV2, how, now_->x_time);
  answer.extra_headers = LimitHeaders();
  Answer(peer, answer);
}

void XServer::HandleStream(Peer* peer, const HttpRequest& request) {
  CountAttempt();
  if (RefuseNow(peer)) return;
  if (!AccountOf(options_.credentials, Family::kV2, request)) return Refused(peer, request, "401");
  if (options_.connect_limit > 0 && attempts_ > options_.connect_limit) {
    return Refused(peer, request, "429-rate");
  }
  if (SlotsTaken() >= options_.slots) return Refused(peer, request, "429");
  StartStream(peer, request);
}

bool XServer::RefuseNow(Peer* peer) {
  if (now_->elapsed >= refusal_until_) return false;
  if (refusal_ == kRefuseByBlackHole) {
    ++refused_count_;
    peer->is_hole = true;
    peer->deadline = absl::InfiniteDuration();
    return true;
  }
  Refused(peer, {}, refusal_);
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
  book_.Opened(stream_count_, "filtered_stream", peer->address, now_->x_time);
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
  for (const auto& [number, until] : zombie_slots_) taken += now_->elapsed < until ? 1 : 0;
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
      uint32_t number = peer.stream->identity().number;
      if (peer.stream->left_unclean() && options_.zombie_slot > absl::ZeroDuration()) {
        zombie_slots_[number] = now_->elapsed + options_.zombie_slot;
      } else {
        book_.Closed(number, "disconnected", now_->x_time);
      }
    }
    poller_->Remove(it->first);
    it = peers_.erase(it);
  }
  for (auto it = zombie_slots_.begin(); it != zombie_slots_.end();) {
    if (it->second > now_->elapsed) {
      ++it;
      continue;
    }
    book_.Closed(it->first, "disconnected", now_->x_time);
    it = zombie_slots_.erase(it);
  }
}

bool XServer::Kill(const std::string& id) {
  uint32_t number = book_.NumberOf(id);
  if (number == 0) return false;
  book_.Closed(number, "operator_disconnect", now_->x_time);
  zombie_slots_.erase(number);
  for (ClientStream* stream : Streams()) {
    if (stream->identity().number == number) stream->EndWithZeroChunk(*now_);
  }
  return true;
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

void XServer::Refuse(const std::string& how, absl::Duration length) {
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
