// Query parameters of a v2 request, read and checked with X's messages. The
// first mistake is kept; what is read after it is a default.
//
// Pure. Threads: any. Bounds: it borrows the request.

#ifndef BRAID_TESTS_EMULATOR_V2_PARAMETERS_H_
#define BRAID_TESTS_EMULATOR_V2_PARAMETERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/emulator/http_text.h"

namespace braid::emulator {

class V2Parameters {
 public:
  // Any parameter not in `allowed` is a mistake.
  V2Parameters(const HttpRequest& request, std::vector<std::string> allowed);

  std::string Text(const std::string& name) const { return request_.Query(name); }
  bool Has(const std::string& name) const { return request_.query.count(name) > 0; }
  std::string Required(const std::string& name);
  int Number(const std::string& name, int min, int max, int when_absent);
  // YYYY-MM-DDTHH:mm:ssZ, also with an offset instead of Z, as twarc sends it;
  // fractions of a second are cut.
  absl::Time Time(const std::string& name, absl::Time when_absent);
  uint64_t Id(const std::string& name, uint64_t when_absent);
  std::string OneOf(const std::string& name, const std::vector<std::string>& choices,
                    const std::string& when_absent);
  bool Flag(const std::string& name);
  // Comma-separated; empty parts are left out.
  std::vector<std::string> List(const std::string& name) const;

  void Fail(const std::string& name, const std::string& message);
  const std::optional<HttpAnswer>& mistake() const { return mistake_; }

 private:
  const HttpRequest& request_;
  std::optional<HttpAnswer> mistake_;
};

// Parameters that choose what of a post is given.
std::vector<std::string> WithFieldParameters(std::vector<std::string> names);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_V2_PARAMETERS_H_
