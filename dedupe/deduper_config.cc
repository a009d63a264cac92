#include "dedupe/deduper_config.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/config_report.h"
#include "recovery/route_table.h"

namespace braid {
namespace {

void CheckRecovery(const std::string& path, const config::v1::StreamConfig& stream,
                   ConfigReport* report) {
  absl::StatusOr<RecoveryPolicy> policy = PolicyOf(stream.recovery());
  if (!policy.ok()) {
    return report->Error(path + ".recovery", std::string(policy.status().message()));
  }
  // Below the floor nothing is fetched: it could stand twice.
  absl::Duration span = absl::Milliseconds(stream.window().span_ms());
  for (const RouteLimits& route : policy->routes) {
    bool is_set = false;
    for (const config::v1::RouteConfig& set : stream.recovery().routes()) {
      is_set = is_set || (set.method() == MethodWord(route.method) && set.window_ms() > 0);
    }
    if (route.off || !is_set || route.window <= span) continue;
    report->Warn(path + ".recovery",
                 absl::StrCat(MethodWord(route.method), " reaches back ",
                              absl::FormatDuration(route.window), ", but keys are kept for ",
                              absl::FormatDuration(span),
                              ": what is older is not fetched; raise window.span"));
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
