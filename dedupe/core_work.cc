// The part of Core that workers feed: tasks, and which rules the stream has.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "dedupe/core.h"
#include "proto/proto_time.h"

namespace braid {

using store::v1::InputRecord;
using store::v1::LogRecord;
using store::v1::WorkInput;
using store::v1::WorkState;

namespace {

// After a removal that failed: X's windows are of 15 minutes, its faults of less.
constexpr int64_t kRemovalRetryMicros = int64_t{600} * 1'000'000;

bool MayAskAgain(const WorkState& state, int64_t clock_micros) {
  bool is_under_way =
      state.state() == WorkState::STATE_QUEUED || state.state() == WorkState::STATE_LEASED;
  return !is_under_way && clock_micros >= state.finish_clock_micros() + kRemovalRetryMicros;
}

bool RemovedAll(const WorkState& state) {
  if (state.state() != WorkState::STATE_DONE) return false;
  for (const v1::RuleOutcome& outcome : state.rule_result().outcomes()) {
    bool is_gone = outcome.state() == v1::RuleOutcome::STATE_REMOVED ||
                   outcome.state() == v1::RuleOutcome::STATE_UNCHANGED;
    if (!is_gone) return false;
  }
  return true;
}

// All rules that have one of the tags: the limit says so, whatever is left.
WorkInput RemovalOf(const UsageLimit& limit) {
  WorkInput input;
  input.mutable_create()->set_requester(
      absl::StrCat("limit of ", limit.posts, " posts per ", PeriodWord(limit.period)));
  v1::RuleAction* action = input.mutable_create()->mutable_rule_action();
  action->set_kind(v1::RuleAction::KIND_REMOVE);
  action->set_may_remove_all(true);
  for (const std::string& tag : limit.rules) action->add_rules()->set_tag(tag);
  return input;
}

}  // namespace

ApplyResult Core::ApplyWork(const InputRecord& input, Group* group) {
  const WorkInput& work = input.work();
  ApplyResult result;
  result.work = work_.Apply(work, state_.now_micros(), &group->changes);
  if (result.work.outcome != WorkAnswer::Outcome::kDone) return result;
  if (work.has_usage()) watch_.OnXUsage(work.usage(), now(), &group->changes);
  if (work.has_rule_set()) NoteRuleSet(input, work.rule_set(), group);
  if (work.has_complete() && work.complete().rule_result().has_rule_set()) {
    NoteRuleSet(input, work.complete().rule_result().rule_set(), group);
  }
  return result;
}

ApplyResult Core::ApplyRecovery(const InputRecord& input, Group* group) {
  ApplyResult result;
  result.recovery = recovery_.Apply(input.recovery(), RecoveryFacts(), &group->changes);
  AppendNotices(input.admission_micros(), recovery_.TakeNotices(), group);
  return result;
}

// What a limit wants removed is a task like those that people ask for, and is
// asked for again until it is done.
void Core::AskForRemovals(int64_t admission_micros, Group* group) {
  std::vector<v1::StreamNotice> notices;
  for (size_t limit : watch_.Removals()) {
    const WorkTable::Entry* entry = work_.Find(watch_.RemovalTask(limit));
    if (entry != nullptr && RemovedAll(entry->state)) {
      notices.push_back(watch_.OnRemoved(limit, now()));
      continue;
    }
    if (entry != nullptr && !MayAskAgain(entry->state, work_.counters().clock_micros())) continue;
    // A full table has room at a later tick.
    WorkAnswer asked = work_.Apply(RemovalOf(watch_.options().limits[limit]), state_.now_micros(),
                                   &group->changes);
    if (asked.outcome == WorkAnswer::Outcome::kDone) watch_.OnRemovalAsked(limit, asked.number);
  }
  AppendNotices(admission_micros, std::move(notices), group);
}

// Several workers list by turns: what an older list says is not news. None is
// from the future, or it would silence all others.
void Core::NoteRuleSet(const InputRecord& input, const v1::RuleSet& found, Group* group) {
  absl::Time observed = std::min(ToTime(found.observe_time()), now());
  v1::RuleSet* known = state_.mutable_rule_set();
  if (known->version() > 0 && observed < ToTime(known->observe_time())) return;
  SetTime(observed, known->mutable_observe_time());
  bool is_same = known->hash() == found.hash() && known->count() == found.count();
  if (known->version() > 0 && is_same) return;
  known->set_version(known->version() + 1);
  known->set_hash(found.hash());
  known->set_count(found.count());
  *known->mutable_change_time() = known->observe_time();
  LogRecord record;
  record.set_admission_micros(input.admission_micros());
  v1::StreamNotice* notice = record.mutable_notice();
  notice->set_type(v1::StreamNotice::TYPE_RULE_SET_CHANGED);
  notice->set_message(absl::StrCat("rule set ", known->version(), ": ", known->count(),
                                   known->count() == 1 ? " rule" : " rules"));
  *notice->mutable_rule_set() = *known;
  SetTime(now(), notice->mutable_notice_time());
  AppendRecord(std::move(record), 1, group);
}

}  // namespace braid
