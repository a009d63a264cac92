// Connections that vouch and yet miss events: found by comparing live deliveries
// second by second, once each connection had time to bring the second. Where all
// connections may have missed something, it is a gap of kind ONE_SIDED; where
// one covers alone, its record of misses says how much it probably missed.
//
// What decides is in stored messages; the open seconds alone are in memory. They
// come from the log again at a start, so a restart changes nothing.
//
// Threads: the merger thread. Not thread-safe.
// Ownership: everything that it is given outlives it. Bounds: keys_max events of
// open seconds, kTagsMax tags, kAloneMax spans per partition.

#ifndef BRAID_DEDUPE_LEAK_WATCH_H_
#define BRAID_DEDUPE_LEAK_WATCH_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/store/v1/gaps.pb.h"
#include "braid/v1/ingest_service.pb.h"
#include "braid/v1/stream_service.pb.h"
#include "dedupe/comparison.h"
#include "dedupe/cover_book.h"
#include "dedupe/gap_ledger.h"
#include "dedupe/keys.h"
#include "dedupe/miss_record.h"
#include "dedupe/missed_estimate.h"
#include "dedupe/source_lives.h"
#include "dedupe/store.h"

namespace braid {

class LeakWatch {
 public:
  struct Options {
    // 90 s of 45,000 events/s, some 150 MB. Beyond it the oldest seconds are
    // judged before everybody had time: who had not vouched is not compared.
    size_t keys_max = 4 << 20;
    // Nobody is waited for longer: its deliveries are in the log, but are not
    // compared. Well below the log's retention.
    absl::Duration wait_max = absl::Minutes(30);
    // How much readers in creation order wait for a second to be judged.
    absl::Duration reader_wait_max = absl::Seconds(30);
  };
  // Further ones count among all tags only.
  static constexpr int kTagsMax = 100;
  // Spans that wait for what their connection is like afterwards.
  static constexpr int kAloneMax = 64;
  // Misses that are no further apart are one leaky span.
  static constexpr int64_t kJoinSeconds = 60;
  static constexpr int kSamplesMax = 20;

  LeakWatch(const Store& store, const Options& options, const CoverBook& cover,
            const SourceLives& lives, GapLedger* ledger);
  absl::Status Load();

  struct StartFacts {
    int64_t now_micros = 0;
    // Of the log's next record.
    LogKey position;
  };
  // At a start's first tick.
  void Configure(const StartFacts& facts);
  // A frame as it was applied: new events are marked. `sequence`: of the first
  // log record that holds it.
  void OnFrame(const std::string& source_id, const v1::Frame& frame, absl::string_view is_new,
               uint64_t sequence, int64_t admission_micros);

  // How late X may be for the source's covers to hold.
  void OnCover(const std::string& source_id, const v1::Cover& cover);

  struct Facts {
    uint32_t partition = 0;
    // What was created from there on may still come.
    int64_t pending_micros = 0;
    int64_t now_micros = 0;
    uint64_t rule_set_version = 0;
  };
  // Judges what can be judged: gaps that open, split and merge.
  GapLedger::Changes Judge(const Facts& facts);
  // Of its open gaps, what others cover now. `route`: as GapLedger::Narrow.
  template <typename RouteOf>
  GapLedger::Changes Narrow(uint32_t partition, int64_t now_micros, RouteOf route) {
    GapLedger::Changes changes;
    for (uint64_t number : ledger_->OpenOneSided(partition)) {
      const store::v1::StoredGap& gap = ledger_->gaps().at(number);
      std::string by = route({gap.from_micros(), gap.until_micros()});
      ledger_->NarrowOne(number, SoundFor(gap), now_micros, by, &changes);
    }
    return changes;
  }
  // After every partition was judged: what to tell readers beside gaps.
  std::vector<v1::StreamNotice> EndTick(int64_t now_micros, uint64_t next_sequence);
  void Seal(WriteSet* changes);

  // Readers wait for what somebody vouched for to be judged, a while.
  int64_t ReaderLimit(uint32_t partition, int64_t watermark_micros) const;
  // Cover from here on is still needed.
  int64_t NeededFrom() const;
  const store::v1::ComparisonState& state() const { return state_; }
  const MissRecord& record() const { return record_; }

 private:
  using State = store::v1::ComparisonState;

  State::Partition* Find(uint32_t partition);
  const State::Partition* Find(uint32_t partition) const;
  void IndexSources();
  int TagOf(const std::string& name, int64_t second);
  void FreeTags(int64_t judged_second);
  bool TagInUse(int tag) const;
  absl::Status Replay();

  int64_t Passed(uint32_t partition) const;
  int64_t LimitOf(const State::Partition& partition, const Facts& facts) const;
  void JudgeSecond(State::Partition* partition, int64_t second);
  int64_t LateMicros(const State::Partition& partition, uint32_t panel) const;
  uint32_t PanelAt(const State::Partition& partition, int64_t second) const;
  void NotePairs(State::Partition* partition, uint32_t panel, const Comparison::Figures& figures);
  void NoteMisses(State::Partition* partition, int64_t second, uint32_t panel,
                  const Comparison::Figures& figures);
  void NoteLeak(State::Partition* partition, int place, int64_t second,
                const MissRecord::ByTag& misses);
  void NoteRun(State::Partition* partition, int64_t second, uint32_t panel,
               const Comparison::Figures& figures);
  void NoteAlone(State::Partition* partition, int64_t second, uint32_t panel,
                 const Comparison::Figures& figures);

  // Cover that leaks say nothing of: recovered, or of who was not compared.
  IntervalSet SoundFor(const store::v1::StoredGap& gap) const;
  IntervalSet LiveOfOthers(const State::Partition& partition, uint32_t panel) const;
  Interval AloneAround(const State::Partition& partition, int place, int64_t second) const;
  void FinishRun(State::Partition* partition);
  void ClaimRun(State::Partition* partition, const Facts& facts, GapLedger::Changes* changes);
  void ClaimAlone(State::Partition* partition, State::Alone* alone, const Facts& facts,
                  GapLedger::Changes* changes);
  void UpdateAlone(State::Partition* partition, const Facts& facts, GapLedger::Changes* changes);

  // What is to be reported: a span, who was compared there, and why.
  struct Finding {
    Interval seconds;
    uint32_t panel = 0;
    bool growing = false;
    MissedEstimate missed;
    int tag = 0;
    std::string text;
    const google::protobuf::RepeatedField<uint64_t>* samples = nullptr;
  };
  void Report(const State::Partition& partition, const Finding& finding, const Facts& facts,
              State::Claim* claim, GapLedger::Changes* changes);
  void SetShare(const State::Partition& partition, const Finding& finding, const Facts& facts,
                State::Claim* claim);
  void SplitHours(State::Partition* partition, const Facts& facts, GapLedger::Changes* changes);
  std::string NamesOf(const State::Partition& partition, uint32_t mask) const;
  std::string TagName(int tag) const;

  const Options options_;
  const Store& store_;
  const CoverBook& cover_;
  const SourceLives& lives_;
  GapLedger* const ledger_;
  State state_;
  // As last written.
  std::string state_bytes_;
  bool changed_ = false;
  std::map<uint32_t, Comparison> open_;
  MissRecord record_;
  std::vector<v1::StreamNotice> notices_;
  // Source → its partition and place.
  std::map<std::string, std::pair<uint32_t, int>> places_;
  std::map<std::string, int> tags_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_LEAK_WATCH_H_
