// A question to whoever types, with "no" as the answer of everything but yes.
//
// Threads: the caller's. Ctrl-C ends the wait at once.

#ifndef BRAID_CLI_QUESTION_H_
#define BRAID_CLI_QUESTION_H_

#include <string>

#include "cli/commands.h"

namespace braid {

// Writes `question` to stderr and reads one line. False where it is not "y" or
// "yes", at the end of the input, and when interrupted.
// REQUIRES: context.terminal.can_ask.
bool AskYesNo(CommandContext& context, const std::string& question);

}  // namespace braid

#endif  // BRAID_CLI_QUESTION_H_
