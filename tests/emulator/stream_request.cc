#include "tests/emulator/stream_request.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/emulator/x_answers.h"

namespace braid::emulator {
namespace {

// Replay reaches from 5 days to half an hour back.
constexpr absl::Duration kReplayWindow = absl::Hours(5 * 24);
constexpr absl::Duration kReplayFromAge = absl::Minutes(31);
constexpr absl::Duration kReplayUntilAge = absl::Minutes(30);

struct Reader {
  const Endpoint& endpoint;
  const HttpRequest& request;
  absl::Time now;
  absl::Duration recovery_window;
  StreamAsk ask;

  HttpAnswer Bad(const std::string& name, const std::string& message) const {
    if (endpoint.family == Family::kGnip) return {400, GnipError(message, now)};
    return InvalidParameter(name, request.Query(name), message);
  }
  // The first name that is present; X's pages spell some in two ways.
  std::string Present(std::initializer_list<const char*> names) const {
    for (const char* name : names) {
      if (request.query.count(name) > 0) return name;
    }
    return "";
  }

  std::optional<HttpAnswer> ReadPartition();
  std::optional<HttpAnswer> ReadBackfill();
  std::optional<HttpAnswer> ReadRecovery();
  std::optional<HttpAnswer> ReadReplay();
  HttpAnswer BadDate(absl::string_view name, absl::string_view why) const;
};

std::optional<HttpAnswer> Reader::ReadPartition() {
  if (endpoint.partition_count == 0) return std::nullopt;
  std::string text = request.Query("partition");
  if (text.empty()) return Bad("partition", "The `partition` query parameter can not be empty");
  if (!absl::SimpleAtoi(text, &ask.partition) || ask.partition < 1 ||
      ask.partition > endpoint.partition_count) {
    return Bad("partition", absl::StrCat("The `partition` query parameter value [", text,
                                         "] is not between 1 and ", endpoint.partition_count));
  }
  return std::nullopt;
}

std::optional<HttpAnswer> Reader::ReadBackfill() {
  std::string name = Present({"backfill_minutes", "backfillMinutes"});
  if (name.empty()) return std::nullopt;
  int minutes = 0;
  if (!absl::SimpleAtoi(request.Query(name), &minutes) || minutes < 0 || minutes > 5) {
    return Bad(name, absl::StrCat("The `", name, "` query parameter value [", request.Query(name),
                                  "] is not between 0 and 5"));
  }
  ask.backfill = absl::Minutes(minutes);
  return std::nullopt;
}

bool ParseIso(const std::string& text, absl::Time* time) {
  return absl::ParseTime("%Y-%m-%dT%H:%M:%E*SZ", text, time, nullptr);
}

std::optional<HttpAnswer> Reader::ReadRecovery() {
  std::string from = Present({"start_time", "startTime"});
  std::string until = Present({"end_time", "endTime"});
  if (from.empty() && until.empty()) return std::nullopt;
  if (!endpoint.has_recovery) {
    return Bad(from.empty() ? until : from,
               absl::StrCat("The query parameter [", from.empty() ? until : from,
                            "] is not one of [backfill_minutes]"));
  }
  TimeSpan span{absl::InfinitePast(), now};
  if (from.empty() || !ParseIso(request.Query(from), &span.from)) {
    return Bad(from.empty() ? "start_time" : from, "start time must be YYYY-MM-DDTHH:mm:ssZ");
  }
  // Only the start is given in X's one full example.
  if (!until.empty() && !ParseIso(request.Query(until), &span.until)) {
    return Bad(until, "end time must be YYYY-MM-DDTHH:mm:ssZ");
  }
  if (span.from < now - recovery_window) {
    return Bad(from, "start time must be within the recovery window");
  }
  if (span.from >= span.until) return Bad(from, "start time must be before end time");
  if (span.until > now) return Bad(until, "end time must not be in the future");
  ask.span = span;
  return std::nullopt;
}

bool ParseReplayDate(const std::string& text, absl::Time* time) {
  if (text.size() != 12) return false;
  // With marks between: a year without end takes all digits.
  std::string marked = text;
  for (size_t at : {10, 8, 6, 4}) marked.insert(at, "-");
  return absl::ParseTime("%Y-%m-%d-%H-%M", marked, time, nullptr);
}

HttpAnswer Reader::BadDate(absl::string_view name, absl::string_view why) const {
  return {406,
          GnipError(absl::StrCat("Invalid date for query parameter '", name, "'. ", why), now)};
}

std::optional<HttpAnswer> Reader::ReadReplay() {
  TimeSpan span;
  for (auto [name, time] : {std::pair("fromDate", &span.from), std::pair("toDate", &span.until)}) {
    if (ParseReplayDate(request.Query(name), time)) continue;
    return HttpAnswer{406,
                      GnipError(absl::StrCat("Invalid date format for query parameter '", name,
                                             "'. Expected format is 'yyyyMMddHHmm'. For example, "
                                             "'201701012315' for January 1st, 11:15 pm 2017 UTC."),
                                now)};
  }
  constexpr char kTooYoung[] = "Can't ask for tweets from within the past ";
  if (span.from > now - kReplayFromAge) {
    return BadDate("fromDate", absl::StrCat(kTooYoung, "31 minutes."));
  }
  if (span.until > now - kReplayUntilAge) {
    return BadDate("toDate", absl::StrCat(kTooYoung, "30 minutes."));
  }
  if (span.from < now - kReplayWindow) {
    return BadDate("fromDate", "Can't ask for tweets from before 5 days ago.");
  }
  if (span.from >= span.until) return BadDate("toDate", "'toDate' must be after 'fromDate'.");
  ask.span = span;
  return std::nullopt;
}

}  // namespace

std::variant<StreamAsk, HttpAnswer> ReadStreamRequest(const Endpoint& endpoint,
                                                      const HttpRequest& request, absl::Time now,
                                                      absl::Duration recovery_window) {
  Reader reader{endpoint, request, now, recovery_window, {}};
  if (endpoint.family == Family::kGnip &&
      !absl::StrContains(request.Header("accept-encoding"), "gzip")) {
    return Refused(endpoint.family, "406", now);
  }
  std::optional<HttpAnswer> wrong = reader.ReadPartition();
  if (!wrong) wrong = reader.ReadBackfill();
  if (!wrong) wrong = endpoint.is_replay ? reader.ReadReplay() : reader.ReadRecovery();
  if (wrong) return *wrong;
  if (endpoint.family == Family::kPowerstream) {
    reader.ask.is_local_dc_only = request.Query("localDcOnly") == "true";
    // X decides by the address that was reached; here a test says it.
    std::string datacenter = request.Query("datacenter");
    reader.ask.datacenter = datacenter.empty() ? "atla" : datacenter;
  }
  return reader.ask;
}

}  // namespace braid::emulator
