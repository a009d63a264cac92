#include "tests/sim/sim_creation_reader.h"

#include "absl/strings/str_cat.h"
#include "dedupe/creation_index.h"
#include "dedupe/creation_tail.h"
#include "dedupe/keys.h"
#include "dedupe/tail_request.h"
#include "proto/reason.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

// Small, so that most reads come from the store and most late events turn up
// between two of them.
constexpr uint64_t kHotTailBytes = 2048;
constexpr int kBatchEvents = 50;

}  // namespace

void SimCreationReader::Attach(const Store& disk, const store::v1::Identity& identity,
                               uint64_t next_sequence, const ReadableStream::Bounds& bounds) {
  stream_ = std::make_unique<ReadableStream>(
      ReadableStream::Start{"main", identity, next_sequence, bounds}, disk,
      HotTail::Options{.bytes_max = kHotTailBytes});
}

bool SimCreationReader::Read() {
  if (stream_ == nullptr) return false;
  v1::TailEventsRequest request;
  request.set_order(v1::READ_ORDER_CREATION);
  request.set_view(v1::EVENT_VIEW_HEADER);
  request.set_max_batch_events(kBatchEvents);
  request.set_cursor(cursor_);
  if (cursor_.empty()) request.mutable_start()->set_earliest(true);
  absl::StatusOr<CreationTail::Options> options =
      ResolveCreation(*stream_, request, absl::UnixEpoch());
  if (!options.ok()) return OnError(options.status());
  if (cursor_.empty()) from_sequence_ = options->from.sequence;
  CreationTail tail(*stream_, *std::move(options));
  v1::TailEventsResponse batch;
  absl::StatusOr<Reading::Progress> progress = tail.Fill(&batch);
  tail.FillPosition(&batch);
  for (const v1::Event& event : batch.events()) {
    std::string key = EventWindowKey(event.key());
    if (key < last_key_) Fail(absl::StrCat("sequence ", event.sequence(), " is out of order"));
    if (from_key_.empty()) from_key_ = key;
    last_key_ = key;
    Take(event.sequence(), event.id());
    ++in_order_;
  }
  for (const v1::Event& event : batch.late_events()) {
    Take(event.sequence(), event.id());
    ++late_;
  }
  cursor_ = batch.position().cursor();
  if (!progress.ok()) return OnError(progress.status());
  return *progress == Reading::Progress::kFull;
}

void SimCreationReader::Take(uint64_t sequence, uint64_t id) {
  if (!seen_.emplace(sequence, id).second) Fail(absl::StrCat("sequence ", sequence, " came twice"));
}

// It is told, and begins anew.
bool SimCreationReader::OnError(const absl::Status& status) {
  std::string reason = ReasonOf(status).reason;
  if (reason != "LOG_EPOCH_CHANGED" && reason != "CURSOR_TOO_OLD") {
    Fail(absl::StrCat("refused: ", status.ToString()));
    return false;
  }
  cursor_.clear();
  from_key_.clear();
  last_key_.clear();
  seen_.clear();
  return true;
}

void SimCreationReader::CheckAgainst(
    const std::vector<std::pair<uint64_t, uint64_t>>& sequence_and_id) {
  if (stream_ == nullptr) return;
  while (Read()) {
  }
  const std::map<uint64_t, uint64_t> log(sequence_and_id.begin(), sequence_and_id.end());
  for (const auto& [sequence, id] : seen_) {
    auto it = log.find(sequence);
    if (it != log.end() && it->second == id) continue;
    return Fail(absl::StrCat("was given post ", id, " as sequence ", sequence));
  }
  int64_t watermark_micros = stream_->reader().watermark_micros();
  if (watermark_micros == 0) return;
  std::string until = KeyAt(watermark_micros);
  for (const auto& [sequence, id] : log) {
    std::string key = PostWindowKey(id);
    bool wanted =
        key < until && (sequence >= from_sequence_ || (!from_key_.empty() && key >= from_key_));
    if (!wanted || seen_.count(sequence) > 0) continue;
    return Fail(absl::StrCat("sequence ", sequence, ", post ", id, ", never came; from ",
                             from_sequence_, ", created ", absl::FormatTime(SnowflakeTime(id)),
                             ", watermark ",
                             absl::FormatTime(absl::FromUnixMicros(watermark_micros)), ", floor ",
                             absl::FormatTime(absl::FromUnixMicros(stream_->floor_micros())),
                             ", earliest ", stream_->reader().earliest_sequence(), ", first key ",
                             from_key_.empty() ? 0 : WindowKeyTime(from_key_)));
  }
}

}  // namespace braid
