#include "tests/sim/gap_bounds.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <unordered_set>

#include "absl/strings/str_cat.h"
#include "base/interval_set.h"
#include "base/once_a_day.h"
#include "dedupe/gap_ledger.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

using store::v1::StoredGap;
using v1::StreamNotice;

// From when nobody can bring it to the word.
constexpr absl::Duration kTold = absl::Seconds(5);
// docs/decisions/0016: for how long who is away, or says nothing, is waited for.
constexpr absl::Duration kPatience = absl::Minutes(2);
// The once-a-day silence is at least that long.
constexpr absl::Duration kSilenceMin = absl::Seconds(10);
// Two heartbeats; the margin of the headers.
constexpr absl::Duration kHeartbeats = absl::Seconds(40);
constexpr absl::Duration kHead = absl::Seconds(2);
// Of what is closed and opened: rounding.
constexpr int64_t kTouchMicros = 1000;

int64_t Micros(const google::protobuf::Timestamp& time) { return absl::ToUnixMicros(ToTime(time)); }

// Not a suspicion, not what comparing found, not a part of a known one.
bool IsFoundByCover(const v1::Gap& gap) {
  return gap.kind() != v1::Gap::KIND_ONE_SIDED && gap.kind() != v1::Gap::KIND_VOLUME_DROP &&
         gap.parent().empty();
}

// What each connection has said up to a tick: written from docs/decisions/0016,
// not from the code.
class Speakers {
 public:
  void OnCover(const std::string& source, const v1::Cover& cover) {
    Speaker& speaker = speakers_[source];
    int64_t until = Micros(cover.create_time_range().end_time());
    if (until <= speaker.passed) return;
    speaker.passed = until;
    speaker.moved = clock_;
  }

  // What its spool had to drop, or could not read, cuts covers that come later
  // out of the log: it passes what only the deduper has heard.
  void OnLoss(const std::string& source, const v1::Loss& loss) {
    if (loss.offsets() == 0) return;
    speakers_[source].is_cut = true;
    speakers_[source].moved = clock_;
  }

  void OnTick(const store::v1::Tick& tick) {
    if (!tick.first_after_start()) clock_ += absl::Microseconds(tick.elapsed_micros());
    for (const std::string& source : tick.sources()) speakers_[source];
    std::map<std::string, const store::v1::Tick::Attention*> here;
    for (const auto& attention : tick.attention()) here[attention.source_id()] = &attention;
    for (auto& [source, speaker] : speakers_) {
      auto it = here.find(source);
      if (it == here.end() || tick.first_after_start()) {
        if (speaker.is_here || !speaker.was_here) speaker.away_since = clock_;
        speaker.is_here = speaker.receives = false;
        speaker.was_here = true;
        continue;
      }
      bool receives = it->second->receiving();
      if (!speaker.is_here || (receives && !speaker.receives)) speaker.moved = clock_;
      speaker.is_here = speaker.was_here = true;
      speaker.receives = receives;
      speaker.is_idle = it->second->drained() && !receives;
    }
  }

  absl::Duration clock() const { return clock_; }

  // Nobody can bring what was created before; a pause of `silence` is usual.
  int64_t KnownUntil(absl::Duration silence) const {
    int64_t until = INT64_MAX;
    // Before the first word nothing is said to be there.
    bool began = std::any_of(speakers_.begin(), speakers_.end(),
                             [](const auto& speaker) { return speaker.second.passed > 0; });
    if (!began) return 0;
    for (const auto& [source, speaker] : speakers_) {
      absl::Duration stands = clock_ - (speaker.is_here ? speaker.moved : speaker.away_since);
      absl::Duration waits = speaker.is_here ? std::max(kPatience, silence) : kPatience;
      bool has_passed = speaker.passed > 0 || speaker.is_cut;
      if (speaker.is_idle || !has_passed || stands >= waits) continue;
      until = std::min(until, speaker.passed);
    }
    return until;
  }

 private:
  struct Speaker {
    int64_t passed = 0;
    absl::Duration moved;
    absl::Duration away_since;
    bool is_here = false;
    bool was_here = false;
    bool receives = false;
    bool is_idle = false;
    bool is_cut = false;
  };
  std::map<std::string, Speaker> speakers_;
  // Time that the deduper ran.
  absl::Duration clock_;
};

