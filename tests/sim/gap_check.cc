#include "tests/sim/gap_check.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <unordered_set>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/interval_set.h"
#include "dedupe/cover_book.h"
#include "dedupe/cover_keys.h"
#include "dedupe/gap_ledger.h"
#include "dedupe/keys.h"

namespace braid {
namespace {

using store::v1::GapState;
using store::v1::StoredGap;

// Failures of one kind shown per run.
constexpr size_t kShown = 3;
// Cover is compared with gaps once a second.
constexpr int64_t kTickMicros = 2'000'000;
// Readers wait so long for a second to be compared (LeakWatch).
constexpr int64_t kJudgeMicros = 30'000'000;
// Slack, two heartbeats, what a quiet stream may be silent for (its rate while
// healing is 0.2/s: once a day it pauses for 49 s), and some.
constexpr absl::Duration kLagMax = absl::Minutes(4);
// The dedupers' clocks against X's.
constexpr absl::Duration kClockError = absl::Seconds(2);

struct Stored {
  GapState state;
  std::map<uint64_t, StoredGap> gaps;
  IntervalSet covered;
};

bool ReadStored(const Store& store, Stored* stored, Failures* failures) {
  absl::StatusOr<std::string> state = store.Get(Table::kCover, std::string(1, kCoverState));
  // No cover yet.
  if (!state.ok() || !stored->state.ParseFromString(*state)) return false;
  absl::Status scanned =
      store.Scan(Table::kCover, CoverGapKey(0), CoverGapKey(UINT64_MAX),
                 [&](absl::string_view, absl::string_view value) {
                   StoredGap gap;
                   if (!gap.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
                     failures->push_back("gaps: one can not be read");
                   }
                   stored->gaps[gap.number()] = gap;
                   return true;
                 });
  absl::StatusOr<CoverBook::Spans> spans = ReadCover(store, {0, INT64_MAX - kDayMicros});
  if (!scanned.ok() || !spans.ok()) {
    failures->push_back("gaps: the store can not be read");
    return false;
  }
  for (const auto& [who, intervals] : *spans) stored->covered.Add(intervals);
  return stored->state.base_micros() > 0 && stored->state.partitions_size() > 0;
}

bool CountsAsReported(const StoredGap& gap) {
  return IsOfCover(gap) && gap.state() != v1::Gap::STATE_MERGED &&
         gap.state() != v1::Gap::STATE_RECOVERED;
}

void CheckRecall(const Truth& truth, const Stored& stored, const LogView& log, Failures* failures,
                 GapFigures* figures) {
  std::unordered_set<uint64_t> merged;
  for (const LogView::Event& event : log.events) merged.insert(event.id);
  IntervalSet reported;
  for (const auto& [number, gap] : stored.gaps) {
    if (CountsAsReported(gap)) reported.Add({gap.from_micros(), gap.until_micros()});
  }
  int64_t base = stored.state.base_micros();
  int64_t watermark = stored.state.partitions(0).watermark_micros();
  for (const SimPost& post : truth.x.posts()) {
    // A stray's creation time says nothing.
    // Ids count milliseconds.
    int64_t created = absl::ToUnixMillis(post.create_time) * 1000;
    bool is_stray = post.publish_time - post.create_time > absl::Hours(1) ||
                    post.create_time > post.publish_time + absl::Hours(1);
    if (is_stray || created < base || merged.count(post.id) > 0) continue;
    if (reported.Contains(created)) {
      ++figures->reported_posts;
    } else if (created >= watermark) {
      ++figures->unsettled_posts;
    } else if (++figures->silent_posts <= kShown) {
      failures->push_back(
          absl::StrCat("silent hole: post ", post.id, " created ", ShowMicros(created),
                       " is neither in the log nor in a gap; watermark ", ShowMicros(watermark)));
    }
  }
}

void CheckOpenGapsAreHoles(const Stored& stored, Failures* failures, GapFigures* figures) {
  for (const auto& [number, gap] : stored.gaps) {
    if (!IsOfCover(gap)) continue;
    Interval span{gap.from_micros(), gap.until_micros()};
    if (CountsAsReported(gap)) {
      figures->reported_time += absl::Microseconds(span.until - span.from);
    }
    // What a connection missed while it vouched is covered, and still a gap.
    if (!IsOpen(gap) || gap.kind() == v1::Gap::KIND_ONE_SIDED) continue;
    int64_t covered = stored.covered.Measure(span);
    if (covered <= kTickMicros) continue;
    failures->push_back(absl::StrCat("false gap: ", covered / 1000, " ms of gap ", number, ", ",
                                     ShowMicros(span.from), " to ", ShowMicros(span.until),
                                     ", are covered"));
    return;
  }
}

uint64_t NumberOf(const v1::Gap& gap) {
  absl::string_view name = gap.name();
  uint64_t number = 0;
  if (absl::ConsumePrefix(&name, "gaps/") && !absl::SimpleAtoi(name, &number)) number = 0;
  return number;
}

void CheckTold(const Stored& stored, const LogView& log, Failures* failures, GapFigures* figures) {
  std::map<uint64_t, v1::Gap::State> told;
  for (const LogView::Record& other : log.others) {
    if (!other.record.has_notice() || !other.record.notice().has_gap()) continue;
    const v1::StreamNotice& notice = other.record.notice();
    uint64_t number = NumberOf(notice.gap());
    bool opens = notice.type() == v1::StreamNotice::TYPE_GAP_OPENED;
    figures->opened += opens;
    figures->recovered += notice.type() == v1::StreamNotice::TYPE_GAP_RECOVERED;
    if (opens == (told.count(number) > 0)) {
      failures->push_back(
          absl::StrCat("gap ", number, opens ? " was opened twice" : " was told before it opened"));
      return;
    }
    told[number] = notice.gap().state();
  }
  for (const auto& [number, gap] : stored.gaps) {
    auto it = told.find(number);
    if (it != told.end() && it->second == gap.state()) continue;
    failures->push_back(absl::StrCat(
        "gap ", number, " is ", v1::Gap::State_Name(gap.state()), " and readers were told ",
        it == told.end() ? "nothing" : v1::Gap::State_Name(it->second)));
    return;
  }
}

void CheckWatermark(const Stored& stored, absl::Time end, Failures* failures, GapFigures* figures) {
  int64_t watermark = stored.state.partitions(0).watermark_micros();
  for (const auto& [number, gap] : stored.gaps) {
    if (!HoldsWatermark(gap)) continue;
    // Readers may be past what is found out later by comparing.
    bool found_at_once = gap.kind() != v1::Gap::KIND_ONE_SIDED;
    if (found_at_once && gap.from_micros() < watermark && !gap.passed_by_watermark()) {
      failures->push_back(absl::StrCat("the watermark passed gap ", number, " without a word"));
      return;
    }
    // Before a gap the last seconds may wait to be compared.
    if (gap.from_micros() <= watermark + kJudgeMicros && watermark < gap.until_micros()) return;
  }
  absl::Duration lag = end - absl::FromUnixMicros(watermark);
  figures->watermark_lag = lag;
  if (lag <= kLagMax + kClockError) return;
  failures->push_back(absl::StrCat("the watermark stands at ", ShowMicros(watermark), ", ",
                                   absl::FormatDuration(lag),
                                   " behind the end, and no gap holds it"));
}

}  // namespace

void CheckGaps(const Truth& truth, const Store& store, const LogView& log, absl::Time end,
               Failures* failures, GapFigures* figures) {
  Stored stored;
  if (!ReadStored(store, &stored, failures)) return;
  for (const auto& [number, gap] : stored.gaps) figures->ledger.push_back(gap);
  CheckRecall(truth, stored, log, failures, figures);
  CheckOpenGapsAreHoles(stored, failures, figures);
  CheckTold(stored, log, failures, figures);
  // After a jump of days the time that is trusted follows by a minute per second.
  store::v1::CoreState core;
  absl::StatusOr<std::string> bytes = store.Get(Table::kMeta, kMetaCore);
  if (!bytes.ok() || !core.ParseFromString(*bytes)) return;
  absl::Time trusted = std::min(end, absl::FromUnixMicros(core.settled_micros()));
  CheckWatermark(stored, trusted, failures, figures);
}

}  // namespace braid
