#include "base/config_path.h"

#include <cstdlib>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace braid {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

absl::StatusOr<std::string> Expand(absl::string_view text) {
  std::string out;
  while (!text.empty()) {
    const size_t start = text.find("${");
    out.append(text.data(), std::min(start, text.size()));
    if (start == absl::string_view::npos) break;
    const size_t end = text.find('}', start);
    if (end == absl::string_view::npos) {
      return absl::InvalidArgumentError("\"${\" without \"}\"");
    }
    const std::string name(text.substr(start + 2, end - start - 2));
    const char* const value = std::getenv(name.c_str());
    if (value == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat("environment variable ", name, " is not set"));
    }
    out.append(value);
    text.remove_prefix(end + 1);
  }
  return out;
}

void ResolveField(const ConfigSource& source, const FieldDescriptor& field, Message* message,
                  ConfigProblems* problems) {
  const google::protobuf::Reflection& reflection = *message->GetReflection();
  if (field.cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
    if (!field.is_repeated()) {
      return ResolvePaths(source, reflection.MutableMessage(message, &field), problems);
    }
    for (int i = 0; i < reflection.FieldSize(*message, &field); ++i) {
      ResolvePaths(source, reflection.MutableRepeatedMessage(message, &field, i), problems);
    }
    return;
  }
  if (field.is_repeated() || field.cpp_type() != FieldDescriptor::CPPTYPE_STRING) return;
  if (!IsPathKey(field.name())) return;
  const auto path = ResolvePath(source.file(), reflection.GetString(*message, &field));
  if (path.ok()) {
    reflection.SetString(message, &field, *path);
  } else {
    problems->push_back({ConfigProblem::Severity::kError, source.file(),
                         absl::StrCat(field.name(), ": ", path.status().message())});
  }
}

}  // namespace

bool IsPathKey(absl::string_view key) {
  return absl::EndsWith(key, "_file") || absl::EndsWith(key, "dir");
}

absl::StatusOr<std::string> ResolvePath(const std::string& config_file, absl::string_view path) {
  const absl::StatusOr<std::string> expanded = Expand(path);
  if (!expanded.ok()) return expanded.status();
  return (std::filesystem::path(config_file).parent_path() / *expanded).lexically_normal().string();
}

void ResolvePaths(const ConfigSource& source, Message* message, ConfigProblems* problems) {
  std::vector<const FieldDescriptor*> fields;
  message->GetReflection()->ListFields(*message, &fields);
  for (const FieldDescriptor* field : fields) ResolveField(source, *field, message, problems);
}

}  // namespace braid
