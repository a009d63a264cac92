// What a command that waits says meanwhile, on stderr: on a terminal one line
// that is painted over, elsewhere a line per step.
//
// Threads: the caller's. The line is gone from a terminal when this is.

#ifndef BRAID_CLI_PROGRESS_LINE_H_
#define BRAID_CLI_PROGRESS_LINE_H_

#include <string>

#include "absl/time/time.h"
#include "cli/commands.h"

namespace braid {

class ProgressLine {
 public:
  // REQUIRES: the context outlives this.
  explicit ProgressLine(const CommandContext& context) : context_(context) {}
  ~ProgressLine();

  // Elsewhere than on a terminal only when `step` is another one than before, or
  // 10 s later: a file is not to be filled with percents.
  void Show(const std::string& text, const std::string& step);

 private:
  const CommandContext& context_;
  std::string last_text_;
  std::string last_step_;
  absl::Time last_time_ = absl::InfinitePast();
};

}  // namespace braid

#endif  // BRAID_CLI_PROGRESS_LINE_H_
