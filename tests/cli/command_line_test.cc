#include "cli/command_line.h"

#include <gtest/gtest.h>

#include <map>

#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

ParsedCommandLine Parse(const std::vector<std::string>& arguments,
                        const std::map<std::string, std::string>& environment = {}) {
  return ParseCommandLine(arguments, [&](const char* name) -> const char* {
    auto it = environment.find(name);
    return it == environment.end() ? nullptr : it->second.c_str();
  });
}

// As a shell splits it: what stands in quotes is one word.
std::vector<std::string> WordsOf(absl::string_view line) {
  std::vector<std::string> words;
  int place = 0;
  for (absl::string_view part : absl::StrSplit(line, '\'')) {
    if (place++ % 2 == 1) {
      words.emplace_back(part);
      continue;
    }
    for (absl::string_view word : absl::StrSplit(part, ' ', absl::SkipWhitespace())) {
      words.emplace_back(word);
    }
  }
  return words;
}

const absl::Time kNow = absl::FromUnixSeconds(1790000000);  // 2026-09-21 14:13:20 UTC

TEST(CommandLineTest, EveryCommandIsUnderstood) {
  const std::pair<std::vector<std::string>, std::string> cases[] = {
      {{"status"}, "status"},
      {{"top"}, "top"},
      {{"tail"}, "tail"},
      {{"event", "get", "12"}, "event get"},
      {{"event", "why", "12"}, "event why"},
      {{"connection", "ls"}, "connection ls"},
      {{"conn", "ls"}, "connection ls"},
      {{"version"}, "version"},
      {{"--version"}, "version"},
      {{"--server", "h:1", "--version"}, "version"},
  };
  for (const auto& [arguments, command] : cases) {
    ParsedCommandLine parsed = Parse(arguments);
    EXPECT_FALSE(parsed.exit_code.has_value()) << arguments[0] << parsed.error;
    EXPECT_EQ(parsed.command_line.command, command);
    EXPECT_TRUE(parsed.command_line.run != nullptr);
  }
}

TEST(CommandLineTest, OptionsStandBeforeOrAfterTheCommand) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"--server", "h:1", "-o", "jsonl", "tail", "--from", "-15m", "-n",
                                 "5"},
        {"tail", "--from", "-15m", "-n", "5", "--server", "h:1", "-o", "jsonl"},
        {"tail", "--from=-15m", "-n5", "--server=h:1", "-o", "jsonl"}}) {
    ParsedCommandLine parsed = Parse(arguments);
    ASSERT_FALSE(parsed.exit_code.has_value()) << parsed.error;
    EXPECT_EQ(parsed.command_line.server, "h:1");
    EXPECT_EQ(parsed.command_line.output, CommandLine::Output::kJsonl);
    EXPECT_EQ(parsed.command_line.command, "tail");
  }
}

TEST(CommandLineTest, FlagBeatsEnvironmentBeatsDefault) {
  EXPECT_EQ(Parse({"top"}).command_line.server, "127.0.0.1:7400");
  EXPECT_EQ(Parse({"top"}, {{"BRAID_SERVER", "e:2"}}).command_line.server, "e:2");
  EXPECT_EQ(Parse({"--server", "f:3", "top"}, {{"BRAID_SERVER", "e:2"}}).command_line.server,
            "f:3");
  EXPECT_TRUE(Parse({"top"}).command_line.color_allowed);
  EXPECT_FALSE(Parse({"top"}, {{"NO_COLOR", "1"}}).command_line.color_allowed);
  EXPECT_FALSE(Parse({"top", "--no-color"}).command_line.color_allowed);
}

