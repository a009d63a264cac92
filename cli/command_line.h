// What the user typed, checked: pure, so that tests need no process.

#ifndef BRAID_CLI_COMMAND_LINE_H_
#define BRAID_CLI_COMMAND_LINE_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "braid/v1/types.pb.h"

namespace braid {

// Exit codes of the command (docs/OPERATIONS.md).
enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,
  kExitUsage = 2,
  kExitNotFound = 3,
  kExitUnreachable = 4,
  // 128 + SIGINT: interrupted before it had an answer.
  kExitInterrupted = 130,
  // 128 + SIGPIPE: the reader of stdout has left, as for other filters.
  kExitBrokenPipe = 141,
};

class CommandContext;

struct CommandLine {
  enum class Output { kTable, kJson, kJsonl };

  std::string server = "127.0.0.1:7400";
  // Empty: the only one the server has.
  std::string stream;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  std::string server_name;
  Output output = Output::kTable;
  bool color_allowed = true;

  // The command's words, e.g. "event get", and what it does.
  std::string command;
  std::function<int(CommandContext&)> run;
};

struct ParsedCommandLine {
  CommandLine command_line;
  // Set where there is nothing more to do: help was asked for, or it was wrong.
  absl::optional<int> exit_code;
  // For stdout (help) and stderr.
  std::string output;
  std::string error;
};

using Environment = std::function<const char*(const char* name)>;

// `arguments` without the program's name.
ParsedCommandLine ParseCommandLine(const std::vector<std::string>& arguments,
                                   const Environment& environment);

// A length of time: "10s", "1h30m", "2d", "1d12h". False: it is none.
bool ParseSpan(absl::string_view text, absl::Duration* span);

// "earliest", "now", "-15m", "1234", "2026-11-20T12:00:00Z", "2026-11-20
// 12:00", "12:00" (today, UTC). `now` resolves the day of "12:00".
absl::StatusOr<v1::StartPosition> ParseFrom(absl::string_view text, absl::Time now);

// A time, as ParseFrom takes it: "now", "-15m", "2026-11-20T12:00:00Z", "12:00".
// One relative to now is rounded down to a whole `unit`.
absl::StatusOr<absl::Time> ParseMomentOf(absl::string_view text, absl::Time now,
                                         absl::Duration unit = absl::Nanoseconds(1));

// The candidate that was probably meant; empty where none is near.
std::string Suggest(absl::string_view word, const std::vector<std::string>& candidates);

}  // namespace braid

#endif  // BRAID_CLI_COMMAND_LINE_H_
