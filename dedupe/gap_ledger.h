// The gaps of one stream: opened, grown, narrowed, split, joined and closed as
// cover comes in. Pure interval algebra over what it is told; the stream's
// state is in dedupe/gap_watch.h.
//
// Threads: the merger thread. Not thread-safe.
// Ownership: the store outlives it. Bounds: in memory open gaps (at most
// Options::open_max, then one gap grows over what is whole, which reports too
// much rather than too little) and closed ones above the watermark; on disk
// those of kDaysKept days.

#ifndef BRAID_DEDUPE_GAP_LEDGER_H_
#define BRAID_DEDUPE_GAP_LEDGER_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "base/interval_set.h"
#include "braid/store/v1/gaps.pb.h"
#include "braid/v1/stream_service.pb.h"
#include "dedupe/store.h"

namespace braid {

// Open or being recovered.
bool IsOpen(const store::v1::StoredGap& gap);
// About cover, not a suspicion of volume.
bool IsOfCover(const store::v1::StoredGap& gap);
// Open ones of these kinds hold the watermark: not a pause, not a suspicion.
bool HoldsWatermark(const store::v1::StoredGap& gap);

class GapLedger {
 public:
  static constexpr int64_t kDaysKept = 400;
  static constexpr int kEvidenceMax = 32;

  struct Options {
    // Of a stream: an outage each minute for 16 hours.
    size_t open_max = 1000;
  };

  // What became of a gap, and the gap after it.
  struct Change {
    v1::StreamNotice::Type type = v1::StreamNotice::TYPE_UNSPECIFIED;
    store::v1::StoredGap gap;
  };
  using Changes = std::vector<Change>;

  // A span that nobody covers and nobody may still bring.
  struct Hole {
    Interval span;
    v1::Gap::Kind kind = v1::Gap::KIND_TOTAL_OUTAGE;
    // It reaches to the present.
    bool growing = false;
  };

  GapLedger(const Store& store, const Options& options) : options_(options), store_(store) {}
  // Gaps that are open or end after `from_micros`.
  absl::Status Load(int64_t from_micros);

  // Open gaps of the partition, other than one-sided ones, lose what is covered
  // now. `route`: by which way a span was filled.
  template <typename RouteOf>
  Changes Narrow(uint32_t partition, const IntervalSet& covered, int64_t now_micros,
                 RouteOf route) {
    Changes changes;
    for (uint64_t number : OpenOfCover(partition)) {
      if (gaps_.at(number).kind() == v1::Gap::KIND_ONE_SIDED) continue;
      NarrowOne(number, covered, now_micros, route(SpanOf(number)), &changes);
    }
    return changes;
  }
  void NarrowOne(uint64_t number, const IntervalSet& covered, int64_t now_micros,
                 const std::string& route, Changes* changes);
  // The holes of a partition: ascending, not touching any gap of it except at
  // their ends. A hole that touches an open gap of its kind belongs to it.
  Changes Report(uint32_t partition, const std::vector<Hole>& holes, int64_t now_micros);
  // A span in which all connections missed something though they vouch for it:
  // the number of the gap that it belongs to now. REQUIRES: it touches gaps of
  // the partition at most at their ends.
  uint64_t ReportOneSided(uint32_t partition, Interval span, bool growing, int64_t now_micros,
                          Changes* changes);
  // What of the gap lies before `at_micros` becomes a gap of its own.
  // REQUIRES: it is open and holds it.
  Change SplitOff(uint64_t number, int64_t at_micros, int64_t now_micros);
  // The gap that a merged one goes on as.
  uint64_t Surviving(uint64_t number) const;
  // Open one-sided gaps of the partition, oldest first.
  std::vector<uint64_t> OpenOneSided(uint32_t partition) const;
  // One that is a suspicion. At most one per rule tag is open.
  absl::optional<Change> OpenSuspicion(const std::string& rule_tag, int64_t from_micros,
                                       int64_t now_micros);
  absl::optional<Change> ClearSuspicion(const std::string& rule_tag, int64_t now_micros);
  // Nothing where there is no such open gap.
  absl::optional<Change> Waive(uint64_t number, const std::string& reason, int64_t now_micros);
  // Gaps that X can be asked for no more.
  Changes Lose(int64_t oldest_micros, int64_t now_micros);
  // Readers have been let past it. False where that was known.
  bool Pass(uint64_t number);
  void AddEvidence(uint64_t number, int64_t now_micros, const std::string& source_id,
                   const std::string& text);
  // An event created at `create_micros` was merged.
  void OnMerged(int64_t create_micros, uint64_t sequence);

  // REQUIRES: the gap exists. It is written with the next Seal.
  store::v1::StoredGap* Edit(uint64_t number);
  const std::map<uint64_t, store::v1::StoredGap>& gaps() const { return gaps_; }
  size_t open_count() const { return open_.size(); }
  // Spans of the partition's gaps of cover in memory, open or closed.
  IntervalSet SpansOf(uint32_t partition) const;
  uint64_t last_number() const { return last_number_; }
  void set_last_number(uint64_t number) { last_number_ = number; }

  // Forgets closed gaps of the partition that end at or below it.
  void ForgetBefore(uint32_t partition, int64_t watermark_micros);
  // Deletes closed gaps that are too old, a few at a time.
  absl::Status Expire(int64_t now_micros, WriteSet* changes) const;
  void Seal(WriteSet* changes);

 private:
  // The open gaps of a hole's kind that end where it begins, and begin where it
  // ends.
  struct Neighbours {
    absl::optional<uint64_t> left;
    absl::optional<uint64_t> right;
  };

  std::vector<uint64_t> OpenOfCover(uint32_t partition) const;
  Interval SpanOf(uint64_t number) const;
  store::v1::StoredGap* OpenPart(uint64_t of, Interval span, int64_t now_micros);
  store::v1::StoredGap* Open(uint32_t partition, v1::Gap::Kind kind, Interval span,
                             int64_t now_micros);
  Change Close(uint64_t number, v1::Gap::State state, v1::StreamNotice::Type type,
               int64_t now_micros);
  Neighbours NeighboursOf(uint32_t partition, const Hole& hole) const;
  absl::optional<uint64_t> NearestOpen(uint32_t partition, v1::Gap::Kind kind) const;
  uint64_t ReportOne(uint32_t partition, const Hole& hole, int64_t now_micros, Changes* changes);

  const Options options_;
  const Store& store_;
  std::map<uint64_t, store::v1::StoredGap> gaps_;
  std::set<uint64_t> open_;
  std::set<uint64_t> changed_;
  // Changed and out of memory, but not yet written.
  std::map<uint64_t, store::v1::StoredGap> forgotten_;
  uint64_t last_number_ = 0;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_GAP_LEDGER_H_
