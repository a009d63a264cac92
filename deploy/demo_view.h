// What the demo shows, once a second: what is merged and from whom. Pure.

#ifndef BRAID_DEPLOY_DEMO_VIEW_H_
#define BRAID_DEPLOY_DEMO_VIEW_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace braid::demo {

struct ConnectionView {
  std::string name;
  // "receiving", "connecting", ...
  std::string state;
  double events_per_second = 0;
  // Share of all distinct posts that came first from here, 0 to 1.
  double first_share = 0;
  uint64_t reconnects = 0;
  // "cut 0.4 s ago (reset)"; empty: nothing to say.
  std::string note;
};

struct DemoView {
  absl::Duration elapsed;
  std::string title;
  uint64_t merged = 0;
  double merged_per_second = 0;
  uint64_t duplicates = 0;
  // "redundant", "exposed", "dark".
  std::string health;
  // "1 gap open, being recovered; 12,034 posts fetched again"; empty: none ever.
  std::string gaps;
  std::vector<ConnectionView> connections;
  // How to look further.
  std::string hint;
};

// Several lines, each ending in a newline.
std::string RenderScreen(const DemoView& view);

// The same in one line, for output that is no terminal.
std::string RenderLine(const DemoView& view);

// 1234567 as "1,234,567".
std::string WithCommas(uint64_t number);

}  // namespace braid::demo

#endif  // BRAID_DEPLOY_DEMO_VIEW_H_