// How often new events come, as far as a tick has seen, without what comes out of
// a backlog; what is an hour of receiving old counts a third.
class UsualPace {
 public:
  void OnTick(const LogView::Tick& tick, int64_t present) {
    uint64_t events = 0;
    for (const LogView::Arrival& arrival : tick.arrivals) {
      bool counts = arrival.received_micros >= counted_from_ &&
                    absl::Microseconds(present - arrival.received_micros) <= kBacklog;
      if (counts) events += arrival.count;
    }
    bool receives = std::any_of(tick.tick.attention().begin(), tick.tick.attention().end(),
                                [](const auto& attention) { return attention.receiving(); });
    if (tick.tick.first_after_start() || !receives) {
      counted_from_ = present;
      return;
    }
    pause_ += static_cast<double>(tick.tick.elapsed_micros()) / 1e6;
    if (events == 0) return;
    double kept = std::exp(-pause_ / kSeconds);
    events_ = events_ * kept + static_cast<double>(events);
    seconds_ = seconds_ * kept + pause_;
    pause_ = 0;
  }

  absl::Duration silence() const {
    return OnceADaySilence(events_ / std::max(1.0, seconds_), kSilenceMin);
  }

 private:
  static constexpr absl::Duration kBacklog = absl::Seconds(30);
  static constexpr double kSeconds = 3600;
  double events_ = 0;
  double seconds_ = 0;
  double pause_ = 0;
  int64_t counted_from_ = 0;
};

// When a span was first known to be missing, by the time that the deduper ran.
class KnownTimes {
 public:
  explicit KnownTimes(const LogView& log) {
    Speakers speakers;
    UsualPace pace;
    int64_t present = 0;
    auto tick = log.ticks.begin();
    auto take_ticks = [&](size_t others) {
      for (; tick != log.ticks.end() && tick->others_before <= others; ++tick) {
        speakers.OnTick(tick->tick);
        // X's present is the latest receipt and what has passed since; before the
        // first one it is the deduper's own time.
        bool hears = tick->received_micros > 0;
        present = std::max(present + tick->tick.elapsed_micros(), tick->received_micros);
        int64_t now = hears ? present : tick->admission_micros;
        if (!hears) present = 0;
        pace.OnTick(*tick, present);
        Add(speakers.clock(), std::min(now, speakers.KnownUntil(pace.silence())));
      }
    };
    for (size_t i = 0; i < log.others.size(); ++i) {
      take_ticks(i);
      written_.push_back(speakers.clock());
      const store::v1::LogRecord& record = log.others[i].record;
      if (record.has_cover()) speakers.OnCover(record.source_id(), record.cover());
      if (record.has_loss()) speakers.OnLoss(record.source_id(), record.loss());
    }
    take_ticks(log.others.size());
  }

  // The maximum where it never was.
  absl::Duration Of(int64_t micros) const {
    auto it = first_.upper_bound(micros);
    return it == first_.end() ? absl::InfiniteDuration() : it->second;
  }
  // Of log.others.
  absl::Duration WrittenAt(size_t index) const { return written_[index]; }

 private:
  void Add(absl::Duration at, int64_t known_until) {
    if (!first_.empty() && first_.rbegin()->first >= known_until) return;
    first_[known_until] = at;
  }

  // What was created before → when that was first known of all of it.
  std::map<int64_t, absl::Duration> first_;
  std::vector<absl::Duration> written_;
};

}  // namespace

void GapBoundFigures::Add(const GapBoundFigures& other) {
  told += other.told;
  measured += other.measured;
  beyond_plain += other.beyond_plain;
  told_after_max = std::max(told_after_max, other.told_after_max);
  noticed_after_max = std::max(noticed_after_max, other.noticed_after_max);
  beyond_plain_max = std::max(beyond_plain_max, other.beyond_plain_max);
}

