#include "deploy/demo_view.h"

#include <gtest/gtest.h>

namespace braid::demo {
namespace {

DemoView View() {
  DemoView view;
  view.elapsed = absl::Seconds(75);
  view.title = "two connections";
  view.merged = 1234567;
  view.merged_per_second = 1999.6;
  view.duplicates = 1230000;
  view.health = "exposed";
  view.connections = {{"a", "receiving", 2000, 0.514, 1, ""},
                      {"b", "connecting", 0, 0.486, 2, "<- cut 1 s ago (reset)"}};
  view.hint = "Stop: Ctrl-C";
  return view;
}

TEST(DemoView, ScreenShowsWhatIsMergedAndFromWhom) {
  EXPECT_EQ(RenderScreen(View()),
            "Braid 01:15  two connections\n"
            "  log        1,234,567 posts     2,000/s  1,230,000 second copies recognized  "
            "[exposed]\n"
            "  a          receiving       2,000/s  first  51.4 %  reconnects 1  \n"
            "  b          connecting          0/s  first  48.6 %  reconnects 2  "
            "<- cut 1 s ago (reset)\n"
            "  Stop: Ctrl-C\n");
}

TEST(DemoView, LineIsOneLine) {
  EXPECT_EQ(RenderLine(View()),
            "01:15 merged 1,234,567 (2,000/s) exposed | a receiving first 51 %  | b connecting "
            "first 49 % <- cut 1 s ago (reset)\n");
}

TEST(DemoView, CommasStandAtThousands) {
  EXPECT_EQ(WithCommas(0), "0");
  EXPECT_EQ(WithCommas(999), "999");
  EXPECT_EQ(WithCommas(1000), "1,000");
  EXPECT_EQ(WithCommas(1234567), "1,234,567");
}

}  // namespace
}  // namespace braid::demo
