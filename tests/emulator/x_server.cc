#include "tests/emulator/x_server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/emulator/x_answers.h"

namespace braid::emulator {
namespace {

constexpr size_t kPeersMax = 256;
// Gnip takes 5 MB of rules in one request.
constexpr size_t kRequestBodyBytesMax = 8 << 20;
// A client that does not finish its request within it is dropped.
constexpr absl::Duration kRequestMax = absl::Seconds(10);

// A test names its connections by ?connection=… or by the User-Agent.
std::string TagOf(const HttpRequest& request) {
  std::string tag = request.Query("connection");
  return tag.empty() ? request.Header("user-agent") : tag;
}

std::string LineOf(const HttpRequest& request) {
  std::string line = absl::StrCat(request.method, " ", request.path);
  char mark = '?';
  for (const auto& [name, value] : request.query) {
    line += std::exchange(mark, '&');
    absl::StrAppend(&line, name, "=", value);
  }
  return line;
}

void SetSocketOptions(int fd, const XSettings& settings) {
  int timeout_ms = static_cast<int>(absl::ToInt64Milliseconds(settings.client_timeout));
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
  if (settings.send_buffer_bytes == 0) return;
  int bytes = static_cast<int>(settings.send_buffer_bytes);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

}  // namespace

XServer::XServer(const XServerParts& parts)
    : settings_(parts.settings),
      listener_(parts.listener),
      poller_(parts.poller),
      transports_(parts.transports),
      desk_(parts.desk),
      truth_(parts.truth),
      now_(parts.now) {
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
    SetSocketOptions(accepted->fd, *settings_);
    poller_->Add(accepted->fd, this);
    ++accepted_count_;
    if (peers_.size() > kPeersMax || desk_->ResetsAtAccept(*now_)) Drop(&peer);
  }
}

// A reset, as from a firewall.
void XServer::Drop(Peer* peer) {
  ++refused_count_;
  peer->transport->ResetOnClose();
  peer->is_dead = true;
}

void XServer::ReadRequest(Peer* peer) {
  bool is_over = peer->is_answered || peer->is_hole;
  if (!ReadAll(peer->transport.get(), is_over ? nullptr : &peer->in)) {
    peer->is_dead = true;
    return;
  }
  if (is_over) return;
  HttpRequest request;
  switch (ParseRequest(peer->in, kRequestBodyBytesMax, &request)) {
    case ParseState::kNeedMore:
      return;
    case ParseState::kBad:
      return Answer(peer, Refused(Family::kV2, "400", now_->x_time));
    case ParseState::kTooLong:
      return Answer(peer, Refused(Family::kV2, "413", now_->x_time));
    case ParseState::kDone:
      return HandleRequest(peer, request);
  }
}

void XServer::Answer(Peer* peer, const HttpAnswer& answer) {
  peer->out = RenderAnswer(answer, now_->x_time);
  peer->is_answered = true;
  peer->deadline = now_->elapsed + kRequestMax;
}

HttpAnswer XServer::AnswerByTable(const Peer& peer, const HttpRequest& request,
                                  Family* family) const {
  RouteTable::Found found = routes_.Find(request);
  if (found.route == nullptr) {
    return Refused(*family, found.is_path_known ? "405" : "404", now_->x_time);
  }
  *family = found.route->family;
  std::optional<std::string> account = AccountOf(settings_->credentials, *family, request);
  if (!account) return Refused(*family, "401", now_->x_time);
  return found.route->handler({request, found.names, *family, *account, peer.address, *now_});
}

void XServer::HandleRequest(Peer* peer, const HttpRequest& request) {
  TruthRequest asked;
  asked.time = now_->x_time;
  asked.line = LineOf(request);
  asked.tag = TagOf(request);
  asked.address = peer->address;
  std::optional<EndpointMatch> match = FindEndpoint(request.path);
  if (match && request.method == "GET") {
    asked.status = HandleStream(peer, {*match, request, peer->address, asked.tag});
    if (peer->stream != nullptr) asked.connection = peer->stream->identity().number;
  } else {
    Family family = request.path.rfind("/2/", 0) == 0 ? Family::kV2 : Family::kGnip;
    HttpAnswer answer = AnswerByTable(*peer, request, &family);
    for (const std::string& header : CommonHeaders(family, now_->x_time)) {
      answer.extra_headers.push_back(header);
    }
    asked.status = answer.status;
    Answer(peer, answer);
  }
  truth_->Asked(asked);
}

// Returns the status, 0 for none.
int XServer::HandleStream(Peer* peer, const StreamRequest& request) {
  DeskDecision decision = desk_->Decide(request, *now_);
  switch (decision.kind) {
    case DeskDecision::Kind::kStream:
      StartStream(peer, std::move(decision));
      return 200;
    case DeskDecision::Kind::kAnswer:
      ++refused_count_;
      Answer(peer, decision.answer);
      return decision.answer.status;
    case DeskDecision::Kind::kReset:
      Drop(peer);
      return 0;
    case DeskDecision::Kind::kBlackHole:
      ++refused_count_;
      peer->is_hole = true;
      peer->deadline = absl::InfiniteDuration();
      return 0;
  }
  return 0;
}

void XServer::StartStream(Peer* peer, DeskDecision decision) {
  ++begun_count_;
  peer->stream = std::make_unique<ClientStream>(*std::move(decision.plan), peer->transport.get(),
                                                truth_, *now_);
  peer->stream->Start(std::move(decision.head));
  peer->stream->SendRaw(decision.first_record);
  peer->in.clear();
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

void XServer::EndOverdue() {
  std::vector<uint32_t> overdue = desk_->Overdue(*now_);
  if (overdue.empty()) return;
  for (ClientStream* stream : Streams()) {
    if (std::find(overdue.begin(), overdue.end(), stream->identity().number) != overdue.end()) {
      stream->EndWithMessage("ForceDisconnect", *now_, EndKind::kTooManyConnections);
    }
  }
}

void XServer::Pump() {
  EndOverdue();
  for (auto it = peers_.begin(); it != peers_.end();) {
    Peer& peer = it->second;
    if (!peer.is_dead) PumpPeer(it->first, &peer);
    if (peer.stream != nullptr && !peer.stream->takes_slot() && !peer.is_ended) {
      peer.is_ended = true;
      desk_->Ended(*peer.stream, *now_);
    }
    if (!peer.is_dead) {
      ++it;
      continue;
    }
    if (peer.stream != nullptr) past_sent_posts_ += peer.stream->sent_posts();
    poller_->Remove(it->first);
    it = peers_.erase(it);
  }
}

bool XServer::Kill(const std::string& id) {
  uint32_t number = desk_->book().NumberOf(id);
  if (number == 0) return false;
  desk_->book().Closed(number, DisconnectReason(EndKind::kKilled), now_->x_time);
  desk_->FreeSlot(number);
  for (ClientStream* stream : Streams()) {
    if (stream->identity().number == number) stream->EndWithZeroChunk(*now_, EndKind::kKilled);
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