void CheckTolds(const LogView& log, Failures* failures, GapBoundFigures* figures) {
  KnownTimes known(log);
  for (size_t i = 0; i < log.others.size(); ++i) {
    const store::v1::LogRecord& record = log.others[i].record;
    const StreamNotice& notice = record.notice();
    bool opens = record.has_notice() && notice.type() == StreamNotice::TYPE_GAP_OPENED;
    if (!opens || !IsFoundByCover(notice.gap())) continue;
    int64_t from = Micros(notice.gap().range().start_time());
    ++figures->told;
    figures->noticed_after_max = std::max(figures->noticed_after_max,
                                          absl::Microseconds(record.admission_micros() - from));
    absl::Duration since = known.Of(from);
    if (since == absl::InfiniteDuration()) continue;
    absl::Duration after = known.WrittenAt(i) - since;
    figures->told_after_max = std::max(figures->told_after_max, after);
    if (after <= kTold) continue;
    failures->push_back(absl::StrCat("told late: ", notice.gap().name(), " from ", ShowMicros(from),
                                     " was told at ", ShowMicros(record.admission_micros()), ", ",
                                     absl::FormatDuration(after), " after it was known"));
    return;
  }
}

namespace {

// Creation times between two posts that a connection brought live, both of
// them, one after the other as X made them.
class Feeds {
 public:
  Feeds(const Truth& truth, const LogView& log, absl::Duration slack) : slack_(slack) {
    for (const SimPost& post : truth.x.posts()) {
      if (post.publish_time == post.create_time) posts_.push_back(post);
    }
    std::map<std::string, std::unordered_set<uint64_t>> live;
    for (const LogView::Sighting& sighting : log.sightings) {
      if (sighting.is_live) live[sighting.source].insert(sighting.id);
    }
    for (const auto& [source, ids] : live) fed_.Add(FedBy(source, ids, log));
    for (size_t i = 1; i < posts_.size(); ++i) {
      if (absl::Microseconds(At(i) - At(i - 1)) <= kSilenceMin) continue;
      // Cover ends a slack before it.
      silent_.Add({At(i - 1) - absl::ToInt64Microseconds(slack_ + kHead),
                   At(i) + absl::ToInt64Microseconds(kHead)});
    }
  }

  // What nobody brought; silences of X, and what they cost.
  absl::Duration Missing(Interval span) const {
    absl::Duration sum;
    for (const Interval& part : fed_.Missing(span)) {
      sum += absl::Microseconds(part.until - part.from);
    }
    return sum;
  }
  absl::Duration Silent(Interval span) const { return absl::Microseconds(silent_.Measure(span)); }

 private:
  int64_t At(size_t i) const { return absl::ToUnixMicros(posts_[i].create_time); }

  IntervalSet FedBy(const std::string& source, const std::unordered_set<uint64_t>& ids,
                    const LogView& log) const {
    IntervalSet fed;
    for (size_t i = 1; i < posts_.size(); ++i) {
      if (ids.count(posts_[i - 1].id) > 0 && ids.count(posts_[i].id) > 0) {
        fed.Add({At(i - 1), At(i)});
      }
    }
    // What came just before a lost line may be of its time.
    for (const LogView::Record& other : log.others) {
      if (!other.record.has_loss() || other.record.source_id() != source) continue;
      const v1::Loss& loss = other.record.loss();
      if (!loss.has_last_receive_time()) continue;
      fed.Subtract({Micros(loss.first_receive_time()) - absl::ToInt64Microseconds(slack_),
                    Micros(loss.last_receive_time())});
    }
    return fed;
  }

  const absl::Duration slack_;
  std::vector<SimPost> posts_;
  IntervalSet fed_;
  IntervalSet silent_;
};

// The longest that a connection allowed for.
absl::Duration SlackOf(const LogView& log) {
  absl::Duration slack;
  for (const LogView::Record& other : log.others) {
    slack = std::max(slack, ToDuration(other.record.cover().slack()));
  }
  return slack;
}

// When connections ended, by whatever.
std::vector<int64_t> Ends(const LogView& log) {
  std::vector<int64_t> ends;
  for (const LogView::Record& other : log.others) {
    const store::v1::LogRecord& record = other.record;
    if (record.has_opened()) ends.push_back(record.admission_micros());
    const v1::ConnectionEvent& event = record.connection_event();
    bool ended = record.has_connection_event() && !event.cause().empty() &&
                 event.state() != v1::ConnectionReport::STATE_RECEIVING;
    if (ended) {
      ends.push_back(Micros(event.event_time()));
    }
  }
  std::sort(ends.begin(), ends.end());
  return ends;
}

// What nobody may vouch for since a connector stood still, and as long again
// (ingest/cover.h, standstill_min).
IntervalSet Standstills(const Truth& truth) {
  IntervalSet set;
  for (const auto& [start, duration] : truth.standstills) {
    set.Add({absl::ToUnixMicros(start), absl::ToUnixMicros(start + 2 * duration)});
  }
  return set;
}

// It was opened because a source was not heard for longer than it is waited for,
// and closed by what that source still held.
bool IsOfAnUnheardSource(const StoredGap& gap, const LogView& log) {
  if (gap.state() != v1::Gap::STATE_RECOVERED) return false;
  std::map<std::string, int64_t> heard;
  for (const LogView::Record& other : log.others) {
    const store::v1::LogRecord& record = other.record;
    if (record.source_id().empty()) continue;
    const int64_t micros = record.admission_micros();
    int64_t& before = heard.emplace(record.source_id(), micros).first->second;
    const bool spans_it = before < gap.detect_micros() && gap.detect_micros() < micros;
    if (spans_it && absl::Microseconds(micros - before) >= kPatience) return true;
    before = micros;
  }
  return false;
}

}  // namespace