TEST(CommandLineTest, WrongUsageExitsWithTwoAndSaysWhy) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{},
        {"frobnicate"},
        {"tail", "--frum", "1"},
        {"tail", "--from", "yesterday"},
        {"tail", "-n", "-3"},
        {"tail", "-n", "0"},
        {"tail", "-n", "+3"},
        {"tail", "-n", "many"},
        {"tail", "-n", "1e3"},
        {"tail", "-n", ""},
        {"tail", "-n", "99999999999999999999999"},
        {"tail", "--cursor", ""},
        {"tail", "--cursor="},
        {"tail", "--cursor-file", ""},
        {"tail", "--from", ""},
        {"tail", "--cursor", "x", "--cursor-file", "f"},
        {"status", "--server", ""},
        {"status", "--ca-file", "ca.crt"},
        {"tail", "-o", "xml"},
        {"event"},
        {"event", "get"},
        {"event", "get", "abc"},
        {"event", "why", "0"},
        {"event", "get", "99999999999999999999999"},
        {"tail", "--from", "1", "--cursor", "x"},
        {"recover", "--gap", "0"},
        {"recover", "--gap", "7", "--from", "-2h"},
        {"recover", "--from", "yesterday", "--to", "now"},
        {"recover", "--gap", "7", "--method", "prayer"},
        {"recover", "--gap", "7", "--margin", "2h"},
        {"recover", "--gap", "7", "--post", "8"},
        {"recover", "--post", "0"},
        {"recover", "--post", "9223372036854775808"},
        {"recover", "--post", "-1"},
        {"recover", "--gap", "7", "--margin", "-1s"},
        {"job"},
        {"job", "get"},
        {"job", "ls", "--state", "unspecified"},
        {"gap", "ls", "--kind", "hole"},
        {"gap", "get", "-1"},
        {"gap", "get", "0"},
        {"gap", "get", "x"},
        {"gap", "get", "streams/main/recoveryJobs/1"},
        {"gap", "waive", "-1", "--reason", "known"},
        {"job", "cancel", "-1"},
        {"job", "get", "+1"},
        {"coverage", "--bucket", "long"},
        {"status", "--key-file", "k"},
        {"status", "--key-file", "k", "--certificate-file", "c"}}) {
    ParsedCommandLine parsed = Parse(arguments);
    ASSERT_TRUE(parsed.exit_code.has_value());
    EXPECT_EQ(*parsed.exit_code, kExitUsage);
    EXPECT_FALSE(parsed.error.empty());
    EXPECT_TRUE(parsed.output.empty());
  }
}

TEST(CommandLineTest, MistypedCommandGetsASuggestion) {
  EXPECT_NE(Parse({"statsu"}).error.find("Did you mean \"status\"?"), std::string::npos);
  EXPECT_NE(Parse({"event", "wy", "1"}).error.find("\"why\""), std::string::npos);
  EXPECT_EQ(Parse({"xxxxxxxx"}).error.find("Did you mean"), std::string::npos);
}

TEST(CommandLineTest, HelpShowsExamplesAndExitsWithZero) {
  ParsedCommandLine parsed = Parse({"--help"});
  EXPECT_EQ(*parsed.exit_code, kExitOk);
  EXPECT_NE(parsed.output.find("braid tail --from -15m"), std::string::npos);
  EXPECT_NE(Parse({"tail", "--help"}).output.find("--stop-at-end"), std::string::npos);
}

TEST(CommandLineTest, HelpOfEveryCommandShowsExamplesJsonAndExitCodes) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"status"}, {"top"}, {"tail"}, {"event", "get"}, {"event", "why"},
        {"connection", "ls"}, {"rules", "ls"}, {"rules", "add"}, {"rules", "rm"},
        {"rules", "validate"}, {"rules", "sync"}, {"recover"}, {"job", "ls"}, {"job", "get"},
        {"job", "watch"}, {"job", "cancel"}, {"job", "quota"}, {"gap", "ls"}, {"gap", "get"},
        {"gap", "watch"}, {"gap", "waive"}, {"coverage"}, {"certificate", "get"},
        {"certificate", "verify"}, {"version"}}) {
    std::vector<std::string> arguments = words;
    arguments.push_back("--help");
    std::string help = Parse(arguments).output;
    for (const char* part : {"Examples:\n  braid ", "Output as JSON: ", "Exit codes: 0 ok"}) {
      EXPECT_NE(help.find(part), std::string::npos) << words[0] << part << "\n" << help;
    }
    for (absl::string_view line : absl::StrSplit(help, '\n')) EXPECT_LE(line.size(), 80u) << line;
  }
}

