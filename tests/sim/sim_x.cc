#include "tests/sim/sim_x.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/check.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

// "backfill_minutes" in v2, "backfillMinutes" elsewhere.
int BackfillMinutesOf(absl::string_view url) {
  for (absl::string_view name : {"backfill_minutes=", "backfillMinutes="}) {
    size_t at = url.find(name);
    if (at != absl::string_view::npos) return url[at + name.size()] - '0';
  }
  return 0;
}

// By rule: every third id.
std::string TagOf(uint64_t id) { return absl::StrCat("t", id % 3); }

// X's promise for filtered streams, as connectors take it to be.
constexpr absl::Duration kLatePromise = absl::Seconds(10);

}  // namespace

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
    if (absl::StrContains(request.url, "/2/connections")) {
      x_.Serve(host_, connector_, request, std::move(handler));
      return x_.next_connection_++;
    }
    if (x_.OpenOf(connector_) != 0) x_.overlapped_ = true;
    ++x_.connects_;
    absl::Time now = x_.world_.WallNow();
    // For the share of the account as long as it takes; for peers, which take
    // turns every 3 s, a few turns.
    absl::Duration wait_max = x_.budget_.IsTight(connector_, now) ? absl::InfiniteDuration()
                              : x_.HasPeers(connector_)           ? absl::Seconds(15)
                                                                  : absl::ZeroDuration();
    x_.pace_.OnConnect(connector_, incarnation_, now, wait_max);
    x_.budget_.OnAttempt(connector_, now);
    auto told = x_.told_full_.find(connector_);
    bool knows = told != x_.told_full_.end() && told->second == incarnation_;
    int backfill_minutes = BackfillMinutesOf(request.url);
    if (knows && backfill_minutes > 0) ++x_.useless_backfills_;
    ConnectionId id = x_.next_connection_++;
    Connection connection;
    connection.request = id;
    connection.client = this;
    connection.reader = std::make_shared<Reader>();
    connection.reader->handler = std::move(handler);
    connection.reader->host = &host_;
    connection.reader->connector = connector_;
    connection.connector = connector_;
    connection.incarnation = incarnation_;
    connection.backfill_minutes = backfill_minutes;
    x_.connections_.emplace(id, std::move(connection));
    absl::Duration delay = absl::Milliseconds(5 + x_.random_.Below(200));
    x_.world_.After(delay / 2, [x = &x_, id] { x->Connect(id); });
    x_.world_.After(delay, [x = &x_, id] { x->Answer(id); });
    return id;
  }

  void Close(RequestId id) override { x_.CloseByClient(id); }

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
                      "\"},\"matching_rules\":[{\"id\":\"1\",\"tag\":\"", TagOf(id), "\"}]}");
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

bool SimX::PublishLate(int count, absl::Duration lateness) {
  for (int i = 0; i < count; ++i) {
    SimPost post;
    post.create_time = world_.WallNow() - lateness;
    post.id = FirstSnowflakeAt(post.create_time) + (posts_.size() & 0x3fffff);
    for (const auto& [id, connection] : connections_) {
      broken_promises_.insert({connection.connector, post.id});
    }
    Publish(post);
  }
  return true;
}

void SimX::Publish(const SimPost& post) {
  posts_.push_back(post);
  posts_.back().publish_time = world_.WallNow();
  size_t index = posts_.size() - 1;
  for (auto& [id, connection] : connections_) {
    if (!connection.answered || connection.closing) continue;
    if (post.create_time < connection.omit_until) continue;
    if (IsWithheld(connection.connector, post)) continue;
    int copies = random_.Unit() < options_.repeat_share ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      absl::Duration late = Lateness();
      if (late > kLatePromise) broken_promises_.insert({connection.connector, post.id});
      world_.After(late, [this, id = id, index] { Deliver(id, index); });
    }
  }
}

