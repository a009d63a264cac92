#include "tests/sim/sim_net.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace braid {

// Both ends of one call and what is under way between them. Either end can be
// gone while the other does not know yet.
struct SimNet::Call {
  uint64_t id;
  int connector;
  int deduper;
  std::string source;
  // The client's end: gone when its process or its OfferCall is.
  SimHost* client_host;
  OfferCallHandler* handler;
  bool client_alive = true;
  // The server's end.
  std::unique_ptr<OfferResponder> responder;
  std::unique_ptr<OfferSession> session;
  bool server_gone = false;
  // Nothing passes any more, in either direction.
  bool cut = false;
  bool lose_next_record = false;
  bool repeat_next_record = false;
  // Messages of one direction arrive in the order they were sent.
  absl::Time last_request_arrival = absl::InfinitePast();
  absl::Time last_response_arrival = absl::InfinitePast();
};

class SimNet::ServerEnd final : public OfferResponder {
 public:
  ServerEnd(SimNet& net, uint64_t call) : net_(net), call_(call) {}
  void Send(v1::OfferResponse response) override {
    net_.DeliverResponse(call_, response.SerializeAsString());
  }
  void Close(absl::Status status) override {
    // After what was sent before; then the session can go.
    net_.EndClientSide(call_, net_.delay_max_, std::move(status));
    net_.EndServerSide(call_, absl::ZeroDuration());
  }
  void Consumed(uint64_t bytes) override {}

 private:
  SimNet& net_;
  const uint64_t call_;
};

class SimNet::ClientEnd final : public OfferCall {
 public:
  ClientEnd(SimNet& net, uint64_t call) : net_(net), call_(call) {}
  ~ClientEnd() override {
    auto it = net_.calls_.find(call_);
    if (it == net_.calls_.end()) return;
    it->second->client_alive = false;
    net_.EndServerSide(call_, net_.Delay());
  }
  void Send(v1::OfferRequest request) override {
    auto it = net_.calls_.find(call_);
    if (it == net_.calls_.end() || it->second->cut) return;
    Call& call = *it->second;
    if (request.has_record() && std::exchange(call.lose_next_record, false)) return;
    if (request.has_record() && std::exchange(call.repeat_next_record, false)) {
      net_.ScheduleRequest(call, request.SerializeAsString());
    }
    net_.ScheduleRequest(call, request.SerializeAsString());
  }

 private:
  SimNet& net_;
  const uint64_t call_;
};

class SimNet::Dialer final : public OfferDialer {
 public:
  Dialer(SimNet& net, SimHost& host, int connector, std::string source, int deduper)
      : net_(net), host_(host), connector_(connector), source_(std::move(source)), deduper_(deduper) {}

  std::unique_ptr<OfferCall> Dial(OfferCallHandler* handler) override {
    uint64_t id = net_.next_call_++;
    auto call = std::make_unique<Call>();
    call->id = id;
    call->connector = connector_;
    call->deduper = deduper_;
    call->source = source_;
    call->client_host = &host_;
    call->handler = handler;
    bool reachable = !net_.Partitioned(connector_, deduper_) &&
                     net_.servers_[deduper_]->host() != nullptr;
    net_.calls_[id] = std::move(call);
    if (!reachable) {
      net_.calls_[id]->cut = true;
      net_.calls_[id]->server_gone = true;
      net_.EndClientSide(id, net_.Delay(), absl::UnavailableError("can not be reached"));
    }
    return std::make_unique<ClientEnd>(net_, id);
  }

 private:
  SimNet& net_;
  SimHost& host_;
  const int connector_;
  const std::string source_;
  const int deduper_;
};

SimNet::SimNet(SimLoop& world, Random& random, absl::Duration delay_max)
    : world_(world), random_(random), delay_max_(delay_max) {}

SimNet::~SimNet() = default;

std::unique_ptr<OfferDialer> SimNet::MakeDialer(SimHost& host, int connector, std::string source,
                                                int deduper) {
  return std::make_unique<Dialer>(*this, host, connector, std::move(source), deduper);
}

absl::Duration SimNet::Delay() {
  return absl::Microseconds(1 + random_.Below(absl::ToInt64Microseconds(delay_max_)));
}

bool SimNet::Partitioned(int connector, int deduper) const {
  auto it = partitions_.find({connector, deduper});
  return it != partitions_.end() && world_.Now() < it->second;
}

void SimNet::ScheduleRequest(Call& call, std::string bytes) {
  call.last_request_arrival = std::max(call.last_request_arrival, world_.Now() + Delay());
  world_.After(call.last_request_arrival - world_.Now(),
               [this, id = call.id, bytes = std::move(bytes)] { DeliverRequest(id, bytes); });
}

// Into the process, where it runs.
void SimNet::DeliverRequest(uint64_t id, const std::string& bytes) {
  auto it = calls_.find(id);
  if (it == calls_.end() || it->second->cut || it->second->server_gone) return;
  SimHost* host = servers_[it->second->deduper]->host();
  if (host == nullptr) return;
  host->Post([this, id, bytes] { TakeRequest(id, bytes); });
}

