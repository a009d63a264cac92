// What a connector's spool holds on disk, read without the connector's code for
// it (only the format): the posts that it promised to deliver.
//
// Threads: pure but for reading files. REQUIRES: nobody writes meanwhile, or
// the torn end is of no interest.

#ifndef BRAID_TESTS_HARNESS_SPOOL_EXPORT_H_
#define BRAID_TESTS_HARNESS_SPOOL_EXPORT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace braid::harness {

// Ids of all posts in all segments up to the first record of each that is not
// whole. A spool that does not exist holds nothing.
[[nodiscard]] absl::StatusOr<std::vector<uint64_t>> ExportSpool(const std::string& dir);

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_SPOOL_EXPORT_H_
