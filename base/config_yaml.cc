#include "base/config_yaml.h"

#include <yaml-cpp/yaml.h>

#include <set>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/check.h"
#include "base/config_documents.h"
#include "base/config_path.h"
#include "base/config_value.h"

namespace braid {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

class YamlReader {
 public:
  YamlReader(ConfigSource* source, ConfigProblems* problems)
      : source_(*source), problems_(*problems) {}

  void ReadMessage(const YAML::Node& node, const std::string& path, Message* out) {
    if (!node.IsMap()) return Problem(node.Mark(), absl::StrCat(path, " is to be a map of keys"));
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const YAML::Node& key = entry.first;
      const std::string name = key.IsScalar() ? key.Scalar() : "";
      const FieldDescriptor* const field = FindField(*out->GetDescriptor(), name);
      if (field == nullptr) {
        Problem(key.Mark(), UnknownKey(*out->GetDescriptor(), name));
      } else if (!seen.insert(name).second) {
        Problem(key.Mark(), absl::StrCat("key \"", name, "\" appears twice; keep one"));
      } else {
        ReadField(entry.second, path.empty() ? name : absl::StrCat(path, ".", name), *field, out);
      }
    }
  }

  void Problem(const YAML::Mark& mark, const std::string& text) {
    problems_.push_back({ConfigProblem::Severity::kError,
                         absl::StrCat(source_.file(), ":", mark.line + 1, ":", mark.column + 1),
                         text});
  }

 private:
  static const FieldDescriptor* FindField(const Descriptor& type, const std::string& key) {
    for (int i = 0; i < type.field_count(); ++i) {
      if (ConfigKey(*type.field(i)) == key) return type.field(i);
    }
    return nullptr;
  }

  static std::string UnknownKey(const Descriptor& type, const std::string& key) {
    std::vector<std::string> known;
    known.reserve(static_cast<size_t>(type.field_count()));
    for (int i = 0; i < type.field_count(); ++i) known.push_back(ConfigKey(*type.field(i)));
    const std::string nearest = NearestKey(key, known);
    const std::string text = absl::StrCat("unknown key \"", key, "\"");
    if (!nearest.empty()) return absl::StrCat(text, "; did you mean \"", nearest, "\"?");
    std::string list;
    for (const std::string& each : known) absl::StrAppend(&list, list.empty() ? "" : ", ", each);
    return absl::StrCat(text, "; known here: ", list);
  }

  void ReadField(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                 Message* out) {
    source_.Note(path, node.Mark().line + 1, node.Mark().column + 1);
    if (field.is_map()) return ReadMap(node, path, field, out);
    if (!field.is_repeated()) return ReadValue(node, path, field, out);
    if (!node.IsSequence()) return Problem(node.Mark(), absl::StrCat(path, " is to be a list"));
    for (size_t i = 0; i < node.size(); ++i) {
      const std::string item = absl::StrCat(path, "[", i, "]");
      source_.Note(item, node[i].Mark().line + 1, node[i].Mark().column + 1);
      ReadValue(node[i], item, field, out);
    }
  }

  // Names are free; values are texts.
  void ReadMap(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
               Message* out) {
    if (!node.IsMap()) return Problem(node.Mark(), absl::StrCat(path, " is to be a map of keys"));
    std::set<std::string> seen;
    for (const auto& entry : node) {
      const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : "";
      if (name.empty()) {
        Problem(entry.first.Mark(), absl::StrCat(path, " has a key without a name"));
      } else if (!seen.insert(name).second) {
        Problem(entry.first.Mark(), absl::StrCat("key \"", name, "\" appears twice; keep one"));
      } else {
        const std::string item = absl::StrCat(path, ".", name);
        source_.Note(item, entry.second.Mark().line + 1, entry.second.Mark().column + 1);
        Message* const pair = out->GetReflection()->AddMessage(out, &field);
        pair->GetReflection()->SetString(pair, field.message_type()->map_key(), name);
        ReadValue(entry.second, item, *field.message_type()->map_value(), pair);
      }
    }
  }

