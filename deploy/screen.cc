#include "deploy/screen.h"

#include <signal.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <string>

#include "absl/time/clock.h"

namespace braid::demo {

void Screen::Show(const DemoView& view) {
  // Often enough to see a cut, rarely enough for a log.
  constexpr absl::Duration kLineInterval = absl::Seconds(5);
  absl::Time now = absl::Now();
  if (!is_terminal_) {
    if (now - shown_time_ < kLineInterval) return;
    shown_time_ = now;
    std::printf("%s", RenderLine(view).c_str());
    std::fflush(stdout);
    return;
  }
  std::string text = RenderScreen(view);
  GoBack();
  std::printf("%s", text.c_str());
  std::fflush(stdout);
  shown_lines_ = static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

void Screen::Say(const std::string& text) {
  GoBack();
  std::printf("braid: %s\n", text.c_str());
  std::fflush(stdout);
}

void Screen::GoBack() {
  if (shown_lines_ > 0) std::printf("\033[%dA\033[J", shown_lines_);
  shown_lines_ = 0;
}

namespace {

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  return signals;
}

}  // namespace

void Screen::UnblockSignals() {
  sigset_t signals = StopSignals();
  pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
}

bool Screen::WaitForTick() {
  sigset_t signals = StopSignals();
  timespec second = {1, 0};
  return sigtimedwait(&signals, nullptr, &second) > 0;
}

}  // namespace braid::demo
