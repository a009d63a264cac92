#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/config_check.h"
#include "base/config_value.h"
#include "base/secret_file.h"
#include "gtest/gtest.h"

namespace braid {
namespace {

class ConfigTest : public testing::Test {
 protected:
  ConfigTest() {
    dir_ = testing::TempDir() + "config_XXXXXX";
    EXPECT_NE(mkdtemp(dir_.data()), nullptr);
    for (const char* name : {"token", "ca.crt", "a.crt", "a.key"}) Write(name, "x\n");
  }

  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = dir_ + "/" + name;
    std::ofstream(path) << text;
    EXPECT_EQ(chmod(path.c_str(), 0600), 0);
    return path;
  }

  // Problems without the directory, one a line.
  std::string Connector(const std::string& text) {
    connector_.Clear();
    return Short(LoadConnectorFile(Write("c.yaml", text)));
  }
  std::string Deduper(const std::string& text) {
    deduper_.Clear();
    return Short(LoadDeduperFile(Write("d.yaml", text)));
  }
  ConfigProblems LoadDeduperFile(const std::string& file) {
    ConfigSource source(file);
    return LoadDeduperConfig(file, &deduper_, &source);
  }
  ConfigProblems LoadConnectorFile(const std::string& file) {
    ConfigSource source(file);
    return LoadConnectorConfig(file, &connector_, &source);
  }
  std::string Short(const ConfigProblems& problems) {
    std::string text = JoinProblems(problems);
    for (size_t at; (at = text.find(dir_ + "/")) != std::string::npos;) {
      text.erase(at, dir_.size() + 1);
    }
    return text;
  }

  std::string dir_;
  config::v1::ConnectorConfig connector_;
  config::v1::DeduperConfig deduper_;
};

constexpr char kConnector[] = R"(connection: fra-a
stream: main
network: hetzner-fra
source: {url: "https://api.x.com/2/tweets/search/stream", bearer_token_file: token}
dedupers:
  - address: "deduper.example.net:7400"
    tls: {ca_file: ca.crt, certificate_file: a.crt, key_file: a.key}
  - {address: "127.0.0.1:7400"}
spool: {dir: spool, max_size: 1GiB, retention: 5min}
)";

constexpr char kDeduper[] = R"(listen: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}
data_dir: data
streams:
  - name: main
    connections: [{id: fra-a}, {id: nyc-b, network: aws}]
)";

