#include "dedupe/gap_watch.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/once_a_day.h"
#include "base/utc_text.h"
#include "dedupe/cover_keys.h"
#include "dedupe/frame_parts.h"
#include "dedupe/gap_text.h"
#include "dedupe/keys.h"
#include "dedupe/minute_book.h"
#include "dedupe/recovery_source.h"
#include "proto/proto_time.h"
#include "proto/recovery_terms.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

using store::v1::GapState;
using store::v1::StoredGap;
using v1::Gap;
using v1::StreamNotice;

// As long as the connectors' own estimate of the usual rate reaches back.
constexpr double kRateSeconds = 3600;
// What was received longer ago is a backlog: no connection, its spool or the way
// here is late by so much while all is well.
constexpr absl::Duration kBacklogAge = absl::Seconds(30);
// As the connectors' covers count a silence.
constexpr absl::Duration kSilenceMin = absl::Seconds(10);
// Hosts' clocks are off by less; what is received later than that is a backlog.
constexpr absl::Duration kClockErrorMax = absl::Minutes(1);
// A connection that stays vouches from 2 s after its headers on (ingest/cover.h,
// head_margin); one that vouches later has lost what came before.
constexpr absl::Duration kBeginMargin = absl::Seconds(3);
// Old rows are looked for this often, by the clock of ticks.
constexpr int64_t kExpireMicros = kMinuteMicros * 10;

std::string CoverStateKey() { return std::string(1, kCoverState); }

int64_t UntilOf(const GapState::Mark& mark) {
  return mark.until_micros() == 0 ? std::numeric_limits<int64_t>::max() : mark.until_micros();
}

std::string RouteWord(v1::EventOrigin origin) {
  switch (origin) {
    case v1::EVENT_ORIGIN_RECOVERY:
      return "recovery";
    case v1::EVENT_ORIGIN_BACKFILL:
      return "backfill";
    default:
      // What a connection had received in time and could not hand over.
      return "spool";
  }
}

}  // namespace

GapWatch::GapWatch(const Store& store, const Options& options)
    : options_(options),
      store_(store),
      cover_(store),
      ledger_(store, options.ledger),
      lives_(options.lives),
      leaks_(store, options.leaks, cover_, lives_, &ledger_),
      silence_(OnceADaySilence(0, kSilenceMin)) {}

absl::Status GapWatch::Load() {
  absl::StatusOr<std::string> bytes = store_.Get(Table::kCover, CoverStateKey());
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  if (!state_.ParseFromString(*bytes)) return absl::DataLossError("gap state can not be read");
  state_bytes_ = *std::move(bytes);
  lives_.Load(state_);
  ledger_.set_last_number(state_.last_number());
  int64_t lowest = std::numeric_limits<int64_t>::max();
  for (const GapState::Partition& partition : state_.partitions()) {
    watermarks_[partition.number()] = partition.watermark_micros();
    lowest = std::min(lowest, partition.watermark_micros());
  }
  if (watermarks_.empty()) lowest = 0;
  absl::Status status = ledger_.Load(lowest);
  if (!status.ok()) return status;
  silence_ = OnceADaySilence(usual_rate(), kSilenceMin);
  if (!watermarks_.empty()) {
    watermark_micros_ = std::numeric_limits<int64_t>::max();
    for (const auto& [number, micros] : watermarks_) {
      watermark_micros_ = std::min(watermark_micros_, micros);
    }
  }
  status = cover_.Load(state_.forget_micros());
  return status.ok() ? leaks_.Load() : status;
}

double GapWatch::usual_rate() const {
  const GapState::Rate& rate = state_.rate();
  // A burst right after a start is no rate.
  return rate.events() / std::max(1.0, rate.seconds());
}

