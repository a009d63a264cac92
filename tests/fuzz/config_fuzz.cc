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

void Load(const std::string& name, bool connector, absl::string_view text) {
  const std::string file = Dir() + "/" + name;
  std::ofstream(file, std::ios::binary).write(text.data(), static_cast<int64_t>(text.size()));
  config::v1::ConnectorConfig connector_config;
  config::v1::DeduperConfig deduper_config;
  ConfigSource source(file);
  const ConfigProblems problems = connector
                                      ? LoadConnectorConfig(file, &connector_config, &source)
                                      : LoadDeduperConfig(file, &deduper_config);
  for (const ConfigProblem& problem : problems) BRAID_CHECK(!problem.ToString().empty());
}

}  // namespace
}  // namespace braid

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  braid::FuzzInput input(data, size);
  const uint8_t choice = input.TakeByte();
  braid::Load(choice & 1 ? "c.textproto" : "c.yaml", (choice & 2) != 0, input.TakeRest());
  return 0;
}
