#include "tests/sim/checks.h"

#include <algorithm>
#include <set>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "dedupe/metering.h"
#include "dedupe/usage_keys.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

// Failures of one kind shown per run: the first ones tell the story.
constexpr size_t kShown = 3;

// X time on a host is at most this far from true time: the Date header has
// whole seconds, and a clock not yet anchored is corrected by the first answer.
constexpr absl::Duration kClockError = absl::Seconds(2);

// A line waits at most 5 ms in an open frame before it is in the spool; a
// power cut takes what was not synced: 20 ms between syncs and the disk's own
// delay, both far below a second.
absl::Duration GraceBefore(ProcessLife::End end) {
  if (end == ProcessLife::End::kDrained) return absl::ZeroDuration();
  return end == ProcessLife::End::kPowerCut ? absl::Seconds(1) : absl::Milliseconds(100);
}

std::string Show(absl::Time time) {
  return absl::FormatTime("%H:%M:%E3S", time, absl::UTCTimeZone());
}

struct LossSpan {
  std::string source;
  absl::Time from;
  absl::Time until;
  v1::Loss::Reason reason;
};

std::vector<LossSpan> LossesOf(const LogView& log) {
  std::vector<LossSpan> spans;
  for (const LogView::Record& other : log.others) {
    if (!other.record.has_loss()) continue;
    const v1::Loss& loss = other.record.loss();
    spans.push_back({other.record.source_id(), ToTime(loss.first_receive_time()) - kClockError,
                     ToTime(loss.last_receive_time()) + kClockError, loss.reason()});
  }
  return spans;
}

// A line handed over just before the world slept is received when it wakes.
absl::Time ReceivedBy(const Truth& truth, absl::Time handed) {
  absl::Time received = handed;
  for (const auto& [start, slept] : truth.sleeps) {
    if (handed <= start && start <= handed + absl::Seconds(1)) received += slept;
  }
  return received;
}

bool InLoss(const Truth& truth, const std::vector<LossSpan>& losses, const std::string& source,
            absl::Time time, bool of_lines) {
  absl::Time received = ReceivedBy(truth, time);
  return std::any_of(losses.begin(), losses.end(), [&](const LossSpan& span) {
    bool line = span.reason == v1::Loss::REASON_OVERSIZE_LINE ||
                span.reason == v1::Loss::REASON_UNPARSABLE_LINE ||
                span.reason == v1::Loss::REASON_CUT_LINE;
    return span.source == source && line == of_lines && span.from <= received && time <= span.until;
  });
}

absl::Duration AwakeBetween(const Truth& truth, absl::Time from, absl::Time until) {
  absl::Duration awake = until - from;
  for (const auto& [start, slept] : truth.sleeps) {
    if (from <= start && start < until) awake -= slept;
  }
  return awake;
}

bool LivedOn(const Truth& truth, const SimDelivery& delivery) {
  const ProcessLife& life = truth.lives[delivery.connector][delivery.incarnation];
  if (life.end_kind == ProcessLife::End::kAlive) return true;
  if (AwakeBetween(truth, delivery.time, life.end) <= GraceBefore(life.end_kind)) return false;
  const auto& losses = truth.spool_losses[delivery.connector];
  return std::none_of(losses.begin(), losses.end(),
                      [&](absl::Time lost) { return delivery.time <= lost; });
}

// By source: another connection's copy hides no loss.
std::map<std::string, std::unordered_set<uint64_t>> SightedBySource(const LogView& log) {
  std::map<std::string, std::unordered_set<uint64_t>> ids;
  for (const auto& sighting : log.sightings) ids[sighting.source].insert(sighting.id);
  return ids;
}

}  // namespace

std::string ShowMicros(int64_t micros) {
  return absl::FormatTime("%d %H:%M:%E3S", absl::FromUnixMicros(micros), absl::UTCTimeZone());
}

void CheckDelivered(const Truth& truth, const LogView& log, Failures* failures, uint64_t* excused) {
  std::map<std::string, std::unordered_set<uint64_t>> sighted = SightedBySource(log);
  std::vector<LossSpan> losses = LossesOf(log);
  size_t missing = 0;
  for (const SimDelivery& delivery : truth.x.deliveries()) {
    const std::string& source = truth.names[delivery.connector];
    if (sighted[source].count(delivery.id) != 0 || !LivedOn(truth, delivery)) continue;
    if (InLoss(truth, losses, source, delivery.time, false)) {
      ++*excused;
      continue;
    }
    if (++missing > kShown) continue;
    failures->push_back(absl::StrCat("lost: post ", delivery.id, " was handed to ", source,
                                     " (life ", delivery.incarnation, ") at ",
                                     Show(delivery.time)));
  }
  if (missing > kShown) failures->push_back(absl::StrCat("lost: ", missing, " posts in all"));
}

void CheckGenuine(const Truth& truth, const LogView& log, Failures* failures) {
  std::unordered_set<uint64_t> created;
  for (const SimPost& post : truth.x.posts()) created.insert(post.id);
  std::unordered_set<uint64_t> seen;
  Failures found;
  for (const LogView::Event& event : log.events) {
    if (!seen.insert(event.id).second) found.push_back(absl::StrCat("twice: post ", event.id));
    if (created.count(event.id) == 0) {
      found.push_back(absl::StrCat("never sent: post ", event.id));
    } else if (event.line_hash != Hash64(SimX::LineOf(event.id))) {
      found.push_back(absl::StrCat("changed: the bytes of post ", event.id));
    }
  }
  if (found.size() > kShown) found.resize(kShown);
  failures->insert(failures->end(), found.begin(), found.end());
}