absl::Status GapWatch::OnCover(const std::string& source_id, const v1::Cover& vouched,
                               bool any_left, int64_t said_until_micros, WriteSet* changes) {
  if (any_left) {
    Interval span{absl::ToUnixMicros(ToTime(vouched.create_time_range().start_time())),
                  absl::ToUnixMicros(ToTime(vouched.create_time_range().end_time()))};
    span.from = std::max<int64_t>(0, span.from);
    if (!span.empty()) {
      bool is_recovery = IsRecoverySource(source_id);
      absl::Status added =
          cover_.Add(is_recovery ? RecoveryVoucher(vouched.partition()) : source_id,
                     vouched.origin(), span, changes);
      if (!added.ok() || is_recovery) return added;
      lives_.OnVouched(source_id, span.from, span.until);
      if (state_.base_micros() == 0) Begin(span.from);
    }
  }
  leaks_.OnCover(source_id, vouched);
  lives_.OnPassed(source_id, said_until_micros, state_.clock_micros());
  for (GapState::Mark& mark : *state_.mutable_marks()) {
    if (mark.source_id() != source_id || mark.until_micros() > 0) continue;
    mark.set_until_micros(std::max(mark.from_micros() + 1, lives_.PassedUntil(source_id)));
  }
  return absl::OkStatus();
}

// What was lost while nobody vouched for anything yet is a hole as any other.
void GapWatch::Begin(int64_t vouched_from_micros) {
  int64_t from = vouched_from_micros;
  if (state_.begun_micros() > 0) {
    from = std::min(from, state_.begun_micros() + absl::ToInt64Microseconds(kBeginMargin));
  }
  state_.set_base_micros(std::max<int64_t>(1, from));
  state_.clear_begun_micros();
}

GapState::Mark* GapWatch::AddMark(const std::string& source_id, Gap::Kind kind,
                                  const std::string& text) {
  GapState::Mark* mark = state_.add_marks();
  mark->set_source_id(source_id);
  mark->set_kind(kind);
  mark->set_from_micros(lives_.PassedUntil(source_id));
  mark->set_text(text);
  return mark;
}

void GapWatch::OnMissing(const std::string& source_id) {
  // What a recoverer does not hand over is fetched again.
  if (IsRecoverySource(source_id)) return;
  AddMark(source_id, Gap::KIND_FORWARDING_LOSS,
          "its spool no longer has what it did not hand over");
}

void GapWatch::OnLoss(const std::string& source_id, const v1::Loss& loss) {
  // A line that its connection's end cut in two belongs to what the connection
  // missed then.
  if (loss.reason() == v1::Loss::REASON_CUT_LINE || !loss.has_last_receive_time()) return;
  if (IsRecoverySource(source_id)) return;
  std::string reason = v1::Loss::Reason_Name(loss.reason());
  GapState::Mark* mark =
      AddMark(source_id, Gap::KIND_FORWARDING_LOSS,
              absl::StrCat("lost lines: ", reason.substr(sizeof("REASON_") - 1)));
  // What was received in its last millisecond may have been created in it.
  mark->set_until_micros(absl::ToUnixMicros(ToTime(loss.last_receive_time())) + 1000);
}

void GapWatch::OnConnectionEvent(const std::string& source_id,
                                 const v1::ConnectionEvent& event) {
  lives_.OnConnectionEvent(source_id, event);
  // X's word for it in the old dialects, and in v2.
  if (event.cause() != "full_buffer" && event.cause() != "slow_reader") return;
  AddMark(source_id, Gap::KIND_BUFFER_DISCARDED,
          "X cut the connection and threw its buffer away")
      ->set_until_micros(absl::ToUnixMicros(ToTime(event.event_time())));
}

// With one source the core's time is the host's, which may be ahead of X's:
// what was not yet sent would be missing.
void GapWatch::NoteAhead(const v1::Frame& frame, absl::Time now) {
  int count = FrameEventCount(frame);
  if (count == 0) return;
  absl::Duration ahead = now - FrameReceiveTime(frame, count - 1);
  // Of a backlog that drains it says nothing.
  if (ahead < -kClockErrorMax || ahead > kClockErrorMax) return;
  GapState::Ahead* state = state_.mutable_ahead();
  int64_t micros = absl::ToInt64Microseconds(ahead);
  if (state->has_current_micros()) micros = std::min(micros, state->current_micros());
  state->set_current_micros(micros);
}

