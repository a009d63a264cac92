#include "dedupe/certificate.h"

#include <algorithm>
#include <limits>
#include <set>

#include "absl/strings/str_cat.h"
#include "braid/store/v1/log.pb.h"
#include "dedupe/cover_keys.h"
#include "dedupe/gap_ledger.h"
#include "dedupe/gap_text.h"
#include "dedupe/keys.h"
#include "dedupe/recovery_source.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

using store::v1::StoredGap;
using v1::Certificate;
using v1::Gap;

// More than any gap's rank, and one for its span: a microsecond of new cover
// outweighs the gap that it may end.
constexpr uint64_t kCoverWeight = 8;

// What no rule here can see. Part of what is signed.
constexpr const char* kLimits[] = {
    "what X never sent to any connection, or removed before it sent it, is not seen",
    "a loss on all connections that is shorter than the longest pause that the usual rate "
    "explains once a day is not seen",
    "a rule tag that is lost on all connections while the stream flows shows only in that tag's "
    "usual rate",
    "the same omission on all connections is not seen",
    "a wrong Date of X on a nearly empty stream with one connection is not seen",
    "without the ids only the signature can be verified; the digest is of the keys of events, not "
    "of their contents",
    "minutes without a grade lie before the stream's first cover: nothing is known of them",
};

Interval SpanOfGap(const StoredGap& gap) { return {gap.from_micros(), gap.until_micros()}; }

// Never falls: open, closed, filled.
uint64_t RankOf(Gap::State state) {
  if (state == Gap::STATE_RECOVERED) return 3;
  return state == Gap::STATE_OPEN || state == Gap::STATE_RECOVERING ? 1 : 2;
}

// A gap and what of it lies in the range.
struct Part {
  const StoredGap* gap = nullptr;
  enum class Meaning { kLost, kSuspect, kRecovered, kNone } meaning = Meaning::kNone;
  IntervalSet spans;
};

Part::Meaning MeaningOf(const StoredGap& gap) {
  if (gap.state() == Gap::STATE_MERGED) return Part::Meaning::kNone;
  if (!IsOfCover(gap)) return Part::Meaning::kSuspect;
  if (gap.state() == Gap::STATE_RECOVERED) return Part::Meaning::kRecovered;
  return Part::Meaning::kLost;
}

// Connections vouched and yet missed something: they are not believed there.
bool IsOneSided(const StoredGap& gap) { return gap.kind() == Gap::KIND_ONE_SIDED; }

// One partition's cover.
struct Row {
  IntervalSet any;
  // As it was sent, in time or out of a connector's spool; and fetched again.
  IntervalSet first_hand;
  IntervalSet fetched;
  std::vector<std::string> connections;
};

class Grader {
 public:
  explicit Grader(const CertificateFacts& facts) : facts_(facts) {
    for (const auto& [id, partition] : facts.connections) {
      rows_[partition].connections.push_back(id);
    }
    for (const auto& [who, spans] : facts.cover) AddCover(who.first, who.second, spans);
    for (const StoredGap& gap : facts.gaps) AddGap(gap);
  }

  Certificate::Minute Grade(int64_t minute) const {
    Interval span{minute * kMinuteMicros, (minute + 1) * kMinuteMicros};
    Certificate::Minute out;
    SetTime(absl::FromUnixMicros(span.from), out.mutable_start_time());
    for (const auto& [source_id, spans] : by_source_) {
      if (spans.Covers(span)) out.add_covering_sources(source_id);
    }
    std::set<Part::Meaning> meanings = AddGaps(span, &out);
    out.set_grade(GradeOf(span, meanings));
    MinuteTally tally;
    auto counted = facts_.minutes.find(minute);
    if (counted != facts_.minutes.end()) tally = counted->second;
    out.set_events(tally.events);
    out.set_keys_digest(tally.keys.Bytes());
    return out;
  }

  uint64_t Version() const {
    uint64_t version = 1;
    for (int64_t at = facts_.range.from; at < facts_.range.until; at += kMinuteMicros) {
      Interval span{at, at + kMinuteMicros};
      version += span.until <= facts_.watermark_micros;
      version += facts_.capped.Measure(span) > 0;
    }
    for (const auto& [minute, tally] : facts_.minutes) version += tally.events;
    for (const auto& [who, spans] : facts_.cover) {
      version += kCoverWeight * static_cast<uint64_t>(spans.Measure(facts_.range));
    }
    for (const Part& part : parts_) {
      bool measured = part.meaning == Part::Meaning::kLost || IsOneSided(*part.gap);
      if (measured) version += static_cast<uint64_t>(part.spans.Measure(facts_.range));
      version += RankOf(part.gap->state());
    }
    return version;
  }