TEST(CommandLineTest, ExamplesOfTheHelpCanBeTyped) {
  for (const char* command :
       {"status", "top", "tail", "event get", "event why", "connection ls", "rules ls", "rules add",
        "rules rm", "rules validate", "rules sync", "recover", "job ls", "job get", "job watch",
        "job cancel", "version", "gap", "gap ls", "gap get", "gap watch", "gap waive", "coverage",
        "job", "certificate", "certificate get", "certificate verify", "event", "connection",
        "rules", "stream"}) {
    std::vector<std::string> arguments = absl::StrSplit(command, ' ');
    arguments.push_back("--help");
    std::string help = Parse(arguments).output;
    ASSERT_NE(help.find("Examples:\n"), std::string::npos) << command;
    help = help.substr(help.find("Examples:\n"));
    int examples = 0;
    for (absl::string_view line : absl::StrSplit(help.substr(0, help.find("\n\n")), '\n')) {
      if (!absl::ConsumePrefix(&line, "  braid ")) continue;
      line = line.substr(0, line.find_first_of("|>#"));
      ParsedCommandLine parsed = Parse(WordsOf(line));
      EXPECT_FALSE(parsed.exit_code.has_value()) << line << parsed.error;
      ++examples;
    }
    EXPECT_GT(examples, 0) << command;
  }
}

TEST(ParseFromTest, EveryKindOfPosition) {
  EXPECT_EQ(ParseFrom("", kNow)->position_case(), v1::StartPosition::POSITION_NOT_SET);
  EXPECT_EQ(ParseFrom("now", kNow)->position_case(), v1::StartPosition::POSITION_NOT_SET);
  EXPECT_TRUE(ParseFrom("earliest", kNow)->earliest());
  EXPECT_EQ(ParseFrom("1234", kNow)->sequence(), 1234u);
  EXPECT_EQ(ParseFrom("-15m", kNow)->lookback().seconds(), 900);
  EXPECT_EQ(ParseFrom("-1h30m", kNow)->lookback().seconds(), 5400);
  EXPECT_EQ(ParseFrom("2026-09-21T12:00:00Z", kNow)->time().seconds(), 1789992000);
  EXPECT_EQ(ParseFrom("2026-09-21T14:00:00+02:00", kNow)->time().seconds(), 1789992000);
  EXPECT_EQ(ParseFrom("2026-09-21 12:00", kNow)->time().seconds(), 1789992000);
  EXPECT_EQ(ParseFrom("12:00", kNow)->time().seconds(), 1789992000);
  EXPECT_EQ(ParseFrom("-2d", kNow)->lookback().seconds(), 2 * 86400);
  EXPECT_EQ(ParseFrom("-1d12h", kNow)->lookback().seconds(), 36 * 3600);
  for (const char* bad : {"-", "15m", "-x", "--5m", "tomorrow", "25:00", "-inf", "-d", "-1d2d",
                          "-1d5", "--1d", "-99999d"}) {
    EXPECT_FALSE(ParseFrom(bad, kNow).ok()) << bad;
  }
}

TEST(ParseMomentOfTest, OnlyWhatIsRelativeToNowIsRoundedDown) {
  EXPECT_EQ(*ParseMomentOf("now", kNow), kNow);
  EXPECT_EQ(*ParseMomentOf("-15m", kNow), kNow - absl::Minutes(15));
  EXPECT_EQ(*ParseMomentOf("now", kNow, absl::Minutes(1)), kNow - absl::Seconds(20));
  EXPECT_EQ(*ParseMomentOf("-21s", kNow, absl::Minutes(1)), kNow - absl::Seconds(80));
  EXPECT_EQ(*ParseMomentOf("14:13:20", kNow, absl::Minutes(1)), kNow);
  for (const char* bad : {"", "earliest", "1234", "-9600h", "-inf", "tomorrow"}) {
    EXPECT_FALSE(ParseMomentOf(bad, kNow).ok()) << bad;
  }
}

TEST(CertificateTimeTest, APositionThatIsNoTimeIsRefusedAsSuch) {
  for (const char* good : {"now", "-1h", "-8759h", "12:00", "2026-11-20T12:00:00Z"}) {
    EXPECT_FALSE(Parse({"certificate", "get", "--from", good}).exit_code.has_value()) << good;
  }
  const std::pair<const char*, const char*> cases[] = {
      {"earliest", "\"earliest\" is no time: give 2026-11-20T12:00:00Z, 12:00 (today, UTC), -1h"},
      {"1234", "\"1234\" is no time: give 2026-11-20T12:00:00Z"},
      {"tomorrow", "\"tomorrow\" is no position: give earliest, now"},
      {"-8760h", "\"-8760h\" is no position: give earliest, now"},
  };
  for (const auto& [text, message] : cases) {
    ParsedCommandLine parsed = Parse({"certificate", "get", "--from", text});
    EXPECT_EQ(parsed.exit_code, 2) << text;
    EXPECT_NE(parsed.error.find(message), std::string::npos) << parsed.error;
  }
}

}  // namespace
}  // namespace braid
