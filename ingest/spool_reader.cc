#include "ingest/spool_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"

namespace braid {
namespace {

// Covers and connection events hold no data; so many of them in a row are rare.
constexpr int kRecordsTriedMax = 16;

absl::Status Inside(uint64_t offset, uint64_t begin) {
  return absl::FailedPreconditionError(
      absl::StrCat("offset ", offset, " lies inside the record at ", begin));
}

// The part of a loss from `offset` on: a receiver may have had the records
// before it when they were still there.
v1::SessionRecord CutLoss(v1::SessionRecord record, uint64_t offset) {
  uint64_t end_offset = record.offset() + OffsetCount(record);
  record.set_offset(offset);
  record.mutable_loss()->set_offsets(end_offset - offset);
  return record;
}

}  // namespace

void SpoolReader::Seek(uint64_t epoch, uint64_t offset) {
  epoch_ = epoch;
  offset_ = offset;
  scan_.reset();
  last_interval_ = ReceiveInterval();
}

absl::StatusOr<absl::optional<v1::SessionRecord>> SpoolReader::Next() {
  auto session = spool_.state_.sessions.find(epoch_);
  if (session == spool_.state_.sessions.end()) {
    return absl::NotFoundError(absl::StrCat("session ", epoch_, " is gone"));
  }
  if (offset_ > session->second.end_offset) {
    return absl::FailedPreconditionError(
        absl::StrCat("offset ", offset_, " lies beyond the end, ", session->second.end_offset));
  }
  if (offset_ == session->second.end_offset) return absl::optional<v1::SessionRecord>();
  absl::StatusOr<v1::SessionRecord> record;
  if (offset_ < session->second.first_retained()) {
    record = LossUntil(session->second.first_retained(), v1::Loss::REASON_SPOOL_OVERFLOW);
  } else if (epoch_ == spool_.epoch() && !spool_.tail_.empty() &&
             offset_ >= spool_.tail_.front().offset) {
    record = ReadTail();
  } else {
    record = ReadFile(&session->second);
  }
  if (!record.ok()) return record.status();
  record->set_session_epoch(epoch_);
  read_failures_ = 0;
  NoteInterval(*record);
  offset_ = record->offset() + OffsetCount(*record);
  return absl::make_optional(*std::move(record));
}

absl::StatusOr<v1::SessionRecord> SpoolReader::ReadTail() {
  auto after = std::upper_bound(
      spool_.tail_.begin(), spool_.tail_.end(), offset_,
      [](uint64_t offset, const Spool::TailRecord& record) { return offset < record.offset; });
  const Spool::TailRecord& found = *std::prev(after);
  v1::SessionRecord record;
  BRAID_CHECK(record.ParseFromString(found.body));
  if (found.offset == offset_) return record;
  if (record.has_loss()) return CutLoss(std::move(record), offset_);
  return Inside(offset_, found.offset);
}

void SpoolReader::OpenScan(uint64_t first_offset, const SpoolSegment& segment) {
  uint64_t position = kSegmentHeaderBytes;
  uint64_t offset = first_offset;
  for (const auto& [indexed_offset, indexed_position] : segment.index) {
    if (indexed_offset > offset_) break;
    offset = indexed_offset;
    position = indexed_position;
  }
  scan_ = std::make_unique<SegmentScan>(
      spool_.files_, SegmentPath(spool_.options_.dir, epoch_, first_offset), position, offset);
  generation_ = segment.generation;
}

absl::StatusOr<v1::SessionRecord> SpoolReader::ReadFile(SpoolSession* session) {
  auto segment = session->SegmentOf(offset_);
  if (scan_ == nullptr || generation_ != segment->second.generation || scan_->offset() > offset_) {
    OpenScan(segment->first, segment->second);
  }
  while (scan_->offset() <= offset_) {
    auto item = scan_->Next();
    if (!item.has_value()) break;
    segment->second.NoteRecord(item->offset, item->position);
    if (item->offset == offset_) return std::move(item->record);
    NoteInterval(item->record);
    if (item->end_offset <= offset_) continue;
    if (item->record.has_loss()) return CutLoss(std::move(item->record), offset_);
    return Inside(offset_, item->offset);
  }
  absl::Status read_status = scan_->read_status();
  scan_.reset();
  std::string path = SegmentPath(spool_.options_.dir, epoch_, segment->first);
  if (!read_status.ok()) {
    spool_.metrics_.read_errors.Increment();
    Log(LogLevel::kError, "spool_read_failed", "a segment can not be read at the moment",
        {{"file", path}, {"offset", offset_}, {"error", read_status}});
    if (++read_failures_ < spool_.options_.read_attempts_max) {
      return absl::UnavailableError(read_status.message());
    }
  }
  spool_.metrics_.damaged_reads.Increment();
  uint64_t end_offset = session->SegmentEnd(segment);
  Log(LogLevel::kError, "spool_damaged", "records on disk can not be read: a loss stands for them",
      {{"file", path}, {"first_offset", offset_}, {"offsets", end_offset - offset_}});
  return LossUntil(end_offset, v1::Loss::REASON_SPOOL_CORRUPT);
}

void SpoolReader::NoteInterval(const v1::SessionRecord& record) {
  ReceiveInterval interval = ReceiveIntervalOf(record);
  if (interval.first <= interval.last) last_interval_ = interval;
}

absl::Time SpoolReader::FirstReceiveTime(uint64_t first_offset) const {
  SegmentScan scan(spool_.files_, SegmentPath(spool_.options_.dir, epoch_, first_offset),
                   kSegmentHeaderBytes, first_offset);
  ReceiveInterval interval;
  for (int i = 0; i < kRecordsTriedMax && interval.first > interval.last; ++i) {
    auto item = scan.Next();
    if (!item.has_value()) break;
    interval = ReceiveIntervalOf(item->record);
  }
  return interval.first;
}

absl::Time SpoolReader::LastReceiveTime(const SpoolSession& session) const {
  if (last_interval_.first <= last_interval_.last) return last_interval_.last;
  for (auto segment = session.segments.lower_bound(offset_); segment != session.segments.begin();) {
    --segment;
    absl::Time first = FirstReceiveTime(segment->first);
    if (first < absl::InfiniteFuture()) return first;
  }
  return session.received.first;
}

v1::SessionRecord SpoolReader::LossUntil(uint64_t end_offset, v1::Loss::Reason reason) {
  // Received between what stands before it and what stands after it.
  const SpoolSession& session = spool_.state_.sessions.find(epoch_)->second;
  ReceiveInterval lost;
  lost.first = LastReceiveTime(session);
  lost.last = session.received.last;
  if (end_offset < session.end_offset) {
    absl::Time next = FirstReceiveTime(end_offset);
    if (next < absl::InfiniteFuture()) lost.last = next;
  }
  return MakeLoss(offset_, end_offset - offset_, lost, reason);
}

}  // namespace braid
