// A careful reader of one deduper in the simulation: resumes by cursor over
// restarts, and holds the log to its word. It never gets two different events
// for one sequence of one log, never one out of turn, and what it is not given
// it is told, with the exact interval.
//
// Entries of the log may be damaged for it alone: the deduper's own disk stays
// whole, so that everything else can still be checked.

#ifndef BRAID_TESTS_SIM_SIM_READER_H_
#define BRAID_TESTS_SIM_SIM_READER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "braid/store/v1/log.pb.h"
#include "dedupe/readable_stream.h"
#include "dedupe/store.h"

namespace braid {

// Reads through, with a flipped byte in some entries of the log.
class DamagedView final : public Store {
 public:
  DamagedView(const Store& store, const std::set<std::string>& damaged)
      : store_(store), damaged_(damaged) {}

  absl::StatusOr<std::string> Get(Table table, absl::string_view key) const override {
    return store_.Get(table, key);
  }
  absl::Status Scan(Table table, absl::string_view from, absl::string_view until,
                    Visitor visitor) const override;
  absl::Status ScanBack(Table table, absl::string_view from, Visitor visitor) const override;
  absl::Status Commit(const WriteSet&) override { return absl::UnimplementedError("read only"); }
  absl::Status DropBefore(Table, absl::string_view) override { return absl::OkStatus(); }

 private:
  const Store& store_;
  const std::set<std::string>& damaged_;
};

class SimReader {
 public:
  explicit SimReader(std::vector<std::string>* failures) : failures_(failures) {}

  // The deduper runs again, with what its disk holds.
  void Attach(const Store& disk, const store::v1::Identity& identity,
              const store::v1::CoreState& core);
  void Detach() {
    stream_ = nullptr;
    disk_ = nullptr;
  }
  void OnCommit(const std::vector<CommittedRecord>& records, uint64_t earliest_sequence) {
    stream_->OnCommit(records, {.earliest_sequence = earliest_sequence});
    earliest_sequence_ = earliest_sequence;
  }

  // One batch, from where it stands.
  void Read();
  // The entry at a place drawn from [0, 1) is damaged from now on, and all is
  // read again from the first.
  void Damage(double place);
  // Everything it holds of the log stands in it.
  void CheckAgainst(const std::vector<std::pair<uint64_t, uint64_t>>& sequence_and_id);

  uint64_t rollbacks_told() const { return rollbacks_told_; }
  uint64_t damages_told() const { return damages_told_; }

 private:
  using Events = std::map<uint64_t, uint64_t>;

  // What stands at a sequence: an event by its id, or a notice.
  static constexpr uint64_t kNotice = UINT64_MAX;
  void Take(uint64_t sequence, uint64_t id);
  void OnError(const absl::Status& status);
  void OnOtherLog(std::map<std::string, std::string> told);
  void OnTooOld(std::map<std::string, std::string> told);
  void OnDamaged(std::map<std::string, std::string> told);
  void Fail(const std::string& what) { failures_->push_back("reader: " + what); }

  std::vector<std::string>* const failures_;
  const Store* disk_ = nullptr;
  std::set<std::string> damaged_;
  std::unique_ptr<DamagedView> view_;
  std::unique_ptr<ReadableStream> stream_;
  std::string log_id_;
  std::string cursor_;
  uint64_t next_ = 1;
  uint64_t earliest_sequence_ = 1;
  // By log id: what stood at each sequence.
  std::map<std::string, Events> seen_;
  uint64_t rollbacks_told_ = 0;
  uint64_t damages_told_ = 0;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_SIM_READER_H_
