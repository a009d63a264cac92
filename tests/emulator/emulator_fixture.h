// An emulator in the test's own process, and readers of its streams.
//
// Threads: the test's; the emulator runs on one of its own.

#ifndef BRAID_TESTS_EMULATOR_EMULATOR_FIXTURE_H_
#define BRAID_TESTS_EMULATOR_EMULATOR_FIXTURE_H_

#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include "tests/emulator/emulator.h"
#include "tests/emulator/test_client.h"
#include "tests/emulator/truth.h"

namespace braid::emulator {

class EmulatorFixture : public testing::Test {
 protected:
  EmulatorFixture();
  ~EmulatorFixture() override { StopEmulator(); }

  void StartEmulator();
  void StopEmulator();
  // Stops the emulator first.
  Truth TheTruth();

  // EXPECTs 200.
  std::unique_ptr<StreamClient> Open(const std::string& target, const std::string& headers = "");
  // Status and body of something that is no stream.
  std::pair<int, std::string> Get(const std::string& target, const std::string& headers = "");
  // Status.
  int Post(const std::string& target, const std::string& body);
  // Of the posts of a stream that ends.
  std::set<uint64_t> IdsOf(const std::string& target);
  int Ask(const std::string& command) { return Control(emulator_->control_port(), command).first; }

  EmulatorOptions options_;
  std::unique_ptr<Emulator> emulator_;
  std::thread thread_;
};

inline constexpr char kGzipHeader[] = "Accept-Encoding: gzip\r\n";
inline constexpr char kFiltered[] = "/2/tweets/search/stream";
inline constexpr char kPowertrack[] = "/stream/powertrack/accounts/me/publishers/twitter/prod.json";

// The next lines that are no keep-alives, up to `count` or the end.
std::vector<std::string> ReadRecords(StreamClient* client, size_t count);
// The next of them; "" at the end.
std::string ReadRecord(StreamClient* client);
// Everything until the end, without keep-alives.
std::vector<std::string> ReadToEnd(StreamClient* client);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_EMULATOR_FIXTURE_H_
