#include "dedupe/tail.h"

#include <string>
#include <utility>

#include "dedupe/read_token.h"
#include "proto/proto_time.h"

namespace braid {

Tail::Tail(const LogReader& reader, std::string log_id, Options options)
    : reader_(reader),
      log_id_(std::move(log_id)),
      options_(options),
      next_(options.from),
      delivered_time_(options.delivered_time),
      chain_(options.chain) {}

absl::StatusOr<Tail::Progress> Tail::Fill(v1::TailEventsResponse* batch) {
  if (batch->events_size() + batch->frames_size() + batch->notices_size() == 0) {
    batch_bytes_ = 0;
    batch_events_ = 0;
  }
  while (true) {
    if (Ended()) return Progress::kEnded;
    if (batch_events_ >= options_.batch_events_max || batch_bytes_ >= options_.batch_bytes_max) {
      return Progress::kFull;
    }
    if (!open_.has_value() && records_.empty()) {
      absl::Status position = reader_.CheckPosition(next_, delivered_time_);
      if (!position.ok()) return position;
      absl::StatusOr<std::vector<CommittedRecord>> read =
          reader_.Read(next_, options_.batch_bytes_max);
      if (!read.ok()) return read.status();
      if (read->empty()) return Progress::kCaughtUp;
      records_.assign(read->begin(), read->end());
    }
    absl::Status status = FillOne(batch);
    if (!status.ok()) return status;
  }
}

bool Tail::Ended() const {
  return (options_.until != 0 && next_ >= options_.until) ||
         (options_.event_limit != 0 && event_count_ >= options_.event_limit);
}

absl::Status Tail::FillOne(v1::TailEventsResponse* batch) {
  if (!open_.has_value()) return OpenRecord(batch);
  v1::Event* event = batch->add_events();
  open_->Next(event);
  next_ = event->sequence() + 1;
  ++event_count_;
  ++batch_events_;
  batch_bytes_ += EventMemoryBytes(*event);
  delivered_time_ = ToTime(event->commit_time());
  if (open_->done()) CloseRecord(*open_);
  return absl::OkStatus();
}

absl::Status Tail::OpenRecord(v1::TailEventsResponse* batch) {
  CommittedRecord record = std::move(records_.front());
  records_.pop_front();
  if (record.record->has_notice()) {
    v1::StreamNotice* notice = batch->add_notices();
    *notice = record.record->notice();
    chain_ = record.chain;
    notice->set_sequence(record.first_sequence);
    next_ = record.first_sequence + 1;
    ++batch_events_;
    batch_bytes_ += notice->ByteSizeLong();
    return absl::OkStatus();
  }
  if (options_.accept_frames) {
    AddFrame(record, batch);
    return absl::OkStatus();
  }
  uint64_t chain = record.chain;
  absl::StatusOr<RecordEvents> events = RecordEvents::Open(std::move(record), options_.view);
  if (!events.ok()) return events.status();
  chain_ = chain;
  events->SkipTo(next_);
  if (events->done()) {
    CloseRecord(*events);
  } else {
    open_ = *std::move(events);
  }
  return absl::OkStatus();
}

// A record is left at its end, whatever its bitmap says: never read again.
void Tail::CloseRecord(const RecordEvents& record) {
  next_ = record.end_sequence();
  open_.reset();
}

void Tail::AddFrame(const CommittedRecord& record, v1::TailEventsResponse* batch) {
  v1::LogFrame* frame = batch->add_frames();
  const store::v1::Events& events = record.record->events();
  frame->set_first_sequence(record.first_sequence);
  absl::Time commit_time = absl::FromUnixMicros(record.record->admission_micros());
  SetTime(commit_time, frame->mutable_commit_time());
  frame->set_connection_id(record.record->source_id());
  *frame->mutable_frame() = events.frame();
  frame->set_new_bitmap(events.new_bitmap());
  frame->set_late_bitmap(events.late_bitmap());
  uint32_t skip =
      next_ > record.first_sequence ? static_cast<uint32_t>(next_ - record.first_sequence) : 0;
  frame->set_skip_events(skip);
  next_ = record.first_sequence + record.sequence_count;
  event_count_ += record.sequence_count - skip;
  batch_events_ += static_cast<int>(record.sequence_count - skip);
  // 64: the arrays' part of an event.
  batch_bytes_ += frame->frame().payload().size() + 64 * record.sequence_count;
  delivered_time_ = commit_time;
  chain_ = record.chain;
}

void Tail::FillPosition(v1::TailEventsResponse* batch) const {
  v1::StreamPosition* position = batch->mutable_position();
  FillStreamPosition(reader_, log_id_, next_, position);
  ReadToken token;
  token.log_id = log_id_;
  token.next_sequence = next_;
  token.delivered_time = delivered_time_;
  token.chain = chain_;
  position->set_cursor(EncodeReadToken(token));
}

}  // namespace braid
