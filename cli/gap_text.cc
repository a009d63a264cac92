#include "cli/gap_text.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cli/text.h"
#include "proto/enum_word.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

std::string ShortName(const std::string& name) {
  std::string::size_type slash = name.rfind('/');
  return EscapeForTerminal(slash == std::string::npos ? name : name.substr(slash + 1));
}

std::string KindWords(v1::Gap::Kind kind) { return EnumWords(v1::Gap::Kind_Name(kind), "KIND_"); }

std::string StateWords(v1::Gap::State state) {
  return EnumWords(v1::Gap::State_Name(state), "STATE_");
}

std::string Length(const v1::Gap& gap, absl::Time now) {
  absl::Time from = ToTime(gap.range().start_time());
  if (!gap.range().has_end_time()) return absl::StrCat(DurationText(now - from), ", growing");
  return DurationText(ToTime(gap.range().end_time()) - from);
}

std::string Missing(const v1::Gap& gap) {
  if (!gap.has_missing()) return "?";
  auto rounded = [](double value) {
    return GroupDigits(static_cast<uint64_t>(std::llround(std::max(0.0, value))));
  };
  return absl::StrCat(rounded(gap.missing().value()), " (", rounded(gap.missing().low()), "-",
                      rounded(gap.missing().high()), ")");
}

// The ways that are still open.
std::string Routes(const v1::Gap& gap, absl::Time now) {
  std::vector<std::string> routes;
  for (const v1::Gap::Route& route : gap.routes()) {
    absl::Duration left = ToTime(route.until_time()) - now;
    if (left <= absl::ZeroDuration()) continue;
    routes.push_back(absl::StrCat(EscapeForTerminal(route.route()), " for ", DurationText(left)));
  }
  return absl::StrJoin(routes, ", ");
}

char CharOf(const v1::CoverageBucket& bucket, bool merged) {
  if (bucket.covered() >= 0.9995f) return '#';
  if (merged && !bucket.gaps().empty()) return bucket.covered() > 0 ? 'x' : 'X';
  if (merged && bucket.pending() > 0) return '?';
  return bucket.covered() > 0 ? '+' : '.';
}

}  // namespace

std::string RenderGaps(const google::protobuf::RepeatedPtrField<v1::Gap>& gaps, absl::Time now,
                       int width) {
  if (gaps.empty()) return "No gaps.\n";
  std::vector<std::vector<std::string>> rows = {
      {"GAP", "STATE", "KIND", "PARTITION", "FROM", "LENGTH", "MISSING", "STILL WORKS"}};
  for (const v1::Gap& gap : gaps) {
    rows.push_back({ShortName(gap.name()), StateWords(gap.state()), KindWords(gap.kind()),
                    gap.partition() > 0 ? absl::StrCat(gap.partition()) : "-",
                    TimeText(ToTime(gap.range().start_time())), Length(gap, now), Missing(gap),
                    Routes(gap, now)});
  }
  return FittedTableText(std::move(rows), "", width, {"PARTITION", "STILL WORKS", "MISSING"});
}

std::string RenderGap(const v1::Gap& gap, absl::Time now) {
  std::string text;
  auto add = [&text](absl::string_view what, const std::string& value) {
    if (!value.empty()) absl::StrAppendFormat(&text, "%-14s%s\n", what, value);
  };
  add("gap", EscapeForTerminal(gap.name()));
  add("state", StateWords(gap.state()));
  add("kind", KindWords(gap.kind()));
  add("from", TimeText(ToTime(gap.range().start_time())));
  add("to", gap.range().has_end_time() ? TimeText(ToTime(gap.range().end_time()))
                                       : "still growing");
  add("length", Length(gap, now));
  if (gap.partition() > 0) add("partition", absl::StrCat(gap.partition()));
  add("rule", EscapeForTerminal(gap.rule_tag()));
  add("missing", absl::StrCat(Missing(gap), ", by the usual rate"));
  add("connections", EscapeForTerminal(absl::StrJoin(gap.connection_ids(), ", ")));
  add("still works", Routes(gap, now));
  add("found", TimeText(ToTime(gap.detect_time())));
  if (gap.has_close_time()) add("closed", TimeText(ToTime(gap.close_time())));
  add("filled by", EscapeForTerminal(gap.recovered_by()));
  if (gap.filled_events() > 0) {
    add("filled", absl::StrCat(GroupDigits(gap.filled_events()), " events, sequences ",
                               gap.first_fill_sequence(), " to ", gap.last_fill_sequence()));
  }
  add("waived", EscapeForTerminal(gap.waive_reason()));
  if (!gap.merged_into().empty()) add("merged into", ShortName(gap.merged_into()));
  if (!gap.parent().empty()) add("split off", ShortName(gap.parent()));
  if (gap.passed_by_watermark()) add("watermark", "has passed it");
  for (const v1::Evidence& evidence : gap.evidence()) {
    add("evidence", absl::StrCat(TimeText(ToTime(evidence.time())), "  ",
                                 EscapeForTerminal(evidence.connection_id()),
                                 evidence.connection_id().empty() ? "" : " ",
                                 EscapeForTerminal(evidence.text())));
  }
  return text;
}

std::string RenderGapLine(const v1::Gap& gap) {
  std::string until = gap.range().has_end_time() ? TimeText(ToTime(gap.range().end_time()))
                                                 : "now, growing";
  return absl::StrCat("gap ", ShortName(gap.name()), " ", StateWords(gap.state()), ": ",
                      KindWords(gap.kind()), ", ", TimeText(ToTime(gap.range().start_time())),
                      " to ", until, "\n");
}

std::string RenderCoverage(const v1::QueryCoverageResponse& coverage) {
  std::string text = absl::StrCat(
      TimeText(ToTime(coverage.range().start_time())), " to ",
      TimeText(ToTime(coverage.range().end_time())), ", one character is ",
      DurationText(ToDuration(coverage.bucket())), "\n");
  size_t widest = 6;
  std::vector<std::string> heads;
  for (const v1::CoverageRow& row : coverage.rows()) {
    heads.push_back(row.connection_id().empty() ? "merged" : EscapeForTerminal(row.connection_id()));
    if (row.partition() > 0) absl::StrAppend(&heads.back(), " (", row.partition(), ")");
    widest = std::max(widest, heads.back().size());
  }
  for (int i = 0; i < coverage.rows_size(); ++i) {
    const v1::CoverageRow& row = coverage.rows(i);
    std::string& head = heads[static_cast<size_t>(i)];
    head.resize(widest, ' ');
    absl::StrAppend(&text, head, "  ");
    for (const v1::CoverageBucket& bucket : row.buckets()) {
      text.push_back(CharOf(bucket, row.connection_id().empty()));
    }
    text.push_back('\n');
  }
  absl::StrAppend(&text,
                  "# covered  + in part  . not  merged: X a gap  x a gap in part  ? may still "
                  "come\n");
  return text;
}

}  // namespace braid
