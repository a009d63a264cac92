// A model of X that keeps the truth: it creates posts, sends each to every open
// connection with its own lateness, and cuts, stalls, falls silent and refuses
// as it is told. Virtual time is X's time.
//
// Everything is decided by the world's Random, so a seed is a world.

#ifndef BRAID_TESTS_SIM_SIM_X_H_
#define BRAID_TESTS_SIM_SIM_X_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "base/random.h"
#include "tests/sim/budget_check.h"
#include "tests/sim/pace_check.h"
#include "tests/sim/sim_host.h"

namespace braid {

struct SimPost {
  uint64_t id;
  absl::Time create_time;
  // When X took it: a stray's creation time is none of these days.
  absl::Time publish_time;
};

// A whole line that a process has read, or half of one that never will be whole.
struct SimDelivery {
  uint64_t id = 0;  // 0 for a line that is no post
  int connector = 0;
  int incarnation = 0;
  absl::Time time;
};

class SimX {
 public:
  struct Options {
    double posts_per_second = 5;
    // Of deliveries on one connection: exact repeat.
    double repeat_share = 0.005;
    // Lateness: most in under a second, some up to late_max.
    double late_share = 0.01;
    absl::Duration late_max = absl::Seconds(8);
    absl::Duration heartbeat = absl::Seconds(20);
    // Per delivery, a line that is no post and can not be parsed.
    double garbage_share = 0;
    // Per delivery, a line longer than the connector's limit.
    double oversize_share = 0;
    uint32_t oversize_bytes = 0;
    // Per delivery, a message of a kind nobody knows.
    double message_share = 0;
    // Share of posts that carry no snowflake time of this decade.
    double stray_share = 0;
    // Connections that X allows at once; 0: any number.
    int slots = 0;
    // What becomes of a wish for backfill: X promises up to so many minutes and
    // an order that is "generally" older first (X's documentation, recovery and
    // redundancy features).
    enum class Backfill { kIgnored, kOlderFirst, kAmongLive, kNewestOnly };
    Backfill backfill = Backfill::kIgnored;
  };

  // kFullBuffer: X drops what it had queued, and may say so; or it does, or not.
  enum class Cut {
    kClean, kCleanWithMessage, kTruncated, kReset, kFullBuffer, kFullBufferTold, kFullBufferUntold,
  };

  SimX(Loop& world, Random& random, Options options);

  // The client of one incarnation of one connector. Destroyed with it.
  std::unique_ptr<HttpClient> MakeClient(SimHost& host, int connector, int incarnation);

  // Which connections are one process's, and its share of the budget.
  void SetProcess(int connector, const std::string& process, const ConnectBudget& share);
  void ForgetBudget(const std::string& process) { budget_.Forget(process); }

  void Start();
  // No more posts; heartbeats go on.
  void Stop() { stopped_ = true; }
  void SetRate(double posts_per_second) { options_.posts_per_second = posts_per_second; }
  // From now on every line is a whole post.
  void StopBadLines();

  // Faults. Each returns false when there was nothing to hurt.
  bool CutConnection(int connector, Cut cut);
  bool BlackHole(int connector);
  // A reset that X does not see: the slot stays taken for so long.
  bool LeaveZombie(int connector, absl::Duration duration);
  void FreeZombies() { zombies_.clear(); }
  // New posts that the process is handed at once; its reader thread has yet to
  // come to them.
  bool Burst(int connector, int posts);
  bool Stall(int connector, absl::Duration duration);
  // Posts created meanwhile are not sent on it, though heartbeats go on: only
  // where the usual rate makes the silence visible, else false.
  bool Omit(int connector);
  // Its reader takes no more than that: the rest waits at X.
  bool Slow(int connector, uint64_t bytes_per_second, absl::Duration duration);
  // Of what is created meanwhile it is not sent this share, drawn post by post;
  // only posts of the rule tag, where one is named.
  void Withhold(int connector, double share, const std::string& tag, absl::Duration duration);
  // From now on.
  void SetLateness(double share, absl::Duration max);
  // So many posts that it held back for so long.
  bool PublishLate(int count, absl::Duration lateness);
  // So many posts at once whose ids are no times of this month.
  bool Flood(int count);
  enum class Refusal {
    kNone, kUnavailable503, kRateLimited429, kTooMany429, kUnauthorized401, kUsageCap429,
    kConnectFails, kDnsFails,
  };
  void Refuse(int connector, Refusal refusal, absl::Duration duration);

  // The truth.
  const std::vector<SimPost>& posts() const { return posts_; }
  const std::vector<SimDelivery>& deliveries() const { return deliveries_; }
  const std::vector<SimDelivery>& bad_lines() const { return bad_lines_; }
  // X itself kept the post from a connection that it fed, or sent it later than
  // any slack allows for.
  bool broke_promise(int connector, uint64_t id) const {
    return broken_promises_.count({connector, id}) > 0;
  }
  bool connected(int connector) const;
  // Ever more than one open socket of one connector: a broken promise.
  bool overlapped() const { return overlapped_; }
  uint64_t connects() const { return connects_; }
  // Answers with 200 that the connector was given.
  uint64_t accepts(int connector) const;
  // Slots that were freed by who had left them.
  uint64_t freed() const { return freed_; }
  // What was ended at X that was not the asker's to end.
  const std::vector<std::string>& wrong_kills() const { return wrong_kills_; }
  const PaceCheck& pace() const { return pace_; }
  const BudgetCheck& budget() const { return budget_; }
  // Requests for backfill where X had said that it dropped what it had queued.
  uint64_t useless_backfills() const { return useless_backfills_; }
  // Posts sent as backfill.
  uint64_t backfilled() const { return backfilled_; }
  void OnSleep() { pace_.OnSleep(); }
  // The connector's process goes on after it stood still.
  void OnThaw(int connector) { pace_.OnThaw(connector); }

