// A configuration file into a proto message. YAML: keys are the proto's field
// names; a field that ends in _ms is written without that ending and takes a
// duration, one that ends in _bytes a size. Files named *.textproto are read
// as proto text, with the proto's own names and numbers.
//
// In values of keys that end in "_file" or "dir", ${NAME} of the environment is
// replaced (systemd's ${CREDENTIALS_DIRECTORY}), and what is relative is
// relative to the file's directory. Nowhere else.
//
// Every mistake is reported, not only the first. Single-threaded, in main only.
// Bounds: files up to 1 MiB.

#ifndef BRAID_BASE_CONFIG_LOADER_H_
#define BRAID_BASE_CONFIG_LOADER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "google/protobuf/message.h"

namespace braid {

struct ConfigProblem {
  enum class Severity { kError, kWarning };
  Severity severity = Severity::kError;
  // file:line:column, or file alone.
  std::string where;
  std::string text;

  // "connector.yaml:3:1: unknown key "conection"; did you mean "connection"?"
  std::string ToString() const;
};

using ConfigProblems = std::vector<ConfigProblem>;

bool HasErrors(const ConfigProblems& problems);
// One a line.
std::string JoinProblems(const ConfigProblems& problems);

// Where each value stands.
class ConfigSource {
 public:
  explicit ConfigSource(std::string file) : file_(std::move(file)) {}

  // `path` as in "streams[0].window.span". Lines and columns count from 1.
  void Note(const std::string& path, int line, int column);
  // Whether the file has this key, even with a bad value.
  bool Has(const std::string& path) const { return marks_.count(path) > 0; }
  // "file:line:column" of the value or of the nearest key around it.
  std::string Where(absl::string_view path) const;
  const std::string& file() const { return file_; }

 private:
  const std::string file_;
  std::map<std::string, std::pair<int, int>> marks_;
};

// Fills `out` as far as the file is right. Returns false when nothing could be
// read at all (no such file, not YAML): further checks would only confuse.
bool LoadConfig(const std::string& file, google::protobuf::Message* out, ConfigSource* source,
                ConfigProblems* problems);

// The YAML key of a field: its name without _ms or _bytes.
std::string ConfigKey(const google::protobuf::FieldDescriptor& field);

}  // namespace braid

#endif  // BRAID_BASE_CONFIG_LOADER_H_
