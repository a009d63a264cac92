#include "cli/render.h"

#include <simdjson.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cli/text.h"
#include "proto/enum_word.h"
#include "proto/proto_time.h"
#include "proto/reason.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

// Last part of a resource name.
std::string ShortName(absl::string_view name) {
  size_t slash = name.rfind('/');
  return EscapeForTerminal(slash == absl::string_view::npos ? name : name.substr(slash + 1));
}

// What is known now; of one that is gone or silent its last word is history,
// and said as such.
std::string StateWord(const v1::Connection& c) {
  std::string said = c.report().state() == v1::ConnectionReport::STATE_UNSPECIFIED
                         ? ""
                         : EnumWords(v1::ConnectionReport::State_Name(c.report().state()), "STATE_");
  std::string was = said.empty() ? "" : absl::StrCat(", was ", said);
  switch (c.presence()) {
    case v1::Connection::PRESENCE_GONE:
      return absl::StrCat(
          "GONE since ",
          absl::FormatTime("%m-%d %H:%M:%S", ToTime(c.gone_time()), absl::UTCTimeZone()), was);
    case v1::Connection::PRESENCE_SILENT:
      return absl::StrCat("unknown", was);
    case v1::Connection::PRESENCE_REPORTING:
      return absl::StrCat(said, c.contested() ? ", CONTESTED" : "");
    case v1::Connection::PRESENCE_NEVER_SEEN:
      return "never seen";
    default:
      // A deduper that does not say what it knows.
      return said.empty() ? "never seen" : absl::StrCat("said ", said);
  }
}

// Why a connection waits and until when; empty of one that does not.
std::string WaitLine(const v1::Connection& c) {
  const v1::ConnectionReport& report = c.report();
  bool waits = c.presence() == v1::Connection::PRESENCE_REPORTING &&
               report.state() == v1::ConnectionReport::STATE_BACKING_OFF;
  if (!waits) return "";
  std::string cause = report.last_cause().empty() ? "no attempt yet" : report.last_cause();
  std::string line = absl::StrCat(ShortName(c.name()), " waits: ", EscapeForTerminal(cause));
  // 200 is how the stream began, not how it ended.
  if (report.http_status() != 0 && report.http_status() != 200) {
    absl::StrAppend(&line, " (HTTP ", report.http_status(), ")");
  }
  absl::StrAppend(&line, ", class ", EscapeForTerminal(report.wait_class()));
  if (report.has_next_attempt_time()) {
    absl::Time next = ToTime(report.next_attempt_time());
    absl::Duration left = next - ToTime(report.report_time()) - ToDuration(c.report_age());
    absl::StrAppend(&line, ", next attempt ",
                    left <= absl::ZeroDuration() ? "now" : "in " + DurationText(left), " (",
                    absl::FormatTime("%H:%M:%S", next, absl::UTCTimeZone()), " UTC)");
  }
  if (report.needs_operator()) absl::StrAppend(&line, "; NEEDS OPERATOR: waiting does not mend it");
  return line;
}

std::string OriginWord(v1::EventOrigin origin) {
  return EnumWords(v1::EventOrigin_Name(origin), "EVENT_ORIGIN_");
}

std::string HealthWord(v1::StreamStatus::Health health, bool color) {
  const char* paint = "";
  if (health == v1::StreamStatus::HEALTH_REDUNDANT) paint = "\x1b[32m";
  if (health == v1::StreamStatus::HEALTH_EXPOSED) paint = "\x1b[33m";
  if (health == v1::StreamStatus::HEALTH_DARK) paint = "\x1b[31m";
  std::string word = v1::StreamStatus::Health_Name(health);
  word = std::string(absl::StripPrefix(word, "HEALTH_"));
  return color ? absl::StrCat(paint, word, "\x1b[0m") : word;
}

