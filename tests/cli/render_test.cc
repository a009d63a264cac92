#include "cli/render.h"

#include <gtest/gtest.h>

#include "absl/strings/str_split.h"
#include "cli/text.h"
#include "proto/proto_time.h"
#include "proto/reason.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1790000000);

bool Contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

v1::Event MakeEvent() {
  v1::Event event;
  event.set_id(FirstSnowflakeAt(kNow));
  event.set_sequence(42);
  event.set_kind(v1::EVENT_KIND_POST);
  event.set_origin(v1::EVENT_ORIGIN_LIVE);
  event.set_payload("{\"data\":{\"id\":\"1\",\"text\":\"hi \\u001b[31m\\u202eevil\"}}");
  SetTime(kNow, event.mutable_create_time());
  SetTime(kNow + absl::Milliseconds(120), event.mutable_commit_time());
  for (int i = 0; i < 2; ++i) {
    v1::Sighting* sighting = event.add_sightings();
    sighting->set_connection_id(i == 0 ? "fra-a" : "nyc-b");
    sighting->set_origin(v1::EVENT_ORIGIN_LIVE);
    SetTime(kNow + absl::Milliseconds(100 + 17 * i), sighting->mutable_receive_time());
  }
  return event;
}

v1::StreamStatus MakeStatus() {
  v1::StreamStatus status;
  status.set_stream("streams/main");
  status.set_health(v1::StreamStatus::HEALTH_EXPOSED);
  SetTime(kNow, status.mutable_sample_time());
  SetTime(kNow - absl::Hours(26), status.mutable_floor_time());
  status.set_earliest_sequence(1);
  status.set_last_sequence(1234567);
  status.add_problems("nyc-b is backing off\x1b[2J");
  for (const char* id : {"fra-a", "nyc-b", "sfo-c"}) {
    v1::Connection* connection = status.add_connections();
    connection->set_name(std::string("streams/main/connections/") + id);
    connection->set_presence(v1::Connection::PRESENCE_NEVER_SEEN);
  }
  status.mutable_connections(1)->set_presence(v1::Connection::PRESENCE_REPORTING);
  SetDuration(absl::Seconds(3), status.mutable_connections(1)->mutable_last_byte_age());
  v1::ConnectionReport* report = status.mutable_connections(1)->mutable_report();
  report->set_state(v1::ConnectionReport::STATE_BACKING_OFF);
  SetTime(kNow, report->mutable_report_time());
  SetTime(kNow - absl::Seconds(3), report->mutable_last_byte_time());
  return status;
}

TEST(TextTest, ControlCharactersNeverReachTheTerminal) {
  EXPECT_EQ(EscapeForTerminal("a\x1b[31m\nb\x7f"), "a\\x1b[31m\\nb\\x7f");
  EXPECT_EQ(EscapeForTerminal("\xc2\x9b" "31m"), "\\x9b31m");
  EXPECT_EQ(EscapeForTerminal("\xe2\x80\xae" "evil"), "\\u202eevil");
  EXPECT_EQ(EscapeForTerminal("\xff\xc0\x80"), "\\xff\\xc0\\x80");
  EXPECT_EQ(EscapeForTerminal("caf\xc3\xa9 \xf0\x9f\x98\x80"), "caf\xc3\xa9 \xf0\x9f\x98\x80");
  EXPECT_EQ(EscapeForTerminal(std::string("a\0b", 3)), "a\\x00b");
}

TEST(TextTest, NumbersReadWell) {
  EXPECT_EQ(GroupDigits(0), "0");
  EXPECT_EQ(GroupDigits(999), "999");
  EXPECT_EQ(GroupDigits(1234567), "1,234,567");
  EXPECT_EQ(BytesText(999), "999 B");
  EXPECT_EQ(BytesText(12345678), "12 MB");
  EXPECT_EQ(BytesText(1234), "1.2 kB");
  EXPECT_EQ(DurationText(absl::Milliseconds(17)), "17 ms");
  EXPECT_EQ(DurationText(absl::Seconds(3)), "3.0 s");
  EXPECT_EQ(DurationText(absl::Minutes(125)), "2 h 5 min");
  EXPECT_EQ(DurationText(absl::ZeroDuration()), "0");
}

TEST(TextTest, TruncateCutsBetweenCodePoints) {
  EXPECT_EQ(Truncate("abc", 3), "abc");
  EXPECT_EQ(Truncate("caf\xc3\xa9s", 4), "caf…");
  EXPECT_EQ(Truncate("\xf0\x9f\x98\x80\xf0\x9f\x98\x80\xf0\x9f\x98\x80", 2),
            "\xf0\x9f\x98\x80…");
}