void GapWatch::OnNowMoved(int64_t by_micros) {
  GapState::Ahead* state = state_.mutable_ahead();
  // Of so wrong a clock nothing was noted: what is known is of before.
  bool known = absl::Microseconds(std::abs(by_micros)) <= kClockErrorMax;
  if (!known) return state->Clear();
  if (state->has_current_micros()) state->set_current_micros(state->current_micros() + by_micros);
  if (state->has_previous_micros()) {
    state->set_previous_micros(state->previous_micros() + by_micros);
  }
}

void GapWatch::NoteBeginning(const v1::Frame& frame) {
  if (FrameEventCount(frame) == 0) return;
  const int64_t received = FrameReceiveMicros(frame, 0);
  const int64_t begun = state_.begun_micros();
  if (begun == 0 || received < begun) state_.set_begun_micros(received);
}

// A clock that is set right is believed within two spans; while nothing is
// received, what was known holds.
void GapWatch::NextAhead() {
  GapState::Ahead* state = state_.mutable_ahead();
  if (!state->has_current_micros()) return;
  state->set_previous_micros(state->current_micros());
  state->clear_current_micros();
}

int64_t GapWatch::Present(absl::Time now) const {
  const GapState::Ahead& state = state_.ahead();
  absl::optional<int64_t> ahead;
  if (state.has_current_micros()) ahead = state.current_micros();
  if (state.has_previous_micros()) {
    ahead = std::min(ahead.value_or(state.previous_micros()), state.previous_micros());
  }
  return absl::ToUnixMicros(now) - ahead.value_or(0);
}

void GapWatch::OnFrame(const std::string& source_id, const v1::Frame& frame,
                       absl::string_view is_new, uint64_t first_sequence,
                       int64_t admission_micros, absl::Time now) {
  leaks_.OnFrame(source_id, frame, is_new, first_sequence, admission_micros);
  bool is_live = frame.origin() == v1::EVENT_ORIGIN_LIVE;
  if (is_live) NoteAhead(frame, now);
  if (is_live && state_.base_micros() == 0) NoteBeginning(frame);
  if (!is_live && ledger_.open_count() == 0) return;
  uint64_t sequence = first_sequence;
  for (int i = 0, count = FrameEventCount(frame); i < count; ++i) {
    if (!HasBit(is_new, i)) continue;
    uint64_t at = sequence++;
    if (ledger_.open_count() == 0) continue;
    uint64_t time = WindowKeyTime(FrameWindowKey(frame, i));
    ledger_.OnMerged(absl::ToUnixMicros(SnowflakeTime(time)), at);
  }
  uint64_t added = sequence - first_sequence;
  if (!is_live || added == 0) return;
  // The backlog of a connection that was away from here comes as fast as it can.
  const int64_t received = FrameReceiveMicros(frame, 0);
  int64_t age_micros = Present(now) - received;
  if (age_micros > absl::ToInt64Microseconds(kBacklogAge) || received < state_.rate().from_micros()) return;
  state_.mutable_rate()->set_new_events(state_.rate().new_events() + added);
}

void GapWatch::MeasureRate(const store::v1::Tick& tick, absl::Time now) {
  uint64_t events = state_.rate().new_events();
  state_.mutable_rate()->set_new_events(0);
  bool receives = std::any_of(tick.attention().begin(), tick.attention().end(),
                              [](const auto& attention) { return attention.receiving(); });
  if (tick.first_after_start() || !receives) {
    // What was received in time that does not count comes later, at once.
    state_.mutable_rate()->set_from_micros(Present(now));
    return;
  }
  GapState::Rate* rate = state_.mutable_rate();
  rate->set_pause_seconds(rate->pause_seconds() + static_cast<double>(tick.elapsed_micros()) / 1e6);
  if (events == 0) return;
  double kept = std::exp(-rate->pause_seconds() / kRateSeconds);
  rate->set_events(rate->events() * kept + static_cast<double>(events));
  rate->set_seconds(rate->seconds() * kept + rate->pause_seconds());
  rate->set_pause_seconds(0);
  silence_ = OnceADaySilence(usual_rate(), kSilenceMin);
}

