// A plain HTTP/1.1 request to a daemon on loopback, for metrics, health and the
// emulator's control endpoint; and reading Prometheus text.
//
// Bounds: the answer ends within `timeout`; it is read to its end.

#ifndef BRAID_TESTS_HARNESS_HTTP_H_
#define BRAID_TESTS_HARNESS_HTTP_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace braid::harness {

struct HttpAnswer {
  int status = 0;
  std::string body;
};

struct HttpCall {
  std::string host = "127.0.0.1";
  int port = 0;
  std::string method = "GET";
  // Path and query.
  std::string target = "/";
  std::string body;
  absl::Duration timeout = absl::Seconds(10);
};

[[nodiscard]] absl::StatusOr<HttpAnswer> CallHttp(const HttpCall& call);

// The samples of one scrape.
class Metrics final {
 public:
  explicit Metrics(const std::string& text);

  // Sum over all samples of `name` whose labels contain every pair of `labels`
  // (written name="value"); nullopt when there is none.
  std::optional<double> Sum(absl::string_view name, absl::string_view labels = "") const;

 private:
  // Name with labels, as written, to value.
  std::map<std::string, double> samples_;
};

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_HTTP_H_