  void ReadValue(const YAML::Node& node, const std::string& path, const FieldDescriptor& field,
                 Message* out) {
    const google::protobuf::Reflection& reflection = *out->GetReflection();
    if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      return ReadMessage(node, path,
                         field.is_repeated() ? reflection.AddMessage(out, &field)
                                             : reflection.MutableMessage(out, &field));
    }
    if (!node.IsScalar() && !node.IsNull()) {
      return Problem(node.Mark(), absl::StrCat(path, " is to be a single value"));
    }
    if (node.IsNull() || node.Scalar().empty()) {
      return Problem(node.Mark(), absl::StrCat(path, " has no value; give one or remove the key"));
    }
    const absl::Status status = ReadScalar(node.Scalar(), field, out);
    if (!status.ok()) Problem(node.Mark(), absl::StrCat(path, ": ", status.message()));
  }

  absl::Status ReadScalar(const std::string& text, const FieldDescriptor& field, Message* out) {
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        return ReadString(text, field, out);
      case FieldDescriptor::CPPTYPE_UINT64:
        return ReadUint64(text, field, out);
      case FieldDescriptor::CPPTYPE_UINT32:
        return ReadUint32(text, field, out);
      case FieldDescriptor::CPPTYPE_BOOL:
        return ReadBool(text, field, out);
      default:
        // A type nobody has needed in a configuration so far.
        BRAID_CHECK(false);
    }
  }

  absl::Status ReadString(const std::string& text, const FieldDescriptor& field, Message* out) {
    std::string value = text;
    if (IsPathKey(field.name())) {
      const absl::StatusOr<std::string> path = ResolvePath(source_.file(), text);
      if (!path.ok()) return path.status();
      value = *path;
    }
    const google::protobuf::Reflection& reflection = *out->GetReflection();
    if (field.is_repeated()) {
      reflection.AddString(out, &field, value);
    } else {
      reflection.SetString(out, &field, value);
    }
    return absl::OkStatus();
  }

  static absl::StatusOr<uint64_t> ParseNumber(const std::string& text,
                                              const FieldDescriptor& field) {
    if (absl::EndsWith(field.name(), "_bytes")) return ParseConfigBytes(text);
    if (absl::EndsWith(field.name(), "_ms")) {
      const absl::StatusOr<absl::Duration> duration = ParseConfigDuration(text);
      if (!duration.ok()) return duration.status();
      return static_cast<uint64_t>(absl::ToInt64Milliseconds(*duration));
    }
    uint64_t value = 0;
    if (absl::SimpleAtoi(text, &value)) return value;
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not a whole number of at least 0"));
  }

  static absl::Status ReadUint64(const std::string& text, const FieldDescriptor& field,
                                 Message* out) {
    const absl::StatusOr<uint64_t> value = ParseNumber(text, field);
    if (!value.ok()) return value.status();
    BRAID_CHECK(!field.is_repeated());
    out->GetReflection()->SetUInt64(out, &field, *value);
    return absl::OkStatus();
  }

  static absl::Status ReadUint32(const std::string& text, const FieldDescriptor& field,
                                 Message* out) {
    const absl::StatusOr<uint64_t> value = ParseNumber(text, field);
    if (!value.ok()) return value.status();
    if (*value > UINT32_MAX) {
      return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is too large"));
    }
    const auto number = static_cast<uint32_t>(*value);
    if (field.is_repeated()) {
      out->GetReflection()->AddUInt32(out, &field, number);
    } else {
      out->GetReflection()->SetUInt32(out, &field, number);
    }
    return absl::OkStatus();
  }

  static absl::Status ReadBool(const std::string& text, const FieldDescriptor& field,
                               Message* out) {
    if (text != "true" && text != "false") {
      return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is neither true nor false"));
    }
    BRAID_CHECK(!field.is_repeated());
    out->GetReflection()->SetBool(out, &field, text == "true");
    return absl::OkStatus();
  }

  ConfigSource& source_;
  ConfigProblems& problems_;
};

bool HasTab(absl::string_view text, int line) {
  const std::vector<absl::string_view> lines = absl::StrSplit(text, '\n');
  return line >= 0 && static_cast<size_t>(line) < lines.size() &&
         absl::StrContains(lines[line], '\t');
}

}  // namespace

bool LoadYaml(const std::string& text, Message* out, ConfigSource* source,
              ConfigProblems* problems) {
  YamlReader reader(source, problems);
  try {
    const YAML::Node document = CountYamlDocuments(text) == 1 ? YAML::Load(text) : YAML::Node();
    if (!document.IsMap()) {
      problems->push_back({ConfigProblem::Severity::kError, source->file(),
                           absl::StripAsciiWhitespace(text).empty()
                               ? "is empty; deploy/examples has files to begin with"
                               : "is to be one map of keys and values"});
      return false;
    }
    reader.ReadMessage(document, "", out);
    return true;
  } catch (const YAML::Exception& error) {
    const std::string hint =
        HasTab(text, error.mark.line) ? "; there is a tab: YAML is indented by spaces" : "";
    reader.Problem(error.mark, absl::StrCat("not YAML: ", error.msg, hint));
    return false;
  }
}

}  // namespace braid
