// What the tests with real processes share: a directory whose logs are kept after
// a failure, and programs that end by themselves.

#ifndef BRAID_TESTS_INTEGRATION_PROCESSES_TEST_BASE_H_
#define BRAID_TESTS_INTEGRATION_PROCESSES_TEST_BASE_H_

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "tests/harness/files.h"

namespace braid::integration {

#define ASSERT_STATUS_OK(expression)                \
  do {                                              \
    absl::Status status_of_it = (expression);       \
    ASSERT_TRUE(status_of_it.ok()) << status_of_it; \
  } while (false)

struct Ended {
  // -1: not by itself, or not in time.
  int code = -1;
  std::string output;
};

class ProcessesTest : public testing::Test {
 protected:
  ~ProcessesTest() override;

  const std::string& dir() const { return dir_.path(); }
  std::string Path(const std::string& name) const { return dir() + "/" + name; }

  Ended Run(std::vector<std::string> command, absl::Duration timeout = absl::Seconds(30));

  // `braid WORDS` about the stream "main" of the deduper at `address`.
  Ended RunBraid(const std::string& address, std::vector<std::string> words);

 private:
  harness::TempDir dir_{"integration"};
  int runs_ = 0;
};

}  // namespace braid::integration

#endif  // BRAID_TESTS_INTEGRATION_PROCESSES_TEST_BASE_H_
