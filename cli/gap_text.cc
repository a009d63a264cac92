#include "cli/gap_text.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/interval_set.h"
#include "cli/text.h"
#include "proto/enum_word.h"
#include "proto/proto_time.h"
#include "proto/recovery_terms.h"
#include "proto/time_range.h"

namespace braid {
namespace {

constexpr int kLabelWidth = 14;

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

// Of one that was filled, what it lacked.
bool IsFilled(const v1::Gap& gap) {
  return gap.state() == v1::Gap::STATE_RECOVERED || gap.state() == v1::Gap::STATE_CLEARED;
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

std::string MissingSentence(const v1::Gap& gap) {
  const char* how = gap.kind() == v1::Gap::KIND_ONE_SIDED ? "by what one connection brought alone"
                                                          : "by the usual rate";
  const char* also =
      !IsFilled(gap) && gap.filled_events() > 0 ? "; what came since is not taken off" : "";
  return absl::StrCat(IsFilled(gap) ? "nothing any more; it was " : "", Missing(gap), ", ", how,
                      also);
}

std::string FromText(const v1::Gap& gap) {
  const absl::Time from = ToTime(gap.range().start_time());
  // A fetch brought its beginning.
  bool is_narrowed = from > ToTime(gap.detect_time());
  return absl::StrCat(TimeText(from), is_narrowed ? ", narrowed since it was found" : "");
}

// Some of its range is none that a job was for and did not bring: that is
// planned by itself.
bool IsPlannedByItself(const v1::Gap& gap, const GapRecovery& recovery) {
  if (!gap.range().has_end_time()) return true;
  IntervalSet given_up;
  for (const auto& [name, job] : recovery.jobs) {
    bool is_its = std::count(gap.recovery_jobs().begin(), gap.recovery_jobs().end(), name) > 0;
    if (is_its && job.state() != v1::RecoveryJob::STATE_SUCCEEDED) {
      given_up.Add(IntervalOf(job.range()));
    }
  }
  return !given_up.Covers(IntervalOf(gap.range()));
}

// Blocks of equal length, none longer than `room`. `width` 0: one.
int CharactersOfBlock(int characters, int room, int width) {
  if (width <= 0 || characters <= room) return std::max(1, characters);
  // Too narrow for the names: the terminal breaks the lines.
  room = std::max(room, 10);
  const int blocks = (characters + room - 1) / room;
  return (characters + blocks - 1) / blocks;
}

}  // namespace

std::string NextText(const v1::Gap& gap, const GapRecovery& recovery, absl::Time now) {
  const bool is_suspicion = gap.kind() == v1::Gap::KIND_VOLUME_DROP;
  if (gap.state() != v1::Gap::STATE_OPEN || is_suspicion || Routes(gap, now).empty()) return "";
  if (!recovery.is_configured) return "nobody asks X: the deduper's configuration has no recovery:";
  std::string why;
  if (gap.kind() == v1::Gap::KIND_PAUSED) why = "it is of a pause";
  if (!recovery.automatic) why = "recovery.automatic is false";
  for (const std::string& name : gap.recovery_jobs()) {
    auto job = recovery.jobs.find(name);
    // One that is forgotten keeps nothing back.
    if (job == recovery.jobs.end()) continue;
    const v1::RecoveryJob::State state = job->second.state();
    if (!IsEnded(state)) {
      return absl::StrCat("job ", ShortName(name), " ",
                          EnumWords(v1::RecoveryJob::State_Name(state), "STATE_"));
    }
    if (state == v1::RecoveryJob::STATE_SUCCEEDED || !why.empty()) continue;
    if (IsPlannedByItself(gap, recovery)) continue;
    why = absl::StrCat("job ", ShortName(name),
                       state == v1::RecoveryJob::STATE_CANCELLED ? " was cancelled" : " failed");
  }
  if (why.empty()) {
    return gap.range().has_end_time()
               ? "a job starts by itself, as far as quotas allow (braid job quota)"
               : "a job starts by itself once it has ended";
  }
  return absl::StrCat("braid recover --gap ", ShortName(gap.name()),
                      " (no job starts by itself: ", why, ")");
}

std::string RenderGaps(const google::protobuf::RepeatedPtrField<v1::Gap>& gaps,
                       const absl::optional<GapRecovery>& recovery, absl::Time now, int width) {
  if (gaps.empty()) return "No gaps.\n";
  std::vector<std::vector<std::string>> rows = {
      {"GAP", "STATE", "KIND", "PARTITION", "FROM", "LENGTH", "MISSING", "STILL WORKS", "NEXT"}};
  bool has_next = false;
  for (const v1::Gap& gap : gaps) {
    std::string next = recovery ? NextText(gap, *recovery, now) : "";
    has_next = has_next || !next.empty();
    rows.push_back({ShortName(gap.name()), StateWords(gap.state()), KindWords(gap.kind()),
                    gap.partition() > 0 ? absl::StrCat(gap.partition()) : "-",
                    TimeText(ToTime(gap.range().start_time())), Length(gap, now),
                    IsFilled(gap) ? "-" : Missing(gap), Routes(gap, now), std::move(next)});
  }
  for (auto& row : rows) {
    if (!has_next) row.pop_back();
  }
  return FoldedTableText(std::move(rows), "", width,
                         {"NEXT", "STILL WORKS", "PARTITION", "MISSING", "LENGTH", "KIND"});
}

std::string RenderGap(const v1::Gap& gap, const absl::optional<GapRecovery>& recovery,
                      absl::Time now, int width) {
  std::string text;
  auto add = [&text, width](absl::string_view what, const std::string& value) {
    absl::StrAppend(&text, LabelledLine(what, kLabelWidth, value, width));
  };
  add("gap", EscapeForTerminal(gap.name()));
  add("state", StateWords(gap.state()));
  add("kind", KindWords(gap.kind()));
  add("from", FromText(gap));
  add("to", gap.range().has_end_time() ? TimeText(ToTime(gap.range().end_time()))
                                       : "still growing");
  add("length", Length(gap, now));
  if (gap.partition() > 0) add("partition", absl::StrCat(gap.partition()));
  add("rule", EscapeForTerminal(gap.rule_tag()));
  add("missing", MissingSentence(gap));
  add("connections", EscapeForTerminal(absl::StrJoin(gap.connection_ids(), ", ")));
  add("still works", Routes(gap, now));
  if (recovery) add("next", NextText(gap, *recovery, now));
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
                                 evidence.connection_id().empty() ? "" : ": ",
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

std::string RenderCoverage(const v1::QueryCoverageResponse& coverage, int width) {
  size_t widest = 6;
  int characters = 0;
  std::vector<std::string> heads;
  for (const v1::CoverageRow& row : coverage.rows()) {
    heads.push_back(row.connection_id().empty() ? "merged" : EscapeForTerminal(row.connection_id()));
    if (row.partition() > 0) absl::StrAppend(&heads.back(), " (", row.partition(), ")");
    widest = std::max(widest, heads.back().size());
    characters = std::max(characters, row.buckets_size());
  }
  const absl::Time start = ToTime(coverage.range().start_time());
  const absl::Duration bucket = ToDuration(coverage.bucket());
  std::string text = absl::StrCat(TimeText(start), " to ",
                                  TimeText(ToTime(coverage.range().end_time())),
                                  ", one character is ", DurationText(bucket), "\n");
  const int block = CharactersOfBlock(characters, width - static_cast<int>(widest) - 2, width);
  for (int first = 0; first < characters; first += block) {
    if (block < characters) {
      absl::StrAppend(&text, first > 0 ? "\n" : "", "from ", TimeText(start + first * bucket), "\n");
    }
    for (int i = 0; i < coverage.rows_size(); ++i) {
      const v1::CoverageRow& row = coverage.rows(i);
      std::string line = heads[static_cast<size_t>(i)];
      line.resize(widest + 2, ' ');
      for (int at = first; at < std::min(first + block, row.buckets_size()); ++at) {
        line.push_back(CharOf(row.buckets(at), row.connection_id().empty()));
      }
      absl::StrAppend(&text, line, "\n");
    }
  }
  absl::StrAppend(&text,
                  "# covered  + in part  . not  merged: X a gap  x a gap in part  ? may still "
                  "come\n");
  return WrapLines(text, width);
}

}  // namespace braid
