#include "tests/sim/work_x.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace braid {
namespace {

// The texts after each `key`, up to the next quote. The simulation's rules need
// no escapes.
std::vector<std::string> TextsAfter(const std::string& body, const std::string& key) {
  std::vector<std::string> texts;
  for (size_t at = body.find(key); at != std::string::npos; at = body.find(key, at)) {
    at += key.size();
    texts.push_back(body.substr(at, body.find('"', at) - at));
  }
  return texts;
}

std::vector<std::string> IdsOf(const std::string& body) {
  std::vector<std::string> ids;
  size_t at = body.find("\"ids\":[");
  while ((at = body.find_first_of("0123456789", at)) != std::string::npos) {
    size_t end = body.find_first_not_of("0123456789", at);
    ids.push_back(body.substr(at, end - at));
    at = end;
  }
  return ids;
}

std::string RuleJson(const XRule& rule) {
  return absl::StrCat("{\"id\":\"", rule.id, "\",\"value\":\"", rule.value, "\"}");
}

}  // namespace

// Between a process and X. Closing it does not stop what X is doing.
class WorkX::Client final : public HttpClient {
 public:
  Client(WorkX& x, int process) : x_(x), process_(process) {}
  ~Client() override { *alive_ = false; }

  RequestId Open(HttpRequest request, std::shared_ptr<HttpHandler> handler) override {
    RequestId id = ++last_id_;
    handlers_[id] = std::move(handler);
    auto limited = x_.limited_until_.find(process_);
    if (limited != x_.limited_until_.end() && x_.world_.Now() < limited->second) {
      x_.failures_->push_back(absl::StrCat("process ", process_, " asked before X allows"));
    }
    if (x_.Chance(4)) return id;
    x_.world_.After(x_.Between(absl::Milliseconds(5), absl::Seconds(3)),
                    [this, id, alive = alive_, &x = x_, process = process_, request] {
                      x.Execute(process, request, [this, id, alive](Reply reply) {
                        if (*alive) Answer(id, std::move(reply));
                      });
                    });
    return id;
  }
  void Close(RequestId id) override { handlers_.erase(id); }

 private:
  void Answer(RequestId id, Reply reply) {
    auto found = handlers_.find(id);
    if (found == handlers_.end()) return;
    std::shared_ptr<HttpHandler> handler = std::move(found->second);
    handlers_.erase(found);
    NoteLimit(reply);
    absl::Time now = x_.world_.Now();
    handler->OnConnected(now);
    HttpHead head{reply.status, std::move(reply.headers)};
    head.headers["date"] =
        absl::FormatTime("%a, %d %b %Y %H:%M:%S GMT", x_.world_.WallNow(), absl::UTCTimeZone());
    handler->OnHead(head, now);
    handler->OnBytes(reply.body, now);
    handler->OnDone({HttpEnd::Kind::kClean, ""}, now);
  }

  // Known to the process from now on.
  void NoteLimit(const Reply& reply) {
    auto reset = reply.headers.find("x-rate-limit-reset");
    if (reset == reply.headers.end()) return;
    absl::Duration wait = absl::FromUnixSeconds(std::stoll(reset->second)) - x_.world_.WallNow();
    x_.limited_until_[process_] = x_.world_.Now() + wait;
  }

  WorkX& x_;
  const int process_;
  RequestId last_id_ = 0;
  std::map<RequestId, std::shared_ptr<HttpHandler>> handlers_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

std::unique_ptr<HttpClient> WorkX::MakeClient(int process) {
  return std::make_unique<Client>(*this, process);
}

absl::Duration WorkX::Between(absl::Duration min, absl::Duration max) {
  return min + (max - min) * random_.Unit();
}

void WorkX::Execute(int process, const HttpRequest& request, std::function<void(Reply)> answer) {
  absl::Time begin = world_.Now();
  absl::Duration takes = Between(absl::Milliseconds(50), absl::Seconds(4));
  world_.After(takes, [this, process, request, answer, begin] {
    Reply reply;
    if (Chance(5)) {
      ++limits_;
      int64_t reset = absl::ToUnixSeconds(world_.WallNow()) + 5 + random_.Below(120);
      reply.status = 429;
      reply.body = "{\"title\":\"Too Many Requests\"}";
      reply.headers["x-rate-limit-reset"] = absl::StrCat(reset);
      reply.headers["x-rate-limit-remaining"] = "0";
    } else if (Chance(4)) {
      reply.status = 503;
    } else if (request.method == "GET") {
      reply = List();
    } else {
      std::vector<std::string> values = TextsAfter(request.body, "\"value\":\"");
      reply = values.empty() ? Delete(IdsOf(request.body), &values) : Add(values);
      ++writes_;
      observer_(process, values, begin, world_.Now());
    }
    if (Chance(4)) return;
    world_.After(Between(absl::Milliseconds(5), absl::Seconds(3)),
                 [answer, reply = std::move(reply)] { answer(reply); });
  });
}

std::vector<XRule> WorkX::RuleList() const {
  std::vector<XRule> rules;
  for (const auto& [value, rule] : rules_) rules.push_back(rule);
  return rules;
}

WorkX::Reply WorkX::Add(const std::vector<std::string>& values) {
  std::vector<std::string> created, errors;
  for (const std::string& value : values) {
    auto [rule, is_new] = rules_.emplace(value, XRule{"", value, ""});
    if (is_new) {
      rule->second.id = absl::StrCat(++last_id_);
      created.push_back(RuleJson(rule->second));
    } else {
      errors.push_back(absl::StrCat(
          "{\"value\":\"", value, "\",\"id\":\"", rule->second.id,
          "\",\"title\":\"DuplicateRule\",\"type\":\"https://x/problems/duplicate-rules\"}"));
    }
  }
  return {201,
          absl::StrCat("{\"data\":[", absl::StrJoin(created, ","), "],\"errors\":[",
                       absl::StrJoin(errors, ","), "],\"meta\":{\"summary\":{\"created\":",
                       created.size(), ",\"not_created\":", errors.size(), "}}}"),
          {}};
}

WorkX::Reply WorkX::Delete(const std::vector<std::string>& ids, std::vector<std::string>* values) {
  size_t deleted = 0;
  for (const std::string& id : ids) {
    for (auto rule = rules_.begin(); rule != rules_.end(); ++rule) {
      if (rule->second.id != id) continue;
      values->push_back(rule->first);
      rules_.erase(rule);
      ++deleted;
      break;
    }
  }
  return {200,
          absl::StrCat("{\"meta\":{\"summary\":{\"deleted\":", deleted,
                       ",\"not_deleted\":", ids.size() - deleted, "}}}"),
          {}};
}

WorkX::Reply WorkX::List() const {
  std::vector<std::string> rules;
  for (const auto& [value, rule] : rules_) rules.push_back(RuleJson(rule));
  return {200, absl::StrCat("{\"data\":[", absl::StrJoin(rules, ","), "],\"meta\":{}}"), {}};
}

}  // namespace braid
