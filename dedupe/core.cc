#include "dedupe/core.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/check.h"
#include "dedupe/core_clock.h"
#include "dedupe/frame_parts.h"
#include "proto/proto_time.h"
#include "proto/recovery_terms.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

using store::v1::InputRecord;
using store::v1::LogRecord;
using store::v1::SessionState;

// Two sources receive one post at slightly different times: a key this much
// younger than the window is a stray for both, so that no difference below it
// puts the copies of one post on different sides.
constexpr absl::Duration kStrayMargin = absl::Hours(1);

// A frame with fewer new events than one in this many is repacked, since
// keeping all its bytes for them would cost more than packing anew.
constexpr uint32_t kRepackBelow = 4;

// Offsets that a record takes. A Loss stands in place of what was dropped and
// takes its offsets, at least the one of its own.
uint64_t OffsetsOf(const v1::SessionRecord& record) {
  switch (record.record_case()) {
    case v1::SessionRecord::kFrame:
      return std::max(1, FrameEventCount(record.frame()));
    case v1::SessionRecord::kLoss:
      return std::max<uint64_t>(1, record.loss().offsets());
    default:
      return 1;
  }
}

int64_t LastReceiveMicros(const v1::Frame& frame) {
  int64_t last = FrameReceiveMicros(frame, 0);
  for (int i = 1; i < frame.receive_offsets_micros_size(); ++i) {
    last = std::max(last, FrameReceiveMicros(frame, i));
  }
  return last;
}

// The cause of an event that X's stream began (Cause::kConnected).
constexpr absl::string_view kStreamBegan = "connected";

// `micros`: when the last of what is lost was received. It may have been created
// in that very millisecond.
void VouchAfter(int64_t micros, SessionState* session) {
  constexpr int64_t kMicrosPerIdTick = 1000;
  session->set_vouch_from_micros(std::max(session->vouch_from_micros(), micros + kMicrosPerIdTick));
}

void NoteLossTime(const v1::Loss& loss, SessionState* session) {
  if (!loss.has_last_receive_time()) return session->set_loss_time_unknown(true);
  VouchAfter(absl::ToUnixMicros(ToTime(loss.last_receive_time())), session);
}

// False when nothing of it is left.
bool CutBefore(absl::Time from, v1::Cover* cover) {
  v1::TimeRange* range = cover->mutable_create_time_range();
  if (ToTime(range->start_time()) < from) SetTime(from, range->mutable_start_time());
  return ToTime(range->start_time()) < ToTime(range->end_time());
}

// A cover was written before the source knew what would be lost of what stands
// before it (a full spool gives up its oldest segment). False when nothing of
// it is left. What a backfill vouches for X sent anew: only what was lost since
// that stream began is missing from it.
bool CutCover(const SessionState& session, v1::Cover* cover) {
  const bool is_anew = cover->origin() == v1::EVENT_ORIGIN_BACKFILL &&
                       session.loss_end_offset() <= session.stream_first_offset();
  if (is_anew) return true;
  if (session.loss_time_unknown()) return false;
  return CutBefore(absl::FromUnixMicros(session.vouch_from_micros()), cover);
}

// What was fetched has nothing to do with when it was received: it lacks what
// was lost since its fetch began, and what is below the floor (MarkNew).
bool CutRecovered(const SessionState& session, absl::Time floor, v1::Cover* cover) {
  bool lost = session.loss_end_offset() > cover->first_offset();
  return !lost && CutBefore(floor, cover);
}

LogRecord HeadOf(const InputRecord& input) {
  LogRecord head;
  head.set_admission_micros(input.admission_micros());
  head.set_source_id(input.record().source_id());
  head.set_session_epoch(input.record().record().session_epoch());
  head.set_offset(input.record().record().offset());
  return head;
}

}  // namespace

