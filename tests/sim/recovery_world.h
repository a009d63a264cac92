// Dedupers that do not see each other, recoverers, connections that fall silent,
// and an X that does not always give what it is asked for. Production Core,
// Merger, WorkDesk, RecoveryWorker, Spool and AttemptLedger; the rest is
// simulated, so that hours of contract time pass in milliseconds.
//
// Checked: RecoveryX (limits, nothing twice at once), RecoveryCheck (jobs, gaps
// and posts), fences here; and that after the faults everything that can be had
// again is had within Bound().

#ifndef BRAID_TESTS_SIM_RECOVERY_WORLD_H_
#define BRAID_TESTS_SIM_RECOVERY_WORLD_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/random.h"
#include "dedupe/core.h"
#include "dedupe/desk_work_client.h"
#include "dedupe/drain_grants.h"
#include "dedupe/merger.h"
#include "dedupe/reconnect_worker.h"
#include "dedupe/session_directory.h"
#include "dedupe/work_desk.h"
#include "ingest/attempt_ledger.h"
#include "ingest/spool.h"
#include "recovery/recovery_worker.h"
#include "tests/base/mem_file_system.h"
#include "tests/dedupe/mem_store.h"
#include "tests/sim/recovery_check.h"
#include "tests/sim/recovery_courier.h"
#include "tests/sim/recovery_x.h"
#include "tests/sim/sim_host.h"
#include "tests/sim/sim_loop.h"

namespace braid {

struct RecoveryRun {
  std::vector<std::string> failures;
  // What happened, one line each; kept where asked for.
  std::vector<std::string> log;
  // Of every line, whether kept or not: equal for equal runs.
  uint64_t digest = 0;
  RecoveryCheck::Figures figures;
  RecoveryX::Counts x;
  uint64_t kills = 0, stale_words = 0, leases = 0, reconnects = 0;
  // From the end of the faults until everything was settled, and what was left
  // of the bound.
  absl::Duration settled_in;
  absl::Duration slack;
};

struct RecoverySetup {
  absl::Time start = absl::FromUnixSeconds(1704067200);
  int dedupers = 1, recoverers = 1;
  uint32_t partitions = 0;
  config::v1::RecoveryConfig config;
  RecoveryPolicy policy;
  RecoveryX::Options x;
  Core::Options core;
  absl::Duration fault_interval;
  bool small_spool = false;
};

// Of one stream under the contract that `config` states, and nothing special.
RecoverySetup SetupOf(const config::v1::RecoveryConfig& config);

class RecoveryWorld {
 public:
  struct Options {
    bool keep_log = false;
  };

  // Of a setup that the seed draws.
  RecoveryWorld(uint64_t seed, const Options& options);
  RecoveryWorld(uint64_t seed, RecoverySetup setup, const Options& options);
  ~RecoveryWorld();

  // Faults at random, and what must have come back after them.
  RecoveryRun Run();

  // --- for scripts, in which nothing goes wrong by itself ---

  void Start();
  void Pass(absl::Duration time);
  // All connections of all partitions, from now on.
  void SilenceAll(absl::Duration length, const std::string& cause);
  // What all connections receive for so long is lost before it is written.
  void LoseAll(absl::Duration length);
  void KillDeduper(int index);
  void StartDeduper(int index);
  void KillRecoverer(int index);
  void StartRecoverer(int index);
  void Ask(int deduper, const store::v1::RecoveryInput& asked);
  // Until every job has ended and every open gap says why; false: not by then.
  bool Settle(absl::Duration bound);
  // Judges the log by what X had.
  RecoveryRun End();

  absl::Time now() const { return world_.WallNow(); }
  RecoveryX& x() { return x_; }
  const Core& core(int deduper) const { return *dedupers_[deduper].core; }

