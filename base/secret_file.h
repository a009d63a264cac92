// Reads a secret, such as a bearer token, from its file at each use, so that a
// renewed one is taken. The value is never logged and not part of any error.
//
// Threads: any. Bounds: 16 KiB.

#ifndef BRAID_BASE_SECRET_FILE_H_
#define BRAID_BASE_SECRET_FILE_H_

#include <string>

#include "absl/status/statusor.h"

namespace braid {

// Without white space at the ends. InvalidArgument when it is empty, too long,
// or holds control characters (it would break out of a header).
absl::StatusOr<std::string> ReadSecretFile(const std::string& path);

}  // namespace braid

#endif  // BRAID_BASE_SECRET_FILE_H_
