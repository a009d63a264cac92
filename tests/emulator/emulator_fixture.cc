#include "tests/emulator/emulator_fixture.h"

#include <unistd.h>

#include <utility>

#include "absl/strings/str_cat.h"

namespace braid::emulator {

EmulatorFixture::EmulatorFixture() {
  options_.body_count = 50;
  options_.rate = 1000;
  options_.mix.duplicates = 0;
  options_.truth_path = absl::StrCat(testing::TempDir(), "/truth-", getpid(), "-",
                                     testing::UnitTest::GetInstance()->current_test_info()->name());
}

void EmulatorFixture::StartEmulator() {
  emulator_ = std::make_unique<Emulator>(options_);
  ASSERT_TRUE(emulator_->Start().ok());
  thread_ = std::thread([this] { emulator_->Run(); });
}

void EmulatorFixture::StopEmulator() {
  if (!thread_.joinable()) return;
  emulator_->Stop();
  thread_.join();
  emulator_.reset();
}

Truth EmulatorFixture::TheTruth() {
  StopEmulator();
  absl::StatusOr<Truth> truth = ReadTruth(options_.truth_path);
  EXPECT_TRUE(truth.ok()) << truth.status();
  unlink(options_.truth_path.c_str());
  return truth.ok() ? *truth : Truth();
}

std::unique_ptr<StreamClient> EmulatorFixture::Open(const std::string& target,
                                                    const std::string& headers) {
  ClientOptions options;
  options.target = target;
  options.headers = headers;
  auto client = std::make_unique<StreamClient>(emulator_->port(), options);
  EXPECT_EQ(client->Status(), 200) << target;
  return client;
}

std::pair<int, std::string> EmulatorFixture::Get(const std::string& target,
                                                 const std::string& headers) {
  ClientOptions options;
  options.target = target;
  options.headers = headers;
  StreamClient client(emulator_->port(), options);
  int status = client.Status();
  return {status, status == 200 ? "" : client.Head() + client.Body()};
}

int EmulatorFixture::Post(const std::string& target, const std::string& body) {
  ClientOptions options;
  options.method = "POST";
  options.target = target;
  options.headers = absl::StrCat("Content-Length: ", body.size(), "\r\n");
  options.body = body;
  return StreamClient(emulator_->port(), options).Status();
}

std::set<uint64_t> EmulatorFixture::IdsOf(const std::string& target) {
  auto client = Open(target);
  std::set<uint64_t> ids;
  for (const std::string& line : ReadToEnd(client.get())) ids.insert(std::stoull(DataId(line)));
  return ids;
}

std::vector<std::string> ReadRecords(StreamClient* client, size_t count) {
  std::vector<std::string> records;
  std::string line;
  while (records.size() < count && client->ReadLine(&line)) {
    if (!line.empty()) records.push_back(line);
  }
  return records;
}

std::string ReadRecord(StreamClient* client) {
  std::vector<std::string> records = ReadRecords(client, 1);
  return records.empty() ? "" : records[0];
}

std::vector<std::string> ReadToEnd(StreamClient* client) { return ReadRecords(client, ~size_t{0}); }

}  // namespace braid::emulator
