#include "tests/sim/scenario.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "proto/proto_time.h"
#include "tests/sim/script.h"

namespace braid {
namespace {

using Backfill = SimX::Options::Backfill;

// Caught in ParseScenario: YAML's own errors come the same way.
[[noreturn]] void Refuse(const YAML::Node& node, const std::string& what) {
  throw YAML::Exception(node.Mark(), what);
}

void AllowKeys(const YAML::Node& node, const std::set<std::string>& known) {
  if (!node.IsMap()) Refuse(node, "want a map");
  for (const auto& entry : node) {
    std::string key = entry.first.as<std::string>();
    if (known.count(key) == 0) Refuse(entry.first, absl::StrCat("unknown key ", key));
  }
}

absl::Duration Seconds(const YAML::Node& node) { return absl::Seconds(node.as<double>()); }

// "TOTAL_OUTAGE" of KIND_TOTAL_OUTAGE.
template <typename Enum>
Enum Word(const YAML::Node& node, const char* prefix,
          bool (*parse)(google::protobuf::ConstStringParam, Enum*)) {
  Enum value{};
  std::string word = absl::StrCat(prefix, node.as<std::string>());
  if (!parse(word, &value)) Refuse(node, absl::StrCat("no such word: ", word));
  return value;
}

v1::StreamNotice::Type NoticeType(const YAML::Node& node) {
  return Word<v1::StreamNotice::Type>(node, "TYPE_", v1::StreamNotice::Type_Parse);
}

absl::Time BeginOf(const YAML::Node& node, absl::Time day) {
  std::vector<std::string> parts = absl::StrSplit(node.as<std::string>(), ':');
  int hours = 0, minutes = 0;
  bool read = parts.size() == 2 && absl::SimpleAtoi(parts[0], &hours) &&
              absl::SimpleAtoi(parts[1], &minutes);
  if (!read) Refuse(node, "want hours:minutes");
  return day + absl::Hours(hours) + absl::Minutes(minutes);
}

void ReadBackfill(const YAML::Node& node, WorldOptions* world) {
  static const auto& kinds =
      *new std::map<std::string, Backfill>{{"ignored", Backfill::kIgnored},
                                           {"older-first", Backfill::kOlderFirst},
                                           {"among-live", Backfill::kAmongLive},
                                           {"newest-only", Backfill::kNewestOnly}};
  std::string word = node.as<std::string>();
  if (word == "none") return;
  auto it = kinds.find(word);
  if (it == kinds.end()) Refuse(node, "no such backfill");
  world->backfill_minutes = 5;
  world->x.backfill = it->second;
}

WorldOptions ReadWorld(const YAML::Node& node) {
  AllowKeys(node, {"connections", "dedupers", "rate", "minutes", "late_share", "late_max",
                   "backfill", "hold_max", "limit_posts", "begins", "spool_kb"});
  WorldOptions world;
  world.connectors = node["connections"].as<int>(2);
  world.dedupers = node["dedupers"].as<int>(1);
  world.trouble = absl::Minutes(node["minutes"].as<int>());
  world.x.posts_per_second = node["rate"].as<double>(10);
  world.x.late_share = node["late_share"].as<double>(0.02);
  if (node["late_max"]) world.x.late_max = Seconds(node["late_max"]);
  if (node["backfill"]) ReadBackfill(node["backfill"], &world);
  if (node["hold_max"]) world.core.gaps.hold_max = Seconds(node["hold_max"]);
  if (node["limit_posts"]) {
    UsageLimit limit;
    limit.posts = node["limit_posts"].as<uint64_t>();
    limit.action = UsageLimit::Action::kPause;
    world.core.watch.limits.push_back(limit);
  }
  if (node["begins"]) world.start_time = BeginOf(node["begins"], world.start_time);
  if (node["spool_kb"]) {
    world.spool_bytes_max = node["spool_kb"].as<uint64_t>() << 10;
    // The least that a spool takes, and none of it in memory.
    world.segment_bytes = 4 << 10;
    world.tail_bytes_max = 1 << 10;
  }
  return world;
}

ScriptStep ReadStep(const YAML::Node& node) {
  AllowKeys(node, {"at", "do"});
  ScriptStep step{Seconds(node["at"]), node["do"].as<std::string>()};
  absl::Status status = CheckCommand(step.command);
  if (!status.ok()) Refuse(node, std::string(status.message()));
  return step;
}

Scenario::ExpectedGap ReadGap(const YAML::Node& node) {
  AllowKeys(node,
            {"kind", "state", "from", "until", "within", "told", "route", "passed", "rule_set"});
  Scenario::ExpectedGap gap;
  gap.kind = Word<v1::Gap::Kind>(node["kind"], "KIND_", v1::Gap::Kind_Parse);
  gap.state = Word<v1::Gap::State>(node["state"], "STATE_", v1::Gap::State_Parse);
  gap.from = Seconds(node["from"]);
  gap.until = Seconds(node["until"]);
  if (node["within"]) gap.within = Seconds(node["within"]);
  if (node["told"]) gap.told = Seconds(node["told"]);
  if (node["route"]) gap.route = node["route"].as<std::string>();
  if (node["passed"]) gap.passed = node["passed"].as<bool>();
  if (node["rule_set"]) gap.rule_set = node["rule_set"].as<uint64_t>();
  return gap;
}

Scenario::ExpectedNotice ReadNotice(const YAML::Node& node) {
  AllowKeys(node, {"type", "from", "until"});
  return {NoticeType(node["type"]), Seconds(node["from"]), Seconds(node["until"])};
}

void ReadExpect(const YAML::Node& node, Scenario* scenario) {
  AllowKeys(node, {"gaps", "gaps_max", "notices", "never", "silent", "late_min"});
  if (node["gaps"].IsDefined() == node["gaps_max"].IsDefined()) {
    Refuse(node, "want gaps or gaps_max");
  }
  for (const auto& gap : node["gaps"]) scenario->gaps.push_back(ReadGap(gap));
  if (node["gaps_max"]) scenario->gaps_max = node["gaps_max"].as<uint64_t>();
  for (const auto& notice : node["notices"]) scenario->notices.push_back(ReadNotice(notice));
  for (const auto& type : node["never"]) scenario->never.push_back(NoticeType(type));
  scenario->silent = node["silent"].as<uint64_t>(0);
  scenario->late_min = node["late_min"].as<uint64_t>(0);
}

std::string Show(int64_t micros, absl::Time start) {
  return absl::StrCat(absl::ToInt64Milliseconds(absl::FromUnixMicros(micros) - start) / 1000.0);
}

// What was filled of a gap is off its range in the end.
int64_t BeganAt(const store::v1::StoredGap& gap) {
  return gap.state() == v1::Gap::STATE_RECOVERED ? gap.first_from_micros() : gap.from_micros();
}

std::string TellGap(const store::v1::StoredGap& gap, absl::Time start) {
  std::string text = absl::StrCat(
      v1::Gap::Kind_Name(gap.kind()), " ", Show(BeganAt(gap), start), " to ",
      Show(gap.until_micros(), start), ", ", v1::Gap::State_Name(gap.state()), ", told ",
      Show(gap.detect_micros(), start), ", rule set ", gap.rule_set_version());
  if (!gap.recovered_by().empty()) absl::StrAppend(&text, ", by ", gap.recovered_by());
  if (gap.passed_by_watermark()) absl::StrAppend(&text, ", passed");
  return text;
}

std::vector<store::v1::StoredGap> InOrder(const WorldReport& report) {
  std::vector<store::v1::StoredGap> gaps;
  for (const store::v1::StoredGap& gap : report.ledger) {
    if (gap.state() != v1::Gap::STATE_MERGED) gaps.push_back(gap);
  }
  std::stable_sort(gaps.begin(), gaps.end(),
                   [](const auto& a, const auto& b) { return BeganAt(a) < BeganAt(b); });
  return gaps;
}

// Empty where it is as expected.
std::string Mismatch(const Scenario::ExpectedGap& wanted, const store::v1::StoredGap& gap,
                     absl::Time start) {
  auto off = [&](absl::Duration at, int64_t micros) {
    return absl::AbsDuration(start + at - absl::FromUnixMicros(micros)) > wanted.within;
  };
  if (gap.kind() != wanted.kind) {
    return absl::StrCat("kind ", v1::Gap::Kind_Name(wanted.kind), " expected");
  }
  if (gap.state() != wanted.state) {
    return absl::StrCat("state ", v1::Gap::State_Name(wanted.state), " expected");
  }
  std::string within = absl::StrCat(", within ", absl::ToDoubleSeconds(wanted.within));
  if (off(wanted.from, BeganAt(gap))) {
    return absl::StrCat("from ", absl::ToDoubleSeconds(wanted.from), within, " expected");
  }
  if (off(wanted.until, gap.until_micros())) {
    return absl::StrCat("until ", absl::ToDoubleSeconds(wanted.until), within, " expected");
  }
  if (wanted.told && absl::FromUnixMicros(gap.detect_micros()) > start + *wanted.told) {
    return absl::StrCat("to be told by ", absl::ToDoubleSeconds(*wanted.told));
  }
  if (wanted.route && gap.recovered_by() != *wanted.route) {
    return absl::StrCat("by ", *wanted.route, " expected");
  }
  if (wanted.passed && gap.passed_by_watermark() != *wanted.passed) {
    return *wanted.passed ? "readers are to be let past it" : "readers are not to be let past it";
  }
  if (wanted.rule_set && gap.rule_set_version() != *wanted.rule_set) {
    return absl::StrCat("rule set ", *wanted.rule_set, " expected");
  }
  return "";
}

void CompareGaps(const Scenario& scenario, const WorldReport& report,
                 std::vector<std::string>* failures) {
  std::vector<store::v1::StoredGap> gaps = InOrder(report);
  if (scenario.gaps_max) {
    if (gaps.size() <= *scenario.gaps_max) return;
    failures->push_back(
        absl::StrCat(gaps.size(), " gaps; at most ", *scenario.gaps_max, " expected"));
    return;
  }
  for (size_t i = 0; i < std::max(gaps.size(), scenario.gaps.size()); ++i) {
    std::string name = absl::StrCat("gap ", i + 1, " of ", scenario.gaps.size(), ": ");
    if (i >= gaps.size()) {
      failures->push_back(absl::StrCat(name, "there is none"));
    } else if (i >= scenario.gaps.size()) {
      failures->push_back(
          absl::StrCat(name, "not expected at all: ", TellGap(gaps[i], report.start)));
    } else {
      std::string what = Mismatch(scenario.gaps[i], gaps[i], report.start);
      if (what.empty()) continue;
      failures->push_back(absl::StrCat(name, what, "; it is ", TellGap(gaps[i], report.start)));
    }
  }
}

void CompareNotices(const Scenario& scenario, const WorldReport& report,
                    std::vector<std::string>* failures) {
  for (const Scenario::ExpectedNotice& wanted : scenario.notices) {
    bool found = false;
    std::string others;
    for (const v1::StreamNotice& notice : report.notices) {
      if (notice.type() != wanted.type) continue;
      absl::Duration at = ToTime(notice.notice_time()) - report.start;
      found = found || (at >= wanted.from && at <= wanted.until);
      absl::StrAppend(&others, " ", absl::ToDoubleSeconds(at));
    }
    if (found) continue;
    failures->push_back(absl::StrCat(v1::StreamNotice::Type_Name(wanted.type), " from ",
                                     absl::ToDoubleSeconds(wanted.from), " to ",
                                     absl::ToDoubleSeconds(wanted.until), " expected; there is ",
                                     others.empty() ? "none" : absl::StrCat("one at", others)));
  }
  for (const v1::StreamNotice& notice : report.notices) {
    if (std::count(scenario.never.begin(), scenario.never.end(), notice.type()) == 0) continue;
    failures->push_back(absl::StrCat(
        v1::StreamNotice::Type_Name(notice.type()), " is never expected; there is one at ",
        absl::ToDoubleSeconds(ToTime(notice.notice_time()) - report.start), ": ",
        notice.message()));
  }
}

}  // namespace

absl::StatusOr<Scenario> ParseScenario(const std::string& text) {
  Scenario scenario;
  try {
    YAML::Node root = YAML::Load(text);
    AllowKeys(root, {"world", "steps", "expect"});
    scenario.world = ReadWorld(root["world"]);
    // A rate that falls leaves pauses that the usual one does not explain.
    scenario.world.heal_rate = scenario.world.x.posts_per_second;
    for (const auto& step : root["steps"]) scenario.world.script.push_back(ReadStep(step));
    ReadExpect(root["expect"], &scenario);
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(error.what());
  }
  return scenario;
}

std::vector<std::string> CompareScenario(const Scenario& scenario, const WorldReport& report) {
  std::vector<std::string> failures;
  CompareGaps(scenario, report, &failures);
  CompareNotices(scenario, report, &failures);
  if (report.silent_posts != scenario.silent) {
    failures.push_back(absl::StrCat(report.silent_posts, " posts are missing silently; ",
                                    scenario.silent, " expected"));
  }
  if (report.late < scenario.late_min) {
    failures.push_back(
        absl::StrCat(report.late, " events came late; at least ", scenario.late_min, " expected"));
  }
  return failures;
}

std::string TellRun(const WorldReport& report) {
  std::string text = absl::StrCat(report.posts, " posts, ", report.merged, " merged, ",
                                  report.gap_posts, " missing in gaps, ", report.late, " late\n");
  for (const store::v1::StoredGap& gap : InOrder(report)) {
    absl::StrAppend(&text, "  ", TellGap(gap, report.start), "\n");
  }
  for (const v1::StreamNotice& notice : report.notices) {
    absl::StrAppend(&text, "  at ",
                    absl::ToDoubleSeconds(ToTime(notice.notice_time()) - report.start), " ",
                    v1::StreamNotice::Type_Name(notice.type()), ": ", notice.message(), "\n");
  }
  return text;
}

}  // namespace braid
