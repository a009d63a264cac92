#include "cli/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace braid {
namespace {

constexpr char kExamples[] =
    "Examples:\n"
    "  braid status                        one screen: is the stream redundant, from whom\n"
    "  braid status --check                exit 0 redundant, 1 exposed, 2 dark\n"
    "  braid top                           the same, live\n"
    "  braid tail -o jsonl | jq .data.id   posts as they arrive, as X sent them\n"
    "  braid tail --from -15m -n 100       the first hundred of the last quarter of an hour\n"
    "  braid event why 1453489038376136706 who delivered a post, and when\n"
    "  braid --server deduper.example:7400 --ca-file ca.crt connection ls\n"
    "\n"
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 unreachable.\n"
    "Environment: BRAID_SERVER, BRAID_STREAM, NO_COLOR.";

const char* const kCommands[] = {"status", "top",  "tail", "event",      "connection",
                                 "version", "get", "why",  "ls"};

using Command = CommandLine::Command;

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

// Which command, and with what, while CLI11 walks the words.
class Builder {
 public:
  Builder(CommandLine* line, const Environment& environment)
      : line_(*line), app_("Reads and watches a Braid deduper.", "braid") {
    app_.footer(kExamples);
    app_.require_subcommand(1);
    // Options may stand before or after the command.
    app_.fallthrough();
    if (const char* server = environment("BRAID_SERVER")) line_.server = server;
    if (const char* stream = environment("BRAID_STREAM")) line_.stream = stream;
    const char* no_color = environment("NO_COLOR");
    line_.color_allowed = no_color == nullptr || *no_color == '\0';
    AddConnectionOptions();
    AddStatus();
    AddTail();
    AddEvent();
    AddConnection();
    Add("version", "The command's version and the server's", Command::kVersion);
  }

  CLI::App& app() { return app_; }
  const std::string& post_id() const { return post_id_; }
  bool no_color() const { return no_color_; }
  bool no_reconnect() const { return no_reconnect_; }

 private:
  CLI::App* Add(const std::string& name, const std::string& help, Command command,
                CLI::App* parent = nullptr) {
    CLI::App* app = (parent != nullptr ? parent : &app_)->add_subcommand(name, help);
    app->fallthrough();
    app->callback([this, command] { line_.command = command; });
    return app;
  }

  void AddConnectionOptions() {
    app_.add_option("--server", line_.server, "Address of the deduper")->capture_default_str();
    app_.add_option("--stream", line_.stream, "Name of the stream (default: the only one)");
    app_.add_option("--ca-file", line_.ca_file, "Certificates that sign the server's: TLS");
    app_.add_option("--certificate-file", line_.certificate_file, "Own certificate");
    app_.add_option("--key-file", line_.key_file, "Key of the own certificate");
    app_.add_option("--server-name", line_.server_name,
                    "Name in the server's certificate, where it is not the address's host");
    app_.add_option("-o,--output", output_, "table, json or jsonl")
        ->transform(CLI::IsMember({"table", "json", "jsonl"}))
        ->each([this](const std::string& value) {
          line_.output = value == "json"    ? CommandLine::Output::kJson
                         : value == "jsonl" ? CommandLine::Output::kJsonl
                                            : CommandLine::Output::kTable;
        });
    app_.add_flag("--no-color", no_color_, "Plain text");
  }

  void AddStatus() {
    CLI::App* status = Add("status", "Health, connections, log: one screen", Command::kStatus);
    status->add_flag("-w,--watch", line_.watch, "Print it again and again");
    status->add_flag("--check", line_.check, "Exit 0 redundant, 1 exposed, 2 dark");
    status->add_option("--interval", line_.interval_seconds, "Seconds between two prints")
        ->check(CLI::Range(0.1, 3600.0));
    CLI::App* top = Add("top", "Live view; q quits", Command::kTop);
    top->add_option("--interval", line_.interval_seconds, "Seconds between two repaints")
        ->check(CLI::Range(0.1, 3600.0));
  }

