// Options whose words mean a time, a duration or a value of an enumeration. What
// is none is refused while the line is parsed, with what to give instead.
//
// Threads: one, while the words are parsed.

#ifndef BRAID_CLI_OPTION_VALUES_H_
#define BRAID_CLI_OPTION_VALUES_H_

#include <functional>
#include <string>

#include "absl/time/time.h"
#include "cli/command_tree.h"

namespace braid {

// "2026-11-20T12:00:00Z", "12:00", "-15m".
CLI::Option* AddTimeOption(CLI::App* app, const std::string& name, const std::string& help,
                           std::function<void(absl::Time)> set);

// "10s", "5m".
CLI::Option* AddDurationOption(CLI::App* app, const std::string& name, const std::string& help,
                               std::function<void(absl::Duration)> set);

// One of a stream's numbered things: "7", or its whole name,
// "streams/main/gaps/7" of the collection "gaps".
CLI::Option* AddNumberedOption(CLI::App* app, const std::string& name, const std::string& help,
                               const std::string& collection, std::string* text);

// "total-outage" with the prefix "KIND_" → "KIND_TOTAL_OUTAGE".
std::string EnumNameOf(const std::string& word, const char* prefix);

// A list of words, by commas. `help`: the words.
template <typename Enum>
void AddEnumListOption(CLI::App* app, const std::string& name, const std::string& help,
                       const char* prefix, bool (*parse)(const std::string&, Enum*),
                       std::function<void(Enum)> add) {
  app->add_option_function<std::vector<std::string>>(
         name,
         [=](const std::vector<std::string>& words) {
           for (const std::string& word : words) {
             Enum value;
             if (!parse(EnumNameOf(word, prefix), &value) || static_cast<int>(value) == 0) {
               throw CLI::ValidationError("\"" + word + "\" is none of: " + help);
             }
             add(value);
           }
         },
         help)
      ->delimiter(',');
}

}  // namespace braid

#endif  // BRAID_CLI_OPTION_VALUES_H_