 private:
  struct Connection {
    std::string name;
    uint32_t partition = 0;
    bool is_up = true;
    // Where its next cover begins.
    absl::Time from;
    absl::Time up_again;
    uint64_t connects = 1;
    absl::Time connected;
    absl::Time silenced = absl::InfinitePast();
    // What it receives until then is lost before it is written.
    absl::Time loses_until = absl::InfinitePast();
    // A deduper asked it to reconnect: X sends the last minutes anew, and half a
    // minute later it vouches for them. InfiniteFuture: it does not.
    bool wants_backfill = false;
    absl::Time backfill_due = absl::InfiniteFuture();
    ListFeed feed;
  };
  struct DeduperSide {
    std::unique_ptr<MemStore> disk = std::make_unique<MemStore>();
    absl::Duration wall_offset;
    std::unique_ptr<RecoveryCheck> check;
    std::unique_ptr<SimHost> host;
    std::unique_ptr<Core> core;
    std::unique_ptr<Merger> merger;
    std::unique_ptr<WorkDesk> desk;
    absl::Time started;
    std::unique_ptr<DrainGrants> grants;
    uint64_t starts = 0;
    // By connection: the newest directive of this deduper.
    std::map<std::string, uint64_t> obeyed;
    std::unique_ptr<DeskWorkClient> own_work;
    std::unique_ptr<ReconnectWorker> reconnects;
    // By place of the connection.
    std::vector<std::unique_ptr<RecoveryCourier>> couriers;
  };
  // Tells the world that there is something to deliver.
  struct Bell final : SpoolObserver {
    explicit Bell(std::function<void()> ring) : ring(std::move(ring)) {}
    void OnAppended() override { ring(); }
    void OnSessionsChanged() override { ring(); }
    std::function<void()> ring;
  };
  struct RecovererSide {
    std::unique_ptr<MemFileSystem> files;
    int jobs = 1;
    std::map<RecoveryMethod, ConnectBudget> shares;
    int process = 0;
    std::unique_ptr<SimHost> host;
    std::unique_ptr<AttemptLedger> ledger;
    std::unique_ptr<Spool> spool;
    std::unique_ptr<Bell> bell;
    std::vector<std::unique_ptr<WorkClient>> clients;
    std::vector<std::unique_ptr<SpoolFeed>> feeds;
    // By place of the deduper; null while that is down.
    std::vector<std::unique_ptr<RecoveryCourier>> couriers;
    std::unique_ptr<RecoveryWorker> worker;
    // Nothing it has to deliver gets through until then.
    absl::Time slow_until = absl::InfinitePast();
  };
  struct Holder {
    uint64_t fence = 0;
    int process = 0;
  };

  void MakeConnections();

  Merger::Options MergerOptions(int index);
  std::vector<store::v1::Tick::Attention> Attention(const DeduperSide& side) const;
  void MakeWorker(int index);
  void Connect(int recoverer, int deduper);
  std::unique_ptr<WorkClient> MakeWorkClient(int recoverer, int deduper);

  void MakeReconnectWorker(DeduperSide* side);
  std::vector<SourceSnapshot> Sources(const DeduperSide& side) const;
  DrainDecision Reconnect(DeduperSide* side, const DrainRequest& request);

  void Step();
  void StepConnection(Connection* connection);
  void Deliver(Connection* connection, absl::Time from, absl::Time until, v1::EventOrigin origin);
  void DeliverBackfill(Connection* connection);
  void Say(Connection* connection, v1::ConnectionReport::State state, const std::string& cause);
  // All connections of a partition, what they receive for so long.
  void LoseLines(uint32_t partition, absl::Duration length);
  void Silence(Connection* connection, absl::Duration length, const std::string& cause);
  void WakeConnections();
  void ScheduleFault();
  void OneFault();
  void Outage();
  void TakeRightsAway();
  void KillAgainAndAgain(int recoverer, int times);
  void AskByHand();
  void CancelByHand();
  void StepClock();
  void EndFaults();
  // By when what is left must have been had, whatever X's limits are.
  absl::Duration Bound() const;
  bool IsSettled(std::string* why) const;
  void CheckEnd();

  int Dice(int sides) { return static_cast<int>(random_.Below(static_cast<uint64_t>(sides))); }
  absl::Duration Between(absl::Duration min, absl::Duration max) {
    return min + (max - min) * random_.Unit();
  }
  void Fail(const std::string& what) { run_.failures.push_back(what); }
  void Trace(const std::string& what);

  const bool keep_log_;
  SeededRandom random_;
  const RecoverySetup setup_;
  bool faulty_;
  SimLoop world_;
  RecoveryRun run_;
  RecoveryX x_;
  std::vector<Connection> connections_;
  std::vector<DeduperSide> dedupers_;
  std::vector<RecovererSide> recoverers_;
  // [recoverer][deduper]: no call of the WorkService passes until then.
  std::vector<std::vector<absl::Time>> cut_until_;
  std::map<std::string, Holder> holders_;
  int last_process_ = 0;
  int last_request_ = 0;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_RECOVERY_WORLD_H_