  void AddTail() {
    CLI::App* tail = Add("tail", "Prints events in the order they arrive", Command::kTail);
    tail->add_option("--from", line_.from,
                     "earliest, now, a sequence, -15m, or a time (default: now)");
    tail->add_option("--cursor", line_.cursor, "Resume where an earlier tail ended");
    tail->add_option("-n,--limit", line_.event_limit, "Stop after so many events")
        ->check(CLI::NonNegativeNumber);
    tail->add_flag("--stop-at-end", line_.stop_at_end, "Stop at the end of the log");
    tail->add_flag("--envelope", line_.envelope,
                   "The whole event as JSON: sequence, times, sightings, payload in base64");
    tail->add_flag("--no-reconnect", no_reconnect_, "End when the server goes away");
  }

  void AddEvent() {
    CLI::App* event = app_.add_subcommand("event", "One event");
    event->require_subcommand(1);
    event->fallthrough();
    for (auto [name, help, command] :
         {std::make_tuple("get", "Shows it (-o jsonl: as X sent it)", Command::kEventGet),
          std::make_tuple("why", "Who delivered it, when, and where it stands",
                          Command::kEventWhy)}) {
      Add(name, help, command, event)->add_option("ID", post_id_, "Post id")->required();
    }
  }

  void AddConnection() {
    CLI::App* connection = app_.add_subcommand("connection", "The connections to X");
    connection->alias("conn");
    connection->require_subcommand(1);
    connection->fallthrough();
    Add("ls", "Lists them side by side", Command::kConnectionList, connection);
  }

  CommandLine& line_;
  CLI::App app_;
  std::string output_;
  std::string post_id_;
  bool no_color_ = false;
  bool no_reconnect_ = false;
};

// What only makes sense together, or not.
std::string CheckTogether(const CommandLine& line) {
  if (line.certificate_file.empty() != line.key_file.empty()) {
    return "--certificate-file and --key-file go together";
  }
  if (!line.certificate_file.empty() && line.ca_file.empty()) {
    return "--certificate-file needs --ca-file";
  }
  if (!line.from.empty() && !line.cursor.empty()) return "--from and --cursor exclude each other";
  if (line.command == Command::kTail) {
    absl::Status from = ParseFrom(line.from, absl::UnixEpoch()).status();
    if (!from.ok()) return absl::StrCat("--from: ", from.message());
  }
  return "";
}

void Refuse(ParsedCommandLine* result, const std::string& message) {
  result->exit_code = kExitUsage;
  result->error = absl::StrCat("braid: ", message, "\nSee braid --help.\n");
}

// What was wrong, with the command that was probably meant.
std::string Explain(const std::string& what, const std::vector<std::string>& arguments) {
  std::vector<std::string> known(std::begin(kCommands), std::end(kCommands));
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
  Builder builder(&line, environment);
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    builder.app().parse(reversed);
  } catch (const CLI::CallForHelp& help) {
    std::ostringstream out, unused;
    builder.app().exit(help, out, unused);
    result.output = out.str();
    result.exit_code = kExitOk;
    return result;
  } catch (const CLI::ParseError& error) {
    bool misnamed = dynamic_cast<const CLI::RequiredError*>(&error) != nullptr ||
                    dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr;
    Refuse(&result, misnamed ? Explain(error.what(), arguments) : std::string(error.what()));
    return result;
  }
  if (builder.no_color()) line.color_allowed = false;
  if (builder.no_reconnect()) line.reconnect = false;
  bool needs_id = line.command == Command::kEventGet || line.command == Command::kEventWhy;
  if (needs_id && (!absl::SimpleAtoi(builder.post_id(), &line.post_id) || line.post_id == 0)) {
    Refuse(&result, absl::StrCat("\"", builder.post_id(), "\" is no post id: 1 to 19 digits"));
    return result;
  }
  std::string wrong = CheckTogether(line);
  if (!wrong.empty()) Refuse(&result, wrong);
  return result;
}

}  // namespace braid
