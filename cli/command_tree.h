// The words the command understands: groups, commands and what each runs. A
// command is added by one function of its own file, which is named in the table
// of cli/command_table.cc; see cli/README.md.
//
// Threads: one. Lives while the words are parsed.

#ifndef BRAID_CLI_COMMAND_TREE_H_
#define BRAID_CLI_COMMAND_TREE_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "cli/command_line.h"

namespace braid {

struct CommandHelp {
  std::string name;
  std::string summary;
  // Commands to copy, one a line.
  std::vector<std::string> examples;
  // What -o json and jsonl print. Part of the interface: members are added,
  // never renamed.
  std::string json;
  // Beyond those that all commands have.
  std::string exit_codes;
};

class CommandTree {
 public:
  using Run = std::function<int(CommandContext&)>;

  // Sets `line` while words are parsed. REQUIRES: it outlives this.
  explicit CommandTree(CommandLine* line);

  CLI::App& root() { return root_; }

  // "event": only holds commands. Its help shows the first example of each.
  CLI::App* AddGroup(const std::string& name, const std::string& summary);

  // `run` owns the options it reads. `group` null: directly below "braid".
  CLI::App* Add(const CommandHelp& help, Run run, CLI::App* group = nullptr);

  // Every word that names a command or group, for suggestions.
  const std::vector<std::string>& words() const { return words_; }

 private:
  CommandLine& line_;
  CLI::App root_;
  std::vector<std::string> words_;
  // Of the groups, by name.
  std::map<std::string, std::vector<std::string>> group_examples_;
};

// An option's value that must not be empty, as "$UNSET" would be.
std::string RefuseEmpty(const std::string& value);

}  // namespace braid

#endif  // BRAID_CLI_COMMAND_TREE_H_
