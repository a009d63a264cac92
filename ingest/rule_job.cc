#include "ingest/rule_job.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "base/hash.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

using v1::RuleAction;
using v1::RuleOutcome;

XRule FromProto(const v1::Rule& rule) { return {rule.id(), rule.value(), rule.tag()}; }

v1::Rule ToProto(const XRule& rule) {
  v1::Rule out;
  out.set_id(rule.id);
  out.set_value(rule.value);
  out.set_tag(rule.tag);
  return out;
}

std::vector<XRule> RulesOf(const RuleAction& action) {
  std::vector<XRule> rules;
  for (const v1::Rule& rule : action.rules()) rules.push_back(FromProto(rule));
  return rules;
}

std::map<std::string, XRule> ByValue(const std::vector<XRule>& rules) {
  std::map<std::string, XRule> by_value;
  for (const XRule& rule : rules) by_value.emplace(rule.value, rule);
  return by_value;
}

// "too many rules" → "too_many_rules".
std::string ReasonWord(RuleRefusal refusal) {
  return absl::StrReplaceAll(RuleRefusalName(refusal), {{" ", "_"}});
}

bool IsTransient(const absl::Status& status) {
  return absl::IsResourceExhausted(status) || absl::IsUnavailable(status) ||
         absl::IsDataLoss(status);
}

}  // namespace

uint64_t RuleSetHash(const std::vector<XRule>& rules) {
  std::vector<std::string> lines;
  // A zero byte is in neither.
  for (const XRule& rule : rules) {
    lines.push_back(absl::StrCat(rule.value, std::string(1, '\0'), rule.tag, std::string(1, '\0')));
  }
  std::sort(lines.begin(), lines.end());
  return Hash64(absl::StrJoin(lines, ""));
}

RuleJob::RuleJob(RuleDialect dialect, const RuleApiLimits& limits, RuleAction action)
    : dialect_(dialect), limits_(limits), action_(std::move(action)) {
  if (action_.kind() != RuleAction::KIND_VALIDATE) return;
  for (std::vector<XRule>& batch : RuleBatches(RulesOf(action_), limits_)) {
    steps_.push_back({RuleStep::Kind::kAdd, std::move(batch)});
  }
  phase_ = Phase::kTry;
}

uint32_t RuleJob::total_requests() const {
  if (phase_ == Phase::kEnded) return done_requests_;
  size_t left = steps_.size() - step_;
  // The list at hand; the list at the end.
  if (phase_ != Phase::kTry) ++left;
  return done_requests_ + static_cast<uint32_t>(left);
}

absl::optional<RuleJob::Call> RuleJob::Next(const RuleApi& api) const {
  switch (phase_) {
    case Phase::kList:
    case Phase::kVerify:
      return Call{ListRulesRequest(api, page_token_), false};
    case Phase::kTry:
      return Call{AddRulesRequest(api, steps_[step_].rules, true), false};
    case Phase::kSteps:
      if (steps_[step_].kind == RuleStep::Kind::kAdd) {
        return Call{AddRulesRequest(api, steps_[step_].rules, false), true};
      }
      return Call{DeleteRulesRequest(api, steps_[step_].rules), true};
    case Phase::kEnded:
      break;
  }
  return absl::nullopt;
}

RuleJob::Verdict RuleJob::OnAnswer(int status, absl::string_view body, absl::Time answer_time) {
  ++done_requests_;
  switch (phase_) {
    case Phase::kList:
    case Phase::kVerify:
      return OnList(status, body, answer_time);
    case Phase::kTry:
      return OnTry(status, body);
    case Phase::kSteps:
      return OnStep(status, body);
    case Phase::kEnded:
      break;
  }
  return Verdict::kGoOn;
}

RuleJob::Verdict RuleJob::OnError(const absl::Status& status) {
  if (IsTransient(status)) return Verdict::kLater;
  Finish(status);
  return Verdict::kGoOn;
}

RuleJob::Verdict RuleJob::OnList(int status, absl::string_view body, absl::Time answer_time) {
  absl::StatusOr<RulePage> page = ParseRuleList(dialect_, status, body);
  if (!page.ok()) return OnError(page.status());
  listed_.insert(listed_.end(), page->rules.begin(), page->rules.end());
  page_token_ = page->next_token;
  if (!page_token_.empty()) return Verdict::kGoOn;
  NoteRuleSet(answer_time);
  if (phase_ == Phase::kVerify) {
    Settle();
    return Verdict::kGoOn;
  }
  present_ = std::exchange(listed_, {});
  Plan();
  return Verdict::kGoOn;
}

