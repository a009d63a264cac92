#include "dedupe/deduper_config.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace braid {
namespace {

// What is wrong with a stream that has this in it, from line 6 on.
std::string ProblemsOf(const std::string& recovery) {
  const std::string file = testing::TempDir() + "/deduper.yaml";
  std::ofstream(file) << "listen: {grpc: 127.0.0.1:0, http: 127.0.0.1:0}\n"
                         "data_dir: data\n"
                         "streams:\n"
                         "  - name: main\n"
                         "    connections: [{id: a}]\n"
                      << recovery;
  config::v1::DeduperConfig config;
  std::string text = JoinProblems(LoadDeduper(file, &config));
  // What stands before the line.
  for (size_t at; (at = text.find(file)) != std::string::npos;) text.erase(at, file.size());
  return text;
}

TEST(DeduperConfigTest, AKeyOfRecoveryIsToldWithItsOwnLine) {
  EXPECT_EQ(ProblemsOf("    recovery:\n"
                       "      dialect: x-v2-filtered\n"
                       "      step_max: 1s\n"
                       "      routes:\n"
                       "        - {method: recovery}\n"
                       "        - method: search\n"
                       "          window: 60d\n"),
            ":8:17: streams[0].recovery.step_max: out of range; write 1min to 1d\n"
            ":12:19: streams[0].recovery.routes[1].window: out of range; write 1min to 30d");
}

TEST(DeduperConfigTest, ARouteThatReachesFurtherThanTheWindowIsNoProblem) {
  EXPECT_EQ(ProblemsOf("    recovery:\n"
                       "      routes: [{method: search, window: 20d}]\n"),
            "");
}

}  // namespace
}  // namespace braid
