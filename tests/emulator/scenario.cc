#include "tests/emulator/scenario.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <iostream>
#include <limits>

#include "absl/strings/str_cat.h"

namespace braid::emulator {
namespace {

absl::Status Bad(size_t index, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("scenario, step ", index + 1, ": ", what));
}

absl::StatusOr<ScenarioStep> ParseStep(const YAML::Node& node, size_t index) {
  if (!node.IsMap()) return Bad(index, "want a map");
  for (const auto& entry : node) {
    std::string name = entry.first.as<std::string>();
    if (name != "at" && name != "every" && name != "times" && name != "do") {
      return Bad(index, absl::StrCat("unknown key ", name));
    }
  }
  if (node["at"].IsDefined() == node["every"].IsDefined()) return Bad(index, "want at or every");
  ScenarioStep step;
  step.command = node["do"].as<std::string>("");
  if (step.command.empty() || step.command[0] != '/') return Bad(index, "do must begin with /");
  double seconds = (node["at"].IsDefined() ? node["at"] : node["every"]).as<double>(-1);
  if (seconds < 0) return Bad(index, "at and every are seconds");
  step.due = absl::Seconds(seconds);
  if (!node["every"].IsDefined()) return step;
  if (seconds == 0) return Bad(index, "every must be above 0");
  step.every = step.due;
  step.times_left = node["times"].as<int64_t>(std::numeric_limits<int64_t>::max());
  return step;
}

}  // namespace

absl::StatusOr<std::vector<ScenarioStep>> ParseScenario(const std::string& text) {
  std::vector<ScenarioStep> steps;
  try {
    YAML::Node root = YAML::Load(text);
    if (!root.IsSequence()) return absl::InvalidArgumentError("scenario: want a list of steps");
    for (size_t i = 0; i < root.size(); ++i) {
      absl::StatusOr<ScenarioStep> step = ParseStep(root[i], i);
      if (!step.ok()) return step.status();
      steps.push_back(*std::move(step));
    }
  } catch (const YAML::Exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("scenario: ", error.what()));
  }
  return steps;
}

void Scenario::RunDue(absl::Duration now) {
  for (ScenarioStep& step : steps_) {
    if (step.times_left <= 0 || now < step.due) continue;
    --step.times_left;
    step.due += step.every;
    HttpRequest request;
    ParseRequest(absl::StrCat("POST ", step.command, " HTTP/1.1\r\n\r\n"), 0, &request);
    HttpAnswer answer = handler_(request);
    if (answer.status != 200) {
      std::cerr << "x-emulator: scenario: " << step.command << ": " << answer.body << "\n";
    }
  }
}

absl::Duration Scenario::NextDue() const {
  absl::Duration next = absl::InfiniteDuration();
  for (const ScenarioStep& step : steps_) {
    if (step.times_left > 0) next = std::min(next, step.due);
  }
  return next;
}

}  // namespace braid::emulator
