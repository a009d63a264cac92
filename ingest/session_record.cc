#include "ingest/session_record.h"

#include <algorithm>

#include "proto/proto_time.h"

namespace braid {

uint64_t OffsetCount(const v1::SessionRecord& record) {
  uint64_t count = 1;
  if (record.has_frame()) count = record.frame().lengths_size();
  if (record.has_loss()) count = record.loss().offsets();
  return std::max<uint64_t>(count, 1);
}

void ReceiveInterval::Include(const ReceiveInterval& other) {
  first = std::min(first, other.first);
  last = std::max(last, other.last);
}

ReceiveInterval ReceiveIntervalOf(const v1::SessionRecord& record) {
  ReceiveInterval interval;
  if (record.has_loss()) {
    interval.first = ToTime(record.loss().first_receive_time());
    interval.last = ToTime(record.loss().last_receive_time());
  }
  if (record.has_frame()) {
    interval.first = interval.last = ToTime(record.frame().base_receive_time());
    for (uint32_t micros : record.frame().receive_offsets_micros()) {
      interval.last = std::max(interval.last, interval.first + absl::Microseconds(micros));
    }
  }
  return interval;
}

v1::SessionRecord MakeLoss(uint64_t first_offset, uint64_t offsets, const ReceiveInterval& interval,
                           v1::Loss::Reason reason) {
  v1::SessionRecord record;
  record.set_offset(first_offset);
  v1::Loss* loss = record.mutable_loss();
  loss->set_offsets(offsets);
  loss->set_reason(reason);
  if (interval.first <= interval.last) {
    SetTime(interval.first, loss->mutable_first_receive_time());
    SetTime(interval.last, loss->mutable_last_receive_time());
  }
  return record;
}

}  // namespace braid
