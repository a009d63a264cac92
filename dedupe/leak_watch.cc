#include "dedupe/leak_watch.h"

#include <algorithm>
#include <limits>

#include "absl/strings/str_cat.h"
#include "base/utc_text.h"
#include "dedupe/cover_keys.h"
#include "dedupe/recovery_source.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

using store::v1::StoredGap;
using v1::StreamNotice;

constexpr int64_t kSecondMicros = 1'000'000;
// Of one post, connections are within this of each other.
constexpr int64_t kLateMarginMicros = 2 * kSecondMicros;

// A leak is told from so many misses of so many that were compared: single
// stray ones are no leak. It has ended after ten minutes without one.
constexpr uint64_t kLeakMissesMin = 10;
constexpr double kLeakShareMin = 0.01;
constexpr int64_t kLeakQuietSeconds = 600;

Interval MicrosOf(Interval seconds) {
  return {seconds.from * kSecondMicros, seconds.until * kSecondMicros};
}

uint32_t BitOf(int place) { return uint32_t{1} << place; }

bool IsToTell(uint64_t missed, uint64_t compared) {
  return missed >= kLeakMissesMin &&
         static_cast<double>(missed) >= kLeakShareMin * static_cast<double>(compared);
}

template <typename Counts>
auto* OfTag(int tag, Counts* counts) {
  for (auto& count : *counts) {
    if (static_cast<int>(count.tag()) == tag) return &count;
  }
  auto* added = counts->Add();
  added->set_tag(static_cast<uint32_t>(tag));
  return added;
}

}  // namespace

std::string LeakWatch::TagName(int tag) const {
  return tag == 0 ? "" : state_.tags(tag - 1).name();
}

std::string LeakWatch::NamesOf(const State::Partition& partition, uint32_t mask) const {
  std::string names;
  for (int i = 0; i < partition.sources_size(); ++i) {
    if ((mask & BitOf(i)) == 0) continue;
    absl::StrAppend(&names, names.empty() ? "" : ", ", partition.sources(i));
  }
  return names;
}

int64_t LeakWatch::Passed(uint32_t partition) const {
  int64_t passed = 0;
  for (const std::string& source : lives_.SourcesOf(partition)) {
    passed = std::max(passed, lives_.PassedUntil(source));
  }
  return passed;
}

int64_t LeakWatch::ReaderLimit(uint32_t partition, int64_t watermark_micros) const {
  const State::Partition* of = Find(partition);
  // Beyond it nobody vouches.
  if (of == nullptr || watermark_micros > Passed(partition)) return watermark_micros;
  int64_t waited = watermark_micros - absl::ToInt64Microseconds(options_.reader_wait_max);
  return std::min(watermark_micros, std::max(of->judged_second() * kSecondMicros, waited));
}

int64_t LeakWatch::LimitOf(const State::Partition& partition, const Facts& facts) const {
  int64_t passed = Passed(partition.number());
  int64_t waited = passed - absl::ToInt64Microseconds(options_.wait_max);
  return std::max(std::min(facts.pending_micros, passed), waited);
}

uint32_t LeakWatch::PanelAt(const State::Partition& partition, int64_t second) const {
  uint32_t panel = 0;
  for (int i = 0; i < partition.sources_size(); ++i) {
    auto spans = cover_.spans().find({partition.sources(i), v1::EVENT_ORIGIN_LIVE});
    bool vouched =
        spans != cover_.spans().end() && spans->second.Covers(MicrosOf({second, second + 1}));
    if (vouched) panel |= BitOf(i);
  }
  return panel;
}

// What X sends that late may come behind the cover of one connection and before
// that of another: who lacks it then is chance.
int64_t LeakWatch::LateMicros(const State::Partition& partition, uint32_t panel) const {
  int64_t slack = std::numeric_limits<int64_t>::max();
  for (int i = 0; i < partition.slacks_micros_size(); ++i) {
    int64_t of = partition.slacks_micros(i);
    if ((panel & BitOf(i)) != 0 && of > 0) slack = std::min(slack, of);
  }
  if (slack == std::numeric_limits<int64_t>::max()) return slack;
  return std::max(slack / 2, slack - kLateMarginMicros);
}

