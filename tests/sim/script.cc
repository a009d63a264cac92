#include "tests/sim/script.h"

#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

using Step = emulator::HttpRequest;

const std::map<std::string, SimX::Cut>& Cuts() {
  static const auto& cuts = *new std::map<std::string, SimX::Cut>{
      {"clean", SimX::Cut::kClean},
      {"message", SimX::Cut::kCleanWithMessage},
      {"truncated", SimX::Cut::kTruncated},
      {"reset", SimX::Cut::kReset},
      {"full-buffer", SimX::Cut::kFullBufferUntold},
      {"slow-reader", SimX::Cut::kFullBufferTold}};
  return cuts;
}

const std::map<std::string, SimX::Refusal>& Refusals() {
  static const auto& refusals = *new std::map<std::string, SimX::Refusal>{
      {"503", SimX::Refusal::kUnavailable503}, {"429", SimX::Refusal::kRateLimited429},
      {"slots", SimX::Refusal::kTooMany429},   {"connect", SimX::Refusal::kConnectFails},
      {"dns", SimX::Refusal::kDnsFails},       {"401", SimX::Refusal::kUnauthorized401}};
  return refusals;
}

// What each command has to say; those of one connection may also say which.
struct Grammar {
  std::set<std::string> wants;
  bool of_connection = true;
};

const std::map<std::string, Grammar>& Commands() {
  static const auto& commands = *new std::map<std::string, Grammar>{
      {"/close", {{"how"}}},
      {"/down", {{"for"}}},
      {"/refuse", {{"how", "for"}}},
      {"/black-hole", {{"for"}}},
      {"/stall", {{"for"}}},
      {"/slow", {{"bytes", "for"}}},
      {"/drop", {{"fraction", "for"}}},
      {"/kill", {{"for"}}},
      {"/lose-spool", {{"for"}}},
      {"/partition", {{"for"}}},
      {"/step-clock", {{"by"}}},
      {"/kill-deduper", {{"for"}, false}},
      {"/step-deduper-clock", {{"by"}, false}},
      {"/rate", {{"posts"}, false}},
      {"/delay", {{"share", "max"}, false}},
      {"/late", {{"posts", "by"}, false}},
      {"/rules", {{"count"}, false}},
      {"/pause", {{}, false}},
      {"/resume", {{}, false}}};
  return commands;
}

Step Parse(const std::string& command) {
  Step step;
  emulator::ParseRequest(absl::StrCat("POST ", command, " HTTP/1.1\r\n\r\n"), 0, &step);
  return step;
}

// REQUIRES: CheckCommand has seen it.
double Number(const Step& step, const std::string& name) {
  double value = 0;
  (void)absl::SimpleAtod(step.Query(name), &value);
  return value;
}

absl::Duration Seconds(const Step& step, const std::string& name) {
  return absl::Seconds(Number(step, name));
}

}  // namespace

absl::Status CheckCommand(const std::string& command) {
  Step step = Parse(command);
  auto bad = [&](const std::string& what) {
    return absl::InvalidArgumentError(absl::StrCat("\"", command, "\": ", what));
  };
  auto it = Commands().find(step.path);
  if (it == Commands().end()) return bad("no such command");
  for (const std::string& name : it->second.wants) {
    if (step.Query(name).empty()) return bad(absl::StrCat("says no ", name));
  }
  for (const auto& [name, value] : step.query) {
    bool is_connection = name == "connection" && it->second.of_connection;
    bool is_tag = name == "tag" && step.path == "/drop";
    if (it->second.wants.count(name) == 0 && !is_connection && !is_tag) {
      return bad(absl::StrCat(name, " means nothing here"));
    }
    double number = 0;
    bool is_word = name == "how" || name == "tag";
    if (!is_word && !absl::SimpleAtod(value, &number)) {
      return bad(absl::StrCat(name, " is to be a number"));
    }
  }
  bool known = step.path == "/close"    ? Cuts().count(step.Query("how")) > 0
               : step.path == "/refuse" ? Refusals().count(step.Query("how")) > 0
                                        : true;
  return known ? absl::OkStatus() : bad("no such way");
}

void Script::Plan(const std::vector<ScriptStep>& steps) {
  for (const ScriptStep& step : steps) {
    cast_.loop.After(step.due, [this, command = step.command] { Run(command); });
  }
}

void Script::Run(const std::string& command) {
  Step step = Parse(command);
  bool hit = false;
  if (!Commands().at(step.path).of_connection) {
    hit = RunOnAll(step);
  } else if (!step.Query("connection").empty()) {
    hit = RunOn(step, static_cast<int>(Number(step, "connection")));
  } else {
    hit = true;
    for (size_t i = 0; i < cast_.process_of.size(); ++i) {
      hit = RunOn(step, static_cast<int>(i)) && hit;
    }
  }
  if (!hit) failures_.push_back(absl::StrCat("script: ", command, " met nothing to hurt"));
}

