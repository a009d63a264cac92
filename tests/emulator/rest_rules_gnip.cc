#include "tests/emulator/rest_rules_gnip.h"

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/emulator/query_syntax.h"
#include "tests/emulator/rest_problem.h"

namespace braid::emulator {
namespace {

constexpr size_t kBodyBytesMax = 5 << 20;
constexpr char kInvalidJson[] =
    R"(Invalid JSON. The body must be in the format {"rules":[{"value":"rule1", "tag":"tag1"}, {"value":"rule2"}]} or {"rule_ids": [rule_id1, rule_id2, rule_id3, rule_id4, rule_id5]})";
// What a concurrent write is told is not documented, only that it is refused.
constexpr char kBusy[] = "Another rule request for this stream is being processed.";

// Rules without a tag have the tag null. id 0: none is known.
std::string RuleText(const std::string& value, const std::string& tag, uint64_t id) {
  return JsonObject({TextMember("value", value),
                     tag.empty() ? RawMember("tag", "null") : TextMember("tag", tag),
                     id == 0 ? "" : RawMember("id", absl::StrCat(id)),
                     id == 0 ? "" : TextMember("id_str", absl::StrCat(id))});
}

std::string SentMember(absl::Time now) { return TextMember("sent", IsoMillis(now)); }

HttpAnswer RulesAnswer(const std::vector<std::string>& rules, absl::Time now) {
  return {200, JsonObject({RawMember("rules", JsonList(rules)), SentMember(now)})};
}

// "created":3,"not_created":1 and the like.
std::string Summary(const std::string& done, size_t done_count, const std::string& not_done,
                    size_t not_done_count) {
  return RawMember("summary", JsonObject({RawMember(done, absl::StrCat(done_count)),
                                          RawMember(not_done, absl::StrCat(not_done_count))}));
}

std::string Detail(const std::string& rule, const std::string& done, bool is_done,
                   const std::string& message) {
  return JsonObject({RawMember("rule", rule), RawMember(done, is_done ? "true" : "false"),
                     message.empty() ? "" : TextMember("message", message)});
}

// What is wrong with the rule by itself, as the messages end.
std::string Problem(const RuleToAdd& rule, const RuleLimits& limits) {
  if (rule.value.size() > limits.value_bytes_max) {
    return absl::StrCat("The rule exceeds the maximum length of ", limits.value_bytes_max,
                        " characters\n");
  }
  std::string syntax = QueryProblem(rule.value, QueryUse::kStream);
  return syntax.empty() ? "" : syntax + "\n";
}

}  // namespace

HttpAnswer RestRulesGnip::List(const RouteRequest& request) {
  std::vector<std::string> out;
  for (const Rule& rule : rules_->rules()) out.push_back(RuleText(rule.value, rule.tag, rule.id));
  return RulesAnswer(out, request.now.x_time);
}

HttpAnswer RestRulesGnip::One(const RouteRequest& request) {
  uint64_t id = 0;
  const Rule* rule = absl::SimpleAtoi(request.names.at("id"), &id) ? rules_->FindById(id) : nullptr;
  if (rule == nullptr) return GnipRefusal(404, "Rule does not exist", request.now.x_time);
  return RulesAnswer({RuleText(rule->value, rule->tag, rule->id)}, request.now.x_time);
}

HttpAnswer RestRulesGnip::Post(const RouteRequest& request) {
  absl::Time now = request.now.x_time;
  if (request.http.body.size() > kBodyBytesMax) {
    return GnipRefusal(413, "The request body exceeds 5 MB", now);
  }
  std::optional<RuleRequest> change = ReadPowerTrackRules(request.http.body);
  if (!change) return GnipRefusal(400, kInvalidJson, now);
  std::string method = request.http.Query("_method");
  if (method == "get") return Get(*change, now);
  if (request.now.elapsed < busy_until_) return GnipRefusal(429, kBusy, now);
  size_t count = change->add.size() + change->ids.size();
  busy_until_ = request.now.elapsed + write_time_ * static_cast<int64_t>(count);
  if (method == "delete") return Delete(*change, now);
  return change->has_add ? Add(*change, now) : GnipRefusal(400, kInvalidJson, now);
}

HttpAnswer RestRulesGnip::Add(const RuleRequest& change, absl::Time now) {
  std::vector<std::string> problems;
  for (const RuleToAdd& rule : change.add) problems.push_back(Problem(rule, rules_->limits()));
  bool is_refused = std::any_of(problems.begin(), problems.end(),
                                [](const std::string& text) { return !text.empty(); });
  size_t created = 0;
  std::vector<std::string> detail;
  for (size_t i = 0; i < change.add.size(); ++i) {
    const RuleToAdd& rule = change.add[i];
    // One invalid rule keeps the whole batch out.
    if (is_refused) {
      detail.push_back(Detail(RuleText(rule.value, rule.tag, 0), "created", false, problems[i]));
      continue;
    }
    RuleSet::Added added = rules_->Add(rule.value, rule.tag, now);
    bool is_added = added.outcome == RuleAdd::kAdded;
    std::string message = is_added ? ""
                          : added.outcome == RuleAdd::kDuplicate
                              ? "A rule with this value already exists"
                              : "The maximum number of rules has been reached";
    created += is_added ? 1 : 0;
    detail.push_back(
        Detail(RuleText(rule.value, rule.tag, added.id), "created", is_added, message));
  }
  return {is_refused ? 422 : 201,
          JsonObject({Summary("created", created, "not_created", change.add.size() - created),
                      RawMember("detail", JsonList(detail)), SentMember(now)})};
}

HttpAnswer RestRulesGnip::Delete(const RuleRequest& change, absl::Time now) {
  size_t deleted = 0;
  std::vector<std::string> detail;
  auto fail = [&detail](const std::string& rule) {
    detail.push_back(Detail(rule, "deleted", false, "Rule does not exist"));
  };
  for (const RuleToAdd& rule : change.add) {
    const Rule* found = rules_->FindByValue(rule.value);
    if (found == nullptr) {
      fail(RuleText(rule.value, "", 0));
    } else {
      deleted += rules_->Remove(found->id) ? 1 : 0;
    }
  }
  for (const std::string& text : change.ids) {
    uint64_t id = 0;
    if (absl::SimpleAtoi(text, &id) && rules_->Remove(id)) {
      ++deleted;
    } else {
      fail(JsonObject(
          {RawMember("value", "null"), RawMember("tag", "null"), TextMember("id_str", text)}));
    }
  }
  return {200, JsonObject({Summary("deleted", deleted, "not_deleted", detail.size()),
                           RawMember("detail", JsonList(detail)), SentMember(now)})};
}

HttpAnswer RestRulesGnip::Get(const RuleRequest& change, absl::Time now) {
  std::vector<std::string> out;
  for (const std::string& text : change.ids) {
    uint64_t id = 0;
    const Rule* rule = absl::SimpleAtoi(text, &id) ? rules_->FindById(id) : nullptr;
    if (rule != nullptr) out.push_back(RuleText(rule->value, rule->tag, rule->id));
  }
  return RulesAnswer(out, now);
}

HttpAnswer RestRulesGnip::Validate(const RouteRequest& request) {
  absl::Time now = request.now.x_time;
  std::optional<RuleRequest> change = ReadPowerTrackRules(request.http.body);
  if (!change || !change->has_add) return GnipRefusal(400, kInvalidJson, now);
  // Valid rules come first.
  std::vector<std::string> valid;
  std::vector<std::string> not_valid;
  for (const RuleToAdd& rule : change->add) {
    std::string problem = Problem(rule, rules_->limits());
    std::vector<std::string>& list = problem.empty() ? valid : not_valid;
    list.push_back(Detail(RuleText(rule.value, rule.tag, 0), "valid", problem.empty(), problem));
  }
  std::vector<std::string> detail = valid;
  detail.insert(detail.end(), not_valid.begin(), not_valid.end());
  return {200, JsonObject({Summary("valid", valid.size(), "not_valid", not_valid.size()),
                           RawMember("detail", JsonList(detail)), SentMember(now)})};
}

}  // namespace braid::emulator
