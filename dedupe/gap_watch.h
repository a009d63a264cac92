// What the stream lacks: cover in, gaps and the watermark out. Fed with the
// core's inputs and time only; what it finds are notices, which the core puts
// into the log, in the same commit as the gaps themselves.
//
// Everything is decided at ticks: between them cover only adds up. A span that
// no connection of a partition covers is a hole once none of them may still
// bring it (dedupe/source_lives.h), and stays a gap until it is covered.
//
// Threads: the merger thread. Not thread-safe.
// Ownership: the store outlives it. Bounds: those of CoverBook, GapLedger and
// SourceLives; kMarksMax marks, kPausesMax pauses.

#ifndef BRAID_DEDUPE_GAP_WATCH_H_
#define BRAID_DEDUPE_GAP_WATCH_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "braid/store/v1/gaps.pb.h"
#include "braid/store/v1/log.pb.h"
#include "braid/v1/stream_service.pb.h"
#include "dedupe/cover_book.h"
#include "dedupe/gap_ledger.h"
#include "dedupe/gap_text.h"
#include "dedupe/leak_watch.h"
#include "dedupe/source_lives.h"
#include "dedupe/store.h"

namespace braid {

class GapWatch {
 public:
  struct Options {
    // What the names of gaps begin with: "streams/main/".
    std::string parent;
    // How far back X can be asked, at the longest: 24 h by v2's recovery.
    absl::Duration recoverable_for = absl::Hours(24);
    GapRoutes routes;
    // How long an open gap holds the watermark.
    absl::Duration hold_max = absl::Hours(13);
    // A spool that was given up on may still come so long.
    absl::Duration spool_for = absl::Minutes(15);
    // After a resume connections begin one after the other: as long, at most, what
    // is missing is the pause's.
    absl::Duration resume_grace = absl::Minutes(1);
    // Redundancy that comes and goes faster is not told.
    absl::Duration redundancy_hold = absl::Seconds(5);
    SourceLives::Options lives;
    LeakWatch::Options leaks;
    GapLedger::Options ledger;
  };
  // Reasons are needed until the hole they explain is reported.
  static constexpr int kMarksMax = 256;
  static constexpr int kPausesMax = 64;

  GapWatch(const Store& store, const Options& options);
  absl::Status Load();

  // `vouched` is what is left of the cover after losses, `said` its end as the
  // source wrote it. Errors are the store's: fatal.
  absl::Status OnCover(const std::string& source_id, const v1::Cover& vouched, bool any_left,
                       int64_t said_until_micros, WriteSet* changes);
  void OnLoss(const std::string& source_id, const v1::Loss& loss);
  // The source no longer has records that were never brought.
  void OnMissing(const std::string& source_id);
  void OnConnectionEvent(const std::string& source_id, const v1::ConnectionEvent& event);
  // Of the frame's events those that are new got sequences from
  // `first_sequence` on.
  void OnFrame(const std::string& source_id, const v1::Frame& frame, absl::string_view is_new,
               uint64_t first_sequence, int64_t admission_micros, absl::Time now);

  // Configured connections that are no sound copy at present, each with why: it
  // does not vouch for the present, or misses what others bring.
  std::map<std::string, std::string> Unsound(absl::Time now) const;
  // Connections of the partition that receive and vouch for the present.
  int Fresh(uint32_t partition, absl::Time now) const {
    return lives_.Fresh(partition, silence_, absl::ToUnixMicros(now));
  }

  // The core's time was set: X's is what it is.
  void OnNowMoved(int64_t by_micros);

  struct TickFacts {
    const store::v1::Tick& tick;
    // X's time as far as it is trusted: a clock that is ahead makes no gap of
    // what is still to come.
    absl::Time now;
    // The configured sources, and X's partition of each; read at the first tick
    // after a start only.
    std::vector<std::string> sources;
    std::vector<uint32_t> partitions;
    bool paused = false;
    uint64_t rule_set_version = 0;
    // What the watch has to say in this tick: volume drops.
    const std::vector<v1::StreamNotice>& notices;
    // Of the log's next record.
    LogKey position;
  };
  // Errors are the store's: fatal.
  absl::StatusOr<std::vector<v1::StreamNotice>> OnTick(const TickFacts& facts, WriteSet* changes);
  // Nothing where no such gap is open.
  absl::optional<v1::StreamNotice> Waive(uint64_t number, const std::string& reason,
                                         absl::Time now);