void GapWatch::NotePause(bool paused, int64_t now_micros) {
  bool lasts = !state_.pauses().empty() && state_.pauses().rbegin()->until_micros() == 0;
  if (paused == lasts) return;
  if (!paused) {
    state_.mutable_pauses()->rbegin()->set_until_micros(
        now_micros + absl::ToInt64Microseconds(options_.resume_grace));
    return;
  }
  // What was received when it began was vouched for up to a slack ago: the rest
  // is missing because of the pause.
  int64_t from = now_micros;
  for (uint32_t partition : lives_.partitions()) {
    int64_t received = lives_.ReceivedUntil(partition);
    if (received > 0) from = std::min(from, received);
  }
  GapState::Pause* pause = state_.add_pauses();
  pause->set_from_micros(from);
}

IntervalSet GapWatch::PausesOf(uint32_t partition) const {
  IntervalSet pauses;
  for (const GapState::Pause& pause : state_.pauses()) {
    int64_t until = pause.until_micros();
    if (until == 0) {
      pauses.Add({pause.from_micros(), std::numeric_limits<int64_t>::max()});
      continue;
    }
    const int64_t resumed = until - absl::ToInt64Microseconds(options_.resume_grace);
    const std::vector<Interval> covers =
        cover_.Union(VouchersOf(partition), resumed).Within({resumed, until});
    if (!covers.empty()) until = covers.front().from;
    pauses.Add({pause.from_micros(), until});
  }
  return pauses;
}

Gap::Kind GapWatch::KindAt(int64_t micros) const {
  Gap::Kind kind = Gap::KIND_TOTAL_OUTAGE;
  for (const GapState::Mark& mark : state_.marks()) {
    if (micros < mark.from_micros() || micros >= UntilOf(mark)) continue;
    // It says more than a loss of ours does: X has nothing to send again.
    if (mark.kind() == Gap::KIND_BUFFER_DISCARDED) return mark.kind();
    kind = mark.kind();
  }
  return kind;
}

std::vector<GapLedger::Hole> GapWatch::ByKind(const IntervalSet& pauses, Interval span) const {
  std::vector<int64_t> edges = {span.from, span.until};
  for (const Interval& pause : pauses.Within(span)) {
    edges.push_back(pause.from);
    edges.push_back(pause.until);
  }
  for (const GapState::Mark& mark : state_.marks()) {
    edges.push_back(mark.from_micros());
    edges.push_back(UntilOf(mark));
  }
  std::sort(edges.begin(), edges.end());
  std::vector<GapLedger::Hole> holes;
  for (size_t i = 0; i + 1 < edges.size(); ++i) {
    Interval part{std::max(edges[i], span.from), std::min(edges[i + 1], span.until)};
    if (part.empty()) continue;
    Gap::Kind kind = pauses.Covers(part) ? Gap::KIND_PAUSED : KindAt(part.from);
    if (!holes.empty() && holes.back().kind == kind) {
      holes.back().span.until = part.until;
    } else {
      holes.push_back({part, kind, false});
    }
  }
  return holes;
}

std::vector<GapLedger::Hole> GapWatch::Holes(const Partition& partition) const {
  std::vector<GapLedger::Hole> holes;
  IntervalSet known = partition.covered;
  known.Add(ledger_.SpansOf(partition.number));
  Interval wanted{partition.watermark_micros, partition.horizon_micros};
  const std::vector<Interval> spans = known.Missing(wanted);
  if (spans.empty()) return holes;
  const IntervalSet pauses = PausesOf(partition.number);
  for (const Interval& span : spans) {
    for (const GapLedger::Hole& hole : ByKind(pauses, span)) holes.push_back(hole);
  }
  GapLedger::Hole& last = holes.back();
  last.growing = partition.to_present && last.span.until == partition.horizon_micros;
  return holes;
}

