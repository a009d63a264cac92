#include "tests/sim/sim_x.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "proto/snowflake.h"

namespace braid {

// What one process holds of X. When the process dies its sockets die with it.
class SimX::Client final : public HttpClient {
 public:
  Client(SimX& x, SimHost& host, int connector, int incarnation)
      : x_(x), host_(host), connector_(connector), incarnation_(incarnation) {}

  ~Client() override {
    for (auto it = x_.connections_.begin(); it != x_.connections_.end();) {
      it = it->second.client == this ? x_.connections_.erase(it) : std::next(it);
    }
  }

  RequestId Open(HttpRequest request, std::shared_ptr<HttpHandler> handler) override {
    if (x_.OpenOf(connector_) != 0) x_.overlapped_ = true;
    ++x_.connects_;
    ConnectionId id = x_.next_connection_++;
    Connection connection;
    connection.request = id;
    connection.client = this;
    connection.handler = std::move(handler);
    connection.host = &host_;
    connection.connector = connector_;
    connection.incarnation = incarnation_;
    x_.connections_.emplace(id, std::move(connection));
    absl::Duration delay = absl::Milliseconds(5 + x_.random_.Below(200));
    x_.world_.After(delay, [x = &x_, id] { x->Answer(id); });
    return id;
  }

  void Close(RequestId id) override { x_.connections_.erase(id); }

 private:
  SimX& x_;
  SimHost& host_;
  const int connector_;
  const int incarnation_;
};

SimX::SimX(Loop& world, Random& random, Options options)
    : world_(world), random_(random), options_(options) {}

std::unique_ptr<HttpClient> SimX::MakeClient(SimHost& host, int connector, int incarnation) {
  return std::make_unique<Client>(*this, host, connector, incarnation);
}

std::string SimX::LineOf(uint64_t id) {
  std::string text(20 + id % 97, static_cast<char>('a' + id % 26));
  return absl::StrCat("{\"data\":{\"text\":\"", text, "\",\"id\":\"", id,
                      "\"},\"matching_rules\":[{\"id\":\"1\",\"tag\":\"t", id % 3, "\"}]}");
}

void SimX::Start() { ScheduleCreation(); }

void SimX::StopBadLines() {
  options_.garbage_share = 0;
  options_.oversize_share = 0;
  options_.message_share = 0;
}

void SimX::ScheduleCreation() {
  double seconds = -std::log(1.0 - random_.Unit()) / options_.posts_per_second;
  world_.After(absl::Seconds(std::min(seconds, 60.0)), [this] {
    if (stopped_) return;
    CreatePost();
    ScheduleCreation();
  });
}

void SimX::CreatePost() {
  SimPost post;
  post.create_time = world_.WallNow();
  // The low bits make ids of one millisecond differ.
  post.id = FirstSnowflakeAt(post.create_time) + (posts_.size() & 0x3fffff);
  if (random_.Unit() < options_.stray_share) {
    post.id = next_stray_++;  // from before there were snowflakes
    post.create_time = SnowflakeTime(post.id);
  }
  Publish(post);
}

bool SimX::Flood(int count) {
  constexpr absl::Duration kAncient = absl::Hours(24 * 30);
  for (int i = 0; i < count; ++i) {
    SimPost post;
    post.id = random_.Below(2) == 0
                  ? next_stray_++
                  : FirstSnowflakeAt(world_.WallNow() - kAncient) + (posts_.size() & 0x3fffff);
    post.create_time = SnowflakeTime(post.id);
    Publish(post);
  }
  return true;
}

void SimX::Publish(const SimPost& post) {
  posts_.push_back(post);
  size_t index = posts_.size() - 1;
  for (auto& [id, connection] : connections_) {
    if (!connection.answered || post.create_time < connection.omit_until) continue;
    int copies = random_.Unit() < options_.repeat_share ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      world_.After(Lateness(), [this, id = id, index] { Deliver(id, index); });
    }
  }
}

absl::Duration SimX::Lateness() {
  if (random_.Unit() < options_.late_share) return options_.late_max * random_.Unit();
  return absl::Milliseconds(20 + random_.Below(400));
}