// The problems say why and how it ends.
std::string PauseWord(const v1::StreamStatus& status) {
  if (!status.has_pause()) return "";
  return status.pause().has_end_time() ? ", PAUSED by a limit" : ", PAUSED by an operator";
}

std::string Count(double per_second) {
  if (per_second > 0 && per_second < 10) return absl::StrFormat("%.1f", per_second);
  return GroupDigits(static_cast<uint64_t>(std::llround(per_second)));
}

std::string RuleSetLine(const v1::StreamStatus& status) {
  const v1::RuleSet& set = status.rule_set();
  absl::Time now = ToTime(status.sample_time());
  const auto age = [now](const google::protobuf::Timestamp& time) {
    return DurationText(std::max(absl::ZeroDuration(), now - ToTime(time)));
  };
  return absl::StrCat("version ", set.version(), "  ", GroupDigits(set.count()),
                      set.count() == 1 ? " rule" : " rules", "  changed ", age(set.change_time()),
                      " ago  listed ", age(set.observe_time()), " ago");
}

// What X sends against what it usually does, how late, and what it bills.
std::string VolumeLine(const v1::StreamStatus& s) {
  std::string state = EnumWords(v1::StreamStatus::Volume::State_Name(s.volume().state()), "STATE_");
  if (s.volume().state() == v1::StreamStatus::Volume::STATE_UNSPECIFIED) state = "not watched";
  std::string text = absl::StrCat("  volume   ", state, s.volume().capped() ? ", CAPPED" : "");
  if (s.volume().state() != v1::StreamStatus::Volume::STATE_UNSPECIFIED) {
    // Nothing was judged yet, or nothing is received on purpose.
    bool observes = !s.has_pause() && s.volume().learned() > 0;
    absl::StrAppend(
        &text, "  ",
        observes ? absl::StrCat(Count(s.volume().observed_per_second()), "/s") : "not observed");
    if (s.volume().learned() > 0) {
      absl::StrAppend(&text, ", usually ", Count(s.volume().expected_per_second()), "/s");
    }
  }
  absl::StrAppend(&text, "    billed today ", GroupDigits(s.posts_today()), "\n");
  if (s.has_lag()) {
    absl::StrAppend(&text, "  lag      p50 ", DurationText(ToDuration(s.lag().p50())), "  p99 ",
                    DurationText(ToDuration(s.lag().p99())), "\n");
  }
  return text + "\n";
}

std::string LogLine(const v1::StreamStatus& status) {
  if (status.last_sequence() < status.earliest_sequence()) return "empty";
  return absl::StrCat(GroupDigits(status.earliest_sequence()), " … ",
                      GroupDigits(status.last_sequence()), " (id ",
                      EscapeForTerminal(status.log_id()), ")");
}

// The text of a post, where it has one; else its line.
std::string PostText(const v1::Event& event) {
  static thread_local simdjson::dom::parser parser;
  simdjson::padded_string line(event.payload());
  simdjson::dom::element root;
  if (parser.parse(line).get(root) == simdjson::SUCCESS) {
    std::string_view text;
    for (const char* path : {"/data/text", "/text", "/full_text", "/body"}) {
      if (root.at_pointer(path).get(text) == simdjson::SUCCESS) return std::string(text);
    }
  }
  return event.payload();
}

// The first sighting's bytes are the ones kept.
bool IsVariant(const v1::Event& event, const v1::Sighting& sighting) {
  uint64_t kept = event.sightings(0).line_hash();
  return kept != 0 && sighting.line_hash() != 0 && sighting.line_hash() != kept;
}

std::string SightingsTable(const v1::Event& event) {
  std::vector<std::vector<std::string>> rows = {{"CONNECTION", "RECEIVED (UTC)", ">BEHIND", "HOW"}};
  absl::Time first = absl::InfiniteFuture();
  for (const v1::Sighting& sighting : event.sightings()) {
    first = std::min(first, ToTime(sighting.receive_time()));
  }
  for (const v1::Sighting& sighting : event.sightings()) {
    absl::Time received = ToTime(sighting.receive_time());
    rows.push_back({EscapeForTerminal(sighting.connection_id()), TimeText(received),
                    received == first ? "first" : DurationText(received - first),
                    absl::StrCat(OriginWord(sighting.origin()),
                                 IsVariant(event, sighting) ? ", other bytes" : "")});
  }
  return TableText(rows, "  ");
}