void CheckCovers(const Truth& truth, const LogView& log, Failures* failures, uint64_t* covers,
                 uint64_t* backfill_covers) {
  std::vector<SimPost> posts = truth.x.posts();
  std::sort(posts.begin(), posts.end(),
            [](const SimPost& a, const SimPost& b) { return a.create_time < b.create_time; });
  // By source: a cover speaks of what this one source was sent.
  std::map<std::string, std::unordered_set<uint64_t>> standing;
  std::map<std::string, int> number_of;
  for (size_t i = 0; i < truth.names.size(); ++i) number_of[truth.names[i]] = static_cast<int>(i);
  size_t next = 0;
  size_t unsound = 0;
  for (const LogView::Record& other : log.others) {
    for (; next < other.sightings_before; ++next) {
      standing[log.sightings[next].source].insert(log.sightings[next].id);
    }
    if (!other.record.has_cover()) continue;
    ++*covers;
    *backfill_covers += other.record.cover().origin() == v1::EVENT_ORIGIN_BACKFILL;
    const v1::TimeRange& range = other.record.cover().create_time_range();
    absl::Time until = ToTime(range.end_time());
    auto post = std::lower_bound(posts.begin(), posts.end(), ToTime(range.start_time()),
                                 [](const SimPost& p, absl::Time t) { return p.create_time < t; });
    for (; post != posts.end() && post->create_time < until; ++post) {
      const auto& seen = standing[other.record.source_id()];
      if (seen.count(post->id) != 0) continue;
      // What X withholds nobody can vouch against.
      if (truth.x.broke_promise(number_of[other.record.source_id()], post->id)) continue;
      if (++unsound > kShown) continue;
      failures->push_back(absl::StrCat("unsound cover: ", other.record.source_id(), " vouched for ",
                                       Show(ToTime(range.start_time())), " to ", Show(until),
                                       " but post ", post->id, " created ", Show(post->create_time),
                                       " is not before it"));
    }
  }
}

void CheckDamage(const Truth& truth, const LogView& log, Failures* failures) {
  std::set<std::string> hurt;
  for (size_t i = 0; i < truth.names.size(); ++i) {
    for (const ProcessLife& life : truth.lives[i]) {
      bool whole = life.end_kind != ProcessLife::End::kPowerCut &&
                   life.end_kind != ProcessLife::End::kSpoolLost;
      if (!whole) hurt.insert(truth.names[i]);
    }
  }
  for (const LossSpan& loss : LossesOf(log)) {
    if (loss.reason != v1::Loss::REASON_SPOOL_CORRUPT || hurt.count(loss.source) != 0) continue;
    failures->push_back(absl::StrCat("damage that was none: ", loss.source, " reports a loss from ",
                                     Show(loss.from), " to ", Show(loss.until)));
    return;
  }
}

void CheckLosses(const Truth& truth, const LogView& log, Failures* failures) {
  std::vector<LossSpan> losses = LossesOf(log);
  size_t silent = 0;
  for (const SimDelivery& bad : truth.x.bad_lines()) {
    if (!LivedOn(truth, bad)) continue;
    const std::string& source = truth.names[bad.connector];
    // Its loss record can itself be lost with the spool.
    if (InLoss(truth, losses, source, bad.time, true) ||
        InLoss(truth, losses, source, bad.time, false)) {
      continue;
    }
    if (++silent > kShown) continue;
    failures->push_back(
        absl::StrCat("silent loss: ", source, " (life ", bad.incarnation, " that ended as ",
                     static_cast<int>(truth.lives[bad.connector][bad.incarnation].end_kind), " at ",
                     Show(truth.lives[bad.connector][bad.incarnation].end), ") dropped a line at ",
                     Show(bad.time), " and no loss holds that time"));
  }
}

// A restored copy has both as they were together, and what is offered again
// moves both; a damaged record is damaged on its way to a reader.
void CheckMetering(const Store& store, const LogView& log, bool clock_behind, Failures* failures) {
  std::set<int32_t> days;
  for (const auto& [day, posts] : log.billed) days.insert(day);
  absl::Status scanned = store.Scan(Table::kUsage, UsageKey(kUsageDay), UsageKey(kUsageDay + 1),
                                    [&](absl::string_view key, absl::string_view) {
                                      days.insert(UsageKeyDay(key));
                                      return true;
                                    });
  if (!scanned.ok()) failures->push_back(scanned.ToString());
  uint64_t metered_in_all = 0, delivered_in_all = 0;
  for (int32_t day : days) {
    absl::StatusOr<store::v1::UsageCounts> counts = ReadUsage(store, day);
    if (!counts.ok()) {
      failures->push_back(counts.status().ToString());
      continue;
    }
    auto billed = log.billed.find(day);
    auto delivered = log.deliveries.find(day);
    uint64_t posts = billed == log.billed.end() ? 0 : billed->second.size();
    uint64_t deliveries = delivered == log.deliveries.end() ? 0 : delivered->second;
    metered_in_all += counts->deliveries();
    delivered_in_all += deliveries;
    if (clock_behind || (counts->posts() == posts && counts->deliveries() == deliveries)) continue;
    failures->push_back(absl::StrCat("day ", day, ": metered ", counts->posts(), " posts of ",
                                     counts->deliveries(), " deliveries, X bills ", posts, " of ",
                                     deliveries));
  }
  if (metered_in_all != delivered_in_all) {
    failures->push_back(
        absl::StrCat("metered ", metered_in_all, " deliveries of ", delivered_in_all));
  }
}

}  // namespace braid