TEST(RenderTest, EventLineIsOneSafeLine) {
  std::string line = RenderEventLine(MakeEvent(), v1::READ_ORDER_ARRIVAL, 80);
  EXPECT_TRUE(Contains(line, "42  2026-09-21 14:13:20.120  fra-a"));
  EXPECT_TRUE(Contains(line, "hi \\x1b[31m\\u202eevil"));
  EXPECT_FALSE(Contains(line, "\x1b"));
  EXPECT_FALSE(Contains(line, "\n"));
}

TEST(RenderTest, LateAndRecoveredEventsAreMarked) {
  v1::Event event = MakeEvent();
  event.set_origin(v1::EVENT_ORIGIN_RECOVERY);
  event.set_late(true);
  EXPECT_TRUE(Contains(RenderEventLine(event, v1::READ_ORDER_ARRIVAL, 80), "[recovery] [late] hi"));
}

TEST(RenderTest, WhyTellsWhoWasFirstAndWhoLacksIt) {
  std::string text = RenderWhy(MakeEvent(), MakeStatus());
  EXPECT_TRUE(Contains(text, "at sequence 42"));
  EXPECT_TRUE(Contains(text, "first"));
  EXPECT_TRUE(Contains(text, "17 ms"));
  EXPECT_TRUE(Contains(text, "sfo-c  has not delivered it"));
  EXPECT_FALSE(Contains(text, "nyc-b  has not delivered it"));
}

TEST(RenderTest, WhyNotTellsWhatIsKnown) {
  v1::StreamStatus status = MakeStatus();
  auto why = [&](absl::Time created) {
    return RenderWhyNot(FirstSnowflakeAt(created), status, kNow, 0);
  };
  EXPECT_TRUE(Contains(why(kNow - absl::Hours(1)), "no connection has delivered it"));
  EXPECT_TRUE(Contains(why(kNow - absl::Hours(30)), "older than what is kept"));
  EXPECT_TRUE(Contains(why(kNow + absl::Hours(1)), "in the future"));
}

TEST(RenderTest, StatusShowsHealthConnectionsAndProblems) {
  std::string text = RenderStatus(MakeStatus(), false);
  EXPECT_TRUE(Contains(text, "main  EXPOSED"));
  EXPECT_TRUE(Contains(text, "1 … 1,234,567"));
  EXPECT_TRUE(Contains(text, "backing off"));
  EXPECT_TRUE(Contains(text, "never seen"));
  EXPECT_TRUE(Contains(text, "! nyc-b is backing off\\x1b[2J"));
  EXPECT_FALSE(Contains(text, "\x1b"));
  EXPECT_TRUE(Contains(RenderStatus(MakeStatus(), true), "\x1b[33mEXPOSED\x1b[0m"));
}

TEST(RenderTest, StatusSaysWhoPausedAndObservesNothingMeanwhile) {
  v1::StreamStatus status = MakeStatus();
  status.mutable_pause()->set_reason("quota");
  status.mutable_volume()->set_state(v1::StreamStatus::Volume::STATE_LEARNING);
  status.mutable_volume()->set_expected_per_second(50);
  status.mutable_volume()->set_learned(0.1);
  std::string text = RenderStatus(status, false);
  EXPECT_TRUE(Contains(text, "EXPOSED, PAUSED by an operator")) << text;
  EXPECT_TRUE(Contains(text, "learning  not observed, usually 50/s")) << text;
  SetTime(kNow, status.mutable_pause()->mutable_end_time());
  EXPECT_TRUE(Contains(RenderStatus(status, false), "PAUSED by a limit"));
}

TEST(RenderTest, WhatWasReportedBeforeItWentIsNotShownAsNow) {
  v1::StreamStatus status = MakeStatus();
  v1::Connection* connection = status.mutable_connections(1);
  connection->clear_last_byte_age();
  connection->mutable_report()->set_state(v1::ConnectionReport::STATE_RECEIVING);
  connection->set_presence(v1::Connection::PRESENCE_GONE);
  SetTime(kNow - absl::Minutes(2), connection->mutable_gone_time());
  SetDuration(absl::Seconds(123), connection->mutable_report_age());
  std::string text = RenderConnections(status.connections());
  EXPECT_TRUE(Contains(text, "GONE since 09-21 14:11:20, was receiving")) << text;
  EXPECT_TRUE(Contains(text, "2 min 3 s")) << text;
  connection->set_presence(v1::Connection::PRESENCE_SILENT);
  EXPECT_TRUE(Contains(RenderConnections(status.connections()), "unknown, was receiving"));
  connection->set_presence(v1::Connection::PRESENCE_REPORTING);
  connection->set_contested(true);
  EXPECT_TRUE(Contains(RenderConnections(status.connections()), "receiving, CONTESTED"));
}