// What to try next, by what gRPC says of the connection.
std::string UnreachableRemedy(absl::string_view message, bool tls) {
  const auto has = [message](absl::string_view part) {
    return message.find(part) != absl::string_view::npos;
  };
  if (!tls && (has("Socket closed") || has("Connection reset") || has("Broken pipe"))) {
    return "It closed the connection at once: if its port speaks TLS, give --ca-file, "
           "--certificate-file and --key-file.";
  }
  if (tls && has("WRONG_VERSION_NUMBER")) {
    return "Its port speaks plain text: leave --ca-file, --certificate-file and --key-file out.";
  }
  if (tls && (has("CERTIFICATE_VERIFY_FAILED") || has("andshake") || has("Peer name"))) {
    return "The certificates do not fit: --ca-file must hold the CA that signed the deduper's, and "
           "its name must be\n  the address's host or --server-name.";
  }
  return "Is braid-deduper running there? Name another with --server HOST:PORT or BRAID_SERVER.";
}

bool HasSeen(const v1::Event& event, const std::string& connection_id) {
  return std::any_of(
      event.sightings().begin(), event.sightings().end(),
      [&](const v1::Sighting& sighting) { return sighting.connection_id() == connection_id; });
}

}  // namespace

std::string RenderConnections(const google::protobuf::RepeatedPtrField<v1::Connection>& connections,
                              int width) {
  bool has_partitions = std::any_of(connections.begin(), connections.end(),
                                    [](const v1::Connection& c) { return c.partition() > 0; });
  std::vector<std::vector<std::string>> rows = {
      {"CONNECTION", "STATE", ">EVENTS/S", ">BYTES/S", ">FIRST", ">SEEN", ">BEHIND P50", ">P99",
       ">LAST BYTE", ">REPORT AGE", ">UP", ">CALL UP", ">RECONNECTS", "NETWORK"}};
  for (const v1::Connection& c : connections) {
    const auto age = [](bool known, const google::protobuf::Duration& duration) {
      return known ? DurationText(ToDuration(duration)) : std::string("-");
    };
    rows.push_back(
        {ShortName(c.name()), StateWord(c), Count(c.rates().events_per_second()),
         BytesText(c.rates().bytes_per_second()), absl::StrFormat("%.0f %%", c.first_share() * 100),
         absl::StrFormat("%.0f %%", c.seen_share() * 100), DurationText(ToDuration(c.behind_p50())),
         DurationText(ToDuration(c.behind_p99())), age(c.has_last_byte_age(), c.last_byte_age()),
         age(c.has_report_age(), c.report_age()), age(c.has_stream_up_time(), c.stream_up_time()),
         age(c.has_up_time(), c.up_time()), GroupDigits(c.reconnects()),
         EscapeForTerminal(c.network())});
    if (has_partitions) rows.back().push_back(absl::StrCat(c.partition()));
  }
  if (has_partitions) rows[0].push_back(">PARTITION");
  // What a narrow screen does without first: a name, a state and whether posts
  // come stay.
  std::string text = FittedTableText(std::move(rows), "  ", width,
                                     {"NETWORK", "CALL UP", "REPORT AGE", "P99", "RECONNECTS",
                                      "BYTES/S", "SEEN", "BEHIND P50", "UP", "LAST BYTE"});
  for (const v1::Connection& c : connections) {
    std::string line = WaitLine(c);
    if (!line.empty()) absl::StrAppend(&text, WrapText("  " + line, width, "      "), "\n");
  }
  return text;
}

