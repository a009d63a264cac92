#include "ingest/connector_config.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "ingest/x_request.h"

namespace braid {
namespace {

class ConnectorConfigTest : public testing::Test {
 protected:
  ConnectorConfigTest() : dir_(testing::TempDir() + "connector_config") {
    std::filesystem::create_directories(dir_);
    Write("token", "TOKEN\n");
    Write("password", "secret\n");
  }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(dir_ + "/" + name) << text;
    EXPECT_EQ(chmod((dir_ + "/" + name).c_str(), 0600), 0);
  }

  // Problems without the directory, one a line.
  std::string Load(const std::string& text) {
    config_.Clear();
    Write("c.yaml", text + kRest);
    std::string problems = JoinProblems(LoadConnector(dir_ + "/c.yaml", &config_));
    for (size_t at; (at = problems.find(dir_ + "/")) != std::string::npos;) {
      problems.erase(at, dir_.size() + 1);
    }
    return problems;
  }
  std::string LoadSource(const std::string& source) {
    return Load(absl::StrCat("connection: fra-a\nstream: main\nsource: {", source, "}\n"));
  }
  ConnectionPlan Plan() { return PlanConnections(config_)[0]; }
  std::string Url() { return *StreamUrl(Plan().options.request); }

  static constexpr char kRest[] =
      "dedupers: [{address: \"127.0.0.1:7400\"}]\nspool: {dir: spool}\n";
  std::string dir_;
  config::v1::ConnectorConfig config_;
};

TEST_F(ConnectorConfigTest, TheShortFormIsTheFilteredStreamWithItsDefaults) {
  ASSERT_EQ(LoadSource("bearer_token_file: token"), "");
  ConnectionPlan plan = Plan();
  EXPECT_EQ(Url(), "https://api.x.com/2/tweets/search/stream");
  EXPECT_EQ(plan.spool_dir, dir_ + "/spool");
  EXPECT_EQ(plan.options.stall_after, absl::Seconds(25));
  EXPECT_EQ(plan.options.backfill.minutes_max, 5);
  EXPECT_FALSE(plan.options.backfill.margin.has_value());
  // Half of 50 per 15 min.
  EXPECT_EQ(plan.share.attempts, 25);
  EXPECT_EQ(plan.share.window, absl::Minutes(15));
  EXPECT_EQ(*ReadCredentials(plan.source), "TOKEN");
}

TEST_F(ConnectorConfigTest, AMistypedDialectIsToldWhatItMeans) {
  std::string problems = LoadSource("dialect: x-v2-filterd, bearer_token_file: token");
  EXPECT_EQ(problems.substr(0, problems.find("X has")),
            "c.yaml:3:19: source.dialect: \"x-v2-filterd\" is not known; did you mean "
            "\"x-v2-filtered\"? ");
  EXPECT_NE(problems.find("gnip-powertrack"), std::string::npos);
}

TEST_F(ConnectorConfigTest, EnterpriseStreamsTakeTheirAccountLabelPartitionAndPassword) {
  ASSERT_EQ(LoadSource("dialect: gnip-sample10, account: acme, label: prod, partition: 2, "
                       "user: me@x.example, password_file: password"),
            "");
  EXPECT_EQ(Url(),
            "https://gnip-stream.x.com/stream/sample10/accounts/acme/publishers/twitter/prod.json"
            "?partition=2");
  ConnectionPlan plan = Plan();
  EXPECT_EQ(plan.partition, 2);
  EXPECT_EQ(plan.share.attempts, 5);
  EXPECT_EQ(plan.options.stall_after, absl::Seconds(30));
  EXPECT_EQ(*ReadCredentials(plan.source), "me@x.example:secret");
}

TEST_F(ConnectorConfigTest, WhatADialectDoesNotTakeIsRefusedAtItsPlace) {
  struct Case {
    const char* source;
    const char* problem;
  };
  for (const Case& c : std::vector<Case>{
           {"bearer_token_file: token, partition: 1",
            "c.yaml:3:47: source.partition: x-v2-filtered has none"},
           {"dialect: x-v2-firehose, bearer_token_file: token",
            "c.yaml:3:9: source.partition: x-v2-firehose takes 1 to 20"},
           {"user: me, password_file: password",
            "c.yaml:3:16: source.user: x-v2-filtered takes a bearer_token_file instead"},
           {"dialect: gnip-powertrack, account: a, label: b, bearer_token_file: token",
            "c.yaml:3:77: source.bearer_token_file: gnip-powertrack takes user and password_file "
            "instead"},
           {"dialect: gnip-powertrack, account: a, user: u, password_file: password",
            "c.yaml:3:9: source.label: gnip-powertrack needs one of letters, digits, - _ ."},
           {"dialect: x-v2-sample",
            "c.yaml:3:9: source.bearer_token_file: is missing; name the file"},
           {"bearer_token_file: token, parameters: {backfill_minutes: 3}",
            "c.yaml:3:67: source.parameters.backfill_minutes: is set by the connector; use "
            "source.backfill_minutes"},
           {"dialect: powerstream, bearer_token_file: token, parameters: {localDcOnly: true}",
            "c.yaml:3:9: source.partition: is missing; with localDcOnly each data centre is a part "
            "of the stream: number them from 1, here and at the deduper"},
           {"bearer_token_file: token, backfill: sometimes",
            "c.yaml:3:46: source.backfill: \"sometimes\" is not one of always, measured, never"},
       }) {
    EXPECT_EQ(LoadSource(c.source), c.problem) << c.source;
  }
}

TEST_F(ConnectorConfigTest, ParametersAndSettingsReachTheRequest) {
  ASSERT_EQ(LoadSource("bearer_token_file: token, parameters: {tweet.fields: \"id,text\", "
                       "expansions: author_id}, settings: {stall_after: 40s, lateness: 1min, "
                       "connect_budget: 20, connect_window: 1min, endpoint_id: mine}, "
                       "backfill: measured, backfill_margin: 10s"),
            "");
  EXPECT_EQ(Url(),
            "https://api.x.com/2/tweets/search/stream?expansions=author_id&tweet.fields=id,text");
  ConnectionPlan plan = Plan();
  EXPECT_EQ(plan.options.stall_after, absl::Seconds(40));
  EXPECT_EQ(plan.options.cover.slack_default, absl::Minutes(1));
  EXPECT_EQ(plan.share.attempts, 10);
  EXPECT_EQ(plan.dialect->endpoint_id, "mine");
  EXPECT_EQ(plan.options.backfill.margin, absl::Seconds(10));
  // Of 20 s: 5 s of grace.
  ASSERT_EQ(LoadSource("bearer_token_file: token, settings: {heartbeat: 40s}"), "");
  EXPECT_EQ(Plan().options.stall_after, absl::Seconds(50));
  ASSERT_EQ(LoadSource("bearer_token_file: token, backfill_minutes: 0"), "");
  EXPECT_EQ(Plan().options.backfill.minutes_max, 0);
  ASSERT_EQ(LoadSource("bearer_token_file: token, backfill: never"), "");
  EXPECT_EQ(Plan().options.backfill.minutes_max, 0);
}

TEST_F(ConnectorConfigTest, PowerstreamShardsAreParts) {
  ASSERT_EQ(LoadSource("dialect: powerstream, bearer_token_file: token, partition: 2, "
                       "parameters: {localDcOnly: true}"),
            "");
  EXPECT_EQ(Plan().partition, 2);
  EXPECT_EQ(Url(), "https://api.x.com/2/powerstream?localDcOnly=true");
}

constexpr char kTwo[] = R"(stream: main
network: hetzner-fra
connections:
  - {id: p1, source: {dialect: x-v2-sample10, partition: 1, bearer_token_file: token, account: a}}
  - {id: p2, source: {dialect: x-v2-sample10, partition: 2, bearer_token_file: token, account: a}}
)";

