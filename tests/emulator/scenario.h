// Steps of a test: commands of the control endpoint at given times.
//
// A file is a YAML (or JSON) list; each step has `do`, a command as it would be
// sent to the control endpoint, and either `at: SECONDS` or `every: SECONDS`
// (first after that time, `times: N` at most):
//   - {at: 5, do: "/close?how=reset&tag=a"}
//   - {every: 60, do: "/send?kind=unknown-type"}
// A step that matches nothing says so on standard error and is no failure: what
// a random test meets it can not know.
//
// Threads: one. Bounds: the file.

#ifndef BRAID_TESTS_EMULATOR_SCENARIO_H_
#define BRAID_TESTS_EMULATOR_SCENARIO_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/emulator/http_text.h"

namespace braid::emulator {

struct ScenarioStep {
  absl::Duration due;    // since the start
  absl::Duration every;  // 0: once
  int64_t times_left = 1;
  std::string command;  // "/close?how=zero"
};

absl::StatusOr<std::vector<ScenarioStep>> ParseScenario(const std::string& text);

class Scenario {
 public:
  using Handler = std::function<HttpAnswer(const HttpRequest&)>;
  Scenario(std::vector<ScenarioStep> steps, Handler handler)
      : steps_(std::move(steps)), handler_(std::move(handler)) {}

  // Runs what is due, in the order of the file.
  void RunDue(absl::Duration now);
  absl::Duration NextDue() const;

 private:
  std::vector<ScenarioStep> steps_;
  const Handler handler_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_SCENARIO_H_