// What is said of a hole can come after it: a spool drains in order.
void GapWatch::Relabel() {
  for (const auto& [number, gap] : ledger_.gaps()) {
    if (gap.state() != Gap::STATE_OPEN || gap.kind() != Gap::KIND_TOTAL_OUTAGE) continue;
    for (const GapState::Mark& mark : state_.marks()) {
      bool inside = !gap.growing() && mark.from_micros() <= gap.from_micros() &&
                    gap.until_micros() <= UntilOf(mark);
      if (!inside) continue;
      ledger_.Edit(number)->set_kind(mark.kind());
      ledger_.AddEvidence(number, gap.detect_micros(), mark.source_id(), mark.text());
      break;
    }
  }
}

std::vector<std::string> GapWatch::VouchersOf(uint32_t partition) const {
  std::vector<std::string> vouchers = lives_.SourcesOf(partition);
  vouchers.push_back(RecoveryVoucher(partition));
  return vouchers;
}

std::string GapWatch::RouteOf(uint32_t partition, Interval span) const {
  std::string route = "spool";
  std::vector<std::string> sources = VouchersOf(partition);
  for (const auto& [who, spans] : cover_.spans()) {
    if (std::count(sources.begin(), sources.end(), who.first) == 0) continue;
    if (spans.Measure(span) == 0 || who.second == v1::EVENT_ORIGIN_LIVE) continue;
    route = RouteWord(who.second);
  }
  return route;
}

void GapWatch::Examine(Partition* partition, const TickFacts& facts) {
  int64_t now = absl::ToUnixMicros(facts.now);
  int64_t oldest = partition->watermark_micros;
  for (const auto& [number, gap] : ledger_.gaps()) {
    if (IsOpen(gap) && gap.partition() == partition->number) {
      oldest = std::min(oldest, gap.from_micros());
    }
  }
  partition->covered = cover_.Union(VouchersOf(partition->number), oldest);
  auto route_of = [&](Interval span) { return RouteOf(partition->number, span); };
  Tell(ledger_.Narrow(partition->number, partition->covered, now, route_of), facts);
  Tell(leaks_.Narrow(partition->number, now, route_of), facts);
  int64_t pending = lives_.PendingFrom(partition->number, silence_, state_.clock_micros());
  int64_t present = Present(facts.now);
  partition->to_present = pending > present;
  partition->horizon_micros = std::min(present, pending);
  Tell(ledger_.Report(partition->number, Holes(*partition), now), facts);
  Tell(leaks_.Judge({partition->number, pending, now, facts.rule_set_version}), facts);
  MoveWatermark(partition, facts);
}

void GapWatch::Tell(const GapLedger::Changes& changes, const TickFacts& facts) {
  int64_t now = absl::ToUnixMicros(facts.now);
  for (GapLedger::Change change : changes) {
    // A spool that drains fills a gap second by second.
    bool is_news = change.type != StreamNotice::TYPE_GAP_NARROWED ||
                   now >= change.gap.told_micros() + kMinuteMicros;
    if (!is_news) continue;
    ledger_.Edit(change.gap.number())->set_told_micros(now);
    if (change.type == StreamNotice::TYPE_GAP_OPENED) {
      FillNew(change.gap.number(), facts);
      change.gap = ledger_.gaps().at(change.gap.number());
    }
    notices_.push_back(NoticeOf(change, now));
  }
}

std::vector<std::string> GapWatch::LastToLeave(const StoredGap& gap) const {
  std::vector<std::string> sources = lives_.ConfiguredOf(gap.partition());
  // One that is back has passed the gap: the others' last instants say less then
  // than when each ended.
  auto left_at = [&](const std::string& source) {
    int64_t passed = std::min(lives_.PassedUntil(source), gap.from_micros());
    return std::make_pair(passed, lives_.EndedAt(source));
  };
  std::stable_sort(
      sources.begin(), sources.end(),
      [&](const std::string& a, const std::string& b) { return left_at(a) > left_at(b); });
  return sources;
}

