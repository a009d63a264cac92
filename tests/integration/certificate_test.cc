// A certificate through real processes: signed, fetched, held against an export.

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "proto/snowflake.h"
#include "tests/harness/binaries.h"
#include "tests/integration/cluster_test_base.h"

namespace braid::integration {
namespace {

class CertificateOfACluster : public ClusterTest {
 protected:
  Ended Verify(const std::string& file, std::vector<std::string> more) {
    std::vector<std::string> words = {"certificate", "verify", file};
    words.insert(words.end(), more.begin(), more.end());
    return Braid(words);
  }
  // Whatever else the command said.
  static std::vector<std::string> EventLines(const std::string& output) {
    std::vector<std::string> lines;
    for (absl::string_view line : absl::StrSplit(output, '\n')) {
      if (absl::StartsWith(line, "{\"sequence\"")) lines.emplace_back(line);
    }
    return lines;
  }
  std::string Export(const std::string& name, const std::vector<std::string>& lines) {
    EXPECT_TRUE(harness::WriteFile(Path(name), absl::StrJoin(lines, "\n")).ok());
    return Path(name);
  }
};

TEST_F(CertificateOfACluster, HoldsForItsEventsAndForNoOthers) {
  auto [made, output] =
      Run({harness::RunfilePath("deploy/make-certs"), Path("keys"), "signing", "deduper"});
  ASSERT_EQ(made, 0) << output;
  harness::ClusterOptions options;
  options.emulator.rate = 100;
  options.deduper_yaml = absl::StrCat("certificate_key_file: ", Path("keys"), "/signing.key\n");
  absl::Time start = absl::Now();
  ASSERT_NO_FATAL_FAILURE(StartCluster(std::move(options)));
  LetLoadPass(absl::Seconds(2), absl::Seconds(3));
  ASSERT_STATUS_OK(cluster().Drain(absl::Minutes(1)));

  auto minute = [](absl::Time time) {
    return absl::FormatTime("%Y-%m-%dT%H:%M:00Z", time, absl::UTCTimeZone());
  };
  std::string file = Path("certificate.json");
  Ended got = Braid({"certificate", "get", "--from", minute(start - absl::Minutes(6)), "--to",
                     minute(absl::Now() + absl::Minutes(2)), "--out", file});
  ASSERT_EQ(got.code, 0) << got.output;
  EXPECT_TRUE(absl::StrContains(got.output, "pending")) << got.output;

  std::string key = Path("keys") + "/signing.pub.pem";
  Ended signature_only = Verify(file, {"--key", key});
  EXPECT_EQ(signature_only.code, 0) << signature_only.output;
  EXPECT_TRUE(absl::StrContains(signature_only.output, "Only the signature was verified"));
  EXPECT_EQ(Verify(file, {"--key", Path("keys") + "/none.pem"}).code, 3);

  Ended tail = Braid({"tail", "--from", "earliest", "--stop-at-end", "-o", "jsonl", "--envelope"});
  const std::vector<std::string> lines = EventLines(tail.output);
  ASSERT_GT(lines.size(), 50);
  Ended whole = Verify(file, {"--key", key, "--events", Export("all.jsonl", lines)});
  EXPECT_EQ(whole.code, 0) << whole.output;
  EXPECT_TRUE(absl::StrContains(whole.output, "exactly those")) << whole.output;

  std::vector<std::string> removed = lines;
  removed.erase(removed.begin() + 7);
  EXPECT_EQ(Verify(file, {"--key", key, "--events", Export("removed.jsonl", removed)}).code, 1);
  std::vector<std::string> added = lines;
  added.push_back(lines[7]);
  EXPECT_EQ(Verify(file, {"--key", key, "--events", Export("added.jsonl", added)}).code, 1);

  // A post that nobody sent: whether its second was covered.
  uint64_t absent = FirstSnowflakeAt(start) + 4'000'000;
  Ended why = Braid({"event", "why", absl::StrCat(absent)});
  EXPECT_EQ(why.code, 3);
  EXPECT_TRUE(absl::StrContains(why.output, "The second in which it was created")) << why.output;
  EXPECT_TRUE(absl::StrContains(why.output, "vouch")) << why.output;

  // One byte of what was signed.
  std::string json = *harness::ReadFile(file);
  size_t body = json.find("\"body\"") + 40;
  json[body] = json[body] == 'A' ? 'B' : 'A';
  ASSERT_STATUS_OK(harness::WriteFile(file, json));
  EXPECT_EQ(Verify(file, {"--key", key}).code, 1);
  ExpectCleanStop();
}

}  // namespace
}  // namespace braid::integration
