// One connector of the simulation: the production connections, spools, offer
// clients and budgets over a disk that survives kills and forgets at power cuts.

#ifndef BRAID_TESTS_SIM_CONNECTOR_PROCESS_H_
#define BRAID_TESTS_SIM_CONNECTOR_PROCESS_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "ingest/attempt_ledger.h"
#include "ingest/connection.h"
#include "ingest/offer_client.h"
#include "ingest/slot_keeper.h"
#include "ingest/spool.h"
#include "tests/base/mem_file_system.h"
#include "tests/sim/checks.h"
#include "tests/sim/freezable_loop.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_x.h"

namespace braid {

class ConnectorProcess {
 public:
  // By its number at X and in the network, and its name at the dedupers.
  struct Leg {
    int number = 0;
    std::string name;
  };
  struct Options {
    // One or more, all of one partition.
    std::vector<Leg> legs;
    ConnectBudget share = {25, absl::Minutes(15)};
    int dedupers = 1;
    Connection::Options connection;
    Spool::Options spool;
    MemFileSystem::Options disk;
    absl::Duration wall_offset;
    absl::Duration monotonic_offset;
    // A connection does what a deduper asked for: before it leaves X, for good or
    // not.
    std::function<void(int number, bool for_good)> on_let_go;
  };

  ConnectorProcess(SimLoop& world, SimX& x, SimNet& net, Random& random, Options options,
                   std::vector<std::string>* failures);
  ~ConnectorProcess();

  void Start();
  // Between two turns; kPowerCut also takes what was not synced, kSpoolLost
  // the whole disk.
  void Kill(ProcessLife::End how);
  // As by SIGTERM: stops reading, then ends by itself.
  void Drain();
  // As a deduper's directive does.
  void Reconnect(int number) { RunningOf(number).connection->Reconnect(); }
  bool draining() const { return lives_.back().end_kind == ProcessLife::End::kDrained; }
  bool running() const { return host_ != nullptr; }
  // A write failed: the process stops itself.
  bool stopped_itself() const { return stopped_itself_; }
  void StepWallClock(absl::Duration step);
  // It stands still for so long. False where it does already, or is not there.
  bool Freeze(absl::Duration duration);
  bool frozen() const { return loop_.frozen(); }
  // Bytes of the segments of the fullest spool.
  uint64_t DiskBytes();

  // Of the connection: a life of it ends with the process's, or when it is
  // drained alone.
  std::vector<ProcessLife> LivesOf(int number) const;
  const std::vector<absl::Time>& spool_losses() const { return spool_losses_; }
  const std::vector<Leg>& legs() const { return options_.legs; }
  // Of its first connection.
  const std::string& name() const { return options_.legs[0].name; }
  MemFileSystem& disk() { return *disk_; }
  uint64_t epoch_raises() const { return epoch_raises_; }
  // REQUIRES: running.
  uint64_t epoch() const { return running_[0].spool->epoch(); }

 private:
  // What a connection has while the process runs, in order of construction.
  struct Running {
    std::unique_ptr<AttemptGate> gate;
    std::unique_ptr<HttpClient> http;
    std::unique_ptr<Spool> spool;
    std::unique_ptr<Connection> connection;
    std::unique_ptr<SlotKeeper> slot_keeper;
    bool has_left = false;
    std::vector<std::unique_ptr<OfferDialer>> dialers;
    std::vector<std::unique_ptr<OfferClient>> clients;
  };

  bool StartLeg(const Leg& leg, Running* running);
  void StartClients(const Leg& leg, Running* running);
  bool OtherReceives(int number) const;
  Running& RunningOf(int number);
  std::string SpoolDir(const Leg& leg) const;
  uint64_t SpoolBytes(const std::string& dir);
  void Fail(const Leg& leg, const absl::Status& status);
  void Stop(ProcessLife::End how);
  void MakeSlotKeeper(const Leg& leg, const RequestOptions& request, Running* running);
  void OnDirective(int number, const v1::OfferResponse::Directive& directive);

  SimLoop& world_;
  // Of the process; its disk calls back there.
  FreezableLoop loop_;
  SimX& x_;
  SimNet& net_;
  Random& random_;
  Options options_;
  std::vector<std::string>* const failures_;
  std::unique_ptr<MemFileSystem> disk_;
  std::vector<ProcessLife> lives_;
  // By a connection's number and the index of a life: when it was drained alone.
  std::map<std::pair<int, size_t>, absl::Time> left_;
  std::vector<absl::Time> spool_losses_;
  bool stopped_itself_ = false;
  uint64_t epoch_raises_ = 0;

  // The process, in order of construction.
  std::unique_ptr<SimHost> host_;
  std::unique_ptr<AttemptLedger> ledger_;
  PartitionTurns turns_;
  std::vector<Running> running_;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_CONNECTOR_PROCESS_H_
