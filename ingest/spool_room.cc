// The part of Spool that keeps its directory within bounds.

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/log.h"
#include "ingest/segment_scan.h"
#include "ingest/spool.h"

namespace braid {

void Spool::Upkeep() {
  if (failed_) return;
  absl::StatusOr<uint64_t> free_bytes = files_.FreeBytes(options_.dir);
  disk_is_low_ = free_bytes.ok() && *free_bytes < options_.free_bytes_min;
  RemoveExpired();
  KeepCap();
  size_t segments = 0;
  for (const auto& [epoch, session] : state_.sessions) segments += session.segments.size();
  metrics_.segments.Set(static_cast<double>(segments));
  metrics_.sessions.Set(static_cast<double>(state_.sessions.size()));
  metrics_.disk_bytes.Set(static_cast<double>(disk_bytes_));
  metrics_.unsynced_bytes.Set(static_cast<double>(unsynced_bytes_));
  metrics_.tail_bytes.Set(static_cast<double>(tail_bytes_));
  loop_.After(options_.upkeep_interval, owner_.Wrap([this] { Upkeep(); }));
}

void Spool::StampAcknowledged(SpoolSession* session) {
  uint64_t acknowledged = session->AcknowledgedByAll();
  for (auto it = session->segments.begin(); it != session->segments.end(); ++it) {
    if (session->SegmentEnd(it) > acknowledged) break;
    // The one being written may grow yet.
    if (file_ != nullptr && session == &current() && it->first == file_first_offset_) break;
    if (!it->second.acknowledged_time.has_value()) it->second.acknowledged_time = loop_.Now();
  }
}

void Spool::RemoveExpired() {
  StampAcknowledged(&current());
  std::vector<std::pair<uint64_t, uint64_t>> expired;
  for (const auto& [epoch, session] : state_.sessions) {
    for (const auto& [first_offset, segment] : session.segments) {
      if (!segment.acknowledged_time.has_value() ||
          loop_.Now() - *segment.acknowledged_time < options_.retention) {
        break;
      }
      expired.emplace_back(epoch, first_offset);
    }
  }
  for (const auto& [epoch, first_offset] : expired) RemoveSegment(epoch, first_offset);
}

void Spool::RemoveSegment(uint64_t epoch, uint64_t first_offset) {
  SpoolSession& session = state_.sessions[epoch];
  metrics_.removed_segments.Increment();
  if (session.segments.size() == 1 && epoch != this->epoch()) {
    Survives(ForgetSessions({epoch}));
    return;
  }
  if (!Survives(files_.Remove(SegmentPath(options_.dir, epoch, first_offset)))) return;
  disk_bytes_ -= session.segments[first_offset].size_bytes;
  session.segments.erase(first_offset);
}

void Spool::KeepCap() {
  while (disk_bytes_ > options_.disk_bytes_max && MakeRoom()) {
  }
  // A step at a time: the next look at the disk tells whether it was enough.
  if (disk_is_low_) {
    disk_is_low_ = false;
    MakeRoom();
  }
}

bool Spool::MakeRoom() { return !failed_ && (RemoveOldestAcknowledged() || ReplaceOldestByLoss()); }

bool Spool::IsActive(uint64_t epoch, uint64_t first_offset) {
  return file_ != nullptr && epoch == this->epoch() && first_offset == file_first_offset_;
}

bool Spool::RemoveOldestAcknowledged() {
  for (auto& [epoch, session] : state_.sessions) {
    StampAcknowledged(&session);
    if (session.segments.empty()) continue;
    auto oldest = session.segments.begin();
    if (!oldest->second.acknowledged_time.has_value()) continue;
    RemoveSegment(epoch, oldest->first);
    return !failed_;
  }
  return false;
}

// The oldest segment that holds more than one record of loss.
bool Spool::ReplaceOldestByLoss() {
  for (auto& [epoch, session] : state_.sessions) {
    for (auto it = session.segments.begin(); it != session.segments.end(); ++it) {
      // A loss is this small; so is what would be won by losing more.
      constexpr uint64_t kLossSegmentBytes = 256;
      if (IsActive(epoch, it->first) || it->second.size_bytes <= kLossSegmentBytes) continue;
      return ReplaceByLoss(epoch, it->first);
    }
  }
  return false;
}

ReceiveInterval Spool::IntervalOf(uint64_t epoch, uint64_t first_offset) {
  SpoolSegment& segment = state_.sessions[epoch].segments[first_offset];
  if (segment.interval.has_value()) return *segment.interval;
  ReceiveInterval interval;
  SegmentScan scan(files_, SegmentPath(options_.dir, epoch, first_offset), kSegmentHeaderBytes,
                   first_offset);
  while (auto item = scan.Next()) interval.Include(ReceiveIntervalOf(item->record));
  // What can not be read is somewhere in the session.
  return scan.damaged() ? state_.sessions[epoch].received : interval;
}

bool Spool::ReplaceByLoss(uint64_t epoch, uint64_t first_offset) {
  SpoolSession& session = state_.sessions[epoch];
  auto segment = session.segments.find(first_offset);
  uint64_t lost_end = session.SegmentEnd(segment);
  ReceiveInterval interval = IntervalOf(epoch, first_offset);
  // Neighbouring losses become one file, or an outage of days would leave one
  // for every segment.
  auto before = segment;
  bool joins = segment != session.segments.begin() && std::prev(segment)->second.is_loss;
  if (joins) {
    before = std::prev(segment);
    interval.Include(IntervalOf(epoch, before->first));
  }
  metrics_.lost_offsets.Add(lost_end - first_offset);
  Log(LogLevel::kError, "spool_overflow", "the spool is full: its oldest records are given up",
      {{"epoch", epoch}, {"first_offset", first_offset}, {"offsets", lost_end - first_offset}});

  std::string bytes = EncodeSegmentHeader(before->first);
  v1::SessionRecord loss =
      MakeLoss(before->first, lost_end - before->first, interval, v1::Loss::REASON_SPOOL_OVERFLOW);
  AppendRecordBytes(before->first, loss.SerializeAsString(), &bytes);
  if (!Survives(files_.Replace(SegmentPath(options_.dir, epoch, before->first), bytes))) {
    return false;
  }
  disk_bytes_ += bytes.size() - before->second.size_bytes;
  before->second = SpoolSegment();
  before->second.size_bytes = bytes.size();
  before->second.generation = ++generation_;
  before->second.interval = interval;
  before->second.is_loss = true;
  if (!joins) return true;
  // A crash before this leaves a segment whose offsets the loss covers too:
  // readers may take either.
  disk_bytes_ -= segment->second.size_bytes;
  session.segments.erase(segment);
  return Survives(files_.Remove(SegmentPath(options_.dir, epoch, first_offset)));
}

}  // namespace braid