absl::StatusOr<ApplyResult> Core::Apply(InputRecord input, Group* group) {
  // A log's first tick comes first; whoever feeds a core without one gets the
  // time of the first admission.
  if (state_.now_micros() == 0 && input.input_case() != InputRecord::kTick) {
    state_.set_now_micros(input.admission_micros());
    MoveFloor(0, false);
  }
  state_.set_last_admission_micros(
      std::max(state_.last_admission_micros(), input.admission_micros()));
  input.set_admission_micros(state_.last_admission_micros());
  switch (input.input_case()) {
    case InputRecord::kOpened:
      return ApplyOpened(std::move(input), group);
    case InputRecord::kRecord:
      return ApplyRecord(std::move(input), group);
    case InputRecord::kTick: {
      absl::Status status = ApplyTick(input, group);
      if (!status.ok()) return status;
      return ApplyResult{};
    }
    case InputRecord::kWork:
      return ApplyWork(input, group);
    case InputRecord::kCommand:
      return ApplyCommand(input, group);
    case InputRecord::kRecovery:
      return ApplyRecovery(input, group);
    case InputRecord::INPUT_NOT_SET:
      break;
  }
  // The shell makes inputs; an empty one is our own mistake.
  BRAID_CHECK(false);
}

ApplyResult Core::ApplyCommand(const InputRecord& input, Group* group) {
  const store::v1::Command& command = input.command();
  ApplyResult result;
  std::vector<v1::StreamNotice> notices;
  if (command.action() == store::v1::Command::ACTION_WAIVE_GAP) {
    absl::optional<v1::StreamNotice> waived = gaps_.Waive(command.gap(), command.reason(), now());
    result.waived = waived.has_value();
    if (waived) notices.push_back(*std::move(waived));
  } else {
    notices = watch_.OnCommand(command, now(), &group->changes);
  }
  AppendNotices(input.admission_micros(), std::move(notices), group);
  return result;
}

ApplyResult Core::ApplyOpened(InputRecord input, Group* group) {
  SessionTable::OpenResult opened = sessions_.Open(input.opened());
  ApplyResult result;
  result.session_epoch = input.opened().session_epoch();
  result.highest_epoch = opened.highest_epoch;
  if (!opened.accepted) {
    result.outcome = ApplyResult::Outcome::kStaleEpoch;
    return result;
  }
  result.expected_by_epoch = std::move(opened.expected_by_epoch);
  watch_.OnOpened(input.opened());
  const SessionState* state = sessions_.Find(input.opened().source_id(), result.session_epoch);
  result.expected_offset = state->expected_offset();
  LogRecord record;
  record.set_admission_micros(input.admission_micros());
  record.set_source_id(input.opened().source_id());
  record.set_session_epoch(result.session_epoch);
  LogRecord head = record;
  *record.mutable_opened() = std::move(*input.mutable_opened());
  AppendRecord(std::move(record), 0, group);
  AppendMissing(head, opened.missing, group);
  return result;
}

void Core::AppendMissing(const LogRecord& head, const std::vector<SessionTable::Missing>& missing,
                         Group* group) {
  for (const SessionTable::Missing& span : missing) {
    LogRecord record = head;
    record.set_session_epoch(span.epoch);
    record.set_offset(span.offset);
    record.mutable_loss()->set_offsets(span.offsets);
    record.mutable_loss()->set_reason(v1::Loss::REASON_SPOOL_OVERFLOW);
    state_.set_lost_lines(state_.lost_lines() + span.offsets);
    gaps_.OnMissing(head.source_id());
    AppendRecord(std::move(record), 0, group);
  }
}

absl::StatusOr<ApplyResult> Core::ApplyRecord(InputRecord input, Group* group) {
  const v1::SessionRecord& record = input.record().record();
  ApplyResult result;
  result.session_epoch = record.session_epoch();
  const SessionState* known = sessions_.Find(input.record().source_id(), record.session_epoch());
  if (known == nullptr) {
    result.outcome = ApplyResult::Outcome::kNotOpened;
    return result;
  }
  uint64_t end = record.offset() + OffsetsOf(record);
  result.expected_offset = known->expected_offset();
  if (record.offset() > known->expected_offset()) {
    result.outcome = ApplyResult::Outcome::kHole;
    return result;
  }
  if (end <= known->expected_offset()) {
    result.outcome = ApplyResult::Outcome::kRepeated;
    return result;
  }
  // A record that starts below and ends above was cut differently before:
  // applied whole, its known events are duplicates like any other.
  SessionState* session = sessions_.Change(input.record().source_id(), record.session_epoch());
  bool moves_contiguous = !record.has_loss() && record.offset() <= session->contiguous_offset();
  session->set_expected_offset(end);
  if (moves_contiguous) session->set_contiguous_offset(end);
  result.expected_offset = end;
  absl::Status status = record.has_frame() ? ApplyFrame(std::move(input), session, &result, group)
                                           : ApplyOther(std::move(input), session, group);
  if (!status.ok()) return status;
  return result;
}