bool Script::RunOn(const Step& step, int connection) {
  if (connection < 0 || static_cast<size_t>(connection) >= cast_.process_of.size()) return false;
  SimX& x = cast_.x;
  absl::Duration lasts = Seconds(step, "for");
  if (step.path == "/close") return Close(step.Query("how"), connection);
  if (step.path == "/down" || step.path == "/black-hole") {
    x.Refuse(connection, SimX::Refusal::kConnectFails, lasts);
    return step.path == "/down" ? x.CutConnection(connection, SimX::Cut::kReset)
                                : x.BlackHole(connection);
  }
  if (step.path == "/stall") return x.Stall(connection, lasts);
  if (step.path == "/slow") {
    return x.Slow(connection, static_cast<uint64_t>(Number(step, "bytes")), lasts);
  }
  if (step.path == "/kill") return Kill(connection, ProcessLife::End::kKilled, lasts);
  if (step.path == "/lose-spool") return Kill(connection, ProcessLife::End::kSpoolLost, lasts);
  if (step.path == "/refuse") {
    x.Refuse(connection, Refusals().at(step.Query("how")), lasts);
  } else if (step.path == "/drop") {
    x.Withhold(connection, Number(step, "fraction"), step.Query("tag"), lasts);
  } else if (step.path == "/partition") {
    for (size_t i = 0; i < cast_.dedupers.size(); ++i) {
      cast_.net.Partition(connection, static_cast<int>(i), cast_.loop.Now() + lasts);
    }
  } else {
    stepped_clocks_ = true;
    cast_.connectors[cast_.process_of[connection]]->StepWallClock(Seconds(step, "by"));
  }
  return true;
}

bool Script::Close(const std::string& how, int connection) {
  return cast_.x.CutConnection(connection, Cuts().at(how));
}

bool Script::Kill(int connection, ProcessLife::End how, absl::Duration away) {
  ConnectorProcess* connector = cast_.connectors[cast_.process_of[connection]].get();
  if (!connector->running()) return false;
  connector->Kill(how);
  if (how == ProcessLife::End::kSpoolLost) {
    for (auto& deduper : cast_.dedupers) {
      for (const auto& leg : connector->legs()) deduper->ForgetAcknowledged(leg.name);
    }
  }
  cast_.loop.After(away, [connector] {
    if (!connector->running()) connector->Start();
  });
  return true;
}

bool Script::RunOnAll(const Step& step) {
  store::v1::InputRecord input;
  if (step.path == "/kill-deduper") return KillDedupers(Seconds(step, "for"));
  if (step.path == "/late") {
    return cast_.x.PublishLate(static_cast<int>(Number(step, "posts")), Seconds(step, "by"));
  }
  if (step.path == "/rate") {
    cast_.x.SetRate(Number(step, "posts"));
  } else if (step.path == "/delay") {
    cast_.x.SetLateness(Number(step, "share"), Seconds(step, "max"));
  } else if (step.path == "/step-deduper-clock") {
    stepped_clocks_ = true;
    for (auto& deduper : cast_.dedupers) deduper->StepWallClock(Seconds(step, "by"));
  } else if (step.path == "/rules") {
    v1::RuleSet* rules = input.mutable_work()->mutable_rule_set();
    rules->set_count(static_cast<uint32_t>(Number(step, "count")));
    rules->set_hash(rules->count());
    SetTime(cast_.loop.WallNow(), rules->mutable_observe_time());
    return TellDedupers(input);
  } else {
    bool pauses = step.path == "/pause";
    input.mutable_command()->set_action(pauses ? store::v1::Command::ACTION_PAUSE
                                               : store::v1::Command::ACTION_RESUME);
    input.mutable_command()->set_reason("the scenario says so");
    return TellDedupers(input);
  }
  return true;
}

bool Script::KillDedupers(absl::Duration away) {
  for (size_t i = 0; i < cast_.dedupers.size(); ++i) {
    if (!cast_.dedupers[i]->running()) return false;
    cast_.net.ServerDied(static_cast<int>(i));
    cast_.dedupers[i]->Kill();
    cast_.loop.After(away, [this, i] { cast_.dedupers[i]->Start(); });
  }
  return true;
}

bool Script::TellDedupers(const store::v1::InputRecord& input) {
  for (auto& deduper : cast_.dedupers) {
    if (!deduper->running()) return false;
    deduper->Admit(input);
  }
  return true;
}

}  // namespace braid