// What is known of a gap when it opens.
void GapWatch::FillNew(uint64_t number, const TickFacts& facts) {
  StoredGap* gap = ledger_.Edit(number);
  int64_t now = absl::ToUnixMicros(facts.now);
  if (gap->parent() > 0) return;
  gap->set_usual_rate(usual_rate());
  gap->set_rule_set_version(facts.rule_set_version);
  if (gap->kind() == Gap::KIND_ONE_SIDED) return;
  for (const std::string& source : lives_.ConfiguredOf(gap->partition())) gap->add_sources(source);
  for (const std::string& source : LastToLeave(*gap)) {
    bool ended_before = lives_.VouchedSinceItsEnd(source, gap->from_micros());
    ledger_.AddEvidence(number, now, source, lives_.Describe(source, ended_before));
    if (lives_.MayHaveSpooled(source) && gap->kind() != Gap::KIND_PAUSED) {
      gap->set_spool_until_micros(now + absl::ToInt64Microseconds(options_.spool_for));
    }
  }
  for (const GapState::Mark& mark : state_.marks()) {
    bool overlaps =
        mark.from_micros() < gap->until_micros() && gap->from_micros() < UntilOf(mark);
    if (overlaps) ledger_.AddEvidence(number, now, mark.source_id(), mark.text());
  }
}

void GapWatch::MoveWatermark(Partition* partition, const TickFacts& facts) {
  int64_t now = absl::ToUnixMicros(facts.now);
  int64_t hold_end = now - absl::ToInt64Microseconds(options_.hold_max);
  int64_t at = partition->watermark_micros;
  // Whoever vouches is not believed where something reached nobody.
  IntervalSet covered = partition->covered;
  for (uint64_t number : ledger_.OpenOneSided(partition->number)) {
    const StoredGap& gap = ledger_.gaps().at(number);
    covered.Subtract({gap.from_micros(), gap.until_micros()});
  }
  for (bool moved = true; moved;) {
    int64_t before = at;
    at = std::max(at, covered.ReachFrom(at));
    for (const auto& [number, gap] : ledger_.gaps()) {
      bool contains = gap.partition() == partition->number && IsOfCover(gap) &&
                      gap.from_micros() <= at && at < gap.until_micros();
      if (!contains) continue;
      if (!HoldsWatermark(gap)) {
        at = gap.until_micros();
      } else if (at < hold_end) {
        at = std::min(hold_end, gap.until_micros());
        if (ledger_.Pass(number)) {
          notices_.push_back(
              NoticeOf({StreamNotice::TYPE_WATERMARK_PASSED_GAP, ledger_.gaps().at(number)}, now));
        }
      }
    }
    moved = at > before;
  }
  // What may turn out to be missing is waited for, a while.
  at = leaks_.ReaderLimit(partition->number, at);
  partition->watermark_micros = std::max(partition->watermark_micros, at);
}

void GapWatch::CheckVolume(const TickFacts& facts) {
  int64_t now = absl::ToUnixMicros(facts.now);
  for (const StreamNotice& notice : facts.notices) {
    absl::optional<GapLedger::Change> change;
    if (notice.type() == StreamNotice::TYPE_VOLUME_DROP_BEGAN) {
      change = ledger_.OpenSuspicion(
          notice.volume().rule_tag(),
          absl::ToUnixMicros(ToTime(notice.volume().since_time())), now);
      if (change) {
        ledger_.AddEvidence(change->gap.number(), now, "", notice.message());
        change->gap = ledger_.gaps().at(change->gap.number());
      }
    } else if (notice.type() == StreamNotice::TYPE_VOLUME_DROP_ENDED) {
      change = ledger_.ClearSuspicion(notice.volume().rule_tag(), now);
    }
    if (change) notices_.push_back(NoticeOf(*change, now));
  }
}

