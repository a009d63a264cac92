#include "tests/emulator/rest_rules_v2.h"

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/emulator/page_token.h"
#include "tests/emulator/query_syntax.h"
#include "tests/emulator/rest_problem.h"
#include "tests/emulator/v2_parameters.h"

namespace braid::emulator {
namespace {

constexpr int kPageMax = 1000;
// X's own word for the page token's request, which has no other parameters.
constexpr char kListRequest[] = "rules";
// The emulator is one app of one project.
constexpr char kAppId[] = "1";

std::string RuleText(const std::string& id, const std::string& value, const std::string& tag) {
  return JsonObject({TextMember("id", id), TextMember("value", value),
                     tag.empty() ? "" : TextMember("tag", tag)});
}

std::string SummaryMeta(const std::vector<std::string>& counts, absl::Time now) {
  return RawMember("meta", JsonObject({TextMember("sent", IsoMillis(now)),
                                       RawMember("summary", JsonObject(counts))}));
}

std::string ErrorsMember(const std::vector<std::string>& errors) {
  return errors.empty() ? "" : RawMember("errors", JsonList(errors));
}

std::string RuleProblem(const std::string& value, const std::string& title, const std::string& type,
                        const std::string& more) {
  return JsonObject({TextMember("value", value), more, TextMember("title", title),
                     TextMember("type", ProblemUrl(type))});
}

// The rule's problem as an element of `errors`.
std::string AddProblem(const RuleToAdd& rule, const RuleSet::Added& added,
                       const std::string& syntax, const RuleLimits& limits) {
  auto details = [](const std::string& text) {
    return RawMember("details", JsonList({JsonText(text)}));
  };
  switch (added.outcome) {
    case RuleAdd::kDuplicate:
      return RuleProblem(rule.value, "DuplicateRule", "duplicate-rules",
                         TextMember("id", absl::StrCat(added.id)));
    case RuleAdd::kCapReached:
      return RuleProblem(
          rule.value, "RulesCapExceeded", "rule-cap",
          details(absl::StrCat("Rules must be fewer than or equal to ", limits.count_max)));
    case RuleAdd::kTooLong:
      return RuleProblem(
          rule.value, "RuleLengthExceeded", "rule-length",
          details(absl::StrCat("Rule length exceeds the maximum of ", limits.value_bytes_max,
                               " characters: ", rule.value.size())));
    default:
      return RuleProblem(rule.value, "UnprocessableEntity", "invalid-rules", details(syntax));
  }
}

std::string DoesNotExist() {
  std::string error =
      JsonObject({TextMember("message", "Rule does not exist"), RawMember("parameters", "{}")});
  return JsonObject({RawMember("errors", JsonList({error})), TextMember("title", "Invalid Request"),
                     TextMember("detail", "One or more parameters to your request was invalid."),
                     TextMember("type", ProblemUrl("invalid-request"))});
}

// What is to be added, judged against the set and against itself.
struct Judged {
  RuleToAdd rule;
  RuleSet::Added added;
  std::string syntax;  // what X says against the query
};

std::vector<Judged> Judge(const RuleRequest& change, const RuleSet& rules) {
  std::vector<Judged> out;
  std::set<std::string> seen;
  size_t room = rules.limits().count_max - std::min(rules.limits().count_max, rules.rules().size());
  for (const RuleToAdd& rule : change.add) {
    Judged judged{rule, rules.Check(rule.value), QueryProblem(rule.value, QueryUse::kStream)};
    RuleAdd& outcome = judged.added.outcome;
    if (outcome == RuleAdd::kAdded && !judged.syntax.empty()) outcome = RuleAdd::kInvalid;
    if (outcome == RuleAdd::kAdded && !seen.insert(rule.value).second) {
      outcome = RuleAdd::kDuplicate;
    }
    if (outcome == RuleAdd::kAdded && room == 0) outcome = RuleAdd::kCapReached;
    if (outcome == RuleAdd::kAdded) --room;
    out.push_back(std::move(judged));
  }
  return out;
}

}  // namespace

HttpAnswer RestRulesV2::List(const RouteRequest& request) {
  V2Parameters parameters(request.http, {"ids", "max_results", "pagination_token"});
  std::vector<std::string> ids = parameters.List("ids");
  int count_max = parameters.Number("max_results", 1, kPageMax, kPageMax);
  uint64_t after_id = 0;
  if (parameters.Has("pagination_token")) {
    std::optional<uint64_t> read = ReadPageToken(parameters.Text("pagination_token"), kListRequest);
    if (!read) parameters.Fail("pagination_token", "The pagination token is not valid");
    after_id = read.value_or(0);
  }
  if (parameters.mistake()) return *parameters.mistake();
  std::vector<std::string> data;
  std::string next;
  uint64_t last_id = 0;
  for (const Rule& rule : rules_->rules()) {
    std::string id = absl::StrCat(rule.id);
    if (rule.id <= after_id) continue;
    if (!ids.empty() && std::find(ids.begin(), ids.end(), id) == ids.end()) continue;
    if (data.size() == static_cast<size_t>(count_max)) {
      next = TextMember("next_token", PageToken(last_id, kListRequest));
      break;
    }
    data.push_back(RuleText(id, rule.value, rule.tag));
    last_id = rule.id;
  }
  std::string meta = JsonObject({TextMember("sent", IsoMillis(request.now.x_time)),
                                 RawMember("result_count", absl::StrCat(data.size())), next});
  return {200, JsonObject({data.empty() ? "" : RawMember("data", JsonList(data)),
                           RawMember("meta", meta)})};
}

HttpAnswer RestRulesV2::Change(const RouteRequest& request) {
  V2Parameters parameters(request.http, {"dry_run", "delete_all"});
  bool is_dry_run = parameters.Flag("dry_run");
  bool is_delete_all = parameters.Flag("delete_all");
  if (parameters.mistake()) return *parameters.mistake();
  absl::Time now = request.now.x_time;
  if (is_delete_all) return DeleteAll(is_dry_run, now);
  std::optional<RuleRequest> change = ReadV2Rules(request.http.body);
  if (!change) return InvalidBody("Invalid JSON in the request body");
  if (change->has_add == change->has_delete) {
    return InvalidBody("Exactly one of `add` and `delete` must be in the request body");
  }
  if (change->has_add && change->add.empty()) return InvalidBody("`add` can not be empty");
  if (change->has_delete && change->ids.empty() && change->values.empty()) {
    return InvalidBody("`delete` must have `ids` or `values`");
  }
  return change->has_add ? Add(*change, is_dry_run, now) : Delete(*change, is_dry_run, now);
}

HttpAnswer RestRulesV2::Add(const RuleRequest& change, bool is_dry_run, absl::Time now) {
  std::vector<Judged> all = Judge(change, *rules_);
  auto is_good = [](const Judged& judged) { return judged.added.outcome == RuleAdd::kAdded; };
  size_t valid = static_cast<size_t>(std::count_if(all.begin(), all.end(), is_good));
  bool is_kept_out = is_batch_atomic_ && valid < all.size();
  std::vector<std::string> data;
  std::vector<std::string> errors;
  for (Judged& judged : all) {
    if (!is_good(judged)) {
      // A repeat within the request names the rule that was just added.
      const Rule* same = rules_->FindByValue(judged.rule.value);
      if (same != nullptr) judged.added.id = same->id;
      errors.push_back(AddProblem(judged.rule, judged.added, judged.syntax, rules_->limits()));
      continue;
    }
    if (is_kept_out) continue;
    uint64_t id = is_dry_run ? 0 : rules_->Add(judged.rule.value, judged.rule.tag, now).id;
    // A dry run makes an id up, as X does.
    if (is_dry_run) id = 1900000000000000000 + data.size();
    data.push_back(RuleText(absl::StrCat(id), judged.rule.value, judged.rule.tag));
  }
  std::string meta = SummaryMeta({RawMember("created", absl::StrCat(data.size())),
                                  RawMember("not_created", absl::StrCat(all.size() - data.size())),
                                  RawMember("valid", absl::StrCat(valid)),
                                  RawMember("invalid", absl::StrCat(all.size() - valid))},
                                 now);
  return {data.empty() ? 200 : 201,
          JsonObject(
              {data.empty() ? "" : RawMember("data", JsonList(data)), meta, ErrorsMember(errors)})};
}

HttpAnswer RestRulesV2::Delete(const RuleRequest& change, bool is_dry_run, absl::Time now) {
  std::set<uint64_t> found;
  std::vector<std::string> errors;
  for (const std::string& text : change.ids) {
    uint64_t id = 0;
    bool is_there = absl::SimpleAtoi(text, &id) && rules_->FindById(id) != nullptr;
    if (!is_there || !found.insert(id).second) errors.push_back(DoesNotExist());
  }
  for (const std::string& value : change.values) {
    const Rule* rule = rules_->FindByValue(value);
    if (rule == nullptr || !found.insert(rule->id).second) errors.push_back(DoesNotExist());
  }
  if (!is_dry_run) {
    for (uint64_t id : found) rules_->Remove(id);
  }
  std::string meta = SummaryMeta({RawMember("deleted", absl::StrCat(found.size())),
                                  RawMember("not_deleted", absl::StrCat(errors.size()))},
                                 now);
  return {200, JsonObject({meta, ErrorsMember(errors)})};
}

HttpAnswer RestRulesV2::DeleteAll(bool is_dry_run, absl::Time now) {
  RuleRequest change;
  for (const Rule& rule : rules_->rules()) change.ids.push_back(absl::StrCat(rule.id));
  return Delete(change, is_dry_run, now);
}

HttpAnswer RestRulesV2::Counts(const RouteRequest& request) {
  V2Parameters parameters(request.http, {"rules_count.fields"});
  if (parameters.mistake()) return *parameters.mistake();
  std::string count = absl::StrCat(rules_->rules().size());
  std::string cap = absl::StrCat(rules_->limits().count_max);
  std::string app =
      JsonObject({TextMember("client_app_id", kAppId), RawMember("rule_count", count)});
  return {200, JsonObject({RawMember(
                   "data", JsonObject({RawMember("all_project_client_apps", JsonList({app})),
                                       TextMember("cap_per_client_app", cap),
                                       TextMember("cap_per_project", cap),
                                       RawMember("client_app_rules_count", app),
                                       TextMember("project_rules_count", count)}))})};
}

}  // namespace braid::emulator
