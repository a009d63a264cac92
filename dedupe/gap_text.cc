#include "dedupe/gap_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/utc_text.h"
#include "dedupe/gap_ledger.h"
#include "dedupe/missed_estimate.h"
#include "proto/enum_word.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

using store::v1::StoredGap;
using v1::Gap;
using v1::StreamNotice;

std::string NameOf(const std::string& parent, uint64_t number) {
  return absl::StrCat(parent, "gaps/", number);
}

void AddRoute(const std::string& route, absl::Time until, Gap* view) {
  Gap::Route* added = view->add_routes();
  added->set_route(route);
  SetTime(until, added->mutable_until_time());
}

void AddRoutes(const StoredGap& gap, const GapRoutes& routes, Gap* view) {
  if (!IsOpen(gap) || !IsOfCover(gap)) return;
  absl::Time from = absl::FromUnixMicros(gap.from_micros());
  if (gap.spool_until_micros() > 0) {
    AddRoute("spool", absl::FromUnixMicros(gap.spool_until_micros()), view);
  }
  bool may_be_backfilled =
      gap.kind() != Gap::KIND_BUFFER_DISCARDED && gap.kind() != Gap::KIND_PAUSED;
  if (may_be_backfilled) AddRoute("backfill", from + routes.backfill, view);
  for (const auto& [word, window] : routes.asked) AddRoute(word, from + window, view);
  std::sort(view->mutable_routes()->begin(), view->mutable_routes()->end(),
            [](const Gap::Route& a, const Gap::Route& b) {
              return ToTime(a.until_time()) < ToTime(b.until_time());
            });
}

std::string VerbOf(StreamNotice::Type type) {
  switch (type) {
    case StreamNotice::TYPE_GAP_OPENED:
      return "opened";
    case StreamNotice::TYPE_GAP_NARROWED:
      return "narrowed";
    case StreamNotice::TYPE_GAP_RECOVERED:
      return "recovered";
    case StreamNotice::TYPE_GAP_LOST:
      return "lost";
    case StreamNotice::TYPE_GAP_WAIVED:
      return "waived";
    case StreamNotice::TYPE_GAP_CLEARED:
      return "cleared";
    case StreamNotice::TYPE_GAP_MERGED:
      return "merged";
    case StreamNotice::TYPE_WATERMARK_PASSED_GAP:
      return "passed by the watermark";
    default:
      return "changed";
  }
}

}  // namespace

v1::Estimate EstimateOf(double events) {
  // A count by chance varies by as much as it is.
  MissedEstimate missed{events, events};
  v1::Estimate estimate;
  estimate.set_value(missed.value);
  estimate.set_low(missed.low());
  // Also where none is expected there may be one.
  estimate.set_high(missed.high() + 1);
  return estimate;
}

v1::Gap ViewOfGap(const StoredGap& gap, const GapRoutes& routes, const std::string& parent) {
  Gap view;
  view.set_name(NameOf(parent, gap.number()));
  view.set_kind(gap.kind());
  view.set_state(gap.state());
  SetTime(absl::FromUnixMicros(gap.from_micros()), view.mutable_range()->mutable_start_time());
  if (!gap.growing()) {
    SetTime(absl::FromUnixMicros(gap.until_micros()), view.mutable_range()->mutable_end_time());
  }
  *view.mutable_connection_ids() = gap.sources();
  double seconds = static_cast<double>(gap.until_micros() - gap.from_micros()) / 1e6;
  if (gap.has_missing()) {
    view.mutable_missing()->set_value(gap.missing().value());
    view.mutable_missing()->set_low(gap.missing().low());
    view.mutable_missing()->set_high(gap.missing().high());
  } else if (IsOfCover(gap)) {
    *view.mutable_missing() = EstimateOf(gap.usual_rate() * seconds);
  }
  for (uint64_t id : gap.sample_post_ids()) {
    v1::EventKey* key = view.add_sample_keys();
    key->set_kind(v1::EVENT_KIND_POST);
    key->add_object_ids(absl::StrCat(id));
  }
  for (const StoredGap::Evidence& stored : gap.evidence()) {
    v1::Evidence* evidence = view.add_evidence();
    SetTime(absl::FromUnixMicros(stored.time_micros()), evidence->mutable_time());
    evidence->set_connection_id(stored.source_id());
    evidence->set_text(stored.text());
  }
  SetTime(absl::FromUnixMicros(gap.detect_micros()), view.mutable_detect_time());
  if (gap.close_micros() > 0) {
    SetTime(absl::FromUnixMicros(gap.close_micros()), view.mutable_close_time());
  }
  AddRoutes(gap, routes, &view);
  view.set_waive_reason(gap.waive_reason());
  view.set_recovered_by(gap.recovered_by());
  if (gap.merged_into() > 0) view.set_merged_into(NameOf(parent, gap.merged_into()));
  if (gap.parent() > 0) view.set_parent(NameOf(parent, gap.parent()));
  for (uint64_t job : gap.recovery_jobs()) {
    view.add_recovery_jobs(absl::StrCat(parent, "recoveryJobs/", job));
  }
  view.set_partition(gap.partition());
  view.set_rule_set_version(gap.rule_set_version());
  view.set_rule_tag(gap.rule_tag());
  view.set_filled_events(gap.filled_events());
  view.set_first_fill_sequence(gap.first_fill_sequence());
  view.set_last_fill_sequence(gap.last_fill_sequence());
  view.set_passed_by_watermark(gap.passed_by_watermark());
  return view;
}

std::string GapSentence(StreamNotice::Type type, const StoredGap& gap) {
  absl::Time from = absl::FromUnixMicros(gap.from_micros());
  absl::Time until = absl::FromUnixMicros(gap.until_micros());
  std::string text = absl::StrCat("gap ", gap.number(), " ", VerbOf(type), ": ",
                                  EnumWords(Gap::Kind_Name(gap.kind()), "KIND_"));
  if (gap.partition() > 0) absl::StrAppend(&text, " of partition ", gap.partition());
  if (!gap.rule_tag().empty()) absl::StrAppend(&text, " of rule ", gap.rule_tag());
  absl::StrAppend(&text, " from ", UtcText(from));
  if (gap.growing()) {
    absl::StrAppend(&text, ", still growing");
  } else {
    absl::StrAppend(&text, " to ", UtcText(until), " (", absl::FormatDuration(until - from), ")");
  }
  if (!gap.recovered_by().empty()) absl::StrAppend(&text, ", by ", gap.recovered_by());
  if (!gap.waive_reason().empty()) absl::StrAppend(&text, ": ", gap.waive_reason());
  if (gap.merged_into() > 0) absl::StrAppend(&text, ", into gap ", gap.merged_into());
  return text;
}

}  // namespace braid
