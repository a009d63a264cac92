// What a command works with: the server, the terminal, Ctrl-C. Results go to
// `out`, messages to `err`; the value of a run is the exit code.
//
// Threads: the caller's; top starts one more while it runs.

#ifndef BRAID_CLI_COMMANDS_H_
#define BRAID_CLI_COMMANDS_H_

#include <cstdio>
#include <string>

#include "absl/status/status.h"
#include "cli/client.h"
#include "cli/command_line.h"
#include "cli/interrupt.h"

namespace braid {

struct Terminal {
  FILE* out = stdout;
  FILE* err = stderr;
  // A file descriptor: questions are waited for together with Ctrl-C.
  int in = 0;
  // Somebody reads `err` and types into `in`.
  bool can_ask = false;
  // Whether `out` is one, and knows more than lines.
  bool interactive = false;
  int width = 120;

  // For tables and paragraphs: a file or a pipe has room.
  int text_width() const { return interactive ? width : 0; }
};

class CommandContext {
 public:
  // REQUIRES: everything outlives this.
  CommandContext(const CommandLine& line, const Terminal& terminal, Interrupt& interrupt,
                 Client& client)
      : line(line), terminal(terminal), interrupt(interrupt), client(client) {}

  // Writes all of it, or remembers why not and returns false.
  bool Print(const std::string& text);
  // The exit code after a Print that failed. Silent where the reader has left.
  int WriteFailure() const;
  // Print as the last thing of a command.
  int Finish(const std::string& text) { return Print(text) ? kExitOk : WriteFailure(); }

  // The same of paragraphs: their lines fit a terminal.
  int FinishText(const std::string& text);

  // One line, with "braid: " before it.
  void Tell(const std::string& message) const;
  // Says what is wrong; returns the exit code.
  int Fail(const absl::Status& status) const;

  // As -o wants it; REQUIRES: not kTable.
  std::string Json(const google::protobuf::Message& message) const;
  bool wants_table() const { return line.output == CommandLine::Output::kTable; }

  const CommandLine& line;
  const Terminal& terminal;
  Interrupt& interrupt;
  Client& client;

 private:
  int write_error_ = 0;
};

// Prints what a line without a command comes to: help, or what is wrong.
// Returns the exit code. REQUIRES: parsed.exit_code is set.
int Announce(const ParsedCommandLine& parsed, const Terminal& terminal);

// Does what the line says.
int RunCommand(const CommandLine& line, const Terminal& terminal, Interrupt& interrupt);

}  // namespace braid

#endif  // BRAID_CLI_COMMANDS_H_
