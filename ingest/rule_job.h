// One task about rules as a sequence of requests to X: what is asked next, what
// the answers mean, and what became of each rule.
//
// Every change begins with a list and ends with one: what X has decides, not
// what a lost answer might have done. So a job that is started again, by whomever,
// does no harm: a rule that is there already is unchanged, one that is gone too.
// Adds come before removals, and nothing is removed once an add was refused.
//
// Pure. Threads: one. Bounds: the rules of the action and those that X has.

#ifndef BRAID_INGEST_RULE_JOB_H_
#define BRAID_INGEST_RULE_JOB_H_

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "braid/v1/rules.pb.h"
#include "ingest/rule_sync.h"
#include "ingest/x_rules.h"

namespace braid {

// What tells two rule sets apart: values and tags, however X orders them.
uint64_t RuleSetHash(const std::vector<XRule>& rules);

class RuleJob {
 public:
  struct Call {
    HttpRequest request;
    // Changes something at X.
    bool is_write = false;
  };
  enum class Verdict {
    kGoOn,   // the next request, or the end
    kLater,  // the same request again, when X's limits allow
  };
  struct End {
    // kOk; or why it was not begun or broken off.
    absl::Status status;
    v1::RuleResult result;
  };

  // Rules that one answer to the caller may hold.
  static constexpr uint64_t kResultBytesMax = 3 << 20;

  RuleJob(RuleDialect dialect, const RuleApiLimits& limits, v1::RuleAction action);

  // The request that is due; the same one until it is answered. Nothing: ended.
  absl::optional<Call> Next(const RuleApi& api) const;
  // `answer_time`: X's, of the answer.
  Verdict OnAnswer(int status, absl::string_view body, absl::Time answer_time);

  bool is_ended() const { return phase_ == Phase::kEnded; }
  uint32_t done_requests() const { return done_requests_; }
  // As far as it is known.
  uint32_t total_requests() const;
  // REQUIRES: is_ended().
  End TakeEnd() { return std::move(end_); }

 private:
  enum class Phase { kList, kTry, kSteps, kVerify, kEnded };

  Verdict OnList(int status, absl::string_view body, absl::Time answer_time);
  Verdict OnStep(int status, absl::string_view body);
  Verdict OnTry(int status, absl::string_view body);
  // Of an error: later, or the end of the job.
  Verdict OnError(const absl::Status& status);
  void Plan();
  void PlanAdd();
  void PlanRemove();
  void PlanSync();
  // False when the plan would leave nothing of what is there.
  bool MayRemove();
  void Begin();
  void NextStep();
  void Refuse(const XRule& rule, absl::string_view reason, absl::string_view message);
  void AddOutcome(const XRule& rule, v1::RuleOutcome::State state, absl::string_view reason = "",
                  absl::string_view message = "");
  // From the steps and what X has now.
  void Settle();
  void SettleStep(const RuleStep& step, bool was_tried, const std::map<std::string, XRule>& there);
  void ListRules();
  void Finish(const absl::Status& status);
  void NoteRuleSet(absl::Time answer_time);

  const RuleDialect dialect_;
  const RuleApiLimits limits_;
  const v1::RuleAction action_;

  Phase phase_ = Phase::kList;
  uint32_t done_requests_ = 0;
  // Of the list that is being read.
  std::vector<XRule> listed_;
  std::string page_token_;
  // As X had it before.
  std::vector<XRule> present_;
  std::vector<RuleStep> steps_;
  size_t step_ = 0;
  // An add was refused: removals are left.
  bool is_broken_off_ = false;
  absl::Status step_error_;
  // What X refused, by value.
  std::map<std::string, RefusedRule> refused_;
  End end_;
};

}  // namespace braid

#endif  // BRAID_INGEST_RULE_JOB_H_