TEST(RenderTest, WhyAConnectionWaitsAndUntilWhenIsShown) {
  v1::StreamStatus status = MakeStatus();
  v1::Connection* connection = status.mutable_connections(1);
  SetDuration(absl::Seconds(1), connection->mutable_report_age());
  v1::ConnectionReport* report = connection->mutable_report();
  report->set_last_cause("unauthorized");
  report->set_http_status(401);
  report->set_wait_class("terminal");
  report->set_needs_operator(true);
  SetTime(kNow + absl::Seconds(62), report->mutable_next_attempt_time());
  std::string text = RenderStatus(status, false);
  EXPECT_TRUE(Contains(text,
                       "nyc-b waits: unauthorized (HTTP 401), class terminal, next attempt in 1 "
                       "min 1 s (14:14:22 UTC); NEEDS OPERATOR"))
      << text;
  // A stream that broke was a 200.
  report->set_http_status(200);
  report->set_last_cause("reset");
  report->set_needs_operator(false);
  text = RenderConnections(status.connections());
  EXPECT_TRUE(Contains(text, "nyc-b waits: reset, class terminal")) << text;
  EXPECT_FALSE(Contains(text, "NEEDS OPERATOR")) << text;
  connection->set_presence(v1::Connection::PRESENCE_GONE);
  EXPECT_FALSE(Contains(RenderConnections(status.connections()), "waits")) << "not known now";
}

TEST(RenderTest, UpIsTheStreamsAndCallUpTheCalls) {
  v1::StreamStatus status = MakeStatus();
  SetDuration(absl::Hours(5), status.mutable_connections(1)->mutable_up_time());
  SetDuration(absl::Minutes(3), status.mutable_connections(1)->mutable_stream_up_time());
  std::string text = RenderConnections(status.connections());
  EXPECT_LT(text.find("3 min 0 s"), text.find("5 h 0 min")) << text;
}

TEST(RenderTest, EverythingFitsIntoEightyColumns) {
  v1::StreamStatus status = MakeStatus();
  status.set_log_id("0123456789abcdef");
  status.mutable_volume()->set_state(v1::StreamStatus::Volume::STATE_LEARNING);
  SetDuration(absl::Milliseconds(812), status.mutable_lag()->mutable_p50());
  for (v1::Connection& connection : *status.mutable_connections()) {
    connection.set_network("a-network-with-a-name");
    connection.mutable_report()->set_last_cause("unauthorized");
  }
  status.add_problems(
      "No connection is receiving, which is said here in more than eighty columns.");
  std::string text = RenderStatus(status, false, 80);
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    EXPECT_LE(line.size(), 80u) << line;
  }
  EXPECT_FALSE(Contains(text, "a-network-with-a-name")) << text;
  EXPECT_TRUE(Contains(text, "  left out at this width: NETWORK, CALL UP,")) << text;
  for (const char* part : {"CONNECTION", "STATE", "EVENTS/S", "LAST BYTE", "! No connection"}) {
    EXPECT_TRUE(Contains(text, part)) << part << "\n" << text;
  }
  EXPECT_TRUE(Contains(RenderStatus(status, false, 200), "NETWORK")) << text;
  EXPECT_TRUE(Contains(RenderStatus(status, false), "NETWORK")) << "a pipe has room";
}

TEST(RenderTest, WhyNotFitsIntoEightyColumns) {
  v1::StreamStatus status = MakeStatus();
  for (v1::Connection& connection : *status.mutable_connections()) {
    connection.set_network("a-network-with-a-name");
  }
  std::string text =
      WrapLines(RenderWhyNot(FirstSnowflakeAt(kNow - absl::Hours(1)), status, kNow, 80), 80);
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    EXPECT_LE(line.size(), 80u) << line;
  }
  EXPECT_TRUE(Contains(text, "left out at this width")) << text;
}

