#include "dedupe/creation_tail.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "dedupe/frame_parts.h"
#include "dedupe/keys.h"
#include "proto/proto_time.h"
#include "proto/reason.h"

namespace braid {
namespace {

// More entries than fit a batch of usual posts would be looked up again for the
// next one.
constexpr uint64_t kEntriesMax = 256;

// Of the log gone through for late events before a batch is due, though it may
// be empty: 4 MB, so that a call can be told to go.
constexpr int kReadsPerBatchMax = 16;

}  // namespace

CreationTail::CreationTail(const ReadableStream& stream, Options options)
    : stream_(stream), options_(std::move(options)), place_(options_.from) {}

absl::StatusOr<Reading::Progress> CreationTail::Fill(v1::TailEventsResponse* batch) {
  if (batch->events_size() + batch->late_events_size() + batch->notices_size() == 0) {
    batch_bytes_ = 0;
    batch_events_ = 0;
  }
  // In this order: what is below the watermark is below the end.
  int64_t watermark_micros = stream_.reader().watermark_micros();
  uint64_t end = options_.stops ? options_.until_sequence : stream_.reader().next_sequence();
  absl::Status status = FillLate(end, batch);
  bool all_late = place_.sequence >= end;
  if (status.ok() && all_late && !IsDone()) status = FillInOrder(watermark_micros, batch);
  if (!status.ok()) return status;
  if (LimitReached()) return Progress::kEnded;
  if (IsFull() || !all_late) return Progress::kFull;
  seen_watermark_micros_ = watermark_micros;
  return options_.stops ? Progress::kEnded : Progress::kCaughtUp;
}

bool CreationTail::IsFull() const {
  return batch_events_ >= options_.batch_events_max || batch_bytes_ >= options_.batch_bytes_max;
}

bool CreationTail::LimitReached() const {
  return options_.event_limit != 0 && event_count_ >= options_.event_limit;
}

absl::Status CreationTail::FillLate(uint64_t end, v1::TailEventsResponse* batch) {
  const LogReader& reader = stream_.reader();
  for (int i = 0; i < kReadsPerBatchMax && place_.sequence < end && !IsDone(); ++i) {
    absl::Status position = reader.CheckPosition(place_.sequence, place_.delivered_time);
    if (!position.ok()) return position;
    absl::StatusOr<std::vector<CommittedRecord>> records =
        reader.Read(place_.sequence, options_.batch_bytes_max);
    if (!records.ok()) {
      uint64_t readable = 0;
      bool told =
          absl::SimpleAtoi(ReasonOf(records.status()).metadata["lost_until_sequence"], &readable);
      if (absl::IsDataLoss(records.status()) && told) {
        place_.sequence = readable;
        place_.chain = 0;
      }
      return records.status();
    }
    if (records->empty()) return absl::OkStatus();
    for (const CommittedRecord& record : *records) {
      if (record.first_sequence >= end || IsDone()) break;
      absl::Status passed = PassRecord(record, batch);
      if (!passed.ok()) return passed;
    }
  }
  return absl::OkStatus();
}

absl::Status CreationTail::PassRecord(const CommittedRecord& record,
                                      v1::TailEventsResponse* batch) {
  if (record.record->has_events()) return PassEvents(record, batch);
  v1::StreamNotice* notice = batch->add_notices();
  *notice = record.record->notice();
  notice->set_sequence(record.first_sequence);
  ++batch_events_;
  batch_bytes_ += notice->ByteSizeLong();
  place_.sequence = record.first_sequence + 1;
  place_.chain = record.chain;
  return absl::OkStatus();
}

absl::Status CreationTail::PassEvents(const CommittedRecord& record,
                                      v1::TailEventsResponse* batch) {
  const store::v1::Events& events = record.record->events();
  uint64_t sequence = record.first_sequence;
  for (int i = 0; i < FrameEventCount(events.frame()); ++i) {
    if (!HasBit(events.new_bitmap(), i)) continue;
    if (sequence >= place_.sequence) {
      if (IsDone()) return absl::OkStatus();
      bool late = HasBit(events.late_bitmap(), i) || FrameWindowKey(events.frame(), i) < place_.key;
      absl::Status read;
      if (late) read = ReadEvent(sequence, batch->add_late_events());
      if (!read.ok()) batch->mutable_late_events()->RemoveLast();
      if (read.ok() || absl::IsDataLoss(read)) {
        place_.sequence = sequence + 1;
        place_.chain = record.chain;
      }
      if (!read.ok()) return read;
      if (!late && place_.key.empty()) {
        place_.key = KeyWellBefore(FrameWindowKey(events.frame(), i));
      }
    }
    ++sequence;
  }
  place_.sequence = record.first_sequence + record.sequence_count;
  place_.chain = record.chain;
  place_.delivered_time = absl::FromUnixMicros(record.record->admission_micros());
  return absl::OkStatus();
}

absl::Status CreationTail::FillInOrder(int64_t watermark_micros, v1::TailEventsResponse* batch) {
  if (watermark_micros == 0) return absl::OkStatus();
  std::string until = options_.stops ? options_.until_key : KeyAt(watermark_micros);
  if (place_.key.empty()) {
    absl::StatusOr<std::string> earliest = EarliestKey(stream_, watermark_micros);
    if (!earliest.ok()) return earliest.status();
    place_.key = *std::move(earliest);
  }
  while (place_.key < until && !IsDone()) {
    CreationSpan span{place_.key, until, place_.first_sequence, place_.sequence,
                      place_.strays_until};
    uint64_t room = std::min<uint64_t>(kEntriesMax, options_.batch_events_max - batch_events_);
    absl::StatusOr<CreationPage> page = ReadCreationPage(stream_.store(), span, room);
    if (!page.ok()) return page.status();
    // After the look: the floor moves before the store drops what is below.
    absl::Status kept = CheckFloor(stream_, place_.key);
    if (!kept.ok()) return kept;
    const std::vector<CreationEntry>& entries = page->entries;
    for (size_t i = 0; i < entries.size(); ++i) {
      if (IsDone() && (i == 0 || entries[i].key != entries[i - 1].key)) return absl::OkStatus();
      absl::Status added = AddInOrder(entries[i], batch);
      if (!added.ok()) return added;
    }
    if (page->complete) place_.key = until;
  }
  return absl::OkStatus();
}

absl::Status CreationTail::AddInOrder(const CreationEntry& entry, v1::TailEventsResponse* batch) {
  absl::Status read = ReadEvent(entry.sequence, batch->add_events());
  if (!read.ok()) batch->mutable_events()->RemoveLast();
  if (read.ok() || absl::IsDataLoss(read)) place_.key = KeyAfter(entry.key);
  return read;
}

absl::Status CreationTail::ReadEvent(uint64_t sequence, v1::Event* event) {
  absl::StatusOr<std::shared_ptr<const UnpackedRecord>> record =
      stream_.cache().Get(sequence, options_.view != v1::EVENT_VIEW_HEADER);
  if (!record.ok()) {
    // What the reader is told of says how far it had come.
    absl::Status position = stream_.reader().CheckPosition(sequence, place_.delivered_time);
    return position.ok() ? record.status() : position;
  }
  (*record)->FillEvent(sequence - (*record)->first_sequence(), options_.view, event);
  ++event_count_;
  ++batch_events_;
  batch_bytes_ += EventMemoryBytes(*event);
  return absl::OkStatus();
}

ReadToken CreationTail::Token(ReadToken::Kind kind) const {
  ReadToken token;
  token.kind = kind;
  token.log_id = stream_.log_id();
  token.next_sequence = place_.sequence;
  token.delivered_time = place_.delivered_time;
  token.chain = place_.chain;
  token.from_key = place_.key;
  token.strays_until = place_.strays_until;
  token.first_sequence = place_.first_sequence;
  return token;
}

void CreationTail::FillPosition(v1::TailEventsResponse* batch) const {
  v1::StreamPosition* position = batch->mutable_position();
  FillStreamPosition(stream_.reader(), stream_.log_id(), place_.sequence, position);
  position->set_cursor(EncodeReadToken(Token(ReadToken::Kind::kCreationCursor)));
}

}  // namespace braid
