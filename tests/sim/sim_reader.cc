#include "tests/sim/sim_reader.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "dedupe/keys.h"
#include "dedupe/log_entry.h"
#include "dedupe/tail.h"
#include "dedupe/tail_request.h"
#include "proto/reason.h"

namespace braid {
namespace {

// Small, so that most reads come from the store.
constexpr uint64_t kHotTailBytes = 2048;
constexpr int kBatchEvents = 200;

uint64_t Number(std::map<std::string, std::string>& told, const std::string& name) {
  uint64_t number = 0;
  if (!absl::SimpleAtoi(told[name], &number)) return 0;
  return number;
}

std::string Flipped(absl::string_view value) {
  std::string damaged(value);
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  return damaged;
}

}  // namespace

absl::Status DamagedView::Scan(Table table, absl::string_view from, absl::string_view until,
                               Visitor visitor) const {
  return store_.Scan(table, from, until, [&](absl::string_view key, absl::string_view value) {
    bool damaged = table == Table::kLog && damaged_.count(std::string(key)) > 0;
    return damaged ? visitor(key, Flipped(value)) : visitor(key, value);
  });
}

absl::Status DamagedView::ScanBack(Table table, absl::string_view from, Visitor visitor) const {
  return store_.ScanBack(table, from, [&](absl::string_view key, absl::string_view value) {
    bool damaged = table == Table::kLog && damaged_.count(std::string(key)) > 0;
    return damaged ? visitor(key, Flipped(value)) : visitor(key, value);
  });
}

void SimReader::Attach(const Store& disk, const store::v1::Identity& identity,
                       const store::v1::CoreState& core) {
  disk_ = &disk;
  view_ = std::make_unique<DamagedView>(disk, damaged_);
  stream_ = std::make_unique<ReadableStream>(
      ReadableStream::Start{"main", identity, core.next_sequence(), {core.earliest_sequence()}},
      *view_, HotTail::Options{.bytes_max = kHotTailBytes});
  earliest_sequence_ = core.earliest_sequence();
  if (log_id_.empty()) log_id_ = identity.log_id();
}

void SimReader::Read() {
  if (stream_ == nullptr) return;
  if (cursor_.empty() && stream_->log_id() != log_id_) {
    // Without a cursor nobody tells: it sees another log and reads all of it.
    log_id_ = stream_->log_id();
    next_ = 1;
  }
  v1::TailEventsRequest request;
  request.set_view(v1::EVENT_VIEW_HEADER);
  request.set_max_batch_events(kBatchEvents);
  if (cursor_.empty()) {
    request.mutable_start()->set_sequence(next_);
  } else {
    request.set_cursor(cursor_);
  }
  absl::StatusOr<Tail::Options> options = ResolveTail(*stream_, request, absl::UnixEpoch());
  if (!options.ok()) return OnError(options.status());
  Tail tail(stream_->reader(), stream_->log_id(), *options);
  v1::TailEventsResponse batch;
  absl::StatusOr<Tail::Progress> progress = tail.Fill(&batch);
  tail.FillPosition(&batch);
  // Each takes a sequence.
  int notice = 0;
  const auto take_notices = [&](uint64_t until) {
    for (; notice < batch.notices_size() && batch.notices(notice).sequence() < until; ++notice) {
      Take(batch.notices(notice).sequence(), kNotice);
    }
  };
  for (const v1::Event& event : batch.events()) {
    take_notices(event.sequence());
    Take(event.sequence(), event.id());
  }
  take_notices(UINT64_MAX);
  if (batch.position().next_sequence() != next_) {
    Fail(absl::StrCat("was led from ", next_, " to ", batch.position().next_sequence()));
    next_ = batch.position().next_sequence();
  }
  cursor_ = batch.position().cursor();
  if (!progress.ok()) OnError(progress.status());
}

void SimReader::Take(uint64_t sequence, uint64_t id) {
  if (sequence != next_) Fail(absl::StrCat("got ", sequence, " where ", next_, " was due"));
  next_ = sequence + 1;
  auto [it, first] = seen_[log_id_].emplace(sequence, id);
  if (first || it->second == id) return;
  Fail(absl::StrCat("log ", log_id_, " gave two events for sequence ", sequence));
}

void SimReader::OnError(const absl::Status& status) {
  Reason reason = ReasonOf(status);
  if (reason.reason == "LOG_EPOCH_CHANGED") return OnOtherLog(std::move(reason.metadata));
  if (reason.reason == "CURSOR_TOO_OLD") return OnTooOld(std::move(reason.metadata));
  if (reason.reason == "LOG_DAMAGED") return OnDamaged(std::move(reason.metadata));
  Fail(absl::StrCat("refused: ", status.ToString()));
}

// What is said to be the same in both logs is taken at its word: it must stand
// in the new one to the end.
void SimReader::OnOtherLog(std::map<std::string, std::string> told) {
  ++rollbacks_told_;
  uint64_t from = Number(told, "lost_from_sequence");
  uint64_t until = Number(told, "lost_until_sequence");
  if (from == 0 || from > next_ || until < next_ || told["log_id"] == log_id_) {
    Fail(absl::StrCat("stood at ", next_, " of ", log_id_, " and is told that ", from, " to ",
                      until, " are lost"));
  }
  Events& events = seen_[told["log_id"]];
  for (const auto& [sequence, id] : seen_[log_id_]) {
    if (sequence < from) events.emplace(sequence, id);
  }
  log_id_ = told["log_id"];
  next_ = std::max<uint64_t>(1, from);
  cursor_.clear();
}

// Retention passed it while it slept.
void SimReader::OnTooOld(std::map<std::string, std::string> told) {
  uint64_t earliest = Number(told, "earliest_sequence");
  if (next_ >= earliest_sequence_ || earliest != earliest_sequence_ ||
      Number(told, "requested_sequence") != next_) {
    Fail(absl::StrCat("at ", next_, " of a log from ", earliest_sequence_,
                      " on, it is told that the oldest is ", earliest));
  }
  next_ = std::max(next_, earliest);
  cursor_.clear();
}

void SimReader::OnDamaged(std::map<std::string, std::string> told) {
  ++damages_told_;
  uint64_t from = Number(told, "lost_from_sequence");
  uint64_t until = Number(told, "lost_until_sequence");
  // The record on the whole disk that holds what comes next.
  uint64_t end = 0;
  (void)disk_->ScanBack(Table::kLog, EncodeLogKey({next_, ~uint32_t{0}}),
                        [&end](absl::string_view key, absl::string_view value) {
                          auto record = DecodeLogEntry(key, value);
                          if (record.ok()) end = record->first_sequence + record->sequence_count;
                          return false;
                        });
  if (from != next_ || until != end) {
    Fail(absl::StrCat("at ", next_, ", in a record up to ", end, ", it is told that ", from, " to ",
                      until, " are damaged"));
  }
  next_ = std::max(next_, until);
  cursor_.clear();
}

void SimReader::Damage(double place) {
  if (disk_ == nullptr) return;
  std::vector<std::string> keys;
  (void)disk_->Scan(Table::kLog, "", "", [&keys](absl::string_view key, absl::string_view) {
    keys.emplace_back(key);
    return true;
  });
  if (!keys.empty()) damaged_.insert(keys[static_cast<size_t>(place * keys.size())]);
  next_ = earliest_sequence_;
  cursor_.clear();
}

void SimReader::CheckAgainst(const std::vector<std::pair<uint64_t, uint64_t>>& sequence_and_id) {
  const Events log(sequence_and_id.begin(), sequence_and_id.end());
  for (const auto& [sequence, id] : seen_[log_id_]) {
    auto it = log.find(sequence);
    if (id == kNotice ? it == log.end() : it != log.end() && it->second == id) continue;
    return Fail(absl::StrCat("was given post ", id, " as sequence ", sequence, " of ", log_id_,
                             ", where the log has ", it == log.end() ? 0 : it->second));
  }
}

}  // namespace braid
