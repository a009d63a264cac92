// The commands: each asks the server and prints. Results go to `out`, messages
// to `err`; the value is the exit code.
//
// Threads: the caller's; tail and top start one more while they run.

#ifndef BRAID_CLI_COMMANDS_H_
#define BRAID_CLI_COMMANDS_H_

#include <cstdio>
#include <string>

#include "cli/command_line.h"
#include "cli/interrupt.h"

namespace braid {

struct Terminal {
  FILE* out = stdout;
  FILE* err = stderr;
  // Whether `out` is one, and knows more than lines.
  bool interactive = false;
  int width = 120;
};

// Everything: parses nothing, does what the line says.
int RunCommand(const CommandLine& line, const Terminal& terminal, Interrupt& interrupt);

class Client;
int RunTail(Client& client, const CommandLine& line, const Terminal& terminal,
            Interrupt& interrupt);
int RunTop(Client& client, const CommandLine& line, const Terminal& terminal,
           Interrupt& interrupt);

}  // namespace braid

#endif  // BRAID_CLI_COMMANDS_H_