void SimNet::TakeRequest(uint64_t id, const std::string& bytes) {
  auto it = calls_.find(id);
  if (it == calls_.end() || it->second->cut || it->second->server_gone) return;
  Call& call = *it->second;
  v1::OfferRequest request;
  BRAID_CHECK(request.ParseFromString(bytes));
  BRAID_CHECK(CheckRequest(request).ok());
  if (call.session == nullptr) {
    call.responder = std::make_unique<ServerEnd>(*this, id);
    call.session = servers_[call.deduper]->Accept(*call.responder);
  }
  call.session->OnRequest(std::move(request), bytes.size());
}

void SimNet::DeliverResponse(uint64_t id, std::string bytes) {
  auto it = calls_.find(id);
  if (it == calls_.end() || it->second->cut) return;
  Call& call = *it->second;
  call.last_response_arrival = std::max(call.last_response_arrival, world_.Now() + Delay());
  world_.After(call.last_response_arrival - world_.Now(), [this, id, bytes = std::move(bytes)] {
    auto it = calls_.find(id);
    if (it == calls_.end() || it->second->cut || !it->second->client_alive) return;
    it->second->client_host->Post([this, id, bytes] { TakeResponse(id, bytes); });
  });
}

void SimNet::TakeResponse(uint64_t id, const std::string& bytes) {
  auto it = calls_.find(id);
  if (it == calls_.end() || it->second->cut || !it->second->client_alive) return;
  Call& call = *it->second;
  v1::OfferResponse response;
  BRAID_CHECK(response.ParseFromString(bytes));
  if (ack_observer_ && response.has_ack()) {
    ack_observer_(call.deduper, call.source, response.ack().session_epoch(),
                  response.ack().end_offset());
  }
  call.handler->OnResponse(response);
}

void SimNet::EndClientSide(uint64_t id, absl::Duration delay, absl::Status status) {
  auto it = calls_.find(id);
  if (it == calls_.end()) return;
  // Behind whatever was sent to the client before.
  absl::Time when = std::max(world_.Now() + delay, it->second->last_response_arrival);
  world_.After(when - world_.Now() + absl::Microseconds(1), [this, id, status] {
    auto it = calls_.find(id);
    if (it == calls_.end() || !it->second->client_alive) return;
    it->second->client_host->Post([this, id, status] {
      auto it = calls_.find(id);
      if (it == calls_.end() || !it->second->client_alive) return;
      it->second->cut = true;
      it->second->handler->OnClosed(status);
    });
  });
}

void SimNet::EndServerSide(uint64_t id, absl::Duration delay) {
  world_.After(delay, [this, id] {
    auto it = calls_.find(id);
    if (it == calls_.end()) return;
    SimHost* host = servers_[it->second->deduper]->host();
    // Where it is gone, ServerDied has seen to it.
    if (host == nullptr || it->second->server_gone) return DropServerEnd(id);
    host->Post([this, id] { DropServerEnd(id); });
  });
}

void SimNet::DropServerEnd(uint64_t id) {
  auto it = calls_.find(id);
  if (it == calls_.end()) return;
  it->second->session = nullptr;
  it->second->responder = nullptr;
  it->second->server_gone = true;
  Forget(id);
}

void SimNet::Forget(uint64_t id) {
  auto it = calls_.find(id);
  if (it != calls_.end() && !it->second->client_alive && it->second->server_gone) calls_.erase(it);
}

SimNet::Call* SimNet::StandingCall(int connector, int deduper) {
  for (auto& [id, call] : calls_) {
    bool between = call->connector == connector && call->deduper == deduper;
    if (between && !call->cut && call->client_alive && call->session != nullptr) return call.get();
  }
  return nullptr;
}

bool SimNet::LoseNextRecord(int connector, int deduper) {
  Call* call = StandingCall(connector, deduper);
  if (call != nullptr) call->lose_next_record = true;
  return call != nullptr;
}

bool SimNet::RepeatNextRecord(int connector, int deduper) {
  Call* call = StandingCall(connector, deduper);
  if (call != nullptr) call->repeat_next_record = true;
  return call != nullptr;
}

bool SimNet::Cut(int connector, int deduper) {
  bool any = false;
  for (auto& [id, call] : calls_) {
    if (call->connector != connector || call->deduper != deduper || call->cut) continue;
    any = true;
    call->cut = true;
    // Keepalive notices within 7 s on either side.
    EndClientSide(id, absl::Milliseconds(random_.Below(7000)), absl::UnavailableError("cut"));
    EndServerSide(id, absl::Milliseconds(random_.Below(7000)));
  }
  return any;
}

void SimNet::Partition(int connector, int deduper, absl::Time until) {
  partitions_[{connector, deduper}] = until;
  Cut(connector, deduper);
}

void SimNet::ServerDied(int deduper) {
  for (auto& [id, call] : calls_) {
    if (call->deduper != deduper || call->server_gone) continue;
    call->session = nullptr;
    call->responder = nullptr;
    call->server_gone = true;
    call->cut = true;
    EndClientSide(id, absl::Milliseconds(random_.Below(2000)), absl::UnavailableError("died"));
  }
}

}  // namespace braid
