#include "cli/option_values.h"

#include <cstdint>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

namespace braid {

CLI::Option* AddTimeOption(CLI::App* app, const std::string& name, const std::string& help,
                           std::function<void(absl::Time)> set) {
  return app->add_option_function<std::string>(
      name,
      [set](const std::string& text) {
        // One now for all options: "-2h" and "-1h" are an hour apart.
        static const absl::Time now = absl::Now();
        absl::StatusOr<absl::Time> time = ParseMomentOf(text, now);
        if (!time.ok()) throw CLI::ValidationError(std::string(time.status().message()));
        set(*time);
      },
      help);
}

CLI::Option* AddDurationOption(CLI::App* app, const std::string& name, const std::string& help,
                               std::function<void(absl::Duration)> set) {
  return app->add_option_function<std::string>(
      name,
      [set](const std::string& text) {
        absl::Duration duration;
        if (!ParseSpan(text, &duration)) {
          throw CLI::ValidationError(
              absl::StrCat("\"", text, "\" is no duration: give 10s, 5m, 1d"));
        }
        set(duration);
      },
      help);
}

CLI::Option* AddNumberedOption(CLI::App* app, const std::string& name, const std::string& help,
                               const std::string& collection, std::string* text) {
  return app->add_option_function<std::string>(
      name,
      [collection, text](const std::string& given) {
        std::vector<std::string> parts = absl::StrSplit(given, '/');
        const bool is_name = parts.size() == 4 && parts[0] == "streams" && parts[2] == collection;
        const std::string& number = parts.back();
        uint64_t value = 0;
        const bool is_number = absl::c_all_of(number, absl::ascii_isdigit) &&
                               absl::SimpleAtoi(number, &value) && value > 0;
        if (!is_number || !(is_name || parts.size() == 1)) {
          throw CLI::ValidationError(absl::StrCat(
              "\"", given, "\" is none of its names: give 7, or streams/main/", collection, "/7"));
        }
        *text = given;
      },
      help);
}

std::string EnumNameOf(const std::string& word, const char* prefix) {
  return absl::StrCat(prefix,
                      absl::AsciiStrToUpper(absl::StrReplaceAll(word, {{"-", "_"}, {" ", "_"}})));
}

}  // namespace braid
