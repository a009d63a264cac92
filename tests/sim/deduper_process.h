// One deduper of the simulation: the production core, merger and sessions over
// a disk that survives kills.

#ifndef BRAID_TESTS_SIM_DEDUPER_PROCESS_H_
#define BRAID_TESTS_SIM_DEDUPER_PROCESS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dedupe/core.h"
#include "dedupe/drain_desk.h"
#include "dedupe/merger.h"
#include "dedupe/offer_session.h"
#include "dedupe/session_directory.h"
#include "tests/dedupe/mem_store.h"
#include "tests/sim/freezable_loop.h"
#include "tests/sim/sim_creation_reader.h"
#include "tests/sim/sim_net.h"
#include "tests/sim/sim_reader.h"

namespace braid {

class DeduperProcess final : public SimServer {
 public:
  struct Options {
    Core::Options core;
    Merger::Options merger;
    std::vector<std::string> connections;
    absl::Duration wall_offset;
    absl::Duration monotonic_offset;
  };

  // `failures` collects what broke inside a run.
  DeduperProcess(SimLoop& world, int number, Options options, std::vector<std::string>* failures);
  ~DeduperProcess() override;

  void Start();
  // Between two turns. The disk stays.
  void Kill();
  bool running() const { return host_ != nullptr; }
  // The next commit reports an error; whether it is on disk nobody knows.
  void FailNextCommit(bool applied);
  // Since the last Start the process stopped itself, as it must after that.
  bool stopped_itself() const { return stopped_itself_; }
  void StepWallClock(absl::Duration step);
  // As a connector's.
  bool Freeze(absl::Duration duration);
  bool frozen() const { return loop_.frozen(); }
  // What comes in by another door than a connection's: commands and work.
  // REQUIRES: running.
  void Admit(store::v1::InputRecord input);
  // A copy of its disk is put aside; later the disk is replaced by it, while
  // the process is down. The mark of the log is not part of it.
  void CopyDisk() { copy_ = std::make_unique<MemStore>(*disk_); }
  bool has_copy() const { return copy_ != nullptr; }
  void RestoreCopy();
  bool was_restored() const { return was_restored_; }
  SimReader& reader() { return reader_; }
  SimCreationReader& creation_reader() { return creation_reader_; }

  // REQUIRES: running.
  DrainDecision AskDrain(const DrainRequest& request) {
    return drains_->Ask(request);
  }

  // I5: what was acknowledged must be on disk at every start.
  void NoteAcknowledged(const std::string& source, uint64_t epoch, uint64_t end_offset);
  // A source lost its sessions: what it was told is void.
  void ForgetAcknowledged(const std::string& source);

  const MemStore& disk() const { return *disk_; }
  // I4: compares what was ever committed at a sequence with the log.
  void CheckNothingRewritten(const std::vector<std::pair<uint64_t, uint64_t>>& sequence_and_id);

  SimHost* host() override { return host_.get(); }
  std::unique_ptr<OfferSession> Accept(OfferResponder& responder) override;

 private:
  bool OpenLog();
  ReadableStream::Bounds ReadBounds() const;
  void OnCommitted(const std::vector<CommittedRecord>& records);
  void TellPause();
  void CheckAcknowledged();
  // Of the session, under whatever epoch it goes now.
  uint64_t ReachOnDisk(const std::string& source, uint64_t epoch, uint64_t session_id) const;
  void Fail(const std::string& what);

  SimLoop& world_;
  FreezableLoop loop_;
  const int number_;
  Options options_;
  OfferSession::Options session_options_;
  std::vector<std::string>* const failures_;
  std::unique_ptr<MemStore> disk_ = std::make_unique<MemStore>();
  struct Acknowledged {
    uint64_t end_offset = 0;
    uint64_t session_id = 0;
  };
  // By source and epoch.
  std::map<std::pair<std::string, uint64_t>, Acknowledged> acknowledged_;
  // Id first seen committed at each sequence.
  std::map<uint64_t, uint64_t> committed_;
  bool stopped_itself_ = false;
  std::unique_ptr<MemStore> copy_;
  bool was_restored_ = false;
  absl::optional<store::v1::LogMark> mark_;
  store::v1::Identity identity_;
  uint64_t log_ids_ = 0;
  SimReader reader_;
  SimCreationReader creation_reader_;

  // The process, in order of construction.
  std::unique_ptr<SimHost> host_;
  std::unique_ptr<Core> core_;
  std::unique_ptr<SessionDirectory> directory_;
  std::unique_ptr<DrainDesk> drains_;
  uint64_t starts_ = 0;
  std::unique_ptr<Merger> merger_;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_DEDUPER_PROCESS_H_
