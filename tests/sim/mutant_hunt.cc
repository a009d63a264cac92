#include "tests/sim/mutant_hunt.h"

#include <sys/wait.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <vector>

namespace braid {
namespace {

constexpr char kPrefix[] = "mutant_";

struct Hunt {
  bool found = false;
  // What showed it.
  std::string evidence;
};

Hunt RunMutant(const std::string& program, uint64_t seeds, int jobs) {
  std::string command = program + " --stop-at-failure --seeds " + std::to_string(seeds) +
                        " --jobs " + std::to_string(jobs) + " 2>&1";
  FILE* output = popen(command.c_str(), "r");
  if (output == nullptr) return {};
  Hunt hunt;
  char line[512];
  while (std::fgets(line, sizeof(line), output) != nullptr) {
    std::string text(line);
    if (hunt.evidence.empty() && text.rfind("seed ", 0) == 0) {
      hunt.evidence = text.substr(0, text.find('\n'));
    }
  }
  int status = pclose(output);
  // A CHECK of the production code that stops the process is a find as well.
  bool aborted = WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) > 1);
  if (aborted && hunt.evidence.empty()) hunt.evidence = "stopped itself by a CHECK";
  hunt.found = !hunt.evidence.empty();
  return hunt;
}

}  // namespace

int HuntMutants(const std::string& dir, uint64_t seeds, int jobs) {
  std::vector<std::string> programs;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    std::string name = entry.path().filename().string();
    if (name.rfind(kPrefix, 0) == 0 && name.find('.') == std::string::npos) {
      programs.push_back(entry.path().string());
    }
  }
  std::sort(programs.begin(), programs.end());
  int lived = 0;
  for (const std::string& program : programs) {
    std::string name = std::filesystem::path(program).filename().string().substr(sizeof(kPrefix) - 1);
    Hunt hunt = RunMutant(program, seeds, jobs);
    lived += hunt.found ? 0 : 1;
    std::printf("%-24s %s\n", name.c_str(),
                hunt.found ? hunt.evidence.c_str() : "NOT FOUND: a check is blind");
    std::fflush(stdout);
  }
  std::printf("mutants %zu  found %zu\n", programs.size(), programs.size() - lived);
  return programs.empty() ? -1 : lived;
}

}  // namespace braid