TEST_F(ConnectorConfigTest, EachConnectionOfAListHasItsOwnSpool) {
  ASSERT_EQ(Load(absl::StrCat(kTwo, "  - {id: old, stream: second, retired: true}\n"
                                    "accounts: [{name: a, connect_budget: 30}]\n")),
            "");
  std::vector<ConnectionPlan> plans = PlanConnections(config_);
  ASSERT_EQ(plans.size(), 3);
  EXPECT_EQ(plans[1].id, "p2");
  EXPECT_EQ(plans[1].stream, "main");
  EXPECT_EQ(plans[1].network, "hetzner-fra");
  EXPECT_EQ(plans[1].spool_dir, dir_ + "/spool/p2");
  EXPECT_EQ(plans[1].partition, 2);
  EXPECT_EQ(plans[1].share.attempts, 30);
  EXPECT_EQ(plans[1].options.request.dialect, plans[1].dialect.get());
  EXPECT_TRUE(plans[2].retired);
  EXPECT_EQ(plans[2].stream, "second");
}

TEST_F(ConnectorConfigTest, SharesThatXDoesNotGiveAreRefused) {
  EXPECT_EQ(Load(absl::StrCat(kTwo, "accounts: [{name: a, connect_budget: 101, slots: 2}]\n")),
            "c.yaml:6:38: accounts[0].connect_budget: is more than the 100 that X gives "
            "x-v2-sample10 in all; with another contract set "
            "connections[0].source.settings.connect_budget too\n"
            "c.yaml:6:50: accounts[0].slots: is more than the 1 that X gives x-v2-sample10; with "
            "another contract set connections[0].source.settings.slots too\n"
            "c.yaml:6:38: accounts[0].connect_budget: is more than the 100 that X gives "
            "x-v2-sample10 in all; with another contract set "
            "connections[1].source.settings.connect_budget too\n"
            "c.yaml:6:50: accounts[0].slots: is more than the 1 that X gives x-v2-sample10; with "
            "another contract set connections[1].source.settings.slots too");
  std::string twice = kTwo;
  twice.replace(twice.rfind("partition: 2"), 12, "partition: 1");
  EXPECT_EQ(Load(twice),
            "c.yaml:5:58: connections[1].source.partition: is connected to by more than the 1 "
            "connections that x-v2-sample10 allows; remove one, or set settings.slots to what your "
            "contract has");
}

TEST_F(ConnectorConfigTest, BothFormsTogetherAreRefused) {
  EXPECT_EQ(Load(absl::StrCat("connection: x\n", kTwo)),
            "c.yaml:1:13: connection: stands beside connections; move it into the list");
  EXPECT_EQ(Load("stream: main\nconnections: []\n"),
            "c.yaml:2:14: connections: is empty; list at least one: [{id: …, stream: …, source: "
            "…}]");
}

}  // namespace
}  // namespace braid
