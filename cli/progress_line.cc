#include "cli/progress_line.h"

#include <cstdio>

#include "absl/time/clock.h"
#include "cli/text.h"

namespace braid {
namespace {

constexpr absl::Duration kPlainInterval = absl::Seconds(10);

}  // namespace

ProgressLine::~ProgressLine() {
  if (!last_text_.empty() && context_.terminal.interactive) {
    std::fputs("\r\x1b[K", context_.terminal.err);
  }
}

void ProgressLine::Show(const std::string& text, const std::string& step) {
  if (text == last_text_) return;
  if (context_.terminal.interactive) {
    // A longer one would be broken into two, of which one is painted over.
    std::fprintf(context_.terminal.err, "\r\x1b[K%s",
                 Truncate(text, context_.terminal.width - 1).c_str());
    std::fflush(context_.terminal.err);
  } else {
    const absl::Time now = absl::Now();
    if (step == last_step_ && now < last_time_ + kPlainInterval) return;
    last_time_ = now;
    context_.Tell(text);
  }
  last_text_ = text;
  last_step_ = step;
}

}  // namespace braid
