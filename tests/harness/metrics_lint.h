// What a scrape must look like, without promtool: the exposition format and the
// naming rules of Prometheus and of docs/OPERATIONS.md.
//
// Pure; any thread. Bounds: the text given.

#ifndef BRAID_TESTS_HARNESS_METRICS_LINT_H_
#define BRAID_TESTS_HARNESS_METRICS_LINT_H_

#include <string>
#include <vector>

namespace braid::harness {

// One line per mistake; empty when `text` (the answer to GET /metrics) is right.
[[nodiscard]] std::vector<std::string> LintMetrics(const std::string& text);

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_METRICS_LINT_H_
