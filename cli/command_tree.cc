#include "cli/command_tree.h"

#include <memory>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "cli/text.h"

namespace braid {
namespace {

// Help is the same in a pipe and in any terminal.
constexpr int kHelpWidth = 80;

// What an option or a command does, in paragraphs beside its name.
class HelpFormatter final : public CLI::Formatter {
 public:
  std::string make_option_desc(const CLI::Option* option) const override {
    return Paragraph(CLI::Formatter::make_option_desc(option));
  }
  std::string make_subcommand(const CLI::App* command) const override {
    std::stringstream out;
    CLI::detail::format_help(out, command->get_display_name(true),
                             Paragraph(command->get_description()), column_width_);
    return out.str();
  }

 private:
  std::string Paragraph(absl::string_view text) const {
    return WrapText(text, kHelpWidth - static_cast<int>(column_width_), "");
  }
};

constexpr char kExitCodes[] =
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 unreachable,\n"
    "  130 interrupted, 141 the reader of stdout has left";

constexpr char kMoreOfGroup[] =
    "\nEach command's --help has more, what -o json prints, and exit codes.";

std::string ExamplesText(const std::vector<std::string>& examples) {
  std::string text = examples.empty() ? "" : "Examples:\n";
  for (const std::string& example : examples) absl::StrAppend(&text, "  ", example, "\n");
  return text;
}

std::string FooterOf(const CommandHelp& help) {
  std::string footer = ExamplesText(help.examples);
  if (!help.json.empty()) {
    absl::StrAppend(&footer, "\n", WrapLines("Output as JSON: " + help.json, kHelpWidth), "\n");
  }
  absl::StrAppend(&footer, "\n", kExitCodes);
  if (!help.exit_codes.empty()) {
    absl::StrAppend(&footer, "\n", WrapLines("  " + help.exit_codes, kHelpWidth));
  }
  absl::StrAppend(&footer, "\n\nOptions of every command, TLS among them: braid --help");
  return footer;
}

}  // namespace

CommandTree::CommandTree(CommandLine* line)
    : line_(*line), root_("Reads and watches a Braid deduper.", "braid") {
  root_.formatter(std::make_shared<HelpFormatter>());
  root_.require_subcommand(1);
  // Options may stand before or after the command.
  root_.fallthrough();
}

CLI::App* CommandTree::AddGroup(const std::string& name, const std::string& summary) {
  CLI::App* group = root_.add_subcommand(name, summary);
  group->require_subcommand(1);
  group->fallthrough();
  words_.push_back(name);
  return group;
}

CLI::App* CommandTree::Add(const CommandHelp& help, Run run, CLI::App* group) {
  std::string words = group == nullptr ? help.name : absl::StrCat(group->get_name(), " ", help.name);
  CLI::App* app = (group == nullptr ? &root_ : group)->add_subcommand(help.name, help.summary);
  app->fallthrough();
  app->footer(FooterOf(help));
  if (group != nullptr && !help.examples.empty()) {
    std::vector<std::string>& examples = group_examples_[group->get_name()];
    examples.push_back(help.examples.front());
    group->footer(ExamplesText(examples) + kMoreOfGroup);
  }
  app->callback([this, words, run = std::move(run)] {
    line_.command = words;
    line_.run = run;
  });
  words_.push_back(help.name);
  return app;
}

std::string RefuseEmpty(const std::string& value) {
  return value.empty() ? "is empty; give a value or leave the option out" : "";
}

}  // namespace braid