 private:
  void AddCover(const std::string& source_id, v1::EventOrigin origin, const IntervalSet& spans) {
    by_source_[source_id].Add(spans);
    auto partition = facts_.partitions.find(source_id);
    if (partition == facts_.partitions.end()) return;
    Row& row = rows_[partition->second];
    row.any.Add(spans);
    bool first_hand = origin != v1::EVENT_ORIGIN_BACKFILL && origin != v1::EVENT_ORIGIN_RECOVERY;
    (first_hand ? row.first_hand : row.fetched).Add(spans);
  }

  void AddGap(const StoredGap& gap) {
    Part part{&gap, MeaningOf(gap), {}};
    part.spans.Add(Intersection(SpanOfGap(gap), facts_.range));
    auto row = rows_.find(gap.partition());
    if (part.meaning == Part::Meaning::kLost && row != rows_.end()) {
      const IntervalSet& heals = IsOneSided(gap) ? row->second.fetched : row->second.any;
      for (const Interval& healed : heals.Within(facts_.range)) part.spans.Subtract(healed);
    }
    if (!part.spans.empty()) parts_.push_back(std::move(part));
  }

  std::set<Part::Meaning> AddGaps(Interval span, Certificate::Minute* out) const {
    std::set<Part::Meaning> meanings;
    // Of what nobody covers, and what those who do have missed.
    double outage = 0;
    v1::Estimate missed;
    for (const Part& part : parts_) {
      int64_t overlap = part.spans.Measure(span);
      if (overlap == 0 || part.meaning == Part::Meaning::kNone) continue;
      meanings.insert(part.meaning);
      out->add_gaps(part.gap->number());
      if (part.meaning != Part::Meaning::kLost) continue;
      if (!IsOneSided(*part.gap)) {
        outage += part.gap->usual_rate() * static_cast<double>(overlap) / 1e6;
        continue;
      }
      Interval whole = SpanOfGap(*part.gap);
      double share = static_cast<double>(overlap) / static_cast<double>(whole.until - whole.from);
      v1::Estimate estimate = ViewOfGap(*part.gap, {}, "").missing();
      missed.set_value(missed.value() + estimate.value() * share);
      missed.set_low(missed.low() + estimate.low() * share);
      missed.set_high(missed.high() + estimate.high() * share);
    }
    if (meanings.count(Part::Meaning::kLost) == 0) return meanings;
    if (outage > 0) {
      v1::Estimate estimate = EstimateOf(outage);
      missed.set_value(missed.value() + estimate.value());
      missed.set_low(missed.low() + estimate.low());
      missed.set_high(missed.high() + estimate.high());
    }
    *out->mutable_missing() = missed;
    return meanings;
  }

  Certificate::Grade GradeOf(Interval span, const std::set<Part::Meaning>& meanings) const {
    if (meanings.count(Part::Meaning::kLost) > 0) return Certificate::GRADE_LOST;
    if (span.until > facts_.watermark_micros) return Certificate::GRADE_PENDING;
    bool whole = !rows_.empty();
    bool first_hand = true;
    bool by_all = true;
    for (const auto& [partition, row] : rows_) {
      // One that is configured no more lacks nothing.
      if (row.connections.empty()) continue;
      whole = whole && row.any.Covers(span);
      first_hand = first_hand && row.first_hand.Covers(span);
      by_all = by_all && row.connections.size() > 1 && AllCover(row.connections, span);
    }
    if (!whole) return Certificate::GRADE_UNSPECIFIED;
    bool suspect = meanings.count(Part::Meaning::kSuspect) > 0 || facts_.capped.Measure(span) > 0;
    if (suspect) return Certificate::GRADE_SUSPECT;
    if (!first_hand || meanings.count(Part::Meaning::kRecovered) > 0) {
      return Certificate::GRADE_RECOVERED;
    }
    return by_all ? Certificate::GRADE_COVERED_BY_ALL : Certificate::GRADE_COVERED_BY_ONE;
  }

  bool AllCover(const std::vector<std::string>& connections, Interval span) const {
    return std::all_of(connections.begin(), connections.end(), [&](const std::string& id) {
      auto spans = by_source_.find(id);
      return spans != by_source_.end() && spans->second.Covers(span);
    });
  }

  const CertificateFacts& facts_;
  std::map<uint32_t, Row> rows_;
  std::map<std::string, IntervalSet> by_source_;
  std::vector<Part> parts_;
};

absl::Status ReadState(const Store& store, CertificateFacts* facts) {
  absl::StatusOr<std::string> bytes = store.Get(Table::kCover, std::string(1, kCoverState));
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  store::v1::GapState state;
  if (!state.ParseFromString(*bytes)) return absl::DataLossError("gap state can not be read");
  std::map<uint32_t, int64_t> watermarks;
  for (const auto& partition : state.partitions()) {
    watermarks[partition.number()] = partition.watermark_micros();
  }
  for (const auto& source : state.sources()) {
    facts->partitions[source.source_id()] = source.partition();
  }
  int64_t lowest = std::numeric_limits<int64_t>::max();
  for (const auto& [id, partition] : facts->connections) {
    facts->partitions[id] = partition;
    facts->partitions[RecoveryVoucher(partition)] = partition;
    lowest = std::min(lowest, watermarks[partition]);
  }
  if (!facts->connections.empty()) facts->watermark_micros = lowest;
  return absl::OkStatus();
}

