// A configuration file: problems are named, whatever stands in it.

#include <stdlib.h>

#include <fstream>
#include <string>

#include "base/check.h"
#include "base/config_check.h"
#include "tests/fuzz/fuzz_input.h"

namespace braid {
namespace {

// A directory of its own: several fuzzers run at once.
const std::string& Dir() {
  static const auto* const dir = [] {
    const char* base = getenv("TEST_TMPDIR");
    auto* path = new std::string(std::string(base == nullptr ? "/tmp" : base) + "/config_XXXXXX");
    BRAID_CHECK(mkdtemp(path->data()) != nullptr);
    return path;
  }();
  return *dir;
}

ConfigProblems LoadAs(uint8_t choice, const std::string& file) {
  config::v1::ConnectorConfig connector;
  config::v1::RecovererConfig recoverer;
  config::v1::DeduperConfig deduper;
  ConfigSource source(file);
  if ((choice & 2) != 0) return LoadConnectorConfig(file, &connector, &source);
  if ((choice & 4) != 0) return LoadRecovererConfig(file, &recoverer, &source);
  return LoadDeduperConfig(file, &deduper, &source);
}

void Load(uint8_t choice, absl::string_view text) {
  const std::string file = Dir() + (choice & 1 ? "/c.textproto" : "/c.yaml");
  std::ofstream(file, std::ios::binary).write(text.data(), static_cast<int64_t>(text.size()));
  for (const ConfigProblem& problem : LoadAs(choice, file)) {
    BRAID_CHECK(!problem.ToString().empty());
  }
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  braid::FuzzInput input(data, size);
  const uint8_t choice = input.TakeByte();
  braid::Load(choice, input.TakeRest());
  return 0;
}
