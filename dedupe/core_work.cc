// The part of Core that workers feed: tasks, and which rules the stream has.

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dedupe/core.h"
#include "proto/proto_time.h"

namespace braid {

using store::v1::InputRecord;
using store::v1::LogRecord;
using store::v1::WorkInput;

ApplyResult Core::ApplyWork(const InputRecord& input, Group* group) {
  const WorkInput& work = input.work();
  ApplyResult result;
  result.work = work_.Apply(work, state_.now_micros(), &group->changes);
  if (result.work.outcome != WorkAnswer::Outcome::kDone) return result;
  if (work.has_rule_set()) NoteRuleSet(input, work.rule_set(), group);
  if (work.has_complete() && work.complete().rule_result().has_rule_set()) {
    NoteRuleSet(input, work.complete().rule_result().rule_set(), group);
  }
  return result;
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
  AppendRecord(std::move(record), 1, group);
}

}  // namespace braid