GapLedger::Changes LeakWatch::Judge(const Facts& facts) {
  GapLedger::Changes changes;
  State::Partition* partition = Find(facts.partition);
  if (partition == nullptr) return changes;
  Comparison& open = open_[facts.partition];
  int64_t until = std::max(partition->judged_second(), LimitOf(*partition, facts) / kSecondMicros);
  for (int64_t second = open.NextOpen(partition->judged_second());
       second < until || open.key_count() > options_.keys_max; second = open.NextOpen(second)) {
    bool is_over = partition->has_run() && second > partition->run().until_second() + kJoinSeconds;
    if (is_over) {
      ClaimRun(partition, facts, &changes);
      FinishRun(partition);
    }
    JudgeSecond(partition, second);
    until = std::max(until, second + 1);
  }
  partition->set_judged_second(until);
  if (partition->has_run()) {
    ClaimRun(partition, facts, &changes);
    if (until > partition->run().until_second() + kJoinSeconds) FinishRun(partition);
  }
  UpdateAlone(partition, facts, &changes);
  SplitHours(partition, facts, &changes);
  return changes;
}

void LeakWatch::JudgeSecond(State::Partition* partition, int64_t second) {
  uint32_t panel = PanelAt(*partition, second);
  Comparison::Figures figures =
      open_[partition->number()].Close(second, panel, LateMicros(*partition, panel));
  if (figures.events.empty()) return;
  for (const auto& [tag, events] : figures.events) {
    if (tag == 0) continue;
    State::Tag* known = state_.mutable_tags(tag - 1);
    known->set_seen_second(std::max(known->seen_second(), second));
  }
  NotePairs(partition, panel, figures);
  NoteMisses(partition, second, panel, figures);
  int vouching = __builtin_popcount(panel);
  if (vouching >= 2) NoteRun(partition, second, panel, figures);
  if (vouching == 1) NoteAlone(partition, second, panel, figures);
}

void LeakWatch::NotePairs(State::Partition* partition, uint32_t panel,
                          const Comparison::Figures& figures) {
  auto pair_of = [&](uint32_t first, uint32_t second) {
    for (State::Pair& pair : *partition->mutable_pairs()) {
      if (pair.first() == first && pair.second() == second) return &pair;
    }
    State::Pair* pair = partition->add_pairs();
    pair->set_first(first);
    pair->set_second(second);
    return pair;
  };
  for (int i = 0; i < partition->sources_size(); ++i) {
    for (int j = i + 1; j < partition->sources_size(); ++j) {
      if ((panel & BitOf(i)) == 0 || (panel & BitOf(j)) == 0) continue;
      State::Pair* pair = pair_of(i, j);
      for (const auto& [mask, events] : figures.events.at(0)) {
        bool by_first = (mask & BitOf(i)) != 0;
        bool by_second = (mask & BitOf(j)) != 0;
        if (by_first && by_second) pair->set_both(pair->both() + events);
        if (by_first && !by_second) pair->set_only_first(pair->only_first() + events);
        if (!by_first && by_second) pair->set_only_second(pair->only_second() + events);
      }
    }
  }
  for (const auto& [places, skews] : figures.skews) {
    State::Pair* pair = pair_of(places.first, places.second);
    pair->mutable_skew_counts()->Resize(Comparison::kSkewBuckets, 0);
    for (int i = 0; i < Comparison::kSkewBuckets; ++i) {
      pair->set_skew_counts(i, pair->skew_counts(i) + skews[i]);
    }
  }
}

void LeakWatch::NoteMisses(State::Partition* partition, int64_t second, uint32_t panel,
                           const Comparison::Figures& figures) {
  for (int i = 0; i < partition->sources_size(); ++i) {
    if ((panel & BitOf(i)) == 0) continue;
    MissRecord::ByTag misses;
    for (const auto& [tag, by_mask] : figures.events) {
      for (const auto& [mask, events] : by_mask) {
        if ((mask & ~BitOf(i)) == 0) continue;
        misses[tag].compared += events;
        if ((mask & BitOf(i)) == 0) misses[tag].missed += events;
      }
    }
    for (const auto& [tag, of] : misses) record_.Note(partition->sources(i), second / 60, tag, of);
    NoteLeak(partition, i, second, misses);
  }
}

