#include "tests/emulator/control_server.h"

#include <utility>

namespace braid::emulator {
namespace {

constexpr size_t kPeersMax = 64;
// Raw bytes of a test.
constexpr size_t kBodyBytesMax = 64 << 20;

}  // namespace

ControlServer::ControlServer(Listener* listener, Poller* poller, Handler handler)
    : listener_(listener), poller_(poller), handler_(std::move(handler)) {
  poller_->Add(listener_->fd(), this);
}

ControlServer::~ControlServer() {
  for (auto& [fd, peer] : peers_) poller_->Remove(fd);
  poller_->Remove(listener_->fd());
}

void ControlServer::OnEvent(int fd, uint32_t epoll_events) {
  if (fd == listener_->fd()) return AcceptAll();
  auto found = peers_.find(fd);
  if (found != peers_.end()) Read(&found->second);
}

void ControlServer::AcceptAll() {
  while (std::optional<Accepted> accepted = listener_->Accept()) {
    Peer& peer = peers_[accepted->fd];
    peer.transport = MakePlainTransport(accepted->fd);
    peer.is_dead = peers_.size() > kPeersMax;
    poller_->Add(accepted->fd, this);
  }
}

void ControlServer::Read(Peer* peer) {
  if (!ReadAll(peer->transport.get(), peer->is_answered ? nullptr : &peer->in)) {
    peer->is_dead = true;
    return;
  }
  if (peer->is_answered) return;
  HttpRequest request;
  ParseState state = ParseRequest(peer->in, kBodyBytesMax, &request);
  if (state == ParseState::kNeedMore) return;
  HttpAnswer answer{400, R"({"error":"not an HTTP request"})"};
  if (state == ParseState::kDone) answer = handler_(request);
  peer->out = RenderAnswer(answer, absl::Now());
  peer->is_answered = true;
}

void ControlServer::Pump() {
  for (auto it = peers_.begin(); it != peers_.end();) {
    Peer& peer = it->second;
    if (!peer.out.empty() && !peer.is_dead) {
      IoResult result = peer.transport->Write({{peer.out.data(), peer.out.size()}});
      if (result.state == IoState::kClosed) peer.is_dead = true;
      if (result.state == IoState::kOk) peer.out.erase(0, result.bytes);
      if (peer.out.empty()) peer.transport->FinishWriting();
      poller_->SetWantsWrite(it->first, !peer.out.empty());
    }
    if (peer.is_dead) {
      poller_->Remove(it->first);
      it = peers_.erase(it);
    } else {
      ++it;
    }
  }
}

}  // namespace braid::emulator
