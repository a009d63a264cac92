#include "tests/sim/recovery_check.h"

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/utc_text.h"
#include "dedupe/cover_book.h"
#include "dedupe/cover_keys.h"
#include "dedupe/gap_ledger.h"
#include "dedupe/recovery_source.h"
#include "dedupe/recovery_step_parts.h"
#include "proto/time_range.h"
#include "tests/sim/log_view.h"

namespace braid {
namespace {

using store::v1::StoredGap;
using store::v1::StoredJob;
using v1::RecoveryJob;
using v1::StreamNotice;

std::string SpanText(Interval span) {
  return absl::StrCat(UtcText(absl::FromUnixMicros(span.from)), " to ",
                      UtcText(absl::FromUnixMicros(span.until)));
}

Interval SpanOf(const StoredGap& gap) { return {gap.from_micros(), gap.until_micros()}; }

bool Overlap(Interval a, Interval b) { return a.from < b.until && b.from < a.until; }

bool IsAutomatic(const StoredJob& job) { return job.job().requester() == "automatic"; }

bool IsFailed(const StoredJob& job) {
  return job.job().state() == RecoveryJob::STATE_FAILED ||
         job.job().state() == RecoveryJob::STATE_CANCELLED;
}

uint64_t NumberOf(const std::string& resource) {
  uint64_t number = 0;
  std::vector<std::string> parts = absl::StrSplit(resource, '/');
  bool readable = absl::SimpleAtoi(parts.back(), &number);
  return readable ? number : 0;
}

}  // namespace

void RecoveryCheck::OnCommit(const std::vector<CommittedRecord>& records, const Core& core) {
  const auto& jobs = core.recovery().jobs();
  for (const CommittedRecord& record : records) {
    const StreamNotice& notice = record.record->notice();
    bool started = notice.type() == StreamNotice::TYPE_RECOVERY_STARTED;
    bool finished = notice.type() == StreamNotice::TYPE_RECOVERY_FINISHED;
    if (!started && !finished) continue;
    auto job = jobs.find(NumberOf(notice.resource()));
    if (job == jobs.end()) continue;
    started ? CheckStarted(job->second, core) : CheckFinished(job->second, core);
  }
  CheckSteps(core);
}

// X's share is counted where steps are planned, nothing is planned twice, and what
// is fetched is not forgotten meanwhile.
void RecoveryCheck::CheckSteps(const Core& core) {
  std::map<int, int> at_work;
  std::map<uint32_t, std::vector<Interval>> spans;
  for (const auto& [number, job] : core.recovery().jobs()) {
    if (IsEnded(job.job().state())) continue;
    for (const RecoveryJob::Step& step : job.job().steps()) {
      at_work[step.method()] += IsAtWork(step);
      if (!IsAtWork(step)) continue;
      spans[job.job().partition()].push_back(IntervalOf(step.range()));
      bool waits = core.held_back() < options_.hold_max;
      if (waits && core.floor() > ToTime(step.fetch_range().start_time())) {
        Fail(absl::StrCat("the floor is at ", UtcText(core.floor()), " and job ", number,
                          " fetches ", SpanText(IntervalOf(step.fetch_range()))));
      }
    }
  }
  for (const auto& [method, count] : at_work) {
    const RouteLimits* route = FindRoute(options_.policy, static_cast<RecoveryMethod>(method));
    if (route == nullptr || count <= route->jobs) continue;
    Fail(absl::StrCat(count, " steps by ", MethodWord(route->method), " at work at once"));
  }
  for (auto& [partition, all] : spans) {
    std::sort(all.begin(), all.end(),
              [](const Interval& a, const Interval& b) { return a.from < b.from; });
    for (size_t i = 1; i < all.size(); ++i) {
      if (Overlap(all[i - 1], all[i])) Fail("two steps at work for " + SpanText(all[i]));
    }
  }
}

void RecoveryCheck::CheckStarted(const StoredJob& job, const Core& core) {
  if (!IsAutomatic(job)) return;
  if (!options_.policy.automatic) Fail(absl::StrCat("job ", job.number(), " started by itself"));
  for (const auto& [number, other] : core.recovery().jobs()) {
    bool had_it = number < job.number() && IsFailed(other) &&
                  other.job().partition() == job.job().partition();
    if (!had_it) continue;
    for (const RecoveryJob::Step& step : job.job().steps()) {
      if (!Overlap(IntervalOf(step.range()), IntervalOf(other.job().range()))) continue;
      Fail(absl::StrCat("job ", job.number(), " does again what job ", number,
                        " failed at: ", SpanText(IntervalOf(step.range()))));
    }
  }
}

void RecoveryCheck::CheckFinished(const StoredJob& job, const Core& core) {
  if (job.job().state() != RecoveryJob::STATE_SUCCEEDED) return;
  for (const auto& [number, gap] : core.gaps().ledger().gaps()) {
    bool wanted = IsOpen(gap) && IsOfCover(gap) && gap.partition() == job.job().partition() &&
                  Overlap(SpanOf(gap), IntervalOf(job.job().range()));
    if (!wanted) continue;
    Fail(absl::StrCat("job ", job.number(), " succeeded and gap ", number,
                      " is open: ", SpanText(SpanOf(gap))));
  }
}

bool RecoveryCheck::IsExplained(const StoredGap& gap, const Core& core) const {
  // By hand only; and what may wait for midnight.
  if (!options_.policy.automatic || options_.policy.posts_per_day > 0) return true;
  if (absl::FromUnixMicros(gap.until_micros()) > healed_) return false;
  IntervalSet told;
  for (const auto& [number, job] : core.recovery().jobs()) {
    bool says_why = job.job().state() == RecoveryJob::STATE_CANCELLED ||
                    (job.job().state() == RecoveryJob::STATE_FAILED && !job.job().error().empty());
    bool is_its = says_why && job.job().partition() == gap.partition();
    if (is_its) told.Add(IntervalOf(job.job().range()));
  }
  return told.Covers(SpanOf(gap));
}

// Its steps are over, and what is left costs more than today's posts.
bool RecoveryCheck::MayWaitForMidnight(const StoredJob& job) const {
  const auto& steps = job.job().steps();
  return options_.policy.posts_per_day > 0 && std::all_of(steps.begin(), steps.end(), IsOver);
}

std::string RecoveryCheck::WhyNotSettled(const Core& core) const {
  for (const auto& [number, job] : core.recovery().jobs()) {
    if (IsEnded(job.job().state()) || MayWaitForMidnight(job)) continue;
    std::string text = absl::StrCat("job ", number, " has not ended:");
    for (const RecoveryJob::Step& step : job.job().steps()) {
      absl::StrAppend(&text, " [", step.number(), " ", RecoveryJob::State_Name(step.state()),
                      " attempts ", step.attempts(), " ", SpanText(IntervalOf(step.range())), " ",
                      step.error(), "]");
    }
    return text;
  }
  for (const auto& [number, gap] : core.gaps().ledger().gaps()) {
    if (!IsOpen(gap) || !IsOfCover(gap) || IsExplained(gap, core)) continue;
    return absl::StrCat("gap ", number, " of partition ", gap.partition(), " is open (",
                        v1::Gap::Kind_Name(gap.kind()), gap.growing() ? ", growing" : "", ") ",
                        SpanText(SpanOf(gap)), " and nothing says why");
  }
  return "";
}

absl::Duration RecoveryCheck::LeftToDo(const Core& core, int* pieces) const {
  absl::Duration left;
  for (const auto& [number, gap] : core.gaps().ledger().gaps()) {
    if (!IsOpen(gap) || !IsOfCover(gap)) continue;
    ++*pieces;
    left += absl::Microseconds(gap.until_micros() - gap.from_micros());
  }
  for (const auto& [number, job] : core.recovery().jobs()) {
    if (IsEnded(job.job().state())) continue;
    for (const RecoveryJob::Step& step : job.job().steps()) *pieces += IsOver(step) ? 0 : 1;
    Interval range = IntervalOf(job.job().range());
    left += absl::Microseconds(range.until - range.from);
  }
  return left;
}

void RecoveryCheck::CheckEnd(const Store& store, const Core& core, const RecoveryX& x,
                             Figures* figures) {
  absl::StatusOr<LogView> log = ReadLog(store);
  if (!log.ok()) return Fail(log.status().ToString());
  std::map<uint64_t, int> copies;
  for (const LogView::Event& event : log->events) {
    if (++copies[event.id] == 2) {
      Fail(absl::StrCat("post ", event.id, " stands twice in the log, the second at ",
                        event.sequence));
    }
  }
  CheckPosts(store, copies, x);
  CheckGaps(store, copies, x, figures);
  for (const auto& [number, job] : core.recovery().jobs()) {
    ++figures->jobs;
    figures->by_hand += !IsAutomatic(job);
    figures->succeeded += job.job().state() == RecoveryJob::STATE_SUCCEEDED;
    figures->failed += job.job().state() == RecoveryJob::STATE_FAILED;
    figures->cancelled += job.job().state() == RecoveryJob::STATE_CANCELLED;
  }
}

// Whoever vouches for a span has brought all of it that X kept.
void RecoveryCheck::CheckPosts(const Store& store, const std::map<uint64_t, int>& copies,
                               const RecoveryX& x) {
  auto spans = ReadCover(store, {0, INT64_MAX - kDayMicros});
  if (!spans.ok()) return Fail(spans.status().ToString());
  std::map<uint32_t, IntervalSet> covered;
  std::set<uint32_t> numbers;
  for (const auto& [name, number] : options_.partitions) numbers.insert(number);
  for (const auto& [key, intervals] : *spans) {
    auto connection = options_.partitions.find(key.first);
    if (connection != options_.partitions.end()) covered[connection->second].Add(intervals);
    for (uint32_t number : numbers) {
      if (key.first == RecoveryVoucher(number)) covered[number].Add(intervals);
    }
  }
  int shown = 0;
  for (const RecoveryX::Post& post : x.posts()) {
    bool is_vouched = covered[post.partition].Contains(absl::ToUnixMicros(post.created));
    bool is_kept = post.deleted == absl::InfiniteFuture();
    if (!is_vouched || !is_kept || copies.count(post.id) > 0 || ++shown > 3) continue;
    Fail(absl::StrCat("post ", post.id, " of ", UtcText(post.created), " in partition ",
                      post.partition, " is vouched for and not in the log"));
  }
}

void RecoveryCheck::CheckGaps(const Store& store, const std::map<uint64_t, int>& copies,
                              const RecoveryX& x, Figures* figures) {
  absl::Duration reach;
  for (const RouteLimits& route : options_.policy.routes) {
    bool asks = !route.off && route.jobs > 0 && route.window < absl::InfiniteDuration();
    if (asks && route.posts_per_request == 0) reach = std::max(reach, route.window);
  }
  reach = std::min(reach, options_.window);
  absl::Status scanned = store.Scan(
      Table::kCover, CoverGapKey(0), CoverGapKey(UINT64_MAX),
      [&](absl::string_view, absl::string_view value) {
        StoredGap gap;
        gap.ParseFromArray(value.data(), static_cast<int>(value.size()));
        if (!IsOfCover(gap) || gap.state() == v1::Gap::STATE_MERGED) return true;
        ++figures->gaps;
        figures->left_open += IsOpen(gap);
        figures->lost += gap.state() == v1::Gap::STATE_LOST;
        absl::Time close = absl::FromUnixMicros(gap.close_micros());
        absl::Duration age = close - absl::FromUnixMicros(gap.until_micros());
        if (gap.state() == v1::Gap::STATE_LOST && age < reach / 2) {
          Fail(absl::StrCat("gap ", gap.number(), " of ", SpanText(SpanOf(gap)),
                            " is given up after ", absl::FormatDuration(age)));
        }
        if (gap.state() != v1::Gap::STATE_RECOVERED) return true;
        ++figures->recovered;
        for (const RecoveryX::Post* post :
             x.PostsIn(gap.partition(), absl::FromUnixMicros(gap.from_micros()),
                       absl::FromUnixMicros(gap.until_micros()))) {
          if (post->deleted <= close || copies.count(post->id) > 0) continue;
          Fail(absl::StrCat("gap ", gap.number(), " is recovered by ", gap.recovered_by(),
                            " without post ", post->id, " of ", UtcText(post->created)));
          return true;
        }
        return true;
      });
  if (!scanned.ok()) Fail(scanned.ToString());
}

}  // namespace braid
