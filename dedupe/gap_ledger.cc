#include "dedupe/gap_ledger.h"

#include <algorithm>

#include "dedupe/cover_keys.h"

namespace braid {
namespace {

using store::v1::StoredGap;
using v1::Gap;
using v1::StreamNotice;

// Of old gaps, per call.
constexpr int kExpiredAtOnce = 100;

Interval SpanOfGap(const StoredGap& gap) { return {gap.from_micros(), gap.until_micros()}; }

// What two gaps that touch know of what they miss.
void Join(const StoredGap& other, StoredGap* gap) {
  if (!other.has_missing()) return;
  store::v1::Missing* missing = gap->mutable_missing();
  missing->set_value(missing->value() + other.missing().value());
  missing->set_low(missing->low() + other.missing().low());
  missing->set_high(missing->high() + other.missing().high());
  gap->mutable_sample_post_ids()->MergeFrom(other.sample_post_ids());
  for (const std::string& source : other.sources()) {
    if (std::count(gap->sources().begin(), gap->sources().end(), source) == 0) {
      gap->add_sources(source);
    }
  }
  if (gap->rule_tag() != other.rule_tag()) gap->clear_rule_tag();
}

store::v1::Missing ShareOf(const store::v1::Missing& missing, double share) {
  store::v1::Missing part;
  part.set_value(missing.value() * share);
  part.set_low(missing.low() * share);
  part.set_high(missing.high() * share);
  return part;
}

}  // namespace

bool IsOpen(const StoredGap& gap) {
  return gap.state() == Gap::STATE_OPEN || gap.state() == Gap::STATE_RECOVERING;
}

bool IsOfCover(const StoredGap& gap) { return gap.kind() != Gap::KIND_VOLUME_DROP; }

bool HoldsWatermark(const StoredGap& gap) {
  return IsOpen(gap) && IsOfCover(gap) && gap.kind() != Gap::KIND_PAUSED;
}

absl::Status GapLedger::Load(int64_t from_micros) {
  absl::Status bad;
  absl::Status status = store_.Scan(
      Table::kCover, CoverGapKey(0), CoverGapKey(UINT64_MAX),
      [&](absl::string_view, absl::string_view value) {
        StoredGap gap;
        if (!gap.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          bad = absl::DataLossError("a gap can not be read");
          return false;
        }
        if (IsOpen(gap)) open_.insert(gap.number());
        if (IsOpen(gap) || gap.until_micros() > from_micros) gaps_[gap.number()] = std::move(gap);
        return true;
      });
  return status.ok() ? bad : status;
}

std::vector<uint64_t> GapLedger::OpenOfCover(uint32_t partition) const {
  std::vector<uint64_t> numbers;
  for (uint64_t number : open_) {
    const StoredGap& gap = gaps_.at(number);
    if (gap.partition() == partition && IsOfCover(gap)) numbers.push_back(number);
  }
  return numbers;
}

Interval GapLedger::SpanOf(uint64_t number) const { return SpanOfGap(gaps_.at(number)); }

StoredGap* GapLedger::Edit(uint64_t number) {
  changed_.insert(number);
  return &gaps_.at(number);
}

StoredGap* GapLedger::Open(uint32_t partition, Gap::Kind kind, Interval span, int64_t now_micros) {
  uint64_t number = ++last_number_;
  StoredGap& gap = gaps_[number];
  gap.set_number(number);
  gap.set_partition(partition);
  gap.set_kind(kind);
  gap.set_state(Gap::STATE_OPEN);
  gap.set_from_micros(span.from);
  gap.set_until_micros(span.until);
  gap.set_first_from_micros(span.from);
  gap.set_detect_micros(now_micros);
  open_.insert(number);
  return Edit(number);
}

GapLedger::Change GapLedger::Close(uint64_t number, Gap::State state, StreamNotice::Type type,
                                   int64_t now_micros) {
  StoredGap* gap = Edit(number);
  gap->set_state(state);
  gap->set_growing(false);
  gap->set_close_micros(now_micros);
  open_.erase(number);
  return {type, *gap};
}

void GapLedger::NarrowOne(uint64_t number, const IntervalSet& covered, int64_t now_micros,
                          const std::string& route, Changes* changes) {
  Interval span = SpanOf(number);
  std::vector<Interval> rest = covered.Missing(span);
  if (rest.empty()) {
    Edit(number)->set_recovered_by(route);
    changes->push_back(
        Close(number, Gap::STATE_RECOVERED, StreamNotice::TYPE_GAP_RECOVERED, now_micros));
    return;
  }
  // At the bound it keeps what is whole between its holes.
  if (rest.size() > 1 && open_.size() + rest.size() - 1 > options_.open_max) {
    rest = {{rest.front().from, rest.back().until}};
  }
  if (rest.size() == 1 && rest.front() == span) return;
  bool growing = gaps_.at(number).growing() && rest.back().until == span.until;
  StoredGap* gap = Edit(number);
  store::v1::Missing missing = gap->missing();
  auto set_share = [&](StoredGap* of) {
    if (!of->has_missing()) return;
    double micros = static_cast<double>(of->until_micros() - of->from_micros());
    *of->mutable_missing() = ShareOf(missing, micros / static_cast<double>(span.until - span.from));
  };
  gap->set_from_micros(rest.front().from);
  gap->set_until_micros(rest.front().until);
  gap->set_growing(growing && rest.size() == 1);
  set_share(gap);
  changes->push_back({StreamNotice::TYPE_GAP_NARROWED, *gap});
  for (size_t i = 1; i < rest.size(); ++i) {
    StoredGap* part = OpenPart(number, rest[i], now_micros);
    part->set_growing(growing && i + 1 == rest.size());
    set_share(part);
    changes->push_back({StreamNotice::TYPE_GAP_OPENED, *part});
  }
}

StoredGap* GapLedger::OpenPart(uint64_t of, Interval span, int64_t now_micros) {
  const StoredGap parent = gaps_.at(of);
  StoredGap* part = Open(parent.partition(), parent.kind(), span, now_micros);
  part->set_parent(of);
  *part->mutable_sources() = parent.sources();
  part->set_usual_rate(parent.usual_rate());
  *part->mutable_evidence() = parent.evidence();
  part->set_rule_set_version(parent.rule_set_version());
  part->set_passed_by_watermark(parent.passed_by_watermark());
  part->set_spool_until_micros(parent.spool_until_micros());
  if (parent.has_missing()) *part->mutable_missing() = parent.missing();
  *part->mutable_sample_post_ids() = parent.sample_post_ids();
  part->set_rule_tag(parent.rule_tag());
  return part;
}

GapLedger::Change GapLedger::SplitOff(uint64_t number, int64_t at_micros, int64_t now_micros) {
  StoredGap* gap = Edit(number);
  StoredGap* part = OpenPart(number, {gap->from_micros(), at_micros}, now_micros);
  gap->set_from_micros(at_micros);
  // What is known was learned before.
  gap->clear_missing();
  gap->clear_sample_post_ids();
  return {StreamNotice::TYPE_GAP_OPENED, *part};
}

uint64_t GapLedger::Surviving(uint64_t number) const {
  for (auto it = gaps_.find(number); it != gaps_.end() && it->second.merged_into() > 0;
       it = gaps_.find(number)) {
    number = it->second.merged_into();
  }
  return number;
}

std::vector<uint64_t> GapLedger::OpenOneSided(uint32_t partition) const {
  std::vector<uint64_t> numbers;
  for (uint64_t number : OpenOfCover(partition)) {
    if (gaps_.at(number).kind() == Gap::KIND_ONE_SIDED) numbers.push_back(number);
  }
  return numbers;
}

GapLedger::Neighbours GapLedger::NeighboursOf(uint32_t partition, const Hole& hole) const {
  Neighbours found;
  for (uint64_t number : OpenOfCover(partition)) {
    const StoredGap& gap = gaps_.at(number);
    if (gap.kind() != hole.kind) continue;
    if (!found.left && gap.until_micros() == hole.span.from) found.left = number;
    if (!found.right && gap.from_micros() == hole.span.until) found.right = number;
  }
  return found;
}

absl::optional<uint64_t> GapLedger::NearestOpen(uint32_t partition, Gap::Kind kind) const {
  absl::optional<uint64_t> nearest;
  for (uint64_t number : OpenOfCover(partition)) {
    const StoredGap& gap = gaps_.at(number);
    if (gap.kind() != kind) continue;
    if (!nearest || gap.until_micros() > gaps_.at(*nearest).until_micros()) nearest = number;
  }
  return nearest;
}

GapLedger::Changes GapLedger::Report(uint32_t partition, const std::vector<Hole>& holes,
                                     int64_t now_micros) {
  Changes changes;
  std::vector<uint64_t> grew;
  for (uint64_t number : OpenOfCover(partition)) {
    const StoredGap& gap = gaps_.at(number);
    if (gap.growing() && gap.kind() != Gap::KIND_ONE_SIDED) grew.push_back(number);
  }
  for (const Hole& hole : holes) ReportOne(partition, hole, now_micros, &changes);
  bool any_grows = !holes.empty() && holes.back().growing;
  int64_t present = any_grows ? holes.back().span.until : 0;
  for (uint64_t number : grew) {
    if (!gaps_.at(number).growing()) continue;
    if (!any_grows || gaps_.at(number).until_micros() != present) Edit(number)->set_growing(false);
  }
  return changes;
}

uint64_t GapLedger::ReportOneSided(uint32_t partition, Interval span, bool growing,
                                   int64_t now_micros, Changes* changes) {
  return ReportOne(partition, {span, Gap::KIND_ONE_SIDED, growing}, now_micros, changes);
}

uint64_t GapLedger::ReportOne(uint32_t partition, const Hole& hole, int64_t now_micros,
                              Changes* changes) {
  auto [left, right] = NeighboursOf(partition, hole);
  if (!left && !right && open_.size() >= options_.open_max) {
    left = NearestOpen(partition, hole.kind);
    if (left) AddEvidence(*left, now_micros, "", "too many gaps: it grows over what is whole");
  }
  if (!left && !right) {
    StoredGap* gap = Open(partition, hole.kind, hole.span, now_micros);
    gap->set_growing(hole.growing);
    changes->push_back({StreamNotice::TYPE_GAP_OPENED, *gap});
    return gap->number();
  }
  // The older one lives on.
  uint64_t stays = left && right ? std::min(*left, *right) : left ? *left : *right;
  Interval span = SpanOf(stays);
  span = {std::min(span.from, hole.span.from), std::max(span.until, hole.span.until)};
  if (left && right) {
    uint64_t goes = std::max(*left, *right);
    span = {std::min(span.from, SpanOf(goes).from), std::max(span.until, SpanOf(goes).until)};
    Edit(goes)->set_merged_into(stays);
    Join(gaps_.at(goes), Edit(stays));
    changes->push_back(Close(goes, Gap::STATE_MERGED, StreamNotice::TYPE_GAP_MERGED, now_micros));
  }
  StoredGap* gap = Edit(stays);
  gap->set_from_micros(span.from);
  gap->set_until_micros(span.until);
  gap->set_growing(hole.growing);
  return stays;
}

absl::optional<GapLedger::Change> GapLedger::OpenSuspicion(const std::string& rule_tag,
                                                           int64_t from_micros,
                                                           int64_t now_micros) {
  for (uint64_t number : open_) {
    const StoredGap& gap = gaps_.at(number);
    if (!IsOfCover(gap) && gap.rule_tag() == rule_tag) return absl::nullopt;
  }
  StoredGap* gap = Open(0, Gap::KIND_VOLUME_DROP, {from_micros, now_micros}, now_micros);
  gap->set_rule_tag(rule_tag);
  gap->set_growing(true);
  return Change{StreamNotice::TYPE_GAP_OPENED, *gap};
}

absl::optional<GapLedger::Change> GapLedger::ClearSuspicion(const std::string& rule_tag,
                                                            int64_t now_micros) {
  for (uint64_t number : open_) {
    const StoredGap& gap = gaps_.at(number);
    if (IsOfCover(gap) || gap.rule_tag() != rule_tag) continue;
    Edit(number)->set_until_micros(std::max(gap.until_micros(), now_micros));
    return Close(number, Gap::STATE_CLEARED, StreamNotice::TYPE_GAP_CLEARED, now_micros);
  }
  return absl::nullopt;
}

absl::optional<GapLedger::Change> GapLedger::Waive(uint64_t number, const std::string& reason,
                                                   int64_t now_micros) {
  auto it = gaps_.find(number);
  if (it == gaps_.end() || !IsOpen(it->second)) return absl::nullopt;
  Edit(number)->set_waive_reason(reason);
  return Close(number, Gap::STATE_WAIVED, StreamNotice::TYPE_GAP_WAIVED, now_micros);
}

GapLedger::Changes GapLedger::Lose(int64_t oldest_micros, int64_t now_micros) {
  Changes changes;
  for (uint64_t number : std::vector<uint64_t>(open_.begin(), open_.end())) {
    const StoredGap& gap = gaps_.at(number);
    if (!IsOfCover(gap) || gap.growing() || gap.until_micros() > oldest_micros) continue;
    changes.push_back(Close(number, Gap::STATE_LOST, StreamNotice::TYPE_GAP_LOST, now_micros));
  }
  return changes;
}

bool GapLedger::Pass(uint64_t number) {
  if (gaps_.at(number).passed_by_watermark()) return false;
  Edit(number)->set_passed_by_watermark(true);
  return true;
}

void GapLedger::AddEvidence(uint64_t number, int64_t now_micros, const std::string& source_id,
                            const std::string& text) {
  const StoredGap& gap = gaps_.at(number);
  if (gap.evidence_size() >= kEvidenceMax) return;
  for (const StoredGap::Evidence& known : gap.evidence()) {
    if (known.source_id() == source_id && known.text() == text) return;
  }
  StoredGap::Evidence* evidence = Edit(number)->add_evidence();
  evidence->set_time_micros(now_micros);
  evidence->set_source_id(source_id);
  evidence->set_text(text);
}

void GapLedger::OnMerged(int64_t create_micros, uint64_t sequence) {
  for (uint64_t number : open_) {
    const StoredGap& gap = gaps_.at(number);
    if (create_micros < gap.from_micros()) continue;
    // A one-sided one grows over what is settled: what comes after it is live.
    bool reaches_on = gap.growing() && gap.kind() != Gap::KIND_ONE_SIDED;
    if (!reaches_on && create_micros >= gap.until_micros()) continue;
    StoredGap* filled = Edit(number);
    filled->set_filled_events(filled->filled_events() + 1);
    if (filled->first_fill_sequence() == 0) filled->set_first_fill_sequence(sequence);
    filled->set_last_fill_sequence(sequence);
  }
}

IntervalSet GapLedger::SpansOf(uint32_t partition) const {
  IntervalSet spans;
  for (const auto& [number, gap] : gaps_) {
    if (gap.partition() == partition && IsOfCover(gap) && gap.state() != Gap::STATE_MERGED) {
      spans.Add(SpanOfGap(gap));
    }
  }
  return spans;
}

void GapLedger::ForgetBefore(uint32_t partition, int64_t watermark_micros) {
  for (auto it = gaps_.begin(); it != gaps_.end();) {
    const StoredGap& gap = it->second;
    bool gone = !IsOpen(gap) && gap.partition() == partition &&
                gap.until_micros() <= watermark_micros;
    if (gone && changed_.erase(it->first) > 0) forgotten_[it->first] = gap;
    it = gone ? gaps_.erase(it) : std::next(it);
  }
}

absl::Status GapLedger::Expire(int64_t now_micros, WriteSet* changes) const {
  int64_t oldest = now_micros - kDaysKept * kDayMicros;
  int left = kExpiredAtOnce;
  return store_.Scan(Table::kCover, CoverGapKey(0), CoverGapKey(UINT64_MAX),
                     [&](absl::string_view key, absl::string_view value) {
                       StoredGap gap;
                       bool read = gap.ParseFromArray(value.data(), static_cast<int>(value.size()));
                       if (read && (IsOpen(gap) || gap.until_micros() > oldest)) return false;
                       changes->Delete(Table::kCover, std::string(key));
                       return --left > 0;
                     });
}

void GapLedger::Seal(WriteSet* changes) {
  for (uint64_t number : changed_) {
    changes->Put(Table::kCover, CoverGapKey(number), gaps_.at(number).SerializeAsString());
  }
  for (const auto& [number, gap] : forgotten_) {
    changes->Put(Table::kCover, CoverGapKey(number), gap.SerializeAsString());
  }
  changed_.clear();
  forgotten_.clear();
}

}  // namespace braid
