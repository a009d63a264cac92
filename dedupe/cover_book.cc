#include "dedupe/cover_book.h"

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "dedupe/cover_keys.h"
#include "dedupe/keys.h"

namespace braid {
namespace {

int64_t DayStart(int64_t micros) { return micros / kDayMicros * kDayMicros; }

// The parts of a span by UTC day.
std::vector<Interval> ByDay(Interval span) {
  std::vector<Interval> parts;
  while (!span.empty()) {
    parts.push_back({span.from, std::min(span.until, DayStart(span.from) + kDayMicros)});
    span.from = parts.back().until;
  }
  return parts;
}

// The value that the group writes under the key so far; null where it does not.
const std::string* LastWritten(const WriteSet& changes, const std::string& key) {
  const auto& all = changes.changes();
  for (auto change = all.rbegin(); change != all.rend(); ++change) {
    bool put = change->kind == WriteSet::Change::Kind::kPut && change->table == Table::kCover;
    if (put && change->key == key) return &change->value;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<CoverBook::Spans> ReadCover(const Store& store, Interval range) {
  CoverBook::Spans spans;
  if (range.empty()) return spans;
  absl::Status status =
      store.Scan(Table::kCover, CoverDayKey(std::max<int64_t>(0, range.from)),
                 CoverDayKey(range.until - 1 + kDayMicros),
                 [&](absl::string_view key, absl::string_view value) {
                   CoverSpanKey span = DecodeCoverSpanKey(key);
                   Interval interval{span.from_micros, static_cast<int64_t>(ReadBe64(value))};
                   if (interval.until <= range.from || interval.from >= range.until) return true;
                   spans[{span.source_id, span.origin}].Add(interval);
                   return true;
                 });
  if (!status.ok()) return status;
  return spans;
}

absl::Status CoverBook::Load(int64_t from_micros) {
  absl::StatusOr<Spans> spans = ReadCover(store_, {from_micros, INT64_MAX - kDayMicros});
  if (!spans.ok()) return spans.status();
  spans_ = *std::move(spans);
  forgotten_micros_ = from_micros;
  return absl::OkStatus();
}

// Memory does not know its rows: one that starts at the same instant and goes
// further stays.
absl::Status CoverBook::AddForgotten(const std::string& source_id, v1::EventOrigin origin,
                                     Interval span, WriteSet* changes) {
  for (const Interval& part : ByDay(span)) {
    std::string key = EncodeCoverSpanKey({source_id, origin, part.from});
    absl::StatusOr<std::string> row = std::string();
    if (const std::string* written = LastWritten(*changes, key); written != nullptr) {
      row = *written;
    } else {
      row = store_.Get(Table::kCover, key);
    }
    if (!row.ok() && !absl::IsNotFound(row.status())) return row.status();
    bool longer = row.ok() && static_cast<int64_t>(ReadBe64(*row)) >= part.until;
    if (longer) continue;
    changes->Put(Table::kCover, std::move(key), EncodeSequence(static_cast<uint64_t>(part.until)));
  }
  return absl::OkStatus();
}

absl::Status CoverBook::Add(const std::string& source_id, v1::EventOrigin origin, Interval span,
                            WriteSet* changes) {
  if (span.until <= forgotten_micros_) return AddForgotten(source_id, origin, span, changes);
  if (span.from < DayStart(forgotten_micros_)) {
    Interval before{span.from, DayStart(forgotten_micros_)};
    absl::Status status = AddForgotten(source_id, origin, before, changes);
    if (!status.ok()) return status;
    span.from = before.until;
  }
  IntervalSet& known = spans_[{source_id, origin}];
  if (known.Covers(span)) return absl::OkStatus();
  for (const Interval& part : ByDay(span)) {
    Interval day{DayStart(part.from), DayStart(part.from) + kDayMicros};
    Interval row = part;
    for (Interval old : known.Near(part)) {
      old = {std::max(old.from, day.from), std::min(old.until, day.until)};
      if (old.empty()) continue;
      row = {std::min(row.from, old.from), std::max(row.until, old.until)};
      if (old.from <= row.from) continue;
      changes->Delete(Table::kCover, EncodeCoverSpanKey({source_id, origin, old.from}));
    }
    changes->Put(Table::kCover, EncodeCoverSpanKey({source_id, origin, row.from}),
                 EncodeSequence(static_cast<uint64_t>(row.until)));
  }
  known.Add(span);
  return absl::OkStatus();
}

IntervalSet CoverBook::Union(const std::vector<std::string>& sources, int64_t from_micros) const {
  IntervalSet all;
  for (const auto& [who, spans] : spans_) {
    if (std::find(sources.begin(), sources.end(), who.first) == sources.end()) continue;
    for (const Interval& span : spans.Near({from_micros, INT64_MAX})) all.Add(span);
  }
  return all;
}

void CoverBook::ForgetBefore(int64_t from_micros) {
  forgotten_micros_ = std::max(forgotten_micros_, from_micros);
  for (auto it = spans_.begin(); it != spans_.end();) {
    it->second.Subtract({0, DayStart(forgotten_micros_)});
    it->second.ForgetBefore(forgotten_micros_);
    it = it->second.empty() ? spans_.erase(it) : std::next(it);
  }
}

void CoverBook::Expire(int64_t now_micros, WriteSet* changes) {
  int64_t oldest = now_micros - kDaysKept * kDayMicros;
  if (oldest > 0) changes->DeleteRange(Table::kCover, CoverDayKey(0), CoverDayKey(oldest));
}

}  // namespace braid
