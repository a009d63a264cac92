// The connect budgets of one process: a window per account and stream of X, and
// the small file that carries them over restarts, so that a process that
// crashes over and over asks X no more often than one that runs.
//
// The file is written before an attempt is sent and again when X has answered:
// what was under way when the process died counts from the next start.
//
// Threads: the loop. Ownership: loop and files outlive it. Bounds: the shares'.
// Failure: a file that can not be written is final: `on_fatal` is called once.

#ifndef BRAID_INGEST_ATTEMPT_LEDGER_H_
#define BRAID_INGEST_ATTEMPT_LEDGER_H_

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/file_system.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "ingest/attempt_gate.h"
#include "ingest/partition_turns.h"
#include "ingest/x_budget.h"

namespace braid {

// Its name in the spool's directory.
inline constexpr char kLedgerFile[] = "connect-budget";

class AttemptLedger {
 public:
  struct Key {
    std::string account;
    // The dialect's name: X counts each endpoint by itself.
    std::string dialect;
    bool operator<(const Key& other) const {
      return std::tie(account, dialect) < std::tie(other.account, other.dialect);
    }
  };

  AttemptLedger(Loop& loop, FileSystem& files, std::string path,
                absl::AnyInvocable<void(absl::Status)> on_fatal);

  // Takes what the file says. A file that is not ours or damaged is an error:
  // what it holds was asked of X.
  absl::Status Load();
  // The window of this key, made with this share at the first call.
  AttemptWindow& WindowOf(const Key& key, const ConnectBudget& share);
  // To be called after every change of a window.
  void Save();

  // Lets the metrics follow the clock.
  void UpdateMetrics();
  // Any thread, once all windows are made.
  void CollectMetrics(MetricSink& sink) const;

 private:
  struct Counted {
    explicit Counted(const ConnectBudget& share) : window(share) {}
    AttemptWindow window;
    Gauge used;
  };
  HostTime Now() const { return {loop_.Now(), loop_.WallNow()}; }
  std::string Encode() const;
  absl::Status Decode(absl::string_view text);

  Loop& loop_;
  FileSystem& files_;
  const std::string path_;
  absl::AnyInvocable<void(absl::Status)> on_fatal_;
  std::map<Key, Counted> windows_;
  // From the file, until their window is made.
  std::map<Key, std::vector<absl::Time>> loaded_;
};

// The gate of one connection: its account's budget, and its partition's turns.
class SharedGate final : public AttemptGate {
 public:
  // REQUIRES: all outlive this.
  SharedGate(AttemptLedger& ledger, AttemptWindow& window, PartitionTurns& turns,
             absl::AnyInvocable<bool()> peer_receives)
      : ledger_(ledger),
        window_(window),
        turns_(turns),
        member_(turns.Join()),
        peer_receives_(std::move(peer_receives)) {}

  Answer Ask(absl::Time now) override;
  void OnReached(absl::Time now) override;
  void OnUnreached() override;

 private:
  AttemptLedger& ledger_;
  AttemptWindow& window_;
  PartitionTurns& turns_;
  const int member_;
  absl::AnyInvocable<bool()> peer_receives_;
  uint64_t ticket_ = 0;
};

}  // namespace braid

#endif  // BRAID_INGEST_ATTEMPT_LEDGER_H_
