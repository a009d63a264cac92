// Compares a merged log with the truth. Sorted vectors throughout, so that ten
// million events need a few hundred megabytes and a few seconds.
//
// Threads: pure.

#ifndef BRAID_TESTS_HARNESS_VERIFY_H_
#define BRAID_TESTS_HARNESS_VERIFY_H_

#include <cstdint>
#include <string>
#include <vector>

#include "tests/harness/log_client.h"

namespace braid::harness {

struct Expectation {
  // Every id that X began to send on any connection: nothing else may be there.
  std::vector<uint64_t> sent;
  // Ids that must be there.
  std::vector<uint64_t> required;
};

// One way in which a log can be wrong, with the first examples.
struct Fault {
  uint64_t count = 0;
  std::vector<uint64_t> examples;
  void Add(uint64_t example);
};

struct Verdict {
  uint64_t events = 0;
  uint64_t required = 0;
  // Required ids that are not there.
  Fault missing;
  // Ids that are there more than once.
  Fault doubled;
  // Ids that were never sent.
  Fault strange;
  // Sequences that do not follow their predecessor by one.
  Fault sparse;

  bool ok() const { return missing.count + doubled.count + strange.count + sparse.count == 0; }
  std::string ToString() const;
};

// `log` in the order it was served.
[[nodiscard]] Verdict Verify(const std::vector<LogItem>& log, Expectation expectation);

// A committed prefix never changes: what a reader saw at a sequence is what the
// log holds there. Counts the sequences where it is not so, or that are gone.
[[nodiscard]] Fault Rewritten(const std::vector<LogItem>& seen, const std::vector<LogItem>& log);

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_VERIFY_H_