std::string RenderStatus(const v1::StreamStatus& s, bool color, int width) {
  std::string text =
      absl::StrCat(ShortName(s.stream()), "  ", HealthWord(s.health(), color), PauseWord(s), "  ",
                   TimeText(ToTime(s.sample_time())), " UTC\n\n");
  absl::StrAppend(&text, "  merged   ", Count(s.merged().events_per_second()), " events/s  ",
                  BytesText(s.merged().bytes_per_second()), "/s  ",
                  s.merged().copies_per_event() > 0
                      ? absl::StrFormat("%.2f", s.merged().copies_per_event())
                      : "-",
                  " live copies per event\n");
  absl::StrAppend(&text, "  log      ", LogLine(s), "\n");
  if (s.has_complete_from_time()) {
    absl::StrAppend(&text, "  complete ", TimeText(ToTime(s.complete_from_time())), " … ",
                    TimeText(ToTime(s.watermark_time())), " by creation, but for gaps\n");
  }
  absl::StrAppend(&text, "  totals   ", GroupDigits(s.merged_events()), " merged  ",
                  GroupDigits(s.duplicate_events()), " duplicates  ", GroupDigits(s.late_events()),
                  " late  ", GroupDigits(s.lost_lines()), " lost lines\n");
  absl::StrAppend(&text, "  window   ", GroupDigits(s.window().entries()), " keys over ",
                  DurationText(ToDuration(s.window().span())), "  ",
                  BytesText(static_cast<double>(s.window().memory_bytes())), " memory\n");
  absl::StrAppend(&text, "  commit   p50 ", DurationText(ToDuration(s.commit_delay_p50())),
                  "  p99 ", DurationText(ToDuration(s.commit_delay_p99())), "    disk free ",
                  BytesText(static_cast<double>(s.disk_free_bytes())), "    readers ", s.tails(),
                  "\n");
  absl::StrAppend(&text, VolumeLine(s));
  if (s.has_rule_set()) absl::StrAppend(&text, "  rules    ", RuleSetLine(s), "\n\n");
  text = absl::StrCat(WrapLines(text, width), RenderConnections(s.connections(), width));
  if (s.problems_size() > 0) absl::StrAppend(&text, "\n");
  for (const std::string& problem : s.problems()) {
    absl::StrAppend(&text, WrapText("  ! " + EscapeForTerminal(problem), width, "    "), "\n");
  }
  return text;
}

std::string RenderEventLine(const v1::Event& event, v1::ReadOrder order, int text_width) {
  std::string marks;
  if (event.origin() != v1::EVENT_ORIGIN_LIVE) {
    absl::StrAppend(&marks, "[", OriginWord(event.origin()), "] ");
  }
  if (event.late()) absl::StrAppend(&marks, "[late] ");
  std::string connection = event.sightings_size() > 0 ? event.sightings(0).connection_id() : "";
  // The time by which the lines are sorted.
  const absl::Time time =
      ToTime(order == v1::READ_ORDER_CREATION ? event.create_time() : event.commit_time());
  return absl::StrCat(event.sequence(), "  ", TimeText(time), "  ", EscapeForTerminal(connection),
                      "  ", event.id(), "  ", marks,
                      Truncate(EscapeForTerminal(PostText(event)), text_width));
}

std::string RenderEvent(const v1::Event& event) {
  std::string text =
      absl::StrCat(EnumWords(v1::EventKind_Name(event.kind()), "EVENT_KIND_"), " ", event.id(), "\n");
  absl::StrAppend(&text, "  sequence   ", event.sequence(), event.late() ? "  (late)" : "", "\n");
  absl::StrAppend(&text, "  created    ", TimeText(ToTime(event.create_time())), " UTC\n");
  absl::StrAppend(&text, "  committed  ", TimeText(ToTime(event.commit_time())), " UTC\n");
  absl::StrAppend(&text, "  origin     ", OriginWord(event.origin()), "\n");
  for (const std::string& tag : event.rule_tags()) {
    absl::StrAppend(&text, "  rule       ", EscapeForTerminal(tag), "\n");
  }
  absl::StrAppend(&text, "\n", SightingsTable(event), "\n", EscapeForTerminal(PayloadLine(event)),
                  "\n");
  return text;
}