TEST_F(ConfigTest, LimitsVolumeAndLagHaveDefaultsAndBounds) {
  EXPECT_EQ(Deduper(std::string(kDeduper) +
                    "    limits: [{per: month, posts: 1000}, {per: day, posts: 9, action: pause, "
                    "warn_at_percent: [50]}]\n"
                    "    contract_cap_per_second: 250\n"),
            "");
  const config::v1::StreamConfig& stream = deduper_.streams(0);
  EXPECT_EQ(stream.limits(0).action(), "none");
  EXPECT_EQ(stream.limits(0).warn_at_percent_size(), 2);
  EXPECT_EQ(stream.limits(1).warn_at_percent(0), 50u);
  EXPECT_EQ(stream.usage_reset_day(), 1u);
  EXPECT_EQ(stream.volume().drop_percent(), 45u);
  EXPECT_EQ(stream.lag().hold_ms(), 180'000u);
  for (const char* bad :
       {"limits: [{per: week, posts: 1}]", "limits: [{per: day}]",
        "limits: [{per: day, posts: 1, warn_at_percent: [95, 80]}]",
        "limits: [{per: day, posts: 1, action: stop}]",
        "limits: [{per: day, posts: 1, action: remove_rules}]",
        "limits: [{per: day, posts: 1, action: remove_rules, rules: [a, '']}]",
        "limits: [{per: day, posts: 1, rules: [cats]}]", "usage_reset_day: 31",
        "volume: {drop_percent: 99}", "lag: {hold: 1s}", "lag: {hold: 90s}"}) {
    EXPECT_NE(Deduper(absl::StrCat(kDeduper, "    ", bad, "\n")), "") << bad;
  }
}

TEST_F(ConfigTest, EachValueOfALimitIsReportedOnceForWhatIsWrongWithIt) {
  const std::pair<const char*, const char*> cases[] = {
      {"{per: day, posts: -5}",
       "32: streams[0].limits[0].posts: \"-5\" is not a whole number of at least 0"},
      {"{per: day, posts: 0}", "32: streams[0].limits[0].posts: is out of range; use 1 or more"},
      {"{per: day}", "14: streams[0].limits[0].posts: is missing; give the number of posts"},
      {"{posts: 5}", "14: streams[0].limits[0].per: is missing; write day or month"},
      {"{per: '', posts: 5}",
       "20: streams[0].limits[0].per has no value; give one or remove the "
       "key"},
      {"{per: week, posts: 5}", "20: streams[0].limits[0].per: \"week\" is not one of day, month"},
  };
  for (const auto& [limit, problem] : cases) {
    EXPECT_EQ(Deduper(absl::StrCat(kDeduper, "    limits: [", limit, "]\n")),
              absl::StrCat("d.yaml:6:", problem));
  }
  EXPECT_EQ(Deduper(absl::StrCat(kDeduper, "    lag: {hold: 90s}\n")),
            "d.yaml:6:17: streams[0].lag.hold: lag is judged minute by minute; use whole minutes");
  EXPECT_EQ(Deduper(absl::StrCat(kDeduper, "    volume: {hold: -5s}\n")),
            "d.yaml:6:20: streams[0].volume.hold: \"-5s\" is not a duration; write e.g. 250ms, "
            "20s, 15min or 26h");
}

TEST_F(ConfigTest, GoodConnectorIsCompleteWithDefaults) {
  EXPECT_EQ(Connector(kConnector), "");
  EXPECT_EQ(connector_.source().dialect(), "x-v2-filtered");
  EXPECT_EQ(connector_.source().backfill(), "always");
  EXPECT_EQ(connector_.source().bearer_token_file(), dir_ + "/token");
  EXPECT_EQ(connector_.spool().dir(), dir_ + "/spool");
  EXPECT_EQ(connector_.spool().max_size_bytes(), 1u << 30);
  EXPECT_EQ(connector_.spool().retention_ms(), 300'000);
  EXPECT_EQ(connector_.spool().segment_bytes(), 64u << 20);
  EXPECT_EQ(connector_.dedupers(0).tls().key_file(), dir_ + "/a.key");
  EXPECT_EQ(connector_.log().level(), "info");
}

TEST_F(ConfigTest, GoodDeduperIsCompleteWithDefaults) {
  EXPECT_EQ(Deduper(kDeduper), "");
  EXPECT_EQ(deduper_.data_dir(), dir_ + "/data");
  EXPECT_EQ(deduper_.streams(0).window().span_ms(), 26 * 3'600'000);
  EXPECT_EQ(deduper_.streams(0).retention().log_ms(), 26 * 3'600'000);
}

TEST_F(ConfigTest, EveryMistakeIsReportedWithPlaceAndRemedy) {
  EXPECT_EQ(Connector("conection: fra-a\n"
                      "stream: [main]\n"
                      "source:\n"
                      "  url: http://api.x.com/stream\n"
                      "  bearer_token_file: missing\n"
                      "  stall_after: 25\n"
                      "  stall_after_ms: 25\n"
                      "  backfill_minutes: 6\n"
                      "spool: {dir: s, max_size: 64MB, dir: t}\n"
                      "dedupers: [{address: 10.0.0.1:7400}, {address: nowhere}]\n"
                      "log: {level: loud}\n"),
            "c.yaml:1:1: unknown key \"conection\"; did you mean \"connection\"?\n"
            "c.yaml:2:9: stream is to be a single value\n"
            "c.yaml:6:16: source.stall_after: \"25\" is not a duration; write e.g. 250ms, 20s, "
            "15min or 26h\n"
            "c.yaml:7:3: unknown key \"stall_after_ms\"; did you mean \"stall_after\"?\n"
            "c.yaml:9:27: spool.max_size: \"64MB\" is not a size; write e.g. 64MiB, 20GiB or "
            "plain bytes\n"
            "c.yaml:9:33: key \"dir\" appears twice; keep one\n"
            "c.yaml: connection: is missing; give it a name of a-z, 0-9, _ and -\n"
            "c.yaml:4:8: source.url: http:// would send the token in plain text; use "
            "https://api.x.com\n"
            "c.yaml:5:22: source.bearer_token_file: missing: No such file or directory\n"
            "c.yaml:8:21: source.backfill_minutes: is out of range; X takes 0 to 5\n"
            "c.yaml:10:22: dedupers[0].address: plain text to 10.0.0.1 is refused; give "
            "dedupers[0].tls: {ca_file, certificate_file, key_file}\n"
            "c.yaml:10:48: dedupers[1].address: \"nowhere\" has no port; write host:port, e.g. "
            "127.0.0.1:7400\n"
            "c.yaml:11:14: log.level: \"loud\" is not one of debug, info, warn, error");
}

TEST_F(ConfigTest, ShortKeyIsNotTakenForAnyOther) {
  EXPECT_TRUE(absl::StrContains(Deduper("foo: 1\n"), "unknown key \"foo\"; known here: "));
  EXPECT_TRUE(absl::StrContains(Deduper("lo: 1\n"), "did you mean \"log\"?"));
}

TEST_F(ConfigTest, DeduperRules) {
  EXPECT_EQ(Deduper("listen: {grpc: \"0.0.0.0:7400\"}\n"
                    "data_dir: d\n"
                    "streams:\n"
                    "  - name: Main\n"
                    "    connections: [{id: a}, {id: a}]\n"
                    "    window: {span: 2h}\n"
                    "    retention: {log: 3h}\n"),
            "d.yaml:1:16: listen.grpc: plain text on 0.0.0.0 is refused; give tls: "
            "{certificate_file, key_file, client_ca_file} or listen on 127.0.0.1\n"
            "d.yaml:4:11: streams[0].name: \"Main\" is no name; use 1 to 64 of a-z, 0-9, _ and -\n"
            "d.yaml:5:33: streams[0].connections[1].id: \"a\" is used twice; names are unique\n"
            "d.yaml:7:22: streams[0].retention.log: is longer than the window's span of 2h; lower "
            "it or raise window.span");
}

TEST_F(ConfigTest, ConnectionsArePartsOfTheirStream) {
  EXPECT_EQ(Deduper("listen: {grpc: \"127.0.0.1:0\"}\n"
                    "data_dir: d\n"
                    "streams:\n"
                    "  - name: a\n"
                    "    connections: [{id: x, partition: 1}]\n"
                    "  - name: b\n"
                    "    partitions: 3\n"
                    "    connections: [{id: x, partition: 4}, {id: y}, {id: z, partition: 1}]\n"),
            "d.yaml:5:38: streams[0].connections[0].partition: the stream has none; give "
            "streams[0].partitions\n"
            "d.yaml:8:38: streams[1].connections[0].partition: is missing or out of range; use 1 "
            "to 3\n"
            "d.yaml:8:42: streams[1].connections[1].partition: is missing or out of range; use 1 "
            "to 3\n"
            "d.yaml:7:17: warning: streams[1].partitions: no connection carries partition 2: its "
            "events are missing\n"
            "d.yaml:7:17: warning: streams[1].partitions: no connection carries partition 3: its "
            "events are missing");
}

TEST_F(ConfigTest, NumbersAndMapsOfASourceAreCheckedAtTheirPlace) {
  std::string text = kConnector;
  text.replace(text.find("source: {"), 9,
               "source: {user: \"a:b\", backfill: never, backfill_minutes: 2, backfill_margin: "
               "6min, parameters: [a], settings: {slots: 0, over_limit: maybe},\n  ");
  EXPECT_EQ(Connector(text),
            "c.yaml:4:96: source.parameters is to be a map of keys\n"
            "c.yaml:4:16: source.user: holds a colon; the password goes into password_file\n"
            "c.yaml:4:58: source.backfill_minutes: stands beside backfill: never; remove one of "
            "the two\n"
            "c.yaml:4:78: source.backfill_margin: is out of range; use 0s to 5min\n"
            "c.yaml:4:119: source.settings.slots: is out of range; use 1 to 1000\n"
            "c.yaml:4:134: source.settings.over_limit: \"maybe\" is not one of refused, "
            "grace_newest");
}

TEST_F(ConfigTest, WhatIsThereButEmptyIsRefused) {
  std::string text = kConnector;
  text.replace(text.find("dedupers:"), text.find("spool:") - text.find("dedupers:"),
               "dedupers: []\n");
  EXPECT_EQ(Connector(text), "c.yaml:5:11: dedupers: is empty; say where to send: [{address: "
                             "host:port}]");
  EXPECT_EQ(Deduper("listen: {grpc: \"127.0.0.1:0\"}\ndata_dir: \"\"\nstreams: []\n"),
            "d.yaml:2:11: data_dir has no value; give one or remove the key\n"
            "d.yaml:3:10: streams: is empty; list at least one: [{name: …}]");
}

TEST_F(ConfigTest, TokenFileMustHoldOneTokenAndNothingElse) {
  const std::string place = "c.yaml:4:78: source.bearer_token_file: ";
  const std::pair<const char*, const char*> cases[] = {
      {"", "secret token is empty"},
      {" \n\n", "secret token is empty"},
      {"abc\ndef\n", "secret token holds control characters; it is to be one line"},
      {"Bearer abc\n", "token holds white space inside the token"},
  };
  for (const auto& [content, problem] : cases) {
    Write("token", content);
    EXPECT_EQ(Connector(kConnector),
              absl::StrCat(place, problem, "; put the bearer token alone into it, on one line"));
  }
}

TEST_F(ConfigTest, OnePortForGrpcAndHttpIsRefused) {
  std::string text = kDeduper;
  text.replace(text.find("127.0.0.1:0"), 11, "127.0.0.1:7400");
  text.replace(text.find("127.0.0.1:0\""), 11, "localhost:7400");
  EXPECT_EQ(Deduper(text),
            "d.yaml:1:40: listen.http: has the port of listen.grpc, 7400; use another, e.g. 7480");
}

TEST_F(ConfigTest, DirectoriesThatCanNotBeUsedAreRefused) {
  Write("file", "x");
  std::string text = kConnector;
  text.replace(text.find("dir: spool"), 10, "dir: file/spool");
  EXPECT_EQ(Connector(text), "c.yaml:9:14: spool.dir: file/spool: Not a directory");
  text.replace(text.find("dir: file/spool"), 15, "dir: file");
  EXPECT_EQ(Connector(text),
            "c.yaml:9:14: spool.dir: file is not a directory; name another, or move it away");
  // Parents that can be made are no mistake.
  text.replace(text.find("dir: file"), 9, "dir: a/b/c");
  EXPECT_EQ(Connector(text), "");
  if (geteuid() == 0) return;
  ASSERT_EQ(mkdir((dir_ + "/closed").c_str(), 0500), 0);
  text.replace(text.find("dir: a/b/c"), 10, "dir: closed/spool");
  EXPECT_EQ(Connector(text),
            "c.yaml:9:14: spool.dir: closed/spool can not be made: closed can not be written by "
            "this user; chown it, or name another");
}

TEST_F(ConfigTest, ShortWindowBringsShortRetention) {
  EXPECT_EQ(Deduper(absl::StrCat(kDeduper, "    window: {span: 2h}\n")), "");
  EXPECT_EQ(deduper_.streams(0).retention().log_ms(), 2 * 3'600'000);
}

TEST_F(ConfigTest, SecretThatOthersCanReadIsAWarning) {
  ASSERT_EQ(chmod((dir_ + "/a.key").c_str(), 0644), 0);
  const ConfigProblems problems = LoadConnectorFile(Write("c.yaml", kConnector));
  EXPECT_FALSE(HasErrors(problems));
  EXPECT_TRUE(absl::StrContains(JoinProblems(problems), "a.key can be read by other users"));
}

TEST_F(ConfigTest, CertificateKeyMustBeAnEd25519KeyThatOthersCanNotRead) {
  const std::string text = absl::StrCat(kDeduper, "certificate_key_file: signing.key\n");
  EXPECT_TRUE(absl::StrContains(Deduper(text), "certificate_key_file: signing.key: No such file"));
  Write("signing.key", "x\n");
  EXPECT_TRUE(absl::StrContains(Deduper(text), "signing.key holds no Ed25519 private key in PEM; "
                                               "make one: openssl genpkey"));
  const std::string key = Write("signing.key",
                                "-----BEGIN PRIVATE KEY-----\n"
                                "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                                "-----END PRIVATE KEY-----\n");
  EXPECT_EQ(Deduper(text), "");
  EXPECT_EQ(deduper_.certificate_key_file(), key);
  ASSERT_EQ(chmod(key.c_str(), 0644), 0);
  EXPECT_TRUE(absl::StrContains(Deduper(text), "signing.key can be read by other users"));
}

TEST_F(ConfigTest, EnvironmentIsExpandedOnlyInPaths) {
  setenv("BRAID_CONFIG_TEST_DIR", dir_.c_str(), 1);
  std::string text = kConnector;
  text.replace(text.find("file: token"), 11, "file: \"${BRAID_CONFIG_TEST_DIR}/token\"");
  text.replace(text.find("hetzner-fra"), 11, "${BRAID_CONFIG_TEST_DIR}");
  EXPECT_EQ(Connector(text), "");
  EXPECT_EQ(connector_.source().bearer_token_file(), dir_ + "/token");
  EXPECT_EQ(connector_.network(), "${BRAID_CONFIG_TEST_DIR}");
  unsetenv("BRAID_CONFIG_TEST_DIR");
  EXPECT_TRUE(
      absl::StrContains(Connector(text), "environment variable BRAID_CONFIG_TEST_DIR is not set"));
}

TEST_F(ConfigTest, WhatIsNotAMapOrNotYamlIsRefusedWithItsPlace) {
  EXPECT_EQ(Connector(""), "c.yaml: is empty; deploy/examples has files to begin with");
  EXPECT_EQ(Connector("- a\n"), "c.yaml: is to be one map of keys and values");
  EXPECT_EQ(Connector("a: b\n---\na: b\n"), "c.yaml: is to be one map of keys and values");
  // yaml-cpp finds empty documents without end in it.
  EXPECT_EQ(Connector(", on network A\n"), "c.yaml: is to be one map of keys and values");
  EXPECT_TRUE(absl::StartsWith(Connector("a: [b\nc: d"), "c.yaml:2:")) << Connector("a: [b\nc: d");
  EXPECT_EQ(Connector("listen:\n\thttp: x\n"),
            "c.yaml:2:6: not YAML: illegal map value; there is a tab: YAML is indented by spaces");
  EXPECT_FALSE(Connector(std::string(100'000, '[')).empty());
  EXPECT_EQ(Short(LoadConnectorFile(dir_ + "/no.yaml")),
            "no.yaml: can not be read: No such file or directory");
}

TEST_F(ConfigTest, TextprotoIsAccepted) {
  const std::string file = Write("d.textproto",
                                 "listen { grpc: '[::1]:0' } data_dir: 'data'\n"
                                 "streams { name: 'main' connections { id: 'a' } }\n");
  EXPECT_EQ(Short(LoadDeduperFile(file)), "");
  EXPECT_EQ(deduper_.data_dir(), dir_ + "/data");
  EXPECT_TRUE(absl::StartsWith(
      Short(LoadDeduperFile(Write("e.textproto", "\n nope: 1"))), "e.textproto:2:"));
}

TEST(ConfigValue, Durations) {
  EXPECT_EQ(*ParseConfigDuration("250ms"), absl::Milliseconds(250));
  EXPECT_EQ(*ParseConfigDuration("15m"), absl::Minutes(15));
  EXPECT_EQ(*ParseConfigDuration("15min"), absl::Minutes(15));
  EXPECT_EQ(*ParseConfigDuration("26h"), absl::Hours(26));
  for (const char* bad : {"", "5", "-5s", "1.5h", "s", "5 parsecs", "99999999999999999999s",
                          "9223372036854775807h"}) {
    EXPECT_FALSE(ParseConfigDuration(bad).ok()) << bad;
  }
}

TEST(ConfigValue, Sizes) {
  EXPECT_EQ(*ParseConfigBytes("64MiB"), 64u << 20);
  EXPECT_EQ(*ParseConfigBytes("20GiB"), 20ull << 30);
  EXPECT_EQ(*ParseConfigBytes("123"), 123);
  for (const char* bad : {"", "64MB", "-1", "1.5GiB", "GiB", "99999999999TiB"}) {
    EXPECT_FALSE(ParseConfigBytes(bad).ok()) << bad;
  }
}

TEST_F(ConfigTest, SecretIsReadWithoutItsNewline) {
  EXPECT_EQ(*ReadSecretFile(Write("s", "AAAA%2F\n")), "AAAA%2F");
}

TEST_F(ConfigTest, UnusableSecretsAreRefusedWithoutShowingThem) {
  for (const std::string& bad : {std::string(), std::string("\n \n"), std::string("hush\r\nX: y"),
                                 std::string(20'000, 'h')}) {
    const absl::Status status = ReadSecretFile(Write("s", bad)).status();
    EXPECT_FALSE(status.ok());
    EXPECT_FALSE(absl::StrContains(status.message(), "hush"));
    EXPECT_TRUE(absl::StrContains(status.message(), dir_ + "/s"));
  }
  EXPECT_TRUE(absl::IsNotFound(ReadSecretFile(dir_ + "/none").status()));
  EXPECT_FALSE(ReadSecretFile(dir_).ok());
}

}  // namespace
}  // namespace braid
