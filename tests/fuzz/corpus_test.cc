// Every input of a target's corpus, and what small damage makes of it, without
// clang: the inputs that once found something stay there.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/random.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace braid {
namespace {

// Of each input; the whole test stays within a few seconds.
constexpr int kDamagesPerInput = 20;
constexpr size_t kInputBytesMax = 64 << 10;

std::vector<std::string> ReadCorpus() {
  const char* dir = getenv("BRAID_CORPUS");
  std::vector<std::string> inputs;
  for (const auto& entry : std::filesystem::directory_iterator(dir)) {
    std::ifstream file(entry.path(), std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

void RunInput(const std::string& input) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const uint8_t*>(input.data()), input.size());
}

TEST(CorpusTest, EveryInputPasses) {
  const std::vector<std::string> inputs = ReadCorpus();
  ASSERT_GE(inputs.size(), 3);
  for (const std::string& input : inputs) {
    EXPECT_LE(input.size(), kInputBytesMax) << "keep the corpus small";
    RunInput(input);
  }
}

TEST(CorpusTest, DamagedInputsPass) {
  SeededRandom random(1);
  for (std::string input : ReadCorpus()) {
    for (int i = 0; i < kDamagesPerInput && !input.empty(); ++i) {
      input[random.Below(input.size())] = static_cast<char>(random.Below(256));
      RunInput(input);
      RunInput(input.substr(0, random.Below(input.size())));
    }
  }
}

}  // namespace
}  // namespace braid
