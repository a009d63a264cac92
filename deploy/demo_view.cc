#include "deploy/demo_view.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace braid::demo {
namespace {

std::string Clock(absl::Duration elapsed) {
  int64_t seconds = absl::ToInt64Seconds(elapsed);
  return absl::StrFormat("%02d:%02d", seconds / 60, seconds % 60);
}

}  // namespace

std::string WithCommas(uint64_t number) {
  std::string digits = absl::StrCat(number);
  for (int place = static_cast<int>(digits.size()) - 3; place > 0; place -= 3) {
    digits.insert(static_cast<size_t>(place), 1, ',');
  }
  return digits;
}

std::string RenderScreen(const DemoView& view) {
  std::string text = absl::StrFormat("Braid %s  %s\n", Clock(view.elapsed), view.title);
  absl::StrAppendFormat(&text, "  log   %14s posts  %8s/s  %s second copies recognized  [%s]\n",
                        WithCommas(view.merged),
                        WithCommas(static_cast<uint64_t>(view.merged_per_second + 0.5)),
                        WithCommas(view.duplicates), view.health);
  for (const ConnectionView& connection : view.connections) {
    absl::StrAppendFormat(&text, "  %-10s %-12s %8s/s  first %5.1f %%  reconnects %d  %s\n",
                          connection.name, connection.state,
                          WithCommas(static_cast<uint64_t>(connection.events_per_second + 0.5)),
                          connection.first_share * 100, connection.reconnects, connection.note);
  }
  if (!view.gaps.empty()) absl::StrAppend(&text, "  gaps  ", view.gaps, "\n");
  return absl::StrCat(text, "  ", view.hint, "\n");
}

std::string RenderLine(const DemoView& view) {
  std::string text =
      absl::StrFormat("%s merged %s (%s/s) %s", Clock(view.elapsed), WithCommas(view.merged),
                      WithCommas(static_cast<uint64_t>(view.merged_per_second + 0.5)), view.health);
  for (const ConnectionView& connection : view.connections) {
    absl::StrAppendFormat(&text, " | %s %s first %.0f %% %s", connection.name, connection.state,
                          connection.first_share * 100, connection.note);
  }
  if (!view.gaps.empty()) absl::StrAppend(&text, " | ", view.gaps);
  return text + "\n";
}

}  // namespace braid::demo
