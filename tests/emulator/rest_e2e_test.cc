// The JSON endpoints of a running emulator: their answers come from what it
// created and what it sent.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "simdjson.h"
#include "tests/emulator/emulator_fixture.h"

namespace braid::emulator {
namespace {

class RestE2eTest : public EmulatorFixture {
 protected:
  RestE2eTest() {
    options_.mix = EventMix();
    options_.rate = 500;
    options_.ids.lateness_max = absl::ZeroDuration();
    options_.rest.search = {absl::ZeroDuration(), 0};
    options_.rest.has_limits = false;
  }

  std::string Get(const std::string& target) {
    ClientOptions options;
    options.target = target;
    return StreamClient(emulator_->port(), options).Body();
  }
  std::unique_ptr<StreamClient> OpenStream(const std::string& name) {
    return Open("/2/tweets/search/stream?connection=" + name);
  }
};

// Ids have 19 digits, so text sorts as numbers do.
std::vector<std::string> ReadIds(StreamClient* client, size_t count) {
  std::vector<std::string> ids;
  std::string line;
  while (ids.size() < count && client->ReadLine(&line)) {
    std::string id = DataId(line);
    if (!id.empty()) ids.push_back(id);
  }
  EXPECT_EQ(ids.size(), count);
  return ids;
}

std::vector<std::string> DataIds(const std::string& body, std::string* next_token) {
  simdjson::dom::parser parser;
  simdjson::padded_string padded(body);
  simdjson::dom::element root;
  simdjson::dom::array data;
  std::vector<std::string> ids;
  EXPECT_EQ(parser.parse(padded).get(root), simdjson::SUCCESS) << body;
  if (root["data"].get(data) == simdjson::SUCCESS) {
    for (simdjson::dom::element post : data) {
      ids.push_back(std::string(post["id"].get_c_str().value()));
    }
  }
  std::string_view token;
  *next_token = root["meta"]["next_token"].get(token) == simdjson::SUCCESS ? std::string(token)
                                                                           : std::string();
  return ids;
}

TEST_F(RestE2eTest, WhatAConnectionMissedIsFoundBySearchAndLookup) {
  StartEmulator();
  auto other = OpenStream("b");
  auto broken = OpenStream("a");
  const std::string last_seen = ReadIds(broken.get(), 20).back();
  broken.reset();
  std::vector<std::string> created = ReadIds(other.get(), 1000);
  const std::string first_seen = ReadIds(OpenStream("c").get(), 1).front();
  while (created.back() < first_seen) created.push_back(ReadIds(other.get(), 1).front());

  std::set<std::string> missed;
  for (const std::string& id : created) {
    if (id > last_seen && id < first_seen) missed.insert(id);
  }
  ASSERT_GT(missed.size(), 300u);
  std::set<std::string> looked_up;
  std::string token;
  for (auto it = missed.begin(); it != missed.end();) {
    std::vector<std::string> ids;
    for (; it != missed.end() && ids.size() < 100; ++it) ids.push_back(*it);
    for (std::string& id : DataIds(Get("/2/tweets?ids=" + absl::StrJoin(ids, ",")), &token)) {
      looked_up.insert(std::move(id));
    }
  }
  EXPECT_EQ(looked_up, missed);

  std::vector<std::string> found;
  const std::string search =
      absl::StrCat("/2/tweets/search/all?query=cat&max_results=100&since_id=", last_seen,
                   "&until_id=", first_seen);
  do {
    std::string page = search + (token.empty() ? "" : "&next_token=" + token);
    std::vector<std::string> ids = DataIds(Get(page), &token);
    found.insert(found.end(), ids.begin(), ids.end());
  } while (!token.empty());
  EXPECT_GT(found.size(), missed.size() / 10);
  EXPECT_LT(found.size(), missed.size());
  EXPECT_TRUE(std::is_sorted(found.rbegin(), found.rend()));
  for (const std::string& id : found) EXPECT_EQ(missed.count(id), 1u) << id;

  StopEmulator();
  absl::StatusOr<Truth> truth = ReadTruth(options_.truth_path);
  unlink(options_.truth_path.c_str());
  ASSERT_TRUE(truth.ok());
  std::set<std::string> true_missed;
  for (uint64_t id : truth->CreatedIds()) {
    std::string text = absl::StrCat(id);
    if (text > last_seen && text < first_seen) true_missed.insert(text);
  }
  EXPECT_EQ(true_missed, missed);
}

TEST_F(RestE2eTest, UsageIsWhatTheStreamsGaveEachPostOnce) {
  options_.mix.duplicates = 0.1;
  StartEmulator();
  auto first = OpenStream("a");
  auto second = OpenStream("b");
  ReadIds(first.get(), 300);
  ReadIds(second.get(), 300);
  ASSERT_EQ(Control(emulator_->control_port(), "/rate?posts=0").first, 200);
  ASSERT_EQ(Control(emulator_->control_port(), "/close?how=zero").first, 200);
  std::string line;
  while (first->ReadLine(&line) || second->ReadLine(&line)) {
  }
  std::string body = Get("/2/usage/tweets");
  StopEmulator();
  absl::StatusOr<Truth> truth = ReadTruth(options_.truth_path);
  unlink(options_.truth_path.c_str());
  ASSERT_TRUE(truth.ok());
  EXPECT_NE(body.find(absl::StrCat("\"project_usage\":\"", truth->SentToAny().size(), "\"")),
            std::string::npos)
      << truth->SentToAny().size() << body;
}

}  // namespace
}  // namespace braid::emulator
