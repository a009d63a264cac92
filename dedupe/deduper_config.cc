#include "dedupe/deduper_config.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/config_report.h"
#include "recovery/route_table.h"

namespace braid {
namespace {

void CheckRecovery(const std::string& path, const config::v1::StreamConfig& stream,
                   ConfigReport* report) {
  std::vector<PolicyProblem> problems;
  PolicyOf(stream.recovery(), &problems);
  for (const PolicyProblem& problem : problems) {
    report->Error(absl::StrCat(path, ".", problem.key), problem.text);
  }
}

}  // namespace

ConfigProblems LoadDeduper(const std::string& file, config::v1::DeduperConfig* out) {
  ConfigSource source(file);
  ConfigProblems problems = LoadDeduperConfig(file, out, &source);
  ConfigReport report(source, &problems);
  for (int i = 0; i < out->streams_size(); ++i) {
    if (!out->streams(i).has_recovery()) continue;
    CheckRecovery(absl::StrCat("streams[", i, "]"), out->streams(i), &report);
  }
  return problems;
}

}  // namespace braid