void CheckReportedTime(const Truth& truth, const LogView& log, const std::vector<StoredGap>& ledger,
                       Failures* failures, GapBoundFigures* figures) {
  if (ledger.empty()) return;
  absl::Duration slack = SlackOf(log);
  Feeds feeds(truth, log, slack);
  std::vector<int64_t> ends = Ends(log);
  const IntervalSet standstills = Standstills(truth);
  absl::Duration each = kHeartbeats + slack + kHead;
  for (const StoredGap& gap : ledger) {
    bool is_measured = IsOfCover(gap) && gap.state() != v1::Gap::STATE_MERGED &&
                       gap.kind() != v1::Gap::KIND_ONE_SIDED && gap.kind() != v1::Gap::KIND_PAUSED;
    if (!is_measured || IsOfAnUnheardSource(gap, log)) continue;
    ++figures->measured;
    Interval span{gap.from_micros(), gap.until_micros()};
    int64_t margin = absl::ToInt64Microseconds(slack + kHead);
    Interval near{span.from - margin, span.until + margin};
    absl::Duration reported = absl::Microseconds(span.until - span.from);
    absl::Duration missing = feeds.Missing(span);
    absl::Duration plain = 2 * missing + each;
    auto count = std::upper_bound(ends.begin(), ends.end(), near.until) -
                 std::lower_bound(ends.begin(), ends.end(), near.from);
    absl::Duration stood = absl::Microseconds(standstills.Measure(near));
    absl::Duration bound =
        2 * missing + feeds.Silent(near) + stood + each * std::max<int64_t>(1, count);
    if (reported > plain) {
      ++figures->beyond_plain;
      figures->beyond_plain_max = std::max(figures->beyond_plain_max, reported - plain);
    }
    if (reported <= bound) continue;
    failures->push_back(absl::StrCat(
        "reported too much: gap ", gap.number(), ", ", ShowMicros(span.from), " to ",
        ShowMicros(span.until), ", though ", absl::FormatDuration(missing), " are missing, ",
        absl::FormatDuration(feeds.Silent(near)), " were silent, ", absl::FormatDuration(stood),
        " were of standstills and connections ended ", count, " times"));
    return;
  }
}

void CheckReopened(const LogView& log, Failures* failures) {
  IntervalSet closed;
  for (const LogView::Record& other : log.others) {
    const StreamNotice& notice = other.record.notice();
    if (!other.record.has_notice() || !notice.has_gap() || !IsFoundByCover(notice.gap())) continue;
    Interval span{Micros(notice.gap().range().start_time()),
                  Micros(notice.gap().range().end_time())};
    bool closes = notice.type() == StreamNotice::TYPE_GAP_RECOVERED ||
                  notice.type() == StreamNotice::TYPE_GAP_LOST ||
                  notice.type() == StreamNotice::TYPE_GAP_WAIVED;
    if (closes) closed.Add(span);
    if (notice.type() != StreamNotice::TYPE_GAP_OPENED) continue;
    if (!notice.gap().range().has_end_time()) span.until = span.from + 1;
    if (closed.Measure(span) <= kTouchMicros) continue;
    failures->push_back(absl::StrCat("opened again: ", notice.gap().name(), ", ",
                                     ShowMicros(span.from), " to ", ShowMicros(span.until),
                                     ", was closed before"));
    return;
  }
}

}  // namespace braid