void SimX::Deliver(ConnectionId id, size_t post) {
  auto it = connections_.find(id);
  if (it == connections_.end()) return;
  Connection& connection = it->second;
  SimDelivery delivery;
  delivery.connector = connection.connector;
  delivery.incarnation = connection.incarnation;
  if (random_.Unit() < options_.garbage_share) {
    Queue(connection, "{\"data\":{\"id\":12345,\"text\":", delivery);
  }
  if (random_.Unit() < options_.oversize_share) {
    Queue(connection, std::string(options_.oversize_bytes, 'x'), delivery);
  }
  if (random_.Unit() < options_.message_share) {
    // No post and no loss.
    connection.outbox += "{\"something_new\":{\"a\":1}}\r\n";
  }
  delivery.id = posts_[post].id;
  Queue(connection, LineOf(delivery.id), delivery);
  ScheduleFlush(id);
}

void SimX::Queue(Connection& connection, std::string line, SimDelivery delivery) {
  connection.outbox += line;
  connection.outbox += "\r\n";
  connection.line_ends.emplace_back(connection.outbox_begin + connection.outbox.size(), delivery);
}

void SimX::ScheduleFlush(ConnectionId id) {
  Connection& connection = connections_.at(id);
  if (connection.flush_scheduled || connection.black_hole) return;
  connection.flush_scheduled = true;
  absl::Duration delay = absl::Microseconds(random_.Below(3000));
  delay = std::max(delay, connection.stalled_until - world_.WallNow());
  world_.After(delay, [this, id] { Flush(id); });
}

// Hands over a random part of what waits: any boundaries, also inside a
// character or between \r and \n.
void SimX::Flush(ConnectionId id) {
  auto it = connections_.find(id);
  if (it == connections_.end()) return;
  Connection& connection = it->second;
  connection.flush_scheduled = false;
  if (connection.black_hole || connection.outbox.empty()) return;
  if (world_.WallNow() < connection.stalled_until) return ScheduleFlush(id);
  size_t length = connection.outbox.size();
  if (random_.Below(4) == 0) length = 1 + random_.Below(length);
  std::string bytes = connection.outbox.substr(0, length);
  connection.outbox.erase(0, length);
  connection.outbox_begin += length;
  Hand(connection, std::move(bytes));
  if (!connection.outbox.empty()) ScheduleFlush(id);
}

void SimX::Hand(Connection& connection, std::string bytes) {
  connection.last_sent = world_.WallNow();
  while (!connection.line_ends.empty() &&
         connection.line_ends.front().first <= connection.outbox_begin) {
    SimDelivery delivery = connection.line_ends.front().second;
    delivery.time = world_.WallNow();
    (delivery.id == 0 ? bad_lines_ : deliveries_).push_back(delivery);
    connection.line_ends.pop_front();
  }
  connection.host->Post(
      [handler = connection.handler, host = connection.host, bytes = std::move(bytes)] {
        handler->OnBytes(bytes, host->Now());
        handler->OnDrained(host->Now());
      });
}

void SimX::Heartbeat(ConnectionId id) {
  auto it = connections_.find(id);
  if (it == connections_.end()) return;
  Connection& connection = it->second;
  bool quiet = world_.WallNow() - connection.last_sent >= options_.heartbeat;
  if (quiet && !connection.black_hole && world_.WallNow() >= connection.stalled_until) {
    connection.outbox += "\r\n";
    ScheduleFlush(id);
  }
  // Real heartbeats come up to two seconds after their time.
  absl::Duration jitter = absl::Milliseconds(random_.Below(2000));
  absl::Duration due = connection.last_sent + options_.heartbeat - world_.WallNow();
  world_.After(std::max(due, absl::Seconds(1)) + jitter, [this, id] { Heartbeat(id); });
}

