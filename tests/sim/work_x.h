// X's rules for the simulation of workers: takes time, loses requests and
// answers, limits, and notes who wrote when.
//
// Threads: one.

#ifndef BRAID_TESTS_SIM_WORK_X_H_
#define BRAID_TESTS_SIM_WORK_X_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "base/http_client.h"
#include "base/random.h"
#include "ingest/x_rules.h"
#include "tests/sim/sim_loop.h"

namespace braid {

class WorkX {
 public:
  // A write ends: by which worker process, of which rules, begun when.
  using WriteObserver = std::function<void(int process, const std::vector<std::string>& values,
                                           absl::Time begin, absl::Time end)>;

  WorkX(SimLoop& world, Random& random, std::vector<std::string>* failures)
      : world_(world), random_(random), failures_(failures) {}

  void SetWriteObserver(WriteObserver observer) { observer_ = std::move(observer); }
  // From now on nothing is lost, limited or refused.
  void EndFaults() { faulty_ = false; }

  const std::map<std::string, XRule>& rules() const { return rules_; }
  std::vector<XRule> RuleList() const;
  uint64_t writes() const { return writes_; }
  uint64_t limits() const { return limits_; }

  // The client of one process. What it sent lives on without it.
  std::unique_ptr<HttpClient> MakeClient(int process);

 private:
  class Client;
  struct Reply {
    int status = 200;
    std::string body;
    std::map<std::string, std::string> headers;
  };

  void Execute(int process, const HttpRequest& request, std::function<void(Reply)> answer);
  Reply Add(const std::vector<std::string>& values);
  Reply Delete(const std::vector<std::string>& ids, std::vector<std::string>* values);
  Reply List() const;
  bool Chance(uint64_t percent) { return faulty_ && random_.Below(100) < percent; }
  absl::Duration Between(absl::Duration min, absl::Duration max);

  SimLoop& world_;
  Random& random_;
  std::vector<std::string>* const failures_;
  WriteObserver observer_;
  bool faulty_ = true;
  std::map<std::string, XRule> rules_;
  uint64_t last_id_ = 0;
  uint64_t writes_ = 0;
  uint64_t limits_ = 0;
  // Until when each process was told to wait.
  std::map<int, absl::Time> limited_until_;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_WORK_X_H_