bool SimX::IsWithheld(int connector, const SimPost& post) {
  auto it = withheld_.find(connector);
  if (it == withheld_.end() || world_.WallNow() >= it->second.until) return false;
  if (!it->second.tag.empty() && it->second.tag != TagOf(post.id)) return false;
  if (random_.Unit() >= it->second.share) return false;
  broken_promises_.insert({connector, post.id});
  return true;
}

absl::Duration SimX::Lateness() {
  if (random_.Unit() < options_.late_share) return options_.late_max * random_.Unit();
  return absl::Milliseconds(20 + random_.Below(400));
}

void SimX::Deliver(ConnectionId id, size_t post) {
  auto it = connections_.find(id);
  if (it == connections_.end() || it->second.closing) return;
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
  if (connection.closing || connection.black_hole || connection.outbox.empty()) return;
  if (world_.WallNow() < connection.stalled_until) return ScheduleFlush(id);
  size_t length = connection.outbox.size();
  if (random_.Below(4) == 0) length = 1 + random_.Below(length);
  bool is_slow = world_.WallNow() < connection.slow_until;
  // X finishes the line that it has begun.
  if (is_slow && connection.slow_bytes < connection.outbox.size()) {
    length = connection.outbox.find("\r\n", connection.slow_bytes) + 2;
  }
  std::string bytes = connection.outbox.substr(0, length);
  connection.outbox.erase(0, length);
  connection.outbox_begin += length;
  Hand(connection, std::move(bytes));
  if (!is_slow) {
    if (!connection.outbox.empty()) ScheduleFlush(id);
    return;
  }
  connection.flush_scheduled = true;
  world_.After(absl::Seconds(1), [this, id] { Flush(id); });
}

void SimX::Hand(Connection& connection, std::string bytes) {
  connection.last_sent = world_.WallNow();
  if (!bytes.empty()) connection.mid_line = bytes.back() != '\n';
  std::vector<SimDelivery> lines;
  while (!connection.line_ends.empty() &&
         connection.line_ends.front().first <= connection.outbox_begin) {
    lines.push_back(connection.line_ends.front().second);
    connection.line_ends.pop_front();
  }
  // What waits in the socket of a process is not yet its own.
  OnReaderThread(connection, [this, bytes = std::move(bytes), lines = std::move(lines)](
                                 HttpHandler& handler, absl::Time now) {
    for (SimDelivery delivery : lines) {
      delivery.time = world_.WallNow();
      (delivery.id == 0 ? bad_lines_ : deliveries_).push_back(delivery);
    }
    handler.OnBytes(bytes, now);
    handler.OnDrained(now);
  });
}

// The process has it; its reader thread comes to it a little later, in order.
void SimX::OnReaderThread(Connection& connection, HandlerCall call) {
  constexpr uint64_t kUsualMicros = 2000;
  // Below what a kill takes anyway.
  constexpr uint64_t kBusyMicros = 40000;
  absl::Time now = world_.WallNow();
  uint64_t micros = random_.Below(random_.Below(10) == 0 ? kBusyMicros : kUsualMicros);
  Reader& reader = *connection.reader;
  absl::Time due = reader.calls.empty() ? now : reader.calls.back().first;
  reader.calls.emplace_back(std::max({due, reader.time, now + absl::Microseconds(micros)}),
                            std::move(call));
  if (reader.calls.size() == 1) PlanReader(connection.reader, absl::ZeroDuration());
}

// A reader that comes to a backlog, since its process stood still, is interrupted
// now and then: its loop runs in between.
void SimX::PlanReader(std::shared_ptr<Reader> reader, absl::Duration pause) {
  const absl::Time due = reader->calls.front().first;
  SimHost& host = *reader->host;
  host.After(std::max(pause, due - world_.WallNow()), [this, reader, due] {
    const bool is_late = world_.WallNow() - due > absl::Seconds(1);
    if (is_late) pace_.OnThaw(reader->connector);
    reader->time = due;
    reader->calls.front().second(*reader->handler, reader->host->Now());
    reader->calls.pop_front();
    if (reader->calls.empty()) return;
    const bool pauses = is_late && random_.Below(20) == 0;
    PlanReader(reader, pauses ? absl::Milliseconds(random_.Below(2000)) : absl::ZeroDuration());
  });
}

