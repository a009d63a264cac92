#include "cli/why_text.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/text.h"
#include "proto/enum_word.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

std::string Verdict(bool whole, bool pending, bool in_gap) {
  if (in_gap) return "Its time lies in a gap: X may have sent it while nobody received.";
  if (whole) {
    return "Its time is covered: X sent it to none of those that vouch. It may not match the "
           "rules, or was removed.";
  }
  if (pending) return "Its time is not settled: a connection may still bring it.";
  return "Nobody vouches for its time, and no gap is reported: the stream began later, or its "
         "cover "
         "has expired.";
}

std::string GapLine(const v1::Gap& gap) {
  std::string text = absl::StrCat("  ", EscapeForTerminal(gap.name()), "  ",
                                  EnumWords(v1::Gap::State_Name(gap.state()), "STATE_"), ", ",
                                  EnumWords(v1::Gap::Kind_Name(gap.kind()), "KIND_"), ", from ",
                                  TimeText(ToTime(gap.range().start_time())));
  if (gap.range().has_end_time()) {
    absl::StrAppend(&text, " to ", TimeText(ToTime(gap.range().end_time())));
  } else {
    absl::StrAppend(&text, ", still growing");
  }
  return absl::StrCat(text, "\n");
}

// It may be missing because of it.
bool Lacks(const v1::Gap& gap) {
  return gap.kind() != v1::Gap::KIND_VOLUME_DROP && gap.state() != v1::Gap::STATE_RECOVERED &&
         gap.state() != v1::Gap::STATE_MERGED && gap.state() != v1::Gap::STATE_CLEARED;
}

}  // namespace

std::string RenderCoverOfSecond(const v1::QueryCoverageResponse& cover,
                                const v1::ListGapsResponse& gaps) {
  std::string text = "\nThe second in which it was created\n";
  bool whole = cover.rows_size() > 0;
  bool pending = false;
  for (const v1::CoverageRow& row : cover.rows()) {
    if (row.buckets().empty()) continue;
    const v1::CoverageBucket& bucket = row.buckets(0);
    if (row.connection_id().empty()) {
      whole = whole && bucket.covered() >= 1;
      pending = pending || bucket.pending() > 0;
      continue;
    }
    absl::StrAppend(&text, "  ", EscapeForTerminal(row.connection_id()), "  ",
                    bucket.covered() >= 1  ? "vouches for it"
                    : bucket.covered() > 0 ? "vouches for a part of it"
                                           : "does not vouch for it",
                    "\n");
  }
  bool in_gap = std::any_of(gaps.gaps().begin(), gaps.gaps().end(), Lacks);
  for (const v1::Gap& gap : gaps.gaps()) absl::StrAppend(&text, GapLine(gap));
  return absl::StrCat(text, "  ", Verdict(whole, pending, in_gap && !whole), "\n");
}

}  // namespace braid
