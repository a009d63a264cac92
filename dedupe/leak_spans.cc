// The two kinds of span in which something may be missing: leaky ones, and
// those that one connection covered alone.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dedupe/leak_watch.h"

namespace braid {
namespace {

using State = store::v1::ComparisonState;

constexpr int64_t kSecondMicros = 1'000'000;
// Settled hours are gaps of their own: they are planned and passed one by one.
constexpr int64_t kHourSeconds = 3600;

// From what 90 % upper bound of missing events on a span is a gap.
constexpr double kLeakyMissingMin = 1;
constexpr double kAloneMissingMin = 0.5;
// A single stray miss says nothing of what a connection alone misses.
constexpr uint64_t kAloneMissesMin = 2;

using Counts = google::protobuf::RepeatedPtrField<State::Count>;

State::Count* CountOf(uint32_t tag, uint32_t panel, Counts* counts) {
  for (State::Count& count : *counts) {
    if (count.tag() == tag && count.panel() == panel) return &count;
  }
  State::Count* added = counts->Add();
  added->set_tag(tag);
  added->set_panel(panel);
  return added;
}

void AddFigures(const Comparison::Figures& figures, uint32_t panel, Counts* counts) {
  uint32_t first = panel & (~panel + 1);
  bool is_pair = __builtin_popcount(panel) == 2;
  for (const auto& [tag, by_mask] : figures.events) {
    for (const auto& [mask, events] : by_mask) {
      uint32_t who = mask & panel;
      if (who == 0) continue;
      State::Count* count = CountOf(static_cast<uint32_t>(tag), panel, counts);
      int brought = __builtin_popcount(who);
      bool is_one = is_pair ? who == first : brought == 1;
      bool is_two = is_pair ? brought == 1 && who != first : brought == 2;
      if (is_one) {
        count->set_one(count->one() + events);
      } else if (is_two) {
        count->set_two(count->two() + events);
      } else {
        count->set_more(count->more() + events);
      }
    }
  }
}

void MergeCounts(const Counts& from, Counts* to) {
  for (const State::Count& count : from) {
    State::Count* sum = CountOf(count.tag(), count.panel(), to);
    sum->set_one(sum->one() + count.one());
    sum->set_two(sum->two() + count.two());
    sum->set_more(sum->more() + count.more());
  }
}

MissedEstimate EstimateOf(const State::Count& count) {
  int connections = __builtin_popcount(count.panel());
  return connections == 2 ? Chapman(count.one(), count.two(), count.more())
                          : Chao(connections, count.one(), count.two());
}

struct Worst {
  int tag = 0;
  MissedEstimate missed;
};

// Of the tags, and of all, the one of which most may be missing.
Worst WorstOf(const std::map<int, MissedEstimate>& by_tag) {
  Worst worst;
  for (const auto& [tag, missed] : by_tag) {
    if (missed.high() > worst.missed.high()) worst = {tag, missed};
  }
  return worst;
}

}  // namespace

void LeakWatch::NoteRun(State::Partition* partition, int64_t second, uint32_t panel,
                        const Comparison::Figures& figures) {
  uint32_t leaky = 0;
  for (const auto& [mask, events] : figures.events.at(0)) leaky |= panel & ~mask;
  if (leaky == 0) {
    if (partition->has_run()) {
      AddFigures(figures, panel, partition->mutable_run()->mutable_later());
    }
    return;
  }
  if (!partition->has_run()) partition->mutable_run()->set_from_second(second);
  State::Run* run = partition->mutable_run();
  MergeCounts(run->later(), run->mutable_counts());
  run->clear_later();
  AddFigures(figures, panel, run->mutable_counts());
  run->set_until_second(second + 1);
  run->set_leaky(run->leaky() | leaky);
  for (uint64_t id : figures.odd) {
    if (run->sample_post_ids_size() < kSamplesMax) run->add_sample_post_ids(id);
  }
}

void LeakWatch::FinishRun(State::Partition* partition) {
  uint64_t number = ledger_->Surviving(partition->run().claim().gap());
  auto gap = ledger_->gaps().find(number);
  if (gap != ledger_->gaps().end() && gap->second.growing()) {
    ledger_->Edit(number)->set_growing(false);
  }
  partition->clear_run();
}

void LeakWatch::ClaimRun(State::Partition* partition, const Facts& facts,
                         GapLedger::Changes* changes) {
  State::Run* run = partition->mutable_run();
  if (run->until_second() == run->claim().until_second()) return;
  std::map<int, MissedEstimate> by_tag;
  Finding finding;
  for (const State::Count& count : run->counts()) {
    by_tag[static_cast<int>(count.tag())].Add(EstimateOf(count));
    finding.panel |= count.panel();
  }
  Worst worst = WorstOf(by_tag);
  bool is_gap = worst.missed.high() >= kLeakyMissingMin || run->claim().gap() > 0;
  if (!is_gap) return;
  finding.seconds = {run->from_second(), run->until_second()};
  finding.growing = true;
  finding.missed = worst.missed;
  finding.tag = worst.tag;
  finding.text = absl::StrCat(NamesOf(*partition, run->leaky()),
                              " missed events that another connection brought: some ",
                              "probably reached none of ", NamesOf(*partition, finding.panel));
  finding.samples = &run->sample_post_ids();
  Report(*partition, finding, facts, run->mutable_claim(), changes);
}

IntervalSet LeakWatch::LiveOfOthers(const State::Partition& partition, uint32_t panel) const {
  IntervalSet others;
  for (const std::string& source : lives_.SourcesOf(partition.number())) {
    bool is_of_panel = false;
    for (int i = 0; i < partition.sources_size(); ++i) {
      is_of_panel |= (panel >> i & 1) != 0 && partition.sources(i) == source;
    }
    auto spans = cover_.spans().find({source, v1::EVENT_ORIGIN_LIVE});
    if (!is_of_panel && spans != cover_.spans().end()) others.Add(spans->second);
  }
  return others;
}

Interval LeakWatch::AloneAround(const State::Partition& partition, int place,
                                int64_t second) const {
  Interval around{second * kSecondMicros, (second + 1) * kSecondMicros};
  auto spans = cover_.spans().find({partition.sources(place), v1::EVENT_ORIGIN_LIVE});
  if (spans == cover_.spans().end()) return {second, second + 1};
  IntervalSet alone;
  for (const Interval& own : spans->second.Near(around)) alone.Add(own);
  IntervalSet others = LiveOfOthers(partition, uint32_t{1} << place);
  for (const Interval& span : others.Intervals()) alone.Subtract(span);
  Interval found{second, second + 1};
  for (const Interval& span : alone.Near(around)) {
    if (span.until <= around.from || span.from >= around.until) continue;
    found.from = std::min(found.from, span.from / kSecondMicros);
    found.until = std::max(found.until, (span.until + kSecondMicros - 1) / kSecondMicros);
  }
  return found;
}

void LeakWatch::NoteAlone(State::Partition* partition, int64_t second, uint32_t panel,
                          const Comparison::Figures& figures) {
  int place = __builtin_ctz(panel);
  Interval span = AloneAround(*partition, place, second);
  int64_t hour = second / kHourSeconds * kHourSeconds;
  State::Alone* alone = nullptr;
  for (State::Alone& known : *partition->mutable_alone()) {
    bool goes_on = static_cast<int>(known.source()) == place && known.from_second() >= hour &&
                   known.until_second() >= span.from;
    if (goes_on && !known.ended()) alone = &known;
  }
  if (alone == nullptr) {
    if (partition->alone_size() >= kAloneMax) partition->mutable_alone()->DeleteSubrange(0, 1);
    alone = partition->add_alone();
    alone->set_source(static_cast<uint32_t>(place));
    alone->set_from_second(std::max(span.from, hour));
  }
  alone->set_until_second(std::max(alone->until_second(), second + 1));
  for (const auto& [tag, by_mask] : figures.events) {
    for (const auto& [mask, events] : by_mask) {
      if ((mask & panel) == 0) continue;
      State::Alone::Brought* brought = nullptr;
      for (State::Alone::Brought& known : *alone->mutable_brought()) {
        if (static_cast<int>(known.tag()) == tag) brought = &known;
      }
      if (brought == nullptr) {
        brought = alone->add_brought();
        brought->set_tag(static_cast<uint32_t>(tag));
      }
      brought->set_events(brought->events() + events);
    }
  }
}

void LeakWatch::ClaimAlone(State::Partition* partition, State::Alone* alone, const Facts& facts,
                           GapLedger::Changes* changes) {
  const std::string& source = partition->sources(static_cast<int>(alone->source()));
  MissRecord::ByTag record = record_.Around(source, (alone->until_second() - 1) / 60);
  std::map<int, MissedEstimate> by_tag;
  for (const State::Alone::Brought& brought : alone->brought()) {
    const MissRecord::Misses& misses = record[static_cast<int>(brought.tag())];
    if (misses.missed < kAloneMissesMin) continue;
    by_tag[static_cast<int>(brought.tag())] =
        AloneMissed(brought.events(), misses.compared, misses.missed);
  }
  Worst worst = WorstOf(by_tag);
  bool is_gap = worst.missed.high() >= kAloneMissingMin || alone->claim().gap() > 0;
  if (!is_gap) return;
  Finding finding;
  finding.seconds = {alone->from_second(), alone->until_second()};
  finding.panel = uint32_t{1} << alone->source();
  finding.growing = !alone->ended();
  finding.missed = worst.missed;
  finding.tag = worst.tag;
  const MissRecord::Misses& misses = record[worst.tag];
  finding.text = absl::StrCat(source, " covered it alone; it missed ", misses.missed, " of ",
                              misses.compared, " events while it was compared");
  Report(*partition, finding, facts, alone->mutable_claim(), changes);
}

void LeakWatch::UpdateAlone(State::Partition* partition, const Facts& facts,
                            GapLedger::Changes* changes) {
  auto* all = partition->mutable_alone();
  int64_t judged = partition->judged_second();
  for (int i = 0; i < all->size(); ++i) {
    State::Alone* alone = all->Mutable(i);
    const std::string& source = partition->sources(static_cast<int>(alone->source()));
    uint32_t after =
        static_cast<uint32_t>(record_.MinutesAfter(source, (alone->until_second() - 1) / 60));
    bool is_due = !alone->ended() || after != alone->minutes_after();
    if (!is_due) continue;
    alone->set_minutes_after(after);
    bool was_open = !alone->ended();
    if (was_open) {
      Interval span =
          AloneAround(*partition, static_cast<int>(alone->source()), alone->until_second() - 1);
      int64_t hour_end = (alone->from_second() / kHourSeconds + 1) * kHourSeconds;
      int64_t until = std::min({span.until, judged, hour_end});
      alone->set_until_second(std::max(alone->until_second(), until));
      alone->set_ended(span.until < judged || hour_end <= judged);
    }
    ClaimAlone(partition, alone, facts, changes);
    bool closes = was_open && alone->ended() && alone->claim().gap() > 0;
    uint64_t number = ledger_->Surviving(alone->claim().gap());
    auto gap = ledger_->gaps().find(number);
    if (closes && gap != ledger_->gaps().end() && gap->second.growing()) {
      ledger_->Edit(number)->set_growing(false);
    }
  }
  for (int i = all->size() - 1; i >= 0; --i) {
    bool is_settled = all->Get(i).ended() && all->Get(i).minutes_after() >
                                                 static_cast<uint32_t>(MissRecord::kMinutesAfter);
    bool is_old = all->Get(i).until_second() + 24 * kHourSeconds < judged;
    if (is_settled || is_old) all->DeleteSubrange(i, 1);
  }
}

}  // namespace braid
