#include "dedupe/event_lookup.h"

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "base/bytes.h"
#include "base/log.h"
#include "dedupe/event_view.h"
#include "dedupe/frame_parts.h"
#include "dedupe/keys.h"
#include "proto/reason.h"

namespace braid {
namespace {

// Sightings shown of one event: sources are few, but one may repeat itself.
constexpr int kSightingsMax = 64;

absl::Status NotInLog(uint64_t post_id) {
  return ReasonError(absl::StatusCode::kNotFound, absl::StrCat("post ", post_id, " is not in the log"),
                     {"EVENT_NOT_FOUND", {{"id", absl::StrCat(post_id)}}});
}

absl::StatusOr<uint64_t> FindStray(const Store& store, const std::string& window_key) {
  absl::StatusOr<std::string> value = store.Get(Table::kStrays, EncodeStrayIdKey(window_key));
  if (!value.ok()) return value.status();
  return DecodeStrayValue(*value).sequence;
}

absl::StatusOr<uint64_t> FindSequence(const ReadableStream& stream, uint64_t post_id) {
  std::string key = PostWindowKey(post_id);
  absl::StatusOr<std::string> value = stream.store().Get(Table::kIds, key);
  absl::StatusOr<uint64_t> sequence = absl::NotFoundError("");
  if (value.ok() && value->size() >= 8) {
    sequence = ReadBe64(*value);
  } else if (!value.ok() && !absl::IsNotFound(value.status())) {
    return value.status();
  }
  // Keys behind the floor may still be on disk: the floor decides.
  uint64_t earliest = stream.reader().earliest_sequence();
  if (sequence.ok() && *sequence >= earliest) return sequence;
  sequence = FindStray(stream.store(), key);
  if (sequence.ok() && *sequence >= earliest) return sequence;
  if (!sequence.ok() && !absl::IsNotFound(sequence.status())) return sequence.status();
  return NotInLog(post_id);
}

// The duplicates of the post that one record holds.
void AddSightings(const CommittedRecord& entry, uint64_t post_id, v1::Event* event) {
  const store::v1::LogRecord& record = *entry.record;
  if (!record.has_events() && !record.has_sightings()) return;
  const v1::Frame& frame =
      record.has_events() ? record.events().frame() : record.sightings().frame();
  for (int i = 0; i < FrameEventCount(frame); ++i) {
    bool same = frame.post_ids_size() > 0
                    ? frame.post_ids(i) == post_id
                    : frame.keys(i).kind() == v1::EVENT_KIND_POST &&
                          frame.keys(i).object_ids_size() > 0 &&
                          frame.keys(i).object_ids(0) == absl::StrCat(post_id);
    if (!same || event->sightings_size() >= kSightingsMax) continue;
    if (record.has_events() && HasBit(record.events().new_bitmap(), i)) continue;
    *event->add_sightings() = FrameSighting(record, frame, i);
  }
}

absl::Status AddAllSightings(const ReadableStream& stream, uint64_t post_id, v1::Event* event) {
  uint32_t bucket = SightingBucket(post_id);
  std::vector<LogKey> places;
  absl::Status scanned = stream.store().Scan(
      Table::kSightings, EncodeSightingPrefix(bucket), EncodeSightingPrefix(bucket + 1),
      [&](absl::string_view key, absl::string_view) {
        places.push_back(DecodeSightingKey(key));
        return true;
      });
  if (!scanned.ok()) return scanned;
  for (LogKey place : places) {
    // The index outlives what retention drops from the log.
    if (place.sequence < stream.reader().earliest_sequence()) continue;
    absl::StatusOr<CommittedRecord> record = stream.reader().RecordAt(place);
    if (absl::IsNotFound(record.status())) continue;
    if (absl::IsDataLoss(record.status())) {
      // The event is whole without it.
      Log(LogLevel::kError, "log_entry_damaged", "sightings of an event can not be read",
          {{"post_id", post_id}, {"error", record.status()}});
      continue;
    }
    if (!record.ok()) return record.status();
    AddSightings(*record, post_id, event);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Event> FindPost(const ReadableStream& stream, uint64_t post_id,
                                   v1::EventView view) {
  absl::StatusOr<uint64_t> sequence = FindSequence(stream, post_id);
  if (!sequence.ok()) return sequence.status();
  absl::StatusOr<CommittedRecord> record = stream.reader().RecordOf(*sequence);
  // Retention passed it meanwhile.
  if (absl::IsOutOfRange(record.status())) return NotInLog(post_id);
  if (!record.ok()) return record.status();
  if (!record->record->has_events()) return NotInLog(post_id);
  absl::StatusOr<RecordEvents> events = RecordEvents::Open(*std::move(record), view);
  if (!events.ok()) return events.status();
  events->SkipTo(*sequence);
  v1::Event event;
  if (events->done()) return NotInLog(post_id);
  events->Next(&event);
  absl::Status status = AddAllSightings(stream, post_id, &event);
  if (!status.ok()) return status;
  return event;
}

}  // namespace braid