TEST(RenderTest, UnreachableServerComesWithARemedy) {
  absl::Status refused = absl::UnavailableError("Connection refused");
  EXPECT_TRUE(Contains(RenderError(refused, "h:1", false), "Is braid-deduper running there?"));
  absl::Status closed = absl::UnavailableError("Socket closed");
  EXPECT_TRUE(Contains(RenderError(closed, "h:1", false), "if its port speaks TLS, give --ca-file"));
  EXPECT_FALSE(Contains(RenderError(closed, "h:1", true), "give --ca-file"));
  absl::Status plain = absl::UnavailableError("Ssl handshake failed: WRONG_VERSION_NUMBER");
  EXPECT_TRUE(Contains(RenderError(plain, "h:1", true), "speaks plain text"));
}

TEST(TextTest, WrappedLinesKeepTheirIndentAndTheirWords) {
  EXPECT_EQ(WrapText("  ! one two three", 9, "    "), "  ! one\n    two\n    three");
  EXPECT_EQ(WrapText("  ! one", 80, "    "), "  ! one");
  EXPECT_EQ(WrapText("  ! one two three", 0, "    "), "  ! one two three");
  EXPECT_EQ(WrapText("averylongword two", 5, ""), "averylongword\ntwo");
  EXPECT_EQ(WrapText("one  two", 5, ""), "one\ntwo") << "no spaces at the break";
  EXPECT_EQ(WrapLines("one\n  two three\n", 8), "one\n  two\n    three\n");
  EXPECT_EQ(WrapLines("  is    one two", 12), "  is    one\n        two");
  EXPECT_EQ(WrapLines("one\n  two three\n", 0), "one\n  two three\n");
}

TEST(TextTest, WhatATableHasNoRoomForIsNamedOrStandsBelow) {
  const std::vector<std::vector<std::string>> rows = {
      {"NAME", ">SIZE", "NOTE", "PLACE"}, {"a", "12", "of the day", "here"}, {"b", "7", "-", ""}};
  struct Case {
    int width;
    const char* fitted;
    const char* folded;
  };
  const char kWhole[] =
      "NAME  SIZE  NOTE        PLACE\n"
      "a       12  of the day  here\n"
      "b        7  -\n";
  const Case cases[] = {
      {0, kWhole, kWhole},
      {29, kWhole, kWhole},
      {25,
       "NAME  NOTE        PLACE\n"
       "a     of the day  here\n"
       "b     -\n"
       "left out at this width:\n  SIZE\n",
       "NAME  NOTE        PLACE\n"
       "a     of the day  here\n"
       "     SIZE 12\n"
       "b     -\n"
       "     SIZE 7\n"},
      {22,
       "NAME  PLACE\n"
       "a     here\n"
       "b\n"
       "left out at this\n  width: SIZE, NOTE\n",
       "NAME  PLACE\n"
       "a     here\n"
       "     SIZE 12; NOTE of\n"
       "     the day\n"
       "b\n"
       "     SIZE 7\n"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(FittedTableText(rows, "", c.width, {"SIZE", "NOTE"}), c.fitted) << c.width;
    EXPECT_EQ(FoldedTableText(rows, "", c.width, {"SIZE", "NOTE"}), c.folded) << c.width;
  }
}

TEST(TextTest, ShellQuoteKeepsEveryWordWhole) {
  EXPECT_EQ(ShellQuote("127.0.0.1:7400"), "127.0.0.1:7400");
  EXPECT_EQ(ShellQuote("a b"), "'a b'");
  EXPECT_EQ(ShellQuote("it's"), "'it'\\''s'");
  EXPECT_EQ(ShellQuote(""), "''");
}

TEST(RenderTest, PayloadLineHasNoLineBreaks) {
  v1::Event event;
  event.set_payload("{\n\"a\":\r\n1}");
  EXPECT_EQ(PayloadLine(event), "{ \"a\":  1}");
}

TEST(RenderTest, TooOldCursorSaysWhatIsLost) {
  absl::Status status = ReasonError(absl::StatusCode::kOutOfRange, "sequence 2 is gone",
                                    {"CURSOR_TOO_OLD",
                                     {{"lost_from_time", "2026-09-21T14:00:00+00:00"},
                                      {"lost_until_time", "2026-09-21T15:00:00+00:00"}}});
  std::string text = RenderError(status, "h:1", false);
  EXPECT_TRUE(Contains(text, "(CURSOR_TOO_OLD)"));
  EXPECT_TRUE(Contains(text, "from 2026-09-21T14:00:00+00:00 until 2026-09-21T15:00:00+00:00"));
}

}  // namespace
}  // namespace braid