void SimX::CloseByClient(ConnectionId id) {
  auto it = connections_.find(id);
  if (it == connections_.end() || it->second.closing) return;
  Connection& connection = it->second;
  connection.closing = true;
  pace_.OnEnd(connection.connector,
              {PaceCheck::End::kOther, world_.WallNow(), FlowedOn(connection)});
  // X counts the socket until the client has closed it.
  OnReaderThread(connection, [x = this, id](HttpHandler& handler, absl::Time now) {
    x->connections_.erase(id);
    handler.OnDone({HttpEnd::Kind::kClosed, ""}, now);
  });
}

absl::Duration SimX::FlowedOn(const Connection& connection) {
  return connection.answered ? connection.last_sent - connection.answer_time
                             : absl::ZeroDuration();
}

void SimX::Heartbeat(ConnectionId id) {
  auto it = connections_.find(id);
  if (it == connections_.end()) return;
  Connection& connection = it->second;
  if (connection.closing) return;
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

SimX::Refusal SimX::RefusalOf(int connector) const {
  auto refused = refusals_.find(connector);
  bool refuses = refused != refusals_.end() && world_.WallNow() < refused->second.second;
  return refuses ? refused->second.first : Refusal::kNone;
}

void SimX::Connect(ConnectionId id) {
  auto it = connections_.find(id);
  if (it == connections_.end() || it->second.closing) return;
  Connection& connection = it->second;
  Refusal refusal = RefusalOf(connection.connector);
  if (refusal == Refusal::kConnectFails) {
    return Finish(id, {HttpEnd::Kind::kConnectFailed, "refused"}, PaceCheck::End::kConnectFails);
  }
  if (refusal == Refusal::kDnsFails) {
    return Finish(id, {HttpEnd::Kind::kDnsFailed, "no address"}, PaceCheck::End::kDnsFails);
  }
  connection.connected = true;
  connection.over_budget = !budget_.OnRequest(connection.connector, world_.WallNow());
  pace_.OnRequest(connection.connector, world_.WallNow());
  OnReaderThread(connection,
                 [](HttpHandler& handler, absl::Time now) { handler.OnConnected(now); });
}

void SimX::Answer(ConnectionId id) {
  auto it = connections_.find(id);
  if (it == connections_.end() || it->second.closing || !it->second.connected) return;
  Connection& connection = it->second;
  Refusal refusal = RefusalOf(connection.connector);
  // What can no longer happen on this connection.
  if (refusal == Refusal::kConnectFails || refusal == Refusal::kDnsFails) refusal = Refusal::kNone;
  bool is_full = options_.slots > 0 && SlotsTaken() >= options_.slots;
  if (refusal == Refusal::kNone && is_full) refusal = Refusal::kTooMany429;
  if (connection.over_budget) refusal = Refusal::kRateLimited429;
  HttpHead head;
  PaceCheck::End end = PaceCheck::End::kSlots;
  head.status = 429;
  absl::Time not_before = absl::InfinitePast();
  if (refusal == Refusal::kNone) head.status = 200;
  if (refusal == Refusal::kUnavailable503) {
    head.status = 503;
    end = PaceCheck::End::kUnavailable;
  }
  if (refusal == Refusal::kUnauthorized401) {
    head.status = 401;
    end = PaceCheck::End::kTerminal;
  }
  head.headers["date"] = absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", world_.WallNow(), absl::UTCTimeZone());
  std::string body;
  if (refusal == Refusal::kRateLimited429) {
    end = PaceCheck::End::kRateLimited;
    not_before = absl::FromUnixSeconds(absl::ToUnixSeconds(world_.WallNow()) + 1 +
                                       static_cast<int64_t>(random_.Below(120)));
    head.headers["x-rate-limit-reset"] = absl::StrCat(absl::ToUnixSeconds(not_before));
    body = R"({"title":"Too Many Requests","detail":"Too Many Requests","type":"about:blank","status":429})";
  } else if (refusal == Refusal::kTooMany429) {
    body = R"({"title":"ConnectionException","connection_issue":"TooManyConnections"})";
  } else if (refusal == Refusal::kUsageCap429) {
    end = PaceCheck::End::kTerminal;
    body = R"({"title":"UsageCapExceeded","period":"Monthly","type":"https://api.x.com/2/problems/usage-capped"})";
  }
  OnReaderThread(connection, [head, body](HttpHandler& handler, absl::Time now) {
    handler.OnHead(head, now);
    if (!body.empty()) handler.OnBytes(body, now);
    if (!body.empty()) handler.OnDrained(now);
  });
  if (refusal != Refusal::kNone) return Finish(id, {HttpEnd::Kind::kClean, ""}, end, not_before);
  connection.answered = true;
  connection.api_id = absl::StrCat("c-", id);
  ++accepts_[connection.connector];
  told_full_.erase(connection.connector);
  connection.after_full_buffer = full_.erase(connection.connector) > 0;
  connection.answer_time = world_.WallNow();
  connection.last_sent = world_.WallNow();
  world_.After(options_.heartbeat, [this, id] { Heartbeat(id); });
  Backfill(id);
}

void SimX::Finish(ConnectionId id, HttpEnd end, PaceCheck::End seen, absl::Time not_before) {
  Connection connection = std::move(connections_.at(id));
  connections_.erase(id);
  pace_.OnEnd(connection.connector, {seen, world_.WallNow(), FlowedOn(connection), not_before});
  OnReaderThread(connection,
                 [end](HttpHandler& handler, absl::Time now) { handler.OnDone(end, now); });
}

SimX::Connection* SimX::StreamOf(int connector) {
  for (auto& [id, connection] : connections_) {
    bool streams = connection.answered && !connection.closing;
    if (connection.connector == connector && streams) return &connection;
  }
  return nullptr;
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

// One of the messages by which X announces an end.
std::string SimX::Notice(const Connection& connection, bool of_full_buffer) {
  static const char* const kNotices[] = {
      R"({"errors":[{"title":"operational-disconnect","disconnect_type":"UpstreamOperationalDisconnect","detail":"for operational reasons"}]})",
      R"({"errors":[{"title":"x","disconnect_type":"SlowReader","detail":"y"}]})",
      R"({"errors":[{"title":"x","disconnect_type":"ForceDisconnect","detail":"y"}]})",
      R"({"errors":[{"title":"x","disconnect_type":"InvalidRules","detail":"y"}]})",
      R"({"errors":[{"title":"x","disconnect_type":"NeverHeardOf","detail":"y"}]})",
      R"({"error":{"message":"Forced Disconnect: Too many connections. Allowed: 2","sent":"2017-01-11T18:12:52+00:00"}})",
      R"({"error":{"message":"Force closing connection to x because it reached the maximum allowed backup, 1.","sent":"2017-01-11T18:12:52+00:00"}})",
  };
  constexpr size_t kSlowReader = 1;
  absl::string_view notice =
      kNotices[of_full_buffer ? kSlowReader : random_.Below(std::size(kNotices))];
  bool is_full = absl::StrContains(notice, "SlowReader") || absl::StrContains(notice, "backup");
  if (is_full) told_full_[connection.connector] = connection.incarnation;
  return absl::StrCat(notice, "\r\n");
}

bool SimX::HasPeers(int connector) const {
  const std::string& process = process_of_.at(connector);
  return std::any_of(process_of_.begin(), process_of_.end(), [&](const auto& other) {
    return other.first != connector && other.second == process;
  });
}

void SimX::SetProcess(int connector, const std::string& process, const ConnectBudget& share) {
  process_of_[connector] = process;
  budget_.SetProcess(connector, process, share);
}

bool SimX::CutConnection(int connector, Cut cut) {
  Connection* stream = StreamOf(connector);
  if (stream == nullptr) return false;
  Connection& connection = *stream;
  bool told_of_full_buffer = cut == Cut::kFullBufferTold;
  if (cut == Cut::kFullBuffer || told_of_full_buffer || cut == Cut::kFullBufferUntold) {
    // What was queued is gone; whether X says so is its mood.
    connection.outbox.clear();
    connection.line_ends.clear();
    full_.insert(connector);
    bool is_told = cut == Cut::kFullBuffer ? random_.Below(2) == 1 : told_of_full_buffer;
    cut = is_told ? Cut::kCleanWithMessage : Cut::kClean;
  }
  if (cut == Cut::kCleanWithMessage) {
    std::string rest = std::move(connection.outbox);
    connection.outbox.clear();
    connection.outbox_begin += rest.size();
    bool is_glued = rest.empty() && connection.mid_line;
    rest += Notice(connection, told_of_full_buffer);
    // Behind a line that was cut in two nobody can read it.
    if (is_glued) told_full_.erase(connector);
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
  bool silent = cut != Cut::kCleanWithMessage;
  Finish(connection.request, {kind, "cut"},
         silent ? PaceCheck::End::kDropped : PaceCheck::End::kOther);
  return true;
}

bool SimX::Burst(int connector, int posts) {
  Connection* stream = StreamOf(connector);
  if (stream == nullptr || stream->black_hole) return false;
  if (world_.WallNow() < stream->stalled_until) return false;
  for (int i = 0; i < posts; ++i) {
    CreatePost();
    if (posts_.back().create_time >= stream->omit_until) Deliver(stream->request, posts_.size() - 1);
  }
  std::string all = std::move(stream->outbox);
  stream->outbox.clear();
  stream->outbox_begin += all.size();
  Hand(*stream, std::move(all));
  return true;
}

bool SimX::BlackHole(int connector) {
  Connection* stream = StreamOf(connector);
  if (stream == nullptr) return false;
  stream->black_hole = true;
  return true;
}

bool SimX::Stall(int connector, absl::Duration duration) {
  Connection* stream = StreamOf(connector);
  if (stream == nullptr) return false;
  stream->stalled_until = world_.WallNow() + duration;
  return true;
}

bool SimX::Omit(int connector) {
  // At two posts a second a silence of 12 s happens once in many days; the
  // connector must have seen enough of the stream to know its rate.
  constexpr double kRateMin = 2;
  constexpr absl::Duration kSeenMin = absl::Seconds(30);
  Connection* stream = StreamOf(connector);
  if (stream == nullptr || options_.posts_per_second < kRateMin) return false;
  Connection& connection = *stream;
  if (world_.WallNow() - connection.answer_time < kSeenMin) return false;
  connection.omit_until = world_.WallNow() + absl::Seconds(40 + random_.Below(40));
  return true;
}

bool SimX::Slow(int connector, uint64_t bytes_per_second, absl::Duration duration) {
  Connection* stream = StreamOf(connector);
  if (stream == nullptr) return false;
  stream->slow_bytes = bytes_per_second;
  stream->slow_until = world_.WallNow() + duration;
  return true;
}

void SimX::Withhold(int connector, double share, const std::string& tag,
                    absl::Duration duration) {
  withheld_[connector] = {share, tag, world_.WallNow() + duration};
}

void SimX::SetLateness(double share, absl::Duration max) {
  options_.late_share = share;
  options_.late_max = max;
}

void SimX::Refuse(int connector, Refusal refusal, absl::Duration duration) {
  refusals_[connector] = {refusal, world_.WallNow() + duration};
}

}  // namespace braid