  // No way to fill it is left. REQUIRES: it is open.
  v1::StreamNotice Lose(uint64_t number, const std::string& reason, absl::Time now);
  // As GapLedger's.
  void NoteRecovery(uint64_t number, uint64_t job, bool goes_on) {
    ledger_.NoteRecovery(number, job, goes_on);
  }

  void Seal(WriteSet* changes);

  // Everything created before it is in the log or in a gap that was reported; 0
  // before the first cover.
  int64_t watermark_micros() const { return watermark_micros_; }
  // What is missing from there on is reported; 0 before the first cover.
  int64_t base_micros() const { return state_.base_micros(); }
  const Options& options() const { return options_; }
  const GapLedger& ledger() const { return ledger_; }
  const CoverBook& cover() const { return cover_; }
  const SourceLives& lives() const { return lives_; }
  const LeakWatch& leaks() const { return leaks_; }
  // Of live events, per second.
  double usual_rate() const;

 private:
  struct Partition {
    uint32_t number = 0;
    int64_t watermark_micros = 0;
    // Union of its sources, from the oldest open gap on.
    IntervalSet covered;
    // Where holes are looked for: up to the present, or to what may still come.
    int64_t horizon_micros = 0;
    bool to_present = false;
  };

  // From where the source last vouched, without an end.
  store::v1::GapState::Mark* AddMark(const std::string& source_id, v1::Gap::Kind kind,
                                     const std::string& text);
  void MeasureRate(const store::v1::Tick& tick, absl::Time now);
  void NoteAhead(const v1::Frame& frame, absl::Time now);
  void NextAhead();
  void NoteBeginning(const v1::Frame& frame);
  // At the first cover.
  void Begin(int64_t vouched_from_micros);
  // X's present, by what sources receive.
  int64_t Present(absl::Time now) const;
  void NotePause(bool paused, int64_t now_micros);
  void Examine(Partition* partition, const TickFacts& facts);
  std::vector<GapLedger::Hole> Holes(const Partition& partition) const;
  // In which nobody of a partition was to receive: each ends with what is vouched
  // for first after its resume.
  IntervalSet PausesOf(uint32_t partition) const;
  // Where `kind` of a span changes: pauses of its partition and marks.
  std::vector<GapLedger::Hole> ByKind(const IntervalSet& pauses, Interval span) const;
  // Where there is no pause.
  v1::Gap::Kind KindAt(int64_t micros) const;
  void Relabel();
  void Tell(const GapLedger::Changes& changes, const TickFacts& facts);
  // Those of its partition, the one first whose end opened the gap.
  std::vector<std::string> LastToLeave(const store::v1::StoredGap& gap) const;
  void FillNew(uint64_t number, const TickFacts& facts);
  void MoveWatermark(Partition* partition, const TickFacts& facts);
  void Forget();
  void CheckRedundancy(int64_t now_micros);
  void CheckVolume(const TickFacts& facts);
  // Whose cover counts for it: its connections and recovery.
  std::vector<std::string> VouchersOf(uint32_t partition) const;
  std::string RouteOf(uint32_t partition, Interval span) const;
  v1::StreamNotice NoticeOf(const GapLedger::Change& change, int64_t now_micros) const;

  const Options options_;
  const Store& store_;
  CoverBook cover_;
  GapLedger ledger_;
  SourceLives lives_;
  LeakWatch leaks_;
  store::v1::GapState state_;
  // As last written.
  std::string state_bytes_;
  std::map<uint32_t, int64_t> watermarks_;
  int64_t watermark_micros_ = 0;
  absl::Duration silence_;
  std::vector<v1::StreamNotice> notices_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_GAP_WATCH_H_
