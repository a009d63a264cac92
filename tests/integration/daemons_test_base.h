// A deduper and connectors with configurations of the test's own, where what
// harness::Cluster writes does not fit, before an emulated X.

#ifndef BRAID_TESTS_INTEGRATION_DAEMONS_TEST_BASE_H_
#define BRAID_TESTS_INTEGRATION_DAEMONS_TEST_BASE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/harness/daemon.h"
#include "tests/harness/emulator.h"
#include "tests/integration/processes_test_base.h"

namespace braid::integration {

class DaemonsTest : public ProcessesTest {
 protected:
  // Where the options name no directory the test's is taken.
  explicit DaemonsTest(harness::EmulatorOptions emulator);

  // With NAME.yaml.
  std::unique_ptr<harness::Daemon> MakeConnector(const std::string& name);
  // `yaml`: all but dedupers, spool (spool-NAME) and listen.
  absl::Status WriteConnector(const std::string& name, const std::string& yaml);

  // Its URL with `path` in place of that of v2's filtered stream.
  std::string StreamUrl(const std::string& connection, const std::string& path) const;

  // Writes deduper.yaml with these entries of `streams`, makes the data directory,
  // starts.
  absl::Status StartDeduper(const std::string& streams);

  Ended Braid(std::vector<std::string> words) { return RunBraid(address_, std::move(words)); }

  harness::Emulator& emulator() { return emulator_; }
  const harness::Emulator& emulator() const { return emulator_; }
  harness::Daemon& deduper() { return *deduper_; }

 private:
  std::unique_ptr<harness::Daemon> MakeDaemon(const std::string& name, const std::string& binary);

  const std::string address_;
  harness::Emulator emulator_;
  const std::unique_ptr<harness::Daemon> deduper_;
};

}  // namespace braid::integration

#endif  // BRAID_TESTS_INTEGRATION_DAEMONS_TEST_BASE_H_
