// The worker of the route that needs no credentials: for backfill it asks one of
// the connections that receive to leave X and come back, as an operator may, and
// says when what X sends for that must have come.
//
// Whether a connection may go is DrainGrants' decision, which is waited for. The
// first by name is asked, so that two dedupers that want the same ask the same
// one: the next is asked only where that has been away from X for a while.
//
// Threads: the merger loop.
// Ownership: loop, client and what the functions use outlive it.
// Bounds: one task, one connection at a time.

#ifndef BRAID_DEDUPE_RECONNECT_WORKER_H_
#define BRAID_DEDUPE_RECONNECT_WORKER_H_

#include <functional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/loop.h"
#include "base/owner.h"
#include "dedupe/drain_grants.h"
#include "dedupe/session_directory.h"
#include "ingest/work_client.h"
#include "ingest/work_seat.h"

namespace braid {

// As the worker of such a step is called.
inline constexpr char kReconnectWorkerId[] = "deduper";
// RecoveryResult.proof: it was asked for and came back. X does not say whether it
// sent all; a gap closes by what the connection vouches for.
inline constexpr char kProofReconnected[] = "reconnected";

class ReconnectWorker final : private WorkSeatHandler {
 public:
  struct Options {
    // "streams/main"
    std::string stream;
    absl::Duration lease_wait = absl::Seconds(20);
    absl::Duration watch_interval = absl::Seconds(1);
    // A connection that X lets in at once is back within seconds.
    absl::Duration away_max = absl::Seconds(30);
    // A connection that only just receives is settled after 15 s.
    absl::Duration refused_max = absl::Minutes(2);
    // It vouches 30 s after the last of its backfill, which may take as long to
    // come. The step ends sooner where its cover does.
    absl::Duration settle = absl::Seconds(75);
  };
  using Sources = std::function<std::vector<SourceSnapshot>()>;
  // Granted: the connection was told to reconnect.
  using AskReconnect = std::function<DrainDecision(const DrainRequest& request)>;

  ReconnectWorker(Loop& loop, WorkClient& client, const Options& options, Sources sources,
                  AskReconnect ask);

  void Start() { seat_.Start(); }

 private:
  // What the task has come to.
  struct Attempt {
    absl::Time begin;
    // The first by name that is not given up, and when it was last seen to receive.
    std::string connection;
    absl::Time since;
    std::set<std::string> given_up;
    // Why it may not go yet, and when to ask again.
    std::string problem;
    absl::Time ask_at = absl::InfinitePast();
    // It was told to go, by which directive; what it was then.
    absl::optional<absl::Time> told;
    uint64_t session_epoch = 0;
    uint64_t directive = 0;
    absl::optional<absl::Time> back;
  };

  void OnTaken(WorkSeat& seat) override;
  void OnCancelled(WorkSeat& seat) override;
  void OnLost(WorkSeat& seat) override;
  void Watch();
  // These complete the task, or leave it to the next Watch.
  void Choose(const std::vector<SourceSnapshot>& sources);
  void AskToGo(const SourceSnapshot& source);
  void AwaitReturn(const std::vector<SourceSnapshot>& sources);
  void Forget();
  void Complete(v1::CompleteRequest::Outcome outcome, const std::string& error);

  Loop& loop_;
  const Options options_;
  const Sources sources_;
  const AskReconnect ask_;
  WorkSeat seat_;
  absl::optional<Attempt> attempt_;
  // 0: not armed.
  Loop::TimerId watch_timer_ = 0;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_RECONNECT_WORKER_H_