void LeakWatch::NoteLeak(State::Partition* partition, int place, int64_t second,
                         const MissRecord::ByTag& misses) {
  State::Leak* leak = nullptr;
  for (State::Leak& known : *partition->mutable_leaks()) {
    if (static_cast<int>(known.source()) == place) leak = &known;
  }
  auto all = misses.find(0);
  bool missed = all != misses.end() && all->second.missed > 0;
  if (leak == nullptr && !missed) return;
  if (leak == nullptr) {
    leak = partition->add_leaks();
    leak->set_source(static_cast<uint32_t>(place));
    leak->set_from_second(second);
  }
  if (!leak->told() && missed && second > leak->last_second() + kLeakQuietSeconds) {
    leak->clear_tags();
    leak->set_from_second(second);
  }
  if (missed) leak->set_last_second(second);
  int worst = -1;
  uint64_t worst_missed = 0;
  for (const auto& [tag, of] : misses) {
    State::TagMiss* sum = OfTag(tag, leak->mutable_tags());
    sum->set_compared(sum->compared() + of.compared);
    sum->set_missed(sum->missed() + of.missed);
    // A tag rather than all where it explains them.
    bool tells = IsToTell(sum->missed(), sum->compared()) && sum->missed() >= worst_missed;
    if (!tells) continue;
    worst = tag;
    worst_missed = sum->missed();
  }
  if (worst < 0 || leak->told()) return;
  leak->set_told(true);
  const State::TagMiss& sum = *OfTag(worst, leak->mutable_tags());
  StreamNotice notice;
  notice.set_type(StreamNotice::TYPE_LEAK_BEGAN);
  notice.set_message(absl::StrCat(
      partition->sources(place), " misses events that others bring: ", sum.missed(), " of ",
      sum.compared(), worst == 0 ? "" : absl::StrCat(" of rule ", TagName(worst)), " since ",
      UtcText(absl::FromUnixSeconds(leak->from_second()))));
  notices_.push_back(std::move(notice));
}

std::vector<StreamNotice> LeakWatch::EndTick(int64_t now_micros, uint64_t next_sequence) {
  changed_ = true;
  uint64_t first = next_sequence;
  int64_t judged = 0;
  for (State::Partition& partition : *state_.mutable_partitions()) {
    judged = std::max(judged, partition.judged_second());
    first = std::min(first, open_[partition.number()].FirstSequence());
    auto* leaks = partition.mutable_leaks();
    for (int i = leaks->size() - 1; i >= 0; --i) {
      const State::Leak& leak = leaks->Get(i);
      if (partition.judged_second() <= leak.last_second() + kLeakQuietSeconds) continue;
      if (leak.told()) {
        StreamNotice notice;
        notice.set_type(StreamNotice::TYPE_LEAK_ENDED);
        notice.set_message(absl::StrCat(partition.sources(static_cast<int>(leak.source())),
                                        " misses nothing any more that others bring"));
        notices_.push_back(std::move(notice));
      }
      leaks->DeleteSubrange(i, 1);
    }
  }
  state_.set_replay_sequence(first);
  FreeTags(judged);
  std::vector<StreamNotice> notices = std::move(notices_);
  notices_.clear();
  for (StreamNotice& notice : notices) {
    SetTime(absl::FromUnixMicros(now_micros), notice.mutable_notice_time());
  }
  return notices;
}

IntervalSet LeakWatch::SoundFor(const StoredGap& gap) const {
  IntervalSet sound;
  std::vector<std::string> sources = lives_.SourcesOf(gap.partition());
  sources.push_back(RecoveryVoucher(gap.partition()));
  for (const auto& [who, spans] : cover_.spans()) {
    if (std::count(sources.begin(), sources.end(), who.first) == 0) continue;
    bool was_compared = who.second == v1::EVENT_ORIGIN_LIVE &&
                        std::count(gap.sources().begin(), gap.sources().end(), who.first) > 0;
    if (was_compared) continue;
    for (const Interval& span : spans.Near({gap.from_micros(), gap.until_micros()})) {
      sound.Add(span);
    }
  }
  return sound;
}

