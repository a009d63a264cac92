#include "base/config_loader.h"

#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/text_format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/config_path.h"
#include "base/config_yaml.h"

namespace braid {
namespace {

// Ours are under 100 lines.
constexpr uint64_t kFileMaxBytes = 1 << 20;

class TextErrors final : public google::protobuf::io::ErrorCollector {
 public:
  TextErrors(const std::string& file, ConfigProblems* problems)
      : file_(file), problems_(*problems) {}
  void AddError(int line, int column, const std::string& message) override {
    problems_.push_back({ConfigProblem::Severity::kError,
                         absl::StrCat(file_, ":", line + 1, ":", column + 1), message});
  }

 private:
  const std::string& file_;
  ConfigProblems& problems_;
};

bool ReadWhole(const std::string& file, std::string* out, ConfigProblems* problems) {
  const auto fail = [&](absl::string_view text) {
    problems->push_back({ConfigProblem::Severity::kError, file, std::string(text)});
    return false;
  };
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) return fail("is a directory");
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return fail(absl::StrCat("can not be read: ", std::strerror(errno)));
  out->resize(kFileMaxBytes + 1);
  stream.read(out->data(), static_cast<std::streamsize>(out->size()));
  out->resize(static_cast<size_t>(stream.gcount()));
  if (out->size() > kFileMaxBytes) return fail("is larger than 1 MiB: not a configuration");
  return true;
}

bool LoadText(const std::string& text, google::protobuf::Message* out, const ConfigSource& source,
              ConfigProblems* problems) {
  TextErrors errors(source.file(), problems);
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  if (!parser.ParseFromString(text, out)) return false;
  ResolvePaths(source, out, problems);
  return true;
}

}  // namespace

std::string ConfigProblem::ToString() const {
  return absl::StrCat(where, severity == Severity::kWarning ? ": warning: " : ": ", text);
}

bool HasErrors(const ConfigProblems& problems) {
  return std::any_of(problems.begin(), problems.end(), [](const ConfigProblem& problem) {
    return problem.severity == ConfigProblem::Severity::kError;
  });
}

std::string JoinProblems(const ConfigProblems& problems) {
  return absl::StrJoin(problems, "\n", [](std::string* out, const ConfigProblem& problem) {
    absl::StrAppend(out, problem.ToString());
  });
}

void ConfigSource::Note(const std::string& path, int line, int column) {
  marks_.emplace(path, std::make_pair(line, column));
}

std::string ConfigSource::Where(absl::string_view path) const {
  while (!path.empty()) {
    const auto found = marks_.find(std::string(path));
    if (found != marks_.end()) {
      return absl::StrCat(file_, ":", found->second.first, ":", found->second.second);
    }
    const size_t end = path.find_last_of(".[");
    path = path.substr(0, end == absl::string_view::npos ? 0 : end);
  }
  return file_;
}

std::string ConfigKey(const google::protobuf::FieldDescriptor& field) {
  absl::string_view key = field.name();
  if (!absl::ConsumeSuffix(&key, "_ms")) absl::ConsumeSuffix(&key, "_bytes");
  return std::string(key);
}

bool LoadConfig(const std::string& file, google::protobuf::Message* out, ConfigSource* source,
                ConfigProblems* problems) {
  std::string text;
  if (!ReadWhole(file, &text, problems)) return false;
  if (absl::EndsWith(file, ".textproto")) return LoadText(text, out, *source, problems);
  return LoadYaml(text, out, source, problems);
}

}  // namespace braid
