#include "tests/sim/budget_check.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace braid {
namespace {

constexpr size_t kShown = 3;

}  // namespace

void BudgetCheck::SetProcess(int connector, const std::string& process,
                             const ConnectBudget& share) {
  process_of_[connector] = process;
  processes_[process].share = share;
}

void BudgetCheck::OnAttempt(int connector, absl::Time now) {
  processes_[process_of_.at(connector)].attempts.push_back(now);
}

bool BudgetCheck::OnRequest(int connector, absl::Time now) {
  const std::string& name = process_of_.at(connector);
  Process& process = processes_[name];
  auto& requests = process.requests;
  while (!requests.empty() && requests.front() <= now - process.share.window) requests.pop_front();
  requests.push_back(now);
  if (requests.size() <= static_cast<size_t>(process.share.attempts)) return true;
  if (failures_.size() < kShown) {
    failures_.push_back(absl::StrCat("budget: process ", name, " sent ", requests.size(),
                                     " requests in ", absl::FormatDuration(process.share.window),
                                     " of its share of ", process.share.attempts));
  }
  return false;
}

void BudgetCheck::Forget(const std::string& process) { processes_[process].requests.clear(); }

bool BudgetCheck::IsTight(int connector, absl::Time now) const {
  const Process& process = processes_.at(process_of_.at(connector));
  // An attempt counts until a window after its answer.
  absl::Time since = now - 2 * process.share.window;
  auto recent = std::count_if(process.attempts.begin(), process.attempts.end(),
                              [&](absl::Time time) { return time > since; });
  return recent >= process.share.attempts;
}

}  // namespace braid
