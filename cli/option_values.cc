#include "cli/option_values.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
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
        if (!absl::ParseDuration(text, &duration)) {
          throw CLI::ValidationError(absl::StrCat("\"", text, "\" is no duration: give 10s, 5m"));
        }
        set(duration);
      },
      help);
}

std::string EnumNameOf(const std::string& word, const char* prefix) {
  return absl::StrCat(prefix,
                      absl::AsciiStrToUpper(absl::StrReplaceAll(word, {{"-", "_"}, {" ", "_"}})));
}

}  // namespace braid