absl::Status Core::ApplyFrame(InputRecord input, SessionState* session, ApplyResult* result,
                              Group* group) {
  LogRecord head = HeadOf(input);
  v1::Frame frame = std::move(*input.mutable_record()->mutable_record()->mutable_frame());
  absl::StatusOr<Marks> marks = MarkNew(frame, IsRecoverySource(head.source_id()), group);
  if (!marks.ok()) return marks.status();
  if (session->loss_time_unknown()) {
    session->set_loss_time_unknown(false);
    VouchAfter(FrameReceiveMicros(frame, 0), session);
  }
  NoteReceived(frame, session);
  absl::Status watched = watch_.OnFrame(head.source_id(), frame, marks->new_bitmap,
                                        now() + options_.future_max, &group->changes);
  if (!watched.ok()) return watched;
  gaps_.OnFrame(head.source_id(), frame, marks->new_bitmap, state_.next_sequence(),
                head.admission_micros(), now());
  absl::Status counted = minutes_.OnFrame(frame, marks->new_bitmap, now());
  if (!counted.ok()) return counted;
  result->new_events = marks->new_count;
  result->duplicate_events = marks->events - marks->new_count - marks->refused_count;
  recovery_.OnFrame(head.source_id(), frame, result->new_events, result->duplicate_events, now());
  session->set_events(session->events() + marks->events);
  session->set_new_events(session->new_events() + marks->new_count);
  state_.set_merged_events(state_.merged_events() + result->new_events);
  state_.set_duplicate_events(state_.duplicate_events() + result->duplicate_events);
  state_.set_late_events(state_.late_events() + marks->late_count);
  if (marks->events > 0) AppendFrame(std::move(head), std::move(frame), *marks, group);
  return absl::OkStatus();
}

absl::Status Core::ApplyOther(InputRecord input, SessionState* session, Group* group) {
  LogRecord out = HeadOf(input);
  v1::SessionRecord* record = input.mutable_record()->mutable_record();
  switch (record->record_case()) {
    case v1::SessionRecord::kCover: {
      int64_t until = absl::ToUnixMicros(ToTime(record->cover().create_time_range().end_time()));
      NoteReceivedUntil(until, session);
      bool is_recovery = IsRecoverySource(out.source_id());
      bool any_left = is_recovery ? CutRecovered(*session, floor(), record->mutable_cover())
                                  : CutCover(*session, record->mutable_cover());
      absl::Status added =
          gaps_.OnCover(out.source_id(), record->cover(), any_left, until, &group->changes);
      if (!added.ok() || !any_left) return added;
      *out.mutable_cover() = std::move(*record->mutable_cover());
      break;
    }
    case v1::SessionRecord::kLoss: {
      uint64_t lost = std::max(
          {uint64_t{1}, uint64_t{record->loss().offsets()}, uint64_t{record->loss().lines()}});
      session->set_losses(session->losses() + 1);
      // ApplyRecord has set it to the end of what is lost.
      session->set_loss_end_offset(session->expected_offset());
      NoteLossTime(record->loss(), session);
      gaps_.OnLoss(out.source_id(), record->loss());
      NoteReceivedUntil(absl::ToUnixMicros(ToTime(record->loss().last_receive_time())), session);
      session->set_lost_offsets(session->lost_offsets() + record->loss().offsets());
      state_.set_lost_lines(state_.lost_lines() + lost);
      *out.mutable_loss() = std::move(*record->mutable_loss());
      break;
    }
    case v1::SessionRecord::kEvent:
      NoteReceivedUntil(absl::ToUnixMicros(ToTime(record->event().event_time())), session);
      if (record->event().cause() == kStreamBegan) {
        session->set_stream_first_offset(record->offset());
      }
      watch_.OnConnectionEvent(out.source_id(), record->event());
      gaps_.OnConnectionEvent(out.source_id(), record->event());
      *out.mutable_connection_event() = std::move(*record->mutable_event());
      break;
    case v1::SessionRecord::kFrame:
    case v1::SessionRecord::RECORD_NOT_SET:
      // A kind that this version does not know: its offset is taken.
      break;
  }
  AppendRecord(std::move(out), 0, group);
  return absl::OkStatus();
}

