// Where the built programs are: beside a test or a program that bazel runs, or
// below $BRAID_BINARIES (a bazel-bin).

#ifndef BRAID_TESTS_HARNESS_BINARIES_H_
#define BRAID_TESTS_HARNESS_BINARIES_H_

#include <string>

#include "absl/strings/string_view.h"

namespace braid::harness {

// Path of a workspace file that the target names in its data, for example
// "ingest/braid-connector".
std::string RunfilePath(absl::string_view workspace_path);

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_BINARIES_H_
