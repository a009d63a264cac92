// Runs what was typed, in this process, and keeps what was printed.

#ifndef BRAID_TESTS_CLI_RUN_WORDS_H_
#define BRAID_TESTS_CLI_RUN_WORDS_H_

#include <string>
#include <vector>

#include "cli/commands.h"
#include "cli/interrupt.h"

namespace braid {

struct Printed {
  int code = 0;
  std::string out;
  std::string err;
};

// Both streams are kept; with `out` set what goes there is not. REQUIRES: the
// words are understood.
Printed RunWords(const std::vector<std::string>& words, Interrupt& interrupt,
                 Terminal terminal = Terminal(), FILE* out = nullptr);

// For `out`: its first write is the moment at which Ctrl-C is pressed.
FILE* OpenInterrupting(Interrupt* interrupt);

}  // namespace braid

#endif  // BRAID_TESTS_CLI_RUN_WORDS_H_