std::map<std::string, std::string> GapWatch::Unsound(absl::Time now) const {
  std::map<std::string, std::string> unsound;
  for (const auto& partition : leaks_.state().partitions()) {
    for (const auto& leak : partition.leaks()) {
      if (!leak.told()) continue;
      unsound[partition.sources(static_cast<int>(leak.source()))] =
          absl::StrCat("misses events that others bring, since ",
                       UtcText(absl::FromUnixSeconds(leak.from_second())));
    }
  }
  for (uint32_t partition : lives_.partitions()) {
    for (const std::string& source : lives_.ConfiguredOf(partition)) {
      if (lives_.IsFresh(source, silence_, absl::ToUnixMicros(now))) continue;
      int64_t passed = lives_.PassedUntil(source);
      unsound[source] = passed == 0 ? "has not vouched for anything yet"
                                    : absl::StrCat("vouches for nothing after ",
                                                   UtcText(absl::FromUnixSeconds(passed / 1'000'000)));
    }
  }
  return unsound;
}

void GapWatch::CheckRedundancy(int64_t now_micros) {
  int fresh = std::numeric_limits<int>::max();
  size_t configured = std::numeric_limits<size_t>::max();
  for (uint32_t partition : lives_.partitions()) {
    fresh = std::min(fresh, lives_.Fresh(partition, silence_, now_micros));
    configured = std::min(configured, lives_.ConfiguredOf(partition).size());
  }
  if (configured < 2 || lives_.partitions().empty()) return;
  bool redundant = fresh >= 2;
  if (redundant == state_.redundant()) return state_.set_redundancy_clock_micros(0);
  if (state_.redundancy_clock_micros() == 0) {
    return state_.set_redundancy_clock_micros(std::max<int64_t>(1, state_.clock_micros()));
  }
  absl::Duration held = absl::Microseconds(state_.clock_micros() - state_.redundancy_clock_micros());
  if (held < options_.redundancy_hold) return;
  state_.set_redundant(redundant);
  state_.set_redundancy_clock_micros(0);
  StreamNotice notice;
  notice.set_type(redundant ? StreamNotice::TYPE_REDUNDANCY_RESTORED
                            : StreamNotice::TYPE_REDUNDANCY_LOST);
  notice.set_message(redundant ? "every partition has two connections that vouch for the present"
                     : fresh == 1
                         ? "only one connection vouches for the present: one more failure loses "
                           "data"
                         : "no connection vouches for the present");
  SetTime(absl::FromUnixMicros(now_micros), notice.mutable_notice_time());
  notices_.push_back(std::move(notice));
}

absl::StatusOr<std::vector<StreamNotice>> GapWatch::OnTick(const TickFacts& facts,
                                                           WriteSet* changes) {
  absl::Status status;
  int64_t clock_before = state_.clock_micros();
  int64_t now = absl::ToUnixMicros(facts.now);
  if (facts.tick.first_after_start()) {
    lives_.Configure(facts.sources, facts.partitions, state_.clock_micros());
    leaks_.Configure({now, facts.position});
  } else {
    state_.set_clock_micros(state_.clock_micros() +
                            std::max<int64_t>(0, facts.tick.elapsed_micros()));
    // Before what the tick says: a pause ends connections at once.
    NotePause(facts.paused, now);
    lives_.OnTick(facts.tick, state_.clock_micros());
  }
  MeasureRate(facts.tick, facts.now);
  CheckVolume(facts);
  if (state_.base_micros() > 0) {
    Relabel();
    watermark_micros_ = std::numeric_limits<int64_t>::max();
    for (uint32_t number : lives_.partitions()) {
      Partition partition;
      partition.number = number;
      partition.watermark_micros = watermarks_.emplace(number, state_.base_micros()).first->second;
      Examine(&partition, facts);
      watermarks_[number] = partition.watermark_micros;
      watermark_micros_ = std::min(watermark_micros_, partition.watermark_micros);
    }
    if (lives_.partitions().empty()) watermark_micros_ = 0;
    Tell(ledger_.Lose(now - absl::ToInt64Microseconds(options_.recoverable_for), now), facts);
    Forget();
  }
  for (StreamNotice& notice : leaks_.EndTick(now, facts.position.sequence)) {
    notices_.push_back(std::move(notice));
  }
  CheckRedundancy(now);
  if (state_.clock_micros() / kExpireMicros != clock_before / kExpireMicros) {
    NextAhead();
    CoverBook::Expire(now, changes);
    MinuteBook::Expire(now, changes);
    status = ledger_.Expire(now, changes);
  }
  std::vector<StreamNotice> notices = std::exchange(notices_, {});
  if (!status.ok()) return status;
  return notices;
}