void RuleJob::NoteRuleSet(absl::Time answer_time) {
  v1::RuleSet* set = end_.result.mutable_rule_set();
  set->set_hash(RuleSetHash(listed_));
  set->set_count(static_cast<uint32_t>(listed_.size()));
  SetTime(answer_time, set->mutable_observe_time());
}

void RuleJob::Plan() {
  switch (action_.kind()) {
    case RuleAction::KIND_ADD:
      return PlanAdd();
    case RuleAction::KIND_REMOVE:
      return PlanRemove();
    case RuleAction::KIND_SYNC:
      return PlanSync();
    default:
      return ListRules();
  }
}

void RuleJob::ListRules() {
  uint64_t bytes = 0;
  for (const XRule& rule : present_) {
    v1::Rule out = ToProto(rule);
    bytes += out.ByteSizeLong() + 4;
    if (bytes > kResultBytesMax) {
      end_.result.set_omitted_rules(end_.result.omitted_rules() + 1);
    } else {
      *end_.result.add_rules() = std::move(out);
    }
  }
  Finish(absl::OkStatus());
}

void RuleJob::PlanAdd() {
  std::map<std::string, XRule> there = ByValue(present_);
  std::vector<XRule> adds;
  for (const XRule& rule : RulesOf(action_)) {
    auto found = there.find(rule.value);
    if (found == there.end()) {
      adds.push_back({"", rule.value, rule.tag});
      there.emplace(rule.value, rule);
    } else if (found->second.tag == rule.tag) {
      AddOutcome(found->second, RuleOutcome::STATE_UNCHANGED);
    } else {
      Refuse(found->second, "duplicate",
             absl::StrCat("is there with the tag \"", found->second.tag,
                          "\"; X can not change a tag in place: remove it first, or use sync"));
    }
  }
  for (std::vector<XRule>& batch : RuleBatches(adds, limits_)) {
    steps_.push_back({RuleStep::Kind::kAdd, std::move(batch)});
  }
  Begin();
}

void RuleJob::PlanRemove() {
  std::vector<XRule> removes;
  std::set<std::string> taken;
  auto remove = [&](const XRule& rule) {
    if (taken.insert(rule.id).second) removes.push_back(rule);
  };
  for (const XRule& wanted : RulesOf(action_)) {
    // One that names nothing is none.
    if (wanted.id.empty() && wanted.value.empty() && !wanted.tag.empty()) {
      bool is_there = false;
      for (const XRule& rule : present_) {
        if (rule.tag != wanted.tag) continue;
        is_there = true;
        remove(rule);
      }
      if (!is_there) AddOutcome(wanted, RuleOutcome::STATE_UNCHANGED, "not_found", "is not there");
      continue;
    }
    auto found = std::find_if(present_.begin(), present_.end(), [&](const XRule& rule) {
      return wanted.id.empty() ? rule.value == wanted.value : rule.id == wanted.id;
    });
    if (found == present_.end()) {
      AddOutcome(wanted, RuleOutcome::STATE_UNCHANGED, "not_found", "is not there");
    } else {
      remove(*found);
    }
  }
  for (std::vector<XRule>& batch : RuleBatches(removes, limits_)) {
    steps_.push_back({RuleStep::Kind::kRemove, std::move(batch)});
  }
  Begin();
}

void RuleJob::PlanSync() {
  RulePlan plan = PlanRules(RulesOf(action_), present_, limits_, action_.may_remove_all());
  if (!plan.errors.empty()) {
    return Finish(absl::InvalidArgumentError(absl::StrJoin(plan.errors, "; ")));
  }
  for (const std::string& warning : plan.warnings) end_.result.add_warnings(warning);
  end_.result.set_unchanged_rules(plan.unchanged_count);
  steps_ = std::move(plan.steps);
  Begin();
}

bool RuleJob::MayRemove() {
  if (action_.may_remove_all() || present_.empty()) return true;
  std::set<std::string> removed, added;
  for (const RuleStep& step : steps_) {
    for (const XRule& rule : step.rules) {
      (step.kind == RuleStep::Kind::kAdd ? added : removed).insert(rule.value);
    }
  }
  for (const XRule& rule : present_) {
    if (removed.count(rule.value) == 0 || added.count(rule.value) > 0) return true;
  }
  return false;
}

void RuleJob::Begin() {
  if (!MayRemove()) {
    return Finish(absl::FailedPreconditionError(
        absl::StrCat("this would remove every one of the ", present_.size(),
                     " rules that the stream has; say --yes if that is meant")));
  }
  if (action_.dry_run() || steps_.empty()) {
    for (const RuleStep& step : steps_) {
      bool is_add = step.kind == RuleStep::Kind::kAdd;
      for (const XRule& rule : step.rules) {
        AddOutcome(rule, is_add ? RuleOutcome::STATE_WOULD_ADD : RuleOutcome::STATE_WOULD_REMOVE);
      }
    }
    return Finish(absl::OkStatus());
  }
  phase_ = Phase::kSteps;
}

