#include "cli/command_line.h"

#include <algorithm>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "cli/command_table.h"

namespace braid {
namespace {

constexpr char kExamples[] =
    "Examples:\n"
    "  braid status                        one screen: is it redundant, from whom\n"
    "  braid status --check                exit 0 redundant, 1 exposed, 2 dark\n"
    "  braid top                           the same, live\n"
    "  braid tail -o jsonl | jq .data.id   posts as they arrive, as X sent them\n"
    "  braid tail --from -15m -n 100       a hundred posts of 15 min ago\n"
    "  braid tail --cursor-file c -o jsonl >> posts.jsonl    goes on where it ended\n"
    "  braid event why 1453489038376136706 who delivered a post, and when\n"
    "\n"
    "Over TLS (deploy/make-certs makes these files):\n"
    "  braid --server deduper.example:7400 --ca-file certs/ca.crt \\\n"
    "    --certificate-file certs/reader.crt --key-file certs/reader.key status\n"
    "\n"
    "-o json prints the server's messages as proto3 JSON (proto/braid/v1): 64-bit\n"
    "numbers are strings, what is unset or zero is left out; jsonl is one line each.\n"
    "\n"
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 unreachable, 130 interrupted\n"
    "before there was an answer, 141 the reader of stdout has left.\n"
    "status --check: 0, 1, 2 by health.\n"
    "Environment: BRAID_SERVER, BRAID_STREAM, NO_COLOR.";

int EditDistance(absl::string_view a, absl::string_view b) {
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 1; i <= a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i);
    for (size_t j = 1; j <= b.size(); ++j) {
      int above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

void ReadEnvironment(const Environment& environment, CommandLine* line) {
  if (const char* server = environment("BRAID_SERVER")) line->server = server;
  if (const char* stream = environment("BRAID_STREAM")) line->stream = stream;
  const char* no_color = environment("NO_COLOR");
  line->color_allowed = no_color == nullptr || *no_color == '\0';
}

void AddCommonOptions(CLI::App& app, CommandLine* line) {
  app.footer(kExamples);
  app.add_option("--server", line->server, "Address of the deduper")
      ->capture_default_str()
      ->check(RefuseEmpty);
  app.add_option("--stream", line->stream, "Name of the stream (default: the only one)");
  app.add_option("--ca-file", line->ca_file, "Certificates that sign the server's: TLS")
      ->check(RefuseEmpty);
  app.add_option("--certificate-file", line->certificate_file, "Own certificate")
      ->check(RefuseEmpty);
  app.add_option("--key-file", line->key_file, "Key of the own certificate")->check(RefuseEmpty);
  app.add_option("--server-name", line->server_name,
                 "Name in the server's certificate, where it is not the address's host");
  app.add_option_function<std::string>(
         "-o,--output",
         [line](const std::string& value) {
           line->output = value == "json"    ? CommandLine::Output::kJson
                          : value == "jsonl" ? CommandLine::Output::kJsonl
                                             : CommandLine::Output::kTable;
         },
         "table, json or jsonl")
      ->check(CLI::IsMember({"table", "json", "jsonl"}));
  app.add_flag_callback("--no-color", [line] { line->color_allowed = false; }, "Plain text");
  // ParseCommandLine makes it the command "version"; here for the help.
  app.add_flag_callback("--version", [] {}, "The same as the command version");
}

// What only makes sense together, or not.
std::string CheckTogether(const CommandLine& line) {
  if (line.certificate_file.empty() != line.key_file.empty()) {
    return "--certificate-file and --key-file go together";
  }
  if (!line.certificate_file.empty() && line.ca_file.empty()) {
    return "--certificate-file needs --ca-file";
  }
  if (!line.ca_file.empty() && line.certificate_file.empty()) {
    return "--ca-file needs --certificate-file and --key-file: a deduper wants to know its callers";
  }
  return "";
}

void Refuse(ParsedCommandLine* result, const std::string& message) {
  result->exit_code = kExitUsage;
  result->error = absl::StrCat("braid: ", message, "\nSee braid --help.\n");
}

// What was wrong, with the command that was probably meant.
std::string Explain(const std::string& what, const std::vector<std::string>& arguments,
                    const std::vector<std::string>& known) {
  for (const std::string& word : arguments) {
    if (word.empty() || word[0] == '-') continue;
    if (std::find(known.begin(), known.end(), word) != known.end()) continue;
    std::string meant = Suggest(word, known);
    if (meant.empty()) continue;
    return absl::StrCat("there is no command \"", word, "\".\nDid you mean \"", meant, "\"?");
  }
  return what;
}

}  // namespace

std::string Suggest(absl::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  // Two slips at most, and fewer than half of the word.
  int best_distance = std::min<int>(3, (static_cast<int>(word.size()) + 1) / 2 + 1);
  for (const std::string& candidate : candidates) {
    int distance = EditDistance(word, candidate);
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  return best;
}

ParsedCommandLine ParseCommandLine(const std::vector<std::string>& arguments,
                                   const Environment& environment) {
  ParsedCommandLine result;
  CommandLine& line = result.command_line;
  ReadEnvironment(environment, &line);
  CommandTree tree(&line);
  AddCommonOptions(tree.root(), &line);
  AddAllCommands(tree);
  try {
    // CLI11 takes them from the back.
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    std::replace(reversed.begin(), reversed.end(), std::string("--version"), std::string("version"));
    tree.root().parse(reversed);
  } catch (const CLI::CallForHelp& help) {
    std::ostringstream out, unused;
    tree.root().exit(help, out, unused);
    result.output = out.str();
    result.exit_code = kExitOk;
    return result;
  } catch (const CLI::ParseError& error) {
    bool misnamed = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr ||
                    dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
    Refuse(&result, misnamed ? Explain(error.what(), arguments, tree.words())
                             : std::string(error.what()));
    return result;
  }
  std::string wrong = CheckTogether(line);
  if (!wrong.empty()) Refuse(&result, wrong);
  return result;
}

}  // namespace braid