absl::Status ReadGaps(const Store& store, CertificateFacts* facts) {
  absl::Status bad;
  absl::Status status =
      store.Scan(Table::kCover, CoverGapKey(0), CoverGapKey(UINT64_MAX),
                 [&](absl::string_view, absl::string_view value) {
                   StoredGap gap;
                   if (!gap.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
                     bad = absl::DataLossError("a gap can not be read");
                     return false;
                   }
                   if (!Intersection(SpanOfGap(gap), facts->range).empty())
                     facts->gaps.push_back(std::move(gap));
                   return true;
                 });
  return status.ok() ? bad : status;
}

absl::Status ReadRuleSet(const Store& store, CertificateFacts* facts) {
  absl::StatusOr<std::string> bytes = store.Get(Table::kMeta, kMetaCore);
  if (absl::IsNotFound(bytes.status())) return absl::OkStatus();
  if (!bytes.ok()) return bytes.status();
  store::v1::CoreState state;
  if (!state.ParseFromString(*bytes)) return absl::DataLossError("meta/core can not be read");
  facts->rule_set_version = state.rule_set().version();
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Interval> CertificateRange(const v1::TimeRange& range, absl::Time now) {
  if (!range.has_start_time() || !range.has_end_time()) {
    return absl::InvalidArgumentError("range needs a start_time and an end_time");
  }
  Interval span{absl::ToUnixMicros(ToTime(range.start_time())),
                absl::ToUnixMicros(ToTime(range.end_time()))};
  bool whole = span.from % kMinuteMicros == 0 && span.until % kMinuteMicros == 0 &&
               range.start_time().nanos() == 0 && range.end_time().nanos() == 0;
  if (!whole) return absl::InvalidArgumentError("range is not of whole minutes");
  if (span.empty()) return absl::InvalidArgumentError("range ends before it starts");
  if (span.until - span.from > absl::ToInt64Microseconds(kCertificateRangeMax)) {
    return absl::InvalidArgumentError("range is longer than 24 h: ask for several certificates");
  }
  if (span.from < absl::ToUnixMicros(now) - MinuteBook::kDaysKept * kDayMicros) {
    return absl::OutOfRangeError(
        absl::StrCat("range starts more than ", MinuteBook::kDaysKept, " days ago"));
  }
  return span;
}

absl::StatusOr<CertificateFacts> ReadCertificateFacts(
    const Store& store, Interval range,
    const std::vector<std::pair<std::string, uint32_t>>& connections, absl::Time now) {
  CertificateFacts facts;
  facts.range = range;
  facts.connections = connections;
  // The watermark first: a gap that opens now lies above it. Cover after gaps:
  // a gap is narrowed by what was covered.
  absl::Status status = ReadState(store, &facts);
  if (status.ok()) status = ReadGaps(store, &facts);
  if (status.ok()) status = ReadRuleSet(store, &facts);
  if (!status.ok()) return status;
  absl::StatusOr<CoverBook::Spans> cover = ReadCover(store, range);
  if (!cover.ok()) return cover.status();
  facts.cover = *std::move(cover);
  absl::StatusOr<IntervalSet> capped = ReadCapped(store, absl::ToUnixMicros(now));
  if (!capped.ok()) return capped.status();
  facts.capped = *std::move(capped);
  absl::StatusOr<std::map<int64_t, MinuteTally>> minutes = ReadMinutes(store, range);
  if (!minutes.ok()) return minutes.status();
  facts.minutes = *std::move(minutes);
  return facts;
}

Certificate::Body CertificateOf(const CertificateFacts& facts) {
  Grader grader(facts);
  Certificate::Body body;
  SetTime(absl::FromUnixMicros(facts.range.from), body.mutable_range()->mutable_start_time());
  SetTime(absl::FromUnixMicros(facts.range.until), body.mutable_range()->mutable_end_time());
  SetTime(absl::FromUnixMicros(facts.watermark_micros), body.mutable_watermark_time());
  body.set_version(grader.Version());
  body.set_rule_set_version(facts.rule_set_version);
  KeysDigest keys;
  uint64_t events = 0;
  for (int64_t at = facts.range.from; at < facts.range.until; at += kMinuteMicros) {
    *body.add_minutes() = grader.Grade(at / kMinuteMicros);
    events += body.minutes().rbegin()->events();
  }
  for (const auto& [minute, tally] : facts.minutes) keys.Add(tally.keys);
  body.set_unique_events(events);
  body.set_keys_digest(keys.Bytes());
  for (const char* limit : kLimits) body.add_limits(limit);
  return body;
}

}  // namespace braid
