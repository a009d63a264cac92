#include "tests/sim/log_view.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "dedupe/metering.h"
#include "proto/frame_codec.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

constexpr size_t kHeaderBytes = 1 + 16 + 8;

bool BitAt(const std::string& bitmap, size_t i) {
  return i / 8 < bitmap.size() && (static_cast<uint8_t>(bitmap[i / 8]) >> (i % 8)) & 1;
}

class Reader {
 public:
  absl::Status Visit(absl::string_view key, absl::string_view value) {
    if (key.size() != 12) return Broken(key, "key is not 12 bytes");
    uint64_t sequence = ReadBe64(key);
    uint32_t ordinal = ReadBe32(key.substr(8));
    if (sequence != next_sequence_ || ordinal != next_ordinal_) {
      return Broken(key, absl::StrCat("expected ", next_sequence_, "/", next_ordinal_));
    }
    if (value.size() < kHeaderBytes || value[0] != 1) return Broken(key, "format");
    std::string chain(value.substr(1, 16));
    absl::string_view body = value.substr(kHeaderBytes);
    if (Hash64(absl::StrCat(key, body)) != ReadBe64(value.substr(17))) return Broken(key, "hash");
    if (Hash128(view_.chain, key, body) != chain) return Broken(key, "chain");
    view_.chain = chain;
    store::v1::LogRecord record;
    if (!record.ParseFromArray(body.data(), static_cast<int>(body.size()))) {
      return Broken(key, "body");
    }
    if (record.has_events()) AddSightings(record.source_id(), record.events().frame());
    if (record.has_sightings()) AddSightings(record.source_id(), record.sightings().frame());
    if (record.has_events()) return VisitEvents(key, sequence, record.events());
    bool sequenced = record.has_notice();
    if (record.has_tick()) {
      view_.ticks.push_back(
          {record.admission_micros(), view_.others.size(), received_micros_,
           std::exchange(arrivals_, {}), std::move(*record.mutable_tick())});
    } else {
      view_.others.push_back({sequence, ordinal, view_.sightings.size(), std::move(record)});
    }
    next_sequence_ = sequenced ? sequence + 1 : sequence;
    next_ordinal_ = sequenced ? 0 : ordinal + 1;
    return absl::OkStatus();
  }

  // A log begins with a chain of zeros.
  Reader() { view_.chain = std::string(16, 0); }

  LogView Take() { return std::move(view_); }

 private:
  void AddSightings(const std::string& source, const v1::Frame& frame) {
    absl::Time base = ToTime(frame.base_receive_time());
    bool is_live = frame.origin() == v1::EVENT_ORIGIN_LIVE;
    for (int i = 0; i < frame.post_ids_size(); ++i) {
      view_.sightings.push_back({source, frame.post_ids(i), is_live});
      absl::Time received = base + absl::Microseconds(frame.receive_offsets_micros(i));
      view_.billed[UtcDay(received)].insert(frame.post_ids(i));
      ++view_.deliveries[UtcDay(received)];
      if (is_live) received_micros_ = std::max(received_micros_, absl::ToUnixMicros(received));
    }
  }

  absl::Status VisitEvents(absl::string_view key, uint64_t sequence,
                           const store::v1::Events& events) {
    const v1::Frame& frame = events.frame();
    absl::Status valid = ValidateFrame(frame);
    if (!valid.ok()) return Broken(key, valid.message());
    absl::StatusOr<std::string> payload = DecompressPayload(frame);
    if (!payload.ok()) return Broken(key, payload.status().message());
    size_t begin = 0;
    uint32_t count = 0;
    for (int i = 0; i < frame.lengths_size(); ++i) {
      absl::string_view line = absl::string_view(*payload).substr(begin, frame.lengths(i));
      begin += frame.lengths(i);
      if (Hash64(line) != frame.line_hashes(i)) return Broken(key, "line hash");
      if (!BitAt(events.new_bitmap(), i)) continue;
      view_.events.push_back({sequence + count++, frame.post_ids(i),
                              BitAt(events.late_bitmap(), i), frame.line_hashes(i)});
    }
    if (count == 0 || count != events.new_count()) return Broken(key, "bitmap");
    if (frame.origin() == v1::EVENT_ORIGIN_LIVE) {
      absl::Time received = ToTime(frame.base_receive_time()) +
                            absl::Microseconds(frame.receive_offsets_micros(0));
      arrivals_.push_back({absl::ToUnixMicros(received), count});
    }
    next_sequence_ = sequence + count;
    next_ordinal_ = 0;
    return absl::OkStatus();
  }

  static absl::Status Broken(absl::string_view key, absl::string_view what) {
    std::string place = key.size() == 12
                            ? absl::StrCat(ReadBe64(key), "/", ReadBe32(key.substr(8)))
                            : "of a strange key";
    return absl::DataLossError(absl::StrCat("log record ", place, ": ", what));
  }

  LogView view_;
  int64_t received_micros_ = 0;
  std::vector<LogView::Arrival> arrivals_;
  uint64_t next_sequence_ = 1;
  uint32_t next_ordinal_ = 0;
};

}  // namespace

absl::StatusOr<LogView> ReadLog(const Store& store) {
  Reader reader;
  absl::Status status;
  absl::Status scan = store.Scan(Table::kLog, "", "", [&](absl::string_view key, absl::string_view value) {
    status = reader.Visit(key, value);
    return status.ok();
  });
  if (!scan.ok()) return scan;
  if (!status.ok()) return status;
  return reader.Take();
}

}  // namespace braid