void LeakWatch::SetShare(const State::Partition& partition, const Finding& finding,
                         const Facts& facts, State::Claim* claim) {
  uint64_t number = ledger_->Surviving(claim->gap());
  auto known = ledger_->gaps().find(number);
  if (known == ledger_->gaps().end() || !IsOpen(known->second)) return;
  StoredGap* gap = ledger_->Edit(number);
  store::v1::Missing share;
  share.set_value(finding.missed.value);
  share.set_low(finding.missed.low());
  share.set_high(finding.missed.high());
  const store::v1::Missing& old = claim->missing();
  store::v1::Missing* missing = gap->mutable_missing();
  missing->set_value(std::max(0.0, missing->value() + share.value() - old.value()));
  missing->set_low(std::max(0.0, missing->low() + share.low() - old.low()));
  missing->set_high(std::max(0.0, missing->high() + share.high() - old.high()));
  *claim->mutable_missing() = share;
  gap->set_rule_tag(TagName(finding.tag));
  gap->set_rule_set_version(facts.rule_set_version);
  for (int i = 0; i < partition.sources_size(); ++i) {
    bool is_known =
        std::count(gap->sources().begin(), gap->sources().end(), partition.sources(i)) > 0;
    if ((finding.panel & BitOf(i)) != 0 && !is_known) gap->add_sources(partition.sources(i));
  }
  if (finding.samples == nullptr) return;
  for (uint64_t id : *finding.samples) {
    auto* samples = gap->mutable_sample_post_ids();
    if (samples->size() >= kSamplesMax) break;
    if (std::count(samples->begin(), samples->end(), id) == 0) samples->Add(id);
  }
}

void LeakWatch::Report(const State::Partition& partition, const Finding& finding,
                       const Facts& facts, State::Claim* claim, GapLedger::Changes* changes) {
  Interval rest{std::max(finding.seconds.from, claim->until_second()), finding.seconds.until};
  rest = MicrosOf(rest);
  if (!rest.empty()) {
    StoredGap compared;
    compared.set_partition(partition.number());
    compared.set_from_micros(rest.from);
    compared.set_until_micros(rest.until);
    for (int i = 0; i < partition.sources_size(); ++i) {
      if ((finding.panel & BitOf(i)) != 0) compared.add_sources(partition.sources(i));
    }
    IntervalSet known = SoundFor(compared);
    known.Add(ledger_->SpansOf(partition.number()));
    for (const Interval& piece : known.Missing(rest)) {
      bool growing = finding.growing && piece.until == rest.until;
      uint64_t number =
          ledger_->ReportOneSided(partition.number(), piece, growing, facts.now_micros, changes);
      if (number != ledger_->Surviving(claim->gap())) {
        claim->clear_missing();
        ledger_->AddEvidence(number, facts.now_micros, "", finding.text);
      }
      claim->set_gap(number);
    }
    claim->set_until_second(finding.seconds.until);
  }
  if (claim->gap() > 0) SetShare(partition, finding, facts, claim);
}

void LeakWatch::SplitHours(State::Partition* partition, const Facts& facts,
                           GapLedger::Changes* changes) {
  constexpr int64_t kHourMicros = 60 * kMinuteMicros;
  for (uint64_t number : ledger_->OpenOneSided(partition->number())) {
    const StoredGap& gap = ledger_->gaps().at(number);
    if (!gap.growing()) continue;
    for (int64_t hour = (gap.from_micros() / kHourMicros + 1) * kHourMicros;
         hour < gap.until_micros(); hour += kHourMicros) {
      changes->push_back(ledger_->SplitOff(number, hour, facts.now_micros));
      uint64_t part = changes->back().gap.number();
      for (State::Alone& alone : *partition->mutable_alone()) {
        if (ledger_->Surviving(alone.claim().gap()) != number) continue;
        if (alone.until_second() * kSecondMicros <= hour) {
          alone.mutable_claim()->set_gap(part);
        } else {
          alone.mutable_claim()->clear_missing();
        }
      }
      if (ledger_->Surviving(partition->run().claim().gap()) != number) continue;
      partition->mutable_run()->clear_counts();
      partition->mutable_run()->mutable_claim()->clear_missing();
    }
  }
}

}  // namespace braid
