#include "dedupe/reading.h"

#include "proto/proto_time.h"

namespace braid {

void FillStreamPosition(const LogReader& reader, const std::string& log_id, uint64_t next_sequence,
                        v1::StreamPosition* position) {
  position->set_log_epoch(log_id);
  position->set_next_sequence(next_sequence);
  position->set_last_sequence(reader.next_sequence() - 1);
  position->set_earliest_sequence(reader.earliest_sequence());
  int64_t watermark_micros = reader.watermark_micros();
  if (watermark_micros == 0) return;
  SetTime(absl::FromUnixMicros(watermark_micros), position->mutable_watermark_time());
}

}  // namespace braid