void SimX::Answer(ConnectionId id) {
  auto it = connections_.find(id);
  if (it == connections_.end()) return;
  Connection& connection = it->second;
  Refusal refusal = Refusal::kNone;
  auto refused = refusals_.find(connection.connector);
  if (refused != refusals_.end() && world_.WallNow() < refused->second.second) {
    refusal = refused->second.first;
  }
  if (refusal == Refusal::kConnectFails) {
    return Finish(id, {HttpEnd::Kind::kConnectFailed, "refused"});
  }
  if (refusal == Refusal::kDnsFails) return Finish(id, {HttpEnd::Kind::kDnsFailed, "no address"});
  HttpHead head;
  head.status = refusal == Refusal::kNone ? 200 : refusal == Refusal::kUnavailable503 ? 503 : 429;
  head.headers["date"] = absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", world_.WallNow(), absl::UTCTimeZone());
  std::string body;
  if (refusal == Refusal::kRateLimited429) {
    head.headers["x-rate-limit-reset"] = absl::StrCat(absl::ToUnixSeconds(world_.WallNow()) + 30);
    body = R"({"title":"Too Many Requests","detail":"Too Many Requests","type":"about:blank","status":429})";
  } else if (refusal == Refusal::kTooMany429) {
    body = R"({"title":"ConnectionException","connection_issue":"TooManyConnections"})";
  }
  connection.host->Post([handler = connection.handler, host = connection.host, head, body] {
    handler->OnHead(head, host->Now());
    if (!body.empty()) handler->OnBytes(body, host->Now());
    if (!body.empty()) handler->OnDrained(host->Now());
  });
  if (refusal != Refusal::kNone) return Finish(id, {HttpEnd::Kind::kClean, ""});
  connection.answered = true;
  connection.answer_time = world_.WallNow();
  connection.last_sent = world_.WallNow();
  world_.After(options_.heartbeat, [this, id] { Heartbeat(id); });
}

void SimX::Finish(ConnectionId id, HttpEnd end) {
  Connection connection = std::move(connections_.at(id));
  connections_.erase(id);
  connection.host->Post([handler = connection.handler, host = connection.host, end] {
    handler->OnDone(end, host->Now());
  });
}

SimX::ConnectionId SimX::OpenOf(int connector) const {
  for (const auto& [id, connection] : connections_) {
    if (connection.connector == connector) return id;
  }
  return 0;
}

bool SimX::connected(int connector) const {
  ConnectionId id = OpenOf(connector);
  return id != 0 && connections_.at(id).answered && !connections_.at(id).black_hole;
}

bool SimX::CutConnection(int connector, Cut cut) {
  ConnectionId id = OpenOf(connector);
  if (id == 0 || !connections_.at(id).answered) return false;
  Connection& connection = connections_.at(id);
  if (cut == Cut::kCleanWithMessage) {
    std::string rest = std::move(connection.outbox);
    connection.outbox.clear();
    connection.outbox_begin += rest.size();
    rest +=
        "{\"errors\":[{\"title\":\"operational-disconnect\",\"disconnect_type\":"
        "\"UpstreamOperationalDisconnect\",\"detail\":\"for operational reasons\"}]}\r\n";
    Hand(connection, std::move(rest));
  } else if (cut == Cut::kTruncated && !connection.outbox.empty()) {
    size_t length = random_.Below(connection.outbox.size());
    std::string part = connection.outbox.substr(0, length);
    connection.outbox.erase(0, length);
    connection.outbox_begin += length;
    Hand(connection, std::move(part));
  }
  HttpEnd::Kind kind = cut == Cut::kTruncated ? HttpEnd::Kind::kTruncated
                       : cut == Cut::kReset   ? HttpEnd::Kind::kReset
                                              : HttpEnd::Kind::kClean;
  Finish(id, {kind, "cut"});
  return true;
}

bool SimX::BlackHole(int connector) {
  ConnectionId id = OpenOf(connector);
  if (id == 0 || !connections_.at(id).answered) return false;
  connections_.at(id).black_hole = true;
  return true;
}

bool SimX::Stall(int connector, absl::Duration duration) {
  ConnectionId id = OpenOf(connector);
  if (id == 0 || !connections_.at(id).answered) return false;
  connections_.at(id).stalled_until = world_.WallNow() + duration;
  return true;
}

bool SimX::Omit(int connector) {
  // At two posts a second a silence of 12 s happens once in many days; the
  // connector must have seen enough of the stream to know its rate.
  constexpr double kRateMin = 2;
  constexpr absl::Duration kSeenMin = absl::Seconds(30);
  ConnectionId id = OpenOf(connector);
  if (id == 0 || !connections_.at(id).answered || options_.posts_per_second < kRateMin) return false;
  Connection& connection = connections_.at(id);
  if (world_.WallNow() - connection.answer_time < kSeenMin) return false;
  connection.omit_until = world_.WallNow() + absl::Seconds(40 + random_.Below(40));
  return true;
}

void SimX::Refuse(int connector, Refusal refusal, absl::Duration duration) {
  refusals_[connector] = {refusal, world_.WallNow() + duration};
}

}  // namespace braid
