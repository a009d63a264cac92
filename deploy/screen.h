// Where the demo shows its view, and its clock: a terminal is redrawn in place
// once a second, other output gets a line every five seconds.
//
// Threads: one. REQUIRES: SIGINT and SIGTERM are blocked in it.

#ifndef BRAID_DEPLOY_SCREEN_H_
#define BRAID_DEPLOY_SCREEN_H_

#include <string>

#include "absl/time/time.h"
#include "deploy/demo_view.h"

namespace braid::demo {

class Screen final {
 public:
  explicit Screen(bool is_terminal) : is_terminal_(is_terminal) {}

  void Show(const DemoView& view);

  // A line that stays, above the view.
  void Say(const std::string& text);

  // From here on the signals end the process; children die with it.
  static void UnblockSignals();

  // Waits for the next second; true when the user asked to stop.
  static bool WaitForTick();

 private:
  // Up to the view's first line, then clear to the end of the screen.
  void GoBack();

  const bool is_terminal_;
  // Lines of the last screen, to go back over.
  int shown_lines_ = 0;
  absl::Time shown_time_ = absl::InfinitePast();
};

}  // namespace braid::demo

#endif  // BRAID_DEPLOY_SCREEN_H_