  // The line X sends for a post: anyone can make it again from the id.
  static std::string LineOf(uint64_t id);

 private:
  class Client;

  using HandlerCall = std::function<void(HttpHandler&, absl::Time)>;
  // The thread of a process that reads one connection; also after that is closed.
  struct Reader {
    int connector = 0;
    SimHost* host = nullptr;
    std::shared_ptr<HttpHandler> handler;
    // What it was handed, and when it would come to it.
    std::deque<std::pair<absl::Time, HandlerCall>> calls;
    // Of the last one that it came to.
    absl::Time time = absl::InfinitePast();
  };

  struct Connection {
    HttpClient::RequestId request;
    Client* client;
    std::shared_ptr<Reader> reader;
    int connector;
    int incarnation;
    bool connected = false;
    bool answered = false;
    bool over_budget = false;
    int backfill_minutes = 0;
    // The connection before was cut for a full buffer: X keeps nothing.
    bool after_full_buffer = false;
    // What was sent ends inside a line.
    bool mid_line = false;
    // The client has closed it and not yet been told.
    bool closing = false;
    bool black_hole = false;
    absl::Time stalled_until = absl::InfinitePast();
    absl::Time last_sent = absl::InfinitePast();
    absl::Time answer_time = absl::InfinitePast();
    std::string api_id;
    absl::Time omit_until = absl::InfinitePast();
    absl::Time slow_until = absl::InfinitePast();
    uint64_t slow_bytes = 0;  // per second
    std::string outbox;
    uint64_t outbox_begin = 0;  // stream position of outbox[0]
    // Stream position of each line's end, with what it was.
    std::deque<std::pair<uint64_t, SimDelivery>> line_ends;
    bool flush_scheduled = false;
  };
  // A slot whose socket is gone.
  struct Zombie {
    std::string api_id;
    int connector;
    absl::Time connected_at;
    absl::Time until;
  };
  struct Withheld {
    double share = 0;
    std::string tag;
    absl::Time until;
  };
  using ConnectionId = uint64_t;

  void CreatePost();
  void Publish(const SimPost& post);
  bool IsWithheld(int connector, const SimPost& post);
  void ScheduleCreation();
  void Deliver(ConnectionId id, size_t post);
  void Queue(Connection& connection, std::string line, SimDelivery delivery);
  void ScheduleFlush(ConnectionId id);
  void Flush(ConnectionId id);
  void Hand(Connection& connection, std::string bytes);
  void Heartbeat(ConnectionId id);
  void Connect(ConnectionId id);
  void Answer(ConnectionId id);
  // sim_x_backfill.cc
  void Backfill(ConnectionId id);
  void Finish(ConnectionId id, HttpEnd end, PaceCheck::End seen,
              absl::Time not_before = absl::InfinitePast());
  void CloseByClient(ConnectionId id);
  void OnReaderThread(Connection& connection, HandlerCall call);
  void PlanReader(std::shared_ptr<Reader> reader, absl::Duration pause);
  Refusal RefusalOf(int connector) const;
  // X's connections API (sim_x_api.cc).
  void Serve(SimHost& host, int connector, const HttpRequest& request,
             std::shared_ptr<HttpHandler> handler);
  std::string ListOfConnections(const std::string& url);
  std::string KillConnections(int connector, const std::string& body);
  bool KillOne(int connector, const std::string& api_id);
  int SlotsTaken();
  Connection* StreamOf(int connector);
  std::string Notice(const Connection& connection, bool of_full_buffer);
  // Whether its process has other connections, whose turn it may have awaited.
  bool HasPeers(int connector) const;
  static absl::Duration FlowedOn(const Connection& connection);
  ConnectionId OpenOf(int connector) const;
  absl::Duration Lateness();

  Loop& world_;
  Random& random_;
  Options options_;
  std::map<ConnectionId, Connection> connections_;
  ConnectionId next_connection_ = 1;
  std::vector<SimPost> posts_;
  std::vector<SimDelivery> deliveries_;
  std::vector<SimDelivery> bad_lines_;
  std::map<int, std::pair<Refusal, absl::Time>> refusals_;
  std::map<int, Withheld> withheld_;
  std::set<std::pair<int, uint64_t>> broken_promises_;
  PaceCheck pace_;
  std::vector<Zombie> zombies_;
  std::map<int, uint64_t> accepts_;
  uint64_t freed_ = 0;
  std::vector<std::string> wrong_kills_;
  BudgetCheck budget_;
  std::map<int, std::string> process_of_;
  // Connector → the incarnation that was told of a full buffer, until it streams
  // again.
  std::map<int, int> told_full_;
  // Cut for a full buffer, told or not, and not yet streaming again.
  std::set<int> full_;
  uint64_t useless_backfills_ = 0;
  uint64_t backfilled_ = 0;
  bool overlapped_ = false;
  bool stopped_ = false;
  uint64_t connects_ = 0;
  uint64_t next_stray_ = 1;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_SIM_X_H_
