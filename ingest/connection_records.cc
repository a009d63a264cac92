// Connection's other half: what is received becomes session records.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "ingest/connection.h"
#include "ingest/cut_line.h"
#include "proto/proto_time.h"

namespace braid {

void Connection::OnStreamBlock(LineBlock block) {
  counters_.received_bytes.Add(block.received_bytes);
  counters_.in_flight_bytes.Set(static_cast<double>(attempt_->reader->in_flight_bytes()));
  counters_.room_waits.Add(attempt_->reader->TakeRoomWaits());
  if (block.last_byte_time != absl::InfinitePast()) {
    attempt_->last_byte_time = last_byte_time_ = block.last_byte_time;
    counters_.last_byte_seconds.Set(
        absl::ToDoubleSeconds(clock_.At(block.last_byte_time) - absl::UnixEpoch()));
  }
  feed_.Take(block, this);
  if (block.drained) CloseFrame();
  AppendFrames();
  WatchFrame();
}

void Connection::OnHeartbeat(absl::Time now) {
  cover_.OnHeartbeat(clock_.At(now));
  last_heartbeat_time_ = now;
  counters_.heartbeats.Increment();
}

void Connection::OnUnparsable(absl::string_view line, UnparsableReason reason, absl::Time) {
  counters_.unparsable[static_cast<int>(reason)].Increment();
  Log(LogLevel::kWarn, "line_unparsable", "a line could not be read",
      {{"connection", options_.request.connection},
       {"reason", UnparsableWord(reason)},
       {"bytes", static_cast<uint64_t>(line.size())}});
}

void Connection::OnBadRun(const BadRun& run) {
  AppendLoss(v1::Loss::REASON_UNPARSABLE_LINE, run.lines, run.first, run.last);
}

// It is lost here, and nobody may vouch for it.
void Connection::OnCutLine(absl::string_view line, absl::Time now) {
  attempt_->cut_line = BoundedText(line, options_.detail_bytes_max);
  attempt_->cut_line_bytes = line.size();
  attempt_->cut_line_post_id = PostIdInCutLine(line);
  // Cut by a pause it is part of what nobody wants.
  Log(pause_wanted_ ? LogLevel::kInfo : LogLevel::kWarn, "line_cut",
      pause_wanted_ ? "the pause began inside a line" : "the connection ended inside a line",
      {{"connection", options_.request.connection},
       {"bytes", attempt_->cut_line_bytes},
       {"post_id", attempt_->cut_line_post_id}});
  if (pause_wanted_) return LeaveOut(now);
  counters_.cut_lines.Increment();
  AppendLoss(v1::Loss::REASON_CUT_LINE, 1, now, now);
}

void Connection::OnEvent(absl::string_view line, const ScannedMessage& message, absl::Time now) {
  v1::EventOrigin origin = v1::EVENT_ORIGIN_LIVE;
  if (message.create_time - clock_.At(now) <= options_.clock_lead_max) {
    absl::Time before = clock_.At(now);
    if (clock_.OnEvent(message.create_time, now)) {
      cover_.OnClockMoved(clock_.At(now) - before, clock_.At(now));
    }
    origin = cover_.OnEvent(message.create_time, clock_.At(now));
  }
  absl::Time receive_time = clock_.At(now);
  counters_.events[origin].Increment();
  counters_.last_event_seconds.Set(absl::ToDoubleSeconds(receive_time - absl::UnixEpoch()));
  if (origin == v1::EVENT_ORIGIN_LIVE) {
    counters_.receive_delay.Record(
        std::max(absl::ZeroDuration(), receive_time - message.create_time));
  }
  if (message.kind == ScannedMessage::Kind::kPost) {
    if (attempt_->first_post_id == 0) AppendFirstPost(message.post_id);
    attempt_->last_post_id = message.post_id;
  }
  if (framer_.empty()) frame_open_time_ = loop_.Now();
  bool is_post = message.kind == ScannedMessage::Kind::kPost;
  framer_.Add({line, message.post_id, is_post ? nullptr : &message.key, receive_time, origin,
               &message.rule_tags},
              &closed_frames_);
}

void Connection::OnControl(absl::string_view line, const ScannedMessage& message, absl::Time) {
  counters_.control[static_cast<int>(message.control)].Increment();
  if (absl::optional<Verdict> verdict = ClassifyMessage(message)) {
    attempt_->announced = verdict;
    attempt_->announced_time = loop_.Now();
  }
  if (!TakeControlToken(loop_.Now())) {
    counters_.control_suppressed.Increment();
    return;
  }
  std::string text = BoundedText(line, options_.detail_bytes_max);
  Log(LogLevel::kInfo, "control_message", "a message that is no post",
      {{"connection", options_.request.connection},
       {"kind", ControlWord(message.control)},
       {"text", text}});
  AppendEvent(absl::StrCat("message:", ControlWord(message.control)), text);
}

bool Connection::TakeControlToken(absl::Time now) {
  double earned = absl::ToDoubleSeconds(now - control_tokens_time_) * options_.control_per_second;
  control_tokens_ = std::min<double>(control_tokens_ + earned, options_.control_burst);
  control_tokens_time_ = now;
  if (control_tokens_ < 1) return false;
  control_tokens_ -= 1;
  return true;
}

void Connection::OnDropped(const LineBlock::Dropped& dropped) {
  bool ring_full = dropped.reason == v1::Loss::REASON_RING_FULL;
  (ring_full ? counters_.ring_full_lines : counters_.oversize_lines).Add(dropped.lines);
  Log(LogLevel::kError, "lines_dropped", "lines were dropped and are reported as lost",
      {{"connection", options_.request.connection},
       {"reason", ring_full ? "ring_full" : "oversize"},
       {"lines", dropped.lines}});
  AppendLoss(dropped.reason, dropped.lines, dropped.first_receive_time, dropped.last_receive_time);
}

void Connection::AppendFrames() {
  if (closed_frames_.empty()) return;
  // What is open now came in later than what was closed.
  frame_open_time_ = loop_.Now();
  for (v1::Frame& frame : closed_frames_) {
    counters_.frames.Increment();
    counters_.frame_bytes.Add(frame.payload().size());
    v1::SessionRecord record;
    *record.mutable_frame() = std::move(frame);
    sink_.Append(std::move(record));
  }
  closed_frames_.clear();
}

void Connection::CloseFrame() {
  framer_.Close(&closed_frames_);
  AppendFrames();
}

void Connection::AppendCovers() {
  std::vector<v1::Cover> covers = cover_.Take(XNow());
  if (covers.empty()) return;
  CloseFrame();
  for (v1::Cover& cover : covers) {
    v1::SessionRecord record;
    *record.mutable_cover() = std::move(cover);
    sink_.Append(std::move(record));
  }
}

// What could be vouched for before something that is not here still can.
void Connection::LeaveOut(absl::Time time) {
  CloseFrame();
  AppendCovers();
  cover_.OnLoss(clock_.At(time));
}

void Connection::AppendLoss(v1::Loss::Reason reason, uint64_t lines, absl::Time first,
                            absl::Time last) {
  LeaveOut(last);
  v1::SessionRecord record;
  v1::Loss* loss = record.mutable_loss();
  SetTime(clock_.At(first), loss->mutable_first_receive_time());
  SetTime(clock_.At(last), loss->mutable_last_receive_time());
  loss->set_reason(reason);
  loss->set_lines(lines);
  sink_.Append(std::move(record));
}

void Connection::AppendEvent(absl::string_view cause, absl::string_view detail) {
  CloseFrame();
  v1::SessionRecord record;
  v1::ConnectionEvent* event = record.mutable_event();
  SetTime(XNow(), event->mutable_event_time());
  event->set_state(state_);
  event->set_cause(std::string(cause));
  event->set_detail(BoundedText(detail, options_.detail_bytes_max));
  if (last_byte_time_ != absl::InfinitePast()) {
    SetTime(clock_.At(last_byte_time_), event->mutable_last_byte_time());
  }
  if (clock_.anchored()) SetDuration(loop_.WallNow() - XNow(), event->mutable_clock_skew());
  if (attempt_) {
    event->set_http_status(attempt_->head.status);
    event->set_first_post_id(attempt_->first_post_id);
    event->set_last_post_id(attempt_->last_post_id);
    event->set_cut_line_bytes(attempt_->cut_line_bytes);
    event->set_cut_line_post_id(attempt_->cut_line_post_id);
  }
  if (state_ == State::STATE_BACKING_OFF && !pause_wanted_) {
    event->set_wait_class(std::string(RetryWord(last_verdict_.retry)));
    SetDuration(wait_delay_, event->mutable_next_attempt_delay());
  }
  sink_.Append(std::move(record));
}

// From which post to which a cut reached: the last one before the end and the
// first one after it.
void Connection::AppendFirstPost(uint64_t post_id) {
  attempt_->first_post_id = post_id;
  if (last_post_id_ == 0) return;
  attempt_->last_post_id = last_post_id_;
  AppendEvent("first_post", "");
}

void Connection::WatchFrame() {
  if (framer_.empty() || frame_timer_ != 0) return;
  absl::Duration left = frame_open_time_ + options_.frame_age_max - loop_.Now();
  frame_timer_ = loop_.After(std::max(left, absl::ZeroDuration()), owner_.Wrap([this] {
    frame_timer_ = 0;
    if (loop_.Now() - frame_open_time_ >= options_.frame_age_max) CloseFrame();
    WatchFrame();
  }));
}

void Connection::CoverTick() {
  AppendCovers();
  cover_timer_ = loop_.After(options_.cover_interval, owner_.Wrap([this] { CoverTick(); }));
  WatchData();
}

void Connection::WatchData() {
  // What is read and not yet taken is no silence.
  if (attempt_->reader->in_flight_bytes() > 0) return;
  absl::Duration pause = cover_.DataSilence(XNow());
  bool was_silent = counters_.data_silence_seconds.value() > 0;
  bool is_silent = pause > absl::ZeroDuration();
  counters_.data_silence_seconds.Set(absl::ToDoubleSeconds(pause));
  if (is_silent == was_silent) return;
  if (!is_silent) {
    Log(LogLevel::kInfo, "data_silence_ended", "data comes again",
        {{"connection", options_.request.connection}});
    return;
  }
  counters_.data_silences.Increment();
  Log(LogLevel::kError, "data_silence_began",
      "heartbeats and no data for longer than the usual rate explains once a day",
      {{"connection", options_.request.connection},
       {"pause", pause},
       {"usual_per_second", cover_.usual_rate()}});
  if (options_.reconnect_on_data_silence && state_ == State::STATE_RECEIVING) {
    CloseFor(Input::kNoSign, {RetryClass::kImmediate, Cause::kDataSilence});
  }
}

}  // namespace braid