void GapWatch::Forget() {
  int64_t lowest = std::min(watermark_micros_, leaks_.NeededFrom());
  for (const auto& [number, gap] : ledger_.gaps()) {
    if (IsOpen(gap)) lowest = std::min(lowest, gap.from_micros());
  }
  // An open gap may have begun before what was forgotten: it was split off one.
  state_.set_forget_micros(std::max(state_.forget_micros(), lowest));
  cover_.ForgetBefore(state_.forget_micros());
  for (const auto& [number, micros] : watermarks_) ledger_.ForgetBefore(number, micros);
  auto* marks = state_.mutable_marks();
  marks->erase(std::remove_if(marks->begin(), marks->end(),
                              [&](const GapState::Mark& mark) {
                                return UntilOf(mark) < lowest;
                              }),
               marks->end());
  if (marks->size() > kMarksMax) marks->erase(marks->begin(), marks->end() - kMarksMax);
  auto* pauses = state_.mutable_pauses();
  pauses->erase(std::remove_if(pauses->begin(), pauses->end(),
                               [&](const GapState::Pause& pause) {
                                 return pause.until_micros() > 0 && pause.until_micros() < lowest;
                               }),
                pauses->end());
  if (pauses->size() > kPausesMax) pauses->erase(pauses->begin(), pauses->end() - kPausesMax);
}

absl::optional<StreamNotice> GapWatch::Waive(uint64_t number, const std::string& reason,
                                             absl::Time now) {
  int64_t micros = absl::ToUnixMicros(now);
  absl::optional<GapLedger::Change> change = ledger_.Waive(number, reason, micros);
  if (!change) return absl::nullopt;
  return NoticeOf(*change, micros);
}

StreamNotice GapWatch::Lose(uint64_t number, const std::string& reason, absl::Time now) {
  int64_t micros = absl::ToUnixMicros(now);
  ledger_.AddEvidence(number, micros, "", reason);
  absl::optional<GapLedger::Change> change = ledger_.LoseOne(number, micros);
  BRAID_CHECK(change.has_value());
  return NoticeOf(*change, micros);
}

StreamNotice GapWatch::NoticeOf(const GapLedger::Change& change, int64_t now_micros) const {
  StreamNotice notice;
  notice.set_type(change.type);
  *notice.mutable_gap() = ViewOfGap(change.gap, options_.routes, options_.parent);
  notice.set_resource(notice.gap().name());
  notice.set_message(GapSentence(change.type, change.gap));
  SetTime(absl::FromUnixMicros(now_micros), notice.mutable_notice_time());
  return notice;
}

void GapWatch::Seal(WriteSet* changes) {
  ledger_.Seal(changes);
  leaks_.Seal(changes);
  state_.set_last_number(ledger_.last_number());
  lives_.Store(&state_);
  state_.clear_partitions();
  for (const auto& [number, micros] : watermarks_) {
    GapState::Partition* partition = state_.add_partitions();
    partition->set_number(number);
    partition->set_watermark_micros(micros);
  }
  std::string bytes = state_.SerializeAsString();
  if (bytes == state_bytes_) return;
  state_bytes_ = bytes;
  changes->Put(Table::kCover, CoverStateKey(), std::move(bytes));
}

}  // namespace braid
