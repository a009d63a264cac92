#include "tests/harness/verify.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace braid::harness {
namespace {

// Enough to look a case up, few enough to read.
constexpr size_t kExamplesMax = 5;

void SortUnique(std::vector<uint64_t>* ids) {
  std::sort(ids->begin(), ids->end());
  ids->erase(std::unique(ids->begin(), ids->end()), ids->end());
}

// Elements of `left` that are not in `right`; both sorted.
Fault Without(const std::vector<uint64_t>& left, const std::vector<uint64_t>& right) {
  Fault fault;
  auto other = right.begin();
  for (uint64_t id : left) {
    other = std::lower_bound(other, right.end(), id);
    if (other == right.end() || *other != id) fault.Add(id);
  }
  return fault;
}

void AppendFault(std::string* text, absl::string_view name, const Fault& fault) {
  if (fault.count == 0) return;
  absl::StrAppend(text, ", ", fault.count, " ", name, " (", absl::StrJoin(fault.examples, ", "),
                  fault.count > fault.examples.size() ? ", ...)" : ")");
}

}  // namespace

void Fault::Add(uint64_t example) {
  ++count;
  if (examples.size() < kExamplesMax) examples.push_back(example);
}

std::string Verdict::ToString() const {
  std::string text = absl::StrCat(events, " events, ", required, " required");
  AppendFault(&text, "missing", missing);
  AppendFault(&text, "twice in the log", doubled);
  AppendFault(&text, "never sent", strange);
  AppendFault(&text, "not dense at sequence", sparse);
  return text;
}

Verdict Verify(const std::vector<LogItem>& log, Expectation expectation) {
  Verdict verdict;
  SortUnique(&expectation.sent);
  SortUnique(&expectation.required);
  verdict.required = expectation.required.size();
  std::vector<uint64_t> ids;
  ids.reserve(log.size());
  for (size_t i = 0; i < log.size(); ++i) {
    if (i > 0 && log[i].sequence != log[i - 1].sequence + 1) verdict.sparse.Add(log[i].sequence);
    if (log[i].id != 0) ids.push_back(log[i].id);
  }
  verdict.events = ids.size();
  std::sort(ids.begin(), ids.end());
  for (size_t i = 1; i < ids.size(); ++i) {
    if (ids[i] == ids[i - 1]) verdict.doubled.Add(ids[i]);
  }
  verdict.strange = Without(ids, expectation.sent);
  verdict.missing = Without(expectation.required, ids);
  return verdict;
}

Fault Rewritten(const std::vector<LogItem>& seen, const std::vector<LogItem>& log) {
  Fault fault;
  for (const LogItem& item : seen) {
    auto place = std::lower_bound(
        log.begin(), log.end(), item.sequence,
        [](const LogItem& entry, uint64_t sequence) { return entry.sequence < sequence; });
    if (place == log.end() || !(*place == item)) fault.Add(item.sequence);
  }
  return fault;
}

}  // namespace braid::harness
