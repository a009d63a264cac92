// YAML text into a proto message (base/config_loader.h). The adapter of
// yaml-cpp.

#ifndef BRAID_BASE_CONFIG_YAML_H_
#define BRAID_BASE_CONFIG_YAML_H_

#include <string>

#include "base/config_loader.h"
#include "google/protobuf/message.h"

namespace braid {

// False when the text is not YAML or not a map.
bool LoadYaml(const std::string& text, google::protobuf::Message* out, ConfigSource* source,
              ConfigProblems* problems);

}  // namespace braid

#endif  // BRAID_BASE_CONFIG_YAML_H_
