// braid: reads and watches a deduper from the command line.

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sys/ioctl.h>
#include <thread>
#include <unistd.h>

#include "cli/command_line.h"
#include "cli/commands.h"
#include "cli/interrupt.h"

namespace {

braid::Terminal DescribeTerminal() {
  braid::Terminal terminal;
  const char* term = std::getenv("TERM");
  bool dumb = term == nullptr || std::strcmp(term, "dumb") == 0;
  terminal.interactive = isatty(STDOUT_FILENO) != 0 && !dumb;
  terminal.can_ask = isatty(STDIN_FILENO) != 0 && isatty(STDERR_FILENO) != 0;
  winsize size{};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
    terminal.width = size.ws_col;
  }
  return terminal;
}

}  // namespace

int main(int argc, char** argv) {
  // Before any thread: all of them leave the signals to the one that waits.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  // A reader of stdout that leaves is an error of the write: the cursor is
  // still told.
  std::signal(SIGPIPE, SIG_IGN);

  braid::ParsedCommandLine parsed = braid::ParseCommandLine(
      {argv + 1, argv + argc}, [](const char* name) -> const char* { return std::getenv(name); });
  if (parsed.exit_code.has_value()) return braid::Announce(parsed, DescribeTerminal());

  braid::Interrupt interrupt;
  std::thread waiter([&interrupt, signals] {
    int number = 0;
    sigwait(&signals, &number);
    interrupt.Trigger();
  });
  int code = braid::RunCommand(parsed.command_line, DescribeTerminal(), interrupt);
  // Wakes the waiter where no signal came.
  pthread_kill(waiter.native_handle(), SIGTERM);
  waiter.join();
  return code;
}