absl::StatusOr<bool> Core::IsNew(absl::string_view key) const {
  // Both are asked: time passes, and a key may have been outside before.
  absl::StatusOr<bool> known = false;
  if (WindowKeyTime(key) >= FloorKeyTime()) known = window_.Contains(key);
  if (known.ok() && !*known) known = strays_.Contains(key);
  if (!known.ok()) return known.status();
  return !*known;
}

bool Core::Remember(absl::string_view key, int64_t receive_micros, uint64_t sequence,
                    Group* group) {
  uint64_t time = WindowKeyTime(key);
  absl::Time receive_time = absl::FromUnixMicros(receive_micros);
  // By its own receive time, not by the floor: the floor passes an ancient key
  // before a source that is away brings its copy.
  bool ancient = time < FirstSnowflakeAt(receive_time - options_.window_span + kStrayMargin);
  // Nothing is created after it was received, so its receive time bounds the
  // future too: a core whose time lags does not take all posts for strays.
  bool future = time >= FirstSnowflakeAt(std::max(now(), receive_time) + options_.future_max);
  bool forgotten = time < FloorKeyTime();
  if (!ancient && !future && !forgotten) {
    window_.Insert(key);
    group->changes.Put(Table::kIds, std::string(key.data(), key.size()), EncodeSequence(sequence));
    return false;
  }
  if (!ancient && forgotten) state_.set_unheld_events(state_.unheld_events() + 1);
  // Neither goes back, so that arrivals ascend and none is expired already.
  int64_t arrival = std::max(state_.last_admission_micros(), state_.settled_micros());
  strays_.Insert(arrival, key, sequence, &group->changes);
  return true;
}

// What is fetched again from below the floor may be in the log already, and
// nobody knows: it is not taken, and its cover is cut there, so that it
// is reported as missing rather than delivered twice.
absl::StatusOr<Core::Marks> Core::MarkNew(const v1::Frame& frame, bool is_recovery, Group* group) {
  Marks marks;
  marks.events = FrameEventCount(frame);
  marks.new_bitmap = EmptyBitmap(marks.events);
  for (uint32_t i = 0; i < marks.events; ++i) {
    std::string key = FrameWindowKey(frame, i);
    if (is_recovery && WindowKeyTime(key) < FloorKeyTime()) {
      ++marks.refused_count;
      continue;
    }
    absl::StatusOr<bool> is_new = IsNew(key);
    if (!is_new.ok()) return is_new.status();
    if (!*is_new) {
      marks.duplicate_buckets.push_back(SightingBucket(WindowKeyTime(key)));
      continue;
    }
    SetBit(&marks.new_bitmap, i);
    uint64_t sequence = state_.next_sequence() + marks.new_count;
    if (Remember(key, FrameReceiveMicros(frame, i), sequence, group)) {
      if (marks.late_count++ == 0) marks.late_bitmap = EmptyBitmap(marks.events);
      SetBit(&marks.late_bitmap, i);
    }
    ++marks.new_count;
  }
  std::vector<uint32_t>& buckets = marks.duplicate_buckets;
  std::sort(buckets.begin(), buckets.end());
  buckets.erase(std::unique(buckets.begin(), buckets.end()), buckets.end());
  return marks;
}

