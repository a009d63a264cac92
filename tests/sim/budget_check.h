// Whether a process asks X more often than its share of the connect budget,
// however often it is killed: seen from X. Written from X's rule, a sliding
// window of requests that arrived, not from the connector's ledger.

#ifndef BRAID_TESTS_SIM_BUDGET_CHECK_H_
#define BRAID_TESTS_SIM_BUDGET_CHECK_H_

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "ingest/x_dialect.h"

namespace braid {

class BudgetCheck {
 public:
  // Connections of one process share.
  void SetProcess(int connector, const std::string& process, const ConnectBudget& share);
  // An attempt was begun; nothing has reached X yet.
  void OnAttempt(int connector, absl::Time now);
  // A request of it reached X. False: it is one too many, X refuses it.
  bool OnRequest(int connector, absl::Time now);
  // Its disk is gone, and what it knew with it.
  void Forget(const std::string& process);
  // Whether the process may have had to wait for its share lately.
  bool IsTight(int connector, absl::Time now) const;

  // The first few.
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  struct Process {
    ConnectBudget share{1, absl::Minutes(1)};
    std::deque<absl::Time> attempts;
    std::deque<absl::Time> requests;
  };

  std::map<int, std::string> process_of_;
  std::map<std::string, Process> processes_;
  std::vector<std::string> failures_;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_BUDGET_CHECK_H_