std::string RenderWhy(const v1::Event& event, const v1::StreamStatus& status) {
  std::string text = absl::StrCat(
      "Post ", event.id(), " is in the log of ", ShortName(status.stream()), " at sequence ",
      event.sequence(), ".\n  created    ", TimeText(ToTime(event.create_time())),
      " UTC\n  committed  ", TimeText(ToTime(event.commit_time())), " UTC, ",
      DurationText(ToTime(event.commit_time()) - ToTime(event.create_time())),
      " after its creation\n");
  if (event.late()) {
    absl::StrAppend(&text, "  It was outside the window when it arrived: marked late.\n");
  }
  absl::StrAppend(&text, "\n", SightingsTable(event));
  for (const v1::Connection& connection : status.connections()) {
    std::string id = ShortName(connection.name());
    if (!HasSeen(event, id)) absl::StrAppend(&text, "  ", id, "  has not delivered it\n");
  }
  return text;
}

std::string RenderWhyNot(uint64_t post_id, const v1::StreamStatus& status, absl::Time now,
                         int width) {
  absl::Time created = SnowflakeTime(post_id);
  std::string text =
      absl::StrCat("Post ", post_id, " is not in the log of ", ShortName(status.stream()),
                   ".\n  created    ", TimeText(created), " UTC, by its id\n");
  if (created > now + absl::Minutes(1)) {
    absl::StrAppend(&text, "  Its id lies in the future: no post has it yet.\n");
  } else if (status.has_floor_time() && created < ToTime(status.floor_time())) {
    absl::StrAppend(&text, "  It is older than what is kept (since ",
                    TimeText(ToTime(status.floor_time())),
                    " UTC): it may have been delivered and expired.\n");
  } else {
    absl::StrAppend(&text,
                    "  It is inside the window: no connection has delivered it. It may not "
                    "match the stream's rules, or was lost on the way to all of them.\n");
  }
  absl::StrAppend(&text, "\n", RenderConnections(status.connections(), width));
  return text;
}

std::string PayloadLine(const v1::Event& event) {
  std::string line = event.payload();
  std::replace(line.begin(), line.end(), '\n', ' ');
  std::replace(line.begin(), line.end(), '\r', ' ');
  return line;
}

std::string RenderError(const absl::Status& status, const std::string& server, bool tls) {
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
    return absl::StrCat("braid: can not reach ", EscapeForTerminal(server), ": ",
                        EscapeForTerminal(status.message()), "\n  ",
                        UnreachableRemedy(status.message(), tls));
  }
  std::vector<std::string> lines;
  for (absl::string_view line : absl::StrSplit(status.message(), '\n')) {
    lines.push_back(EscapeForTerminal(line));
  }
  std::string text = absl::StrCat("braid: ", absl::StrJoin(lines, "\n"));
  Reason reason = ReasonOf(status);
  if (reason.reason.empty()) return text;
  absl::StrAppend(&text, " (", EscapeForTerminal(reason.reason), ")");
  if (reason.reason == "CURSOR_TOO_OLD") {
    const std::string& from = reason.metadata["lost_from_time"];
    const std::string& until = reason.metadata["lost_until_time"];
    if (!until.empty()) {
      absl::StrAppend(&text, "\n  lost: what was committed ", from.empty() ? "" : "from ",
                      EscapeForTerminal(from), from.empty() ? "before " : " until ",
                      EscapeForTerminal(until),
                      "\n  go on with: --from earliest (and without the cursor or its file)");
    }
  }
  return text;
}

}  // namespace braid