void Core::AppendFrame(LogRecord head, v1::Frame frame, const Marks& marks, Group* group) {
  uint32_t duplicates = marks.events - marks.new_count;
  absl::StatusOr<v1::Frame> repacked = absl::UnavailableError("not asked for");
  if (marks.new_count > 0 && marks.new_count * kRepackBelow < marks.events) {
    // A payload that can not be read is kept as it came.
    repacked = KeepMarked(frame, marks.new_bitmap);
  }
  if (duplicates == marks.events || repacked.ok()) {
    LogRecord sightings = head;
    *sightings.mutable_sightings()->mutable_frame() = WithoutMarked(frame, marks.new_bitmap);
    AppendSightings(marks, AppendRecord(std::move(sightings), 0, group), group);
    if (marks.new_count == 0) return;
  }
  store::v1::Events* events = head.mutable_events();
  events->set_new_count(marks.new_count);
  if (repacked.ok()) {
    int count = static_cast<int>(marks.events);
    events->set_new_bitmap(KeepMarkedBits(marks.new_bitmap, marks.new_bitmap, count));
    if (marks.late_count > 0) {
      events->set_late_bitmap(KeepMarkedBits(marks.late_bitmap, marks.new_bitmap, count));
    }
    *events->mutable_frame() = *std::move(repacked);
    AppendRecord(std::move(head), marks.new_count, group);
    return;
  }
  events->set_new_bitmap(marks.new_bitmap);
  events->set_late_bitmap(marks.late_bitmap);
  *events->mutable_frame() = std::move(frame);
  AppendSightings(marks, AppendRecord(std::move(head), marks.new_count, group), group);
}

void Core::AppendSightings(const Marks& marks, LogKey log_key, Group* group) {
  uint32_t floor_bucket = SightingBucket(FloorKeyTime());
  for (uint32_t bucket : marks.duplicate_buckets) {
    // Below the floor they would be forgotten at once.
    if (bucket < floor_bucket) continue;
    group->changes.Put(Table::kSightings, EncodeSightingKey(bucket, log_key), "");
  }
}

void Core::NoteReceived(const v1::Frame& frame, SessionState* session) {
  if (FrameEventCount(frame) == 0) return;
  NoteReceivedUntil(LastReceiveMicros(frame), session);
  // What a spool resends was received long ago.
  if (frame.origin() == v1::EVENT_ORIGIN_SPOOL) return;
  session->set_last_receive_micros(
      std::max(session->last_receive_micros(), LastReceiveMicros(frame)));
  session->set_last_receive_now_micros(state_.now_micros());
}

// A source whose clock is ahead must not let the floor go past what it still
// has: nothing was received later than now.
void Core::NoteReceivedUntil(int64_t micros, SessionState* session) {
  micros = std::min(micros, state_.now_micros());
  session->set_received_until_micros(std::max(session->received_until_micros(), micros));
}

void Core::AppendNotices(int64_t admission_micros, std::vector<v1::StreamNotice> notices,
                         Group* group) {
  for (v1::StreamNotice& notice : notices) {
    LogRecord record;
    record.set_admission_micros(admission_micros);
    *record.mutable_notice() = std::move(notice);
    AppendRecord(std::move(record), 1, group);
  }
}

LogKey Core::AppendRecord(LogRecord record, uint32_t sequences, Group* group) {
  LogKey log_key{state_.next_sequence(), state_.next_ordinal()};
  std::string key = EncodeLogKey(log_key);
  std::string body = record.SerializeAsString();
  state_.set_chain(NextChain(ToAbsl(state_.chain()), key, body));
  group->changes.Put(Table::kLog, key, EncodeLogValue(key, state_.chain(), body));
  CommittedRecord committed;
  committed.first_sequence = log_key.sequence;
  committed.sequence_count = sequences;
  committed.ordinal = log_key.ordinal;
  committed.chain = ReadBe64(ToAbsl(state_.chain()));
  committed.record = std::make_shared<const LogRecord>(std::move(record));
  group->records.push_back(std::move(committed));
  state_.set_next_sequence(log_key.sequence + sequences);
  state_.set_next_ordinal(sequences > 0 ? 0 : log_key.ordinal + 1);
  state_.set_records(state_.records() + 1);
  return log_key;
}

}  // namespace braid
