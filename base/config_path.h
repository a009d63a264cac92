// Paths in configurations (base/config_loader.h): ${NAME} and relative ones.

#ifndef BRAID_BASE_CONFIG_PATH_H_
#define BRAID_BASE_CONFIG_PATH_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/config_loader.h"
#include "google/protobuf/message.h"

namespace braid {

// Whether a value of this key is a path.
bool IsPathKey(absl::string_view key);

// REQUIRES: path is not empty. InvalidArgument names a variable that is not
// set.
absl::StatusOr<std::string> ResolvePath(const std::string& config_file, absl::string_view path);

// Does it for every path in the message.
void ResolvePaths(const ConfigSource& source, google::protobuf::Message* message,
                  ConfigProblems* problems);

}  // namespace braid

#endif  // BRAID_BASE_CONFIG_PATH_H_
