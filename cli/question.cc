#include "cli/question.h"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "absl/strings/ascii.h"

namespace braid {
namespace {

// Nobody answers at greater length.
constexpr size_t kAnswerMax = 100;

// Both ends of a pipe; closed at the end.
struct Pipe {
  Pipe() {
    if (pipe2(ends, O_CLOEXEC) != 0) ends[0] = ends[1] = -1;
  }
  ~Pipe() {
    for (int end : ends) {
      if (end >= 0) close(end);
    }
  }
  int ends[2];
};

// False once something is in the pipe, or where waiting fails.
bool WaitForInput(int in, int interrupted) {
  pollfd fds[] = {{in, POLLIN, 0}, {interrupted, POLLIN, 0}};
  int ready = 0;
  do {
    ready = poll(fds, 2, -1);
  } while (ready < 0 && errno == EINTR);
  return ready > 0 && fds[1].revents == 0;
}

}  // namespace

bool AskYesNo(CommandContext& context, const std::string& question) {
  std::fprintf(context.terminal.err, "%s [y/N] ", question.c_str());
  std::fflush(context.terminal.err);
  Pipe wake;
  Interrupt::Scope scope(context.interrupt, [&wake] {
    // One byte fits into any pipe.
    (void)!write(wake.ends[1], "", 1);
  });
  std::string answer;
  char letter = 0;
  while (answer.size() < kAnswerMax && WaitForInput(context.terminal.in, wake.ends[0]) &&
         read(context.terminal.in, &letter, 1) == 1 && letter != '\n') {
    answer.push_back(letter);
  }
  if (letter != '\n') {
    std::fputc('\n', context.terminal.err);
    return false;
  }
  const std::string word = absl::AsciiStrToLower(absl::StripAsciiWhitespace(answer));
  return word == "y" || word == "yes";
}

}  // namespace braid