RuleJob::Verdict RuleJob::OnTry(int status, absl::string_view body) {
  const RuleStep& step = steps_[step_];
  absl::StatusOr<RuleChange> change = ParseRuleChange(dialect_, status, body);
  if (!change.ok() && !absl::IsInvalidArgument(change.status())) return OnError(change.status());
  std::map<std::string, RefusedRule> refused;
  if (change.ok()) {
    for (const RefusedRule& one : change->refused) refused.emplace(one.rule.value, one);
  }
  for (const XRule& rule : step.rules) {
    auto found = refused.find(rule.value);
    if (!change.ok()) {
      Refuse(rule, "invalid", change.status().message());
    } else if (found == refused.end() || found->second.refusal == RuleRefusal::kDuplicate) {
      AddOutcome(rule, RuleOutcome::STATE_VALID);
    } else {
      Refuse(rule, ReasonWord(found->second.refusal), found->second.message);
    }
  }
  if (++step_ == steps_.size()) Finish(absl::OkStatus());
  return Verdict::kGoOn;
}

RuleJob::Verdict RuleJob::OnStep(int status, absl::string_view body) {
  const RuleStep& step = steps_[step_];
  absl::StatusOr<RuleChange> change = ParseRuleChange(dialect_, status, body);
  if (!change.ok() && IsTransient(change.status())) return Verdict::kLater;
  bool is_add = step.kind == RuleStep::Kind::kAdd;
  if (!change.ok()) {
    // X took nothing of it.
    for (const XRule& rule : step.rules) {
      refused_[rule.value] = {rule, RuleRefusal::kOther, std::string(change.status().message())};
    }
    if (!absl::IsInvalidArgument(change.status())) step_error_ = change.status();
    is_broken_off_ = true;
  } else if (is_add) {
    for (const RefusedRule& one : change->refused) {
      if (one.refusal == RuleRefusal::kDuplicate) continue;
      refused_[one.rule.value] = one;
      is_broken_off_ = true;
    }
  }
  NextStep();
  return Verdict::kGoOn;
}

// Adds go on, so that all of their mistakes are told at once.
void RuleJob::NextStep() {
  ++step_;
  bool is_over = step_ == steps_.size() || !step_error_.ok() ||
                 (is_broken_off_ && steps_[step_].kind == RuleStep::Kind::kRemove);
  if (is_over) phase_ = Phase::kVerify;
}

void RuleJob::Settle() {
  std::map<std::string, XRule> there = ByValue(listed_);
  for (size_t i = 0; i < steps_.size(); ++i) SettleStep(steps_[i], i < step_, there);
  if (step_ < steps_.size()) {
    end_.result.add_warnings("broken off: nothing is removed once an addition was refused");
  }
  Finish(step_error_);
}

void RuleJob::SettleStep(const RuleStep& step, bool was_tried,
                         const std::map<std::string, XRule>& there) {
  bool is_add = step.kind == RuleStep::Kind::kAdd;
  for (const XRule& rule : step.rules) {
    auto found = there.find(rule.value);
    auto refused = refused_.find(rule.value);
    bool is_there = found != there.end() &&
                    (is_add ? found->second.tag == rule.tag : found->second.id == rule.id);
    if (is_there == is_add) {
      AddOutcome(is_add ? found->second : rule,
                 is_add ? RuleOutcome::STATE_ADDED : RuleOutcome::STATE_REMOVED);
    } else if (!was_tried) {
      AddOutcome(rule, RuleOutcome::STATE_NOT_DONE);
    } else if (refused != refused_.end()) {
      Refuse(rule, ReasonWord(refused->second.refusal), refused->second.message);
    } else {
      Refuse(rule, "refused", is_add ? "X took it and does not list it" : "X lists it still");
    }
  }
}

void RuleJob::Refuse(const XRule& rule, absl::string_view reason, absl::string_view message) {
  AddOutcome(rule, RuleOutcome::STATE_REFUSED, reason, message);
}

void RuleJob::AddOutcome(const XRule& rule, RuleOutcome::State state, absl::string_view reason,
                         absl::string_view message) {
  RuleOutcome* outcome = end_.result.add_outcomes();
  *outcome->mutable_rule() = ToProto(rule);
  outcome->set_state(state);
  outcome->set_reason(std::string(reason));
  outcome->set_message(std::string(message));
}

void RuleJob::Finish(const absl::Status& status) {
  phase_ = Phase::kEnded;
  end_.status = status;
}

}  // namespace braid
