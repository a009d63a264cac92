// One connector of the simulation: the production connection, spool and offer
// clients over a disk that survives kills and forgets at power cuts.

#ifndef BRAID_TESTS_SIM_CONNECTOR_PROCESS_H_
#define BRAID_TESTS_SIM_CONNECTOR_PROCESS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "ingest/connection.h"
#include "ingest/offer_client.h"
#include "ingest/slot_keeper.h"
#include "ingest/spool.h"
#include "tests/base/mem_file_system.h"
#include "tests/sim/checks.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_x.h"

namespace braid {

class ConnectorProcess {
 public:
  struct Options {
    int number = 0;
    std::string name;
    int dedupers = 1;
    Connection::Options connection;
    Spool::Options spool;
    MemFileSystem::Options disk;
    absl::Duration wall_offset;
    absl::Duration monotonic_offset;
    // It does what a deduper asked for: before it leaves X, for good or not.
    std::function<void(bool for_good)> on_let_go;
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
  void Reconnect() { connection_->Reconnect(); }
  bool draining() const { return lives_.back().end_kind == ProcessLife::End::kDrained; }
  bool running() const { return host_ != nullptr; }
  // A write failed: the process stops itself.
  bool stopped_itself() const { return stopped_itself_; }
  void StepWallClock(absl::Duration step);
  // Bytes of the spool's segments.
  uint64_t DiskBytes();

  const std::vector<ProcessLife>& lives() const { return lives_; }
  const std::vector<absl::Time>& spool_losses() const { return spool_losses_; }
  const std::string& name() const { return options_.name; }
  MemFileSystem& disk() { return *disk_; }
  uint64_t epoch_raises() const { return epoch_raises_; }
  // REQUIRES: running.
  uint64_t epoch() const { return spool_->epoch(); }

 private:
  void Stop(ProcessLife::End how);
  void MakeSlotKeeper();
  void OnDirective(const v1::OfferResponse::Directive& directive);

  SimLoop& world_;
  SimX& x_;
  SimNet& net_;
  Random& random_;
  Options options_;
  std::vector<std::string>* const failures_;
  std::unique_ptr<MemFileSystem> disk_;
  std::vector<ProcessLife> lives_;
  std::vector<absl::Time> spool_losses_;
  bool stopped_itself_ = false;
  uint64_t epoch_raises_ = 0;

  // The process, in order of construction.
  std::unique_ptr<SimHost> host_;
  std::unique_ptr<HttpClient> http_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<Connection> connection_;
  std::unique_ptr<SlotKeeper> slot_keeper_;
  std::vector<std::unique_ptr<OfferDialer>> dialers_;
  std::vector<std::unique_ptr<OfferClient>> clients_;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_CONNECTOR_PROCESS_H_
