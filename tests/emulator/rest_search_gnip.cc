#include "tests/emulator/rest_search_gnip.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/snowflake.h"
#include "simdjson.h"
#include "tests/emulator/page_token.h"
#include "tests/emulator/query_syntax.h"
#include "tests/emulator/rest_problem.h"

namespace braid::emulator {
namespace {

constexpr absl::Duration kReach = absl::Hours(30 * 24);
// A page ends there even if it is not full.
constexpr absl::Duration kPageReach = absl::Hours(31 * 24);
constexpr size_t kQueryBytesMax = 2048;

std::string MinuteText(absl::Time time) {
  return absl::FormatTime("%Y%m%d%H%M", time, absl::UTCTimeZone());
}

using Parameters = std::map<std::string, std::string>;

// Of the query, or of the JSON body, whose numbers may be numbers.
bool ReadParameters(const HttpRequest& request, Parameters* out) {
  *out = request.query;
  if (request.method != "POST") return true;
  simdjson::dom::parser parser;
  simdjson::padded_string padded(request.body.data(), request.body.size());
  simdjson::dom::object root;
  if (parser.parse(padded).get(root) != simdjson::SUCCESS) return false;
  for (auto [key, value] : root) {
    std::string_view text;
    (*out)[std::string(key)] =
        value.get(text) == simdjson::SUCCESS ? std::string(text) : simdjson::minify(value);
  }
  return true;
}

struct Asked {
  std::string query, bucket, problem;
  absl::Time from, until;
  uint64_t page_until = 0;  // an id; 0: the first page
  int posts_max = 100;
  std::string same;
};

void Fail(const std::string& problem, Asked* asked) {
  if (asked->problem.empty()) asked->problem = problem;
}

void ReadDate(const Parameters& parameters, const std::string& name, absl::Time* time,
              Asked* asked) {
  auto found = parameters.find(name);
  if (found == parameters.end()) return;
  std::string error;
  if (found->second.size() == 12 &&
      absl::ParseTime("%E4Y%m%d%H%M", found->second, absl::UTCTimeZone(), time, &error)) {
    return;
  }
  Fail(absl::StrCat("Invalid date format for query parameter '", name,
                    "'. Expected format is 'yyyyMMddHHmm'. For example, '201201012315' for "
                    "January 1st, 11:15 pm 2012 UTC."),
       asked);
}

std::string Get(const Parameters& parameters, const std::string& name) {
  auto found = parameters.find(name);
  return found == parameters.end() ? "" : found->second;
}

Asked ReadAsked(const RouteRequest& request) {
  Asked asked;
  Parameters parameters;
  if (!ReadParameters(request.http, &parameters)) {
    asked.problem = "Invalid JSON in the request body";
    return asked;
  }
  absl::Time now = request.now.x_time;
  absl::Time minute = absl::UnixEpoch() + absl::Floor(now - absl::UnixEpoch(), absl::Minutes(1));
  asked.query = Get(parameters, "query");
  if (asked.query.empty()) Fail("Missing required query parameter 'query'", &asked);
  if (asked.query.size() > kQueryBytesMax) Fail("The rule is too long", &asked);
  std::string syntax = QueryProblem(asked.query, QueryUse::kSearch);
  if (!syntax.empty()) {
    Fail(absl::StrCat("There were errors processing your request: ", syntax), &asked);
  }
  asked.until = minute + absl::Minutes(1);
  ReadDate(parameters, "toDate", &asked.until, &asked);
  asked.from = asked.until - kReach;
  ReadDate(parameters, "fromDate", &asked.from, &asked);
  if (asked.from >= asked.until) Fail("'toDate' must be later than 'fromDate'", &asked);
  if (request.names.at("product") == "30day" && asked.from < minute - kReach - absl::Hours(24)) {
    Fail("'fromDate' must be within the last 30 days", &asked);
  }
  std::string posts_max = Get(parameters, "maxResults");
  if (!posts_max.empty() && (!absl::SimpleAtoi(posts_max, &asked.posts_max) ||
                             asked.posts_max < 10 || asked.posts_max > 500)) {
    Fail("'maxResults' must be between 10 and 500", &asked);
  }
  asked.bucket = Get(parameters, "bucket").empty() ? "hour" : Get(parameters, "bucket");
  // Dates that were not given belong to the moment of the first page.
  asked.same =
      absl::StrCat(asked.query, "\n", Get(parameters, "fromDate"), "\n", Get(parameters, "toDate"));
  if (parameters.count("next") > 0) {
    std::optional<uint64_t> next = ReadPageToken(Get(parameters, "next"), asked.same);
    if (!next) Fail("Invalid value for query parameter 'next'", &asked);
    asked.page_until = next.value_or(0);
  }
  return asked;
}

std::string NextMember(uint64_t next, const Asked& asked) {
  return next == 0 ? "" : TextMember("next", PageToken(next, asked.same));
}

std::string Dates(const Asked& asked) {
  return absl::StrCat(TextMember("fromDate", MinuteText(asked.from)), ",",
                      TextMember("toDate", MinuteText(asked.until)));
}

absl::Duration BucketLength(const std::string& bucket) {
  if (bucket == "minute") return absl::Minutes(1);
  if (bucket == "hour") return absl::Hours(1);
  return bucket == "day" ? absl::Hours(24) : absl::ZeroDuration();
}

absl::Time FloorTo(absl::Time time, absl::Duration unit) {
  return absl::UnixEpoch() + absl::Floor(time - absl::UnixEpoch(), unit);
}

}  // namespace

HttpAnswer RestSearchGnip::Search(const RouteRequest& request) {
  absl::Time now = request.now.x_time;
  Asked asked = ReadAsked(request);
  if (!asked.problem.empty()) return GnipRefusal(422, asked.problem, now);
  IdSpan span{FirstSnowflakeAt(asked.from),
              asked.page_until > 0 ? asked.page_until : FirstSnowflakeAt(asked.until)};
  uint64_t oldest = FirstSnowflakeAt(SnowflakeTime(span.until_id) - kPageReach);
  bool is_cut = oldest > span.from_id;
  if (is_cut) span.from_id = oldest;
  SearchPage page = search_->Find(asked.query, span, static_cast<size_t>(asked.posts_max), now);
  if (page.next_until_id == 0 && is_cut) page.next_until_id = oldest;
  usage_->SearchRequested(request.names.at("product") == "fullarchive", now);
  std::vector<std::string> results;
  for (const Event& post : page.posts) {
    results.push_back(state_->text->Native(post, {}));
    usage_->Returned(post.id, now);
  }
  std::string parameters = absl::StrCat("{", RawMember("maxResults", absl::StrCat(asked.posts_max)),
                                        ",", Dates(asked), "}");
  return {200, JsonObject({RawMember("results", JsonList(results)),
                           NextMember(page.next_until_id, asked),
                           RawMember("requestParameters", parameters)})};
}

HttpAnswer RestSearchGnip::Counts(const RouteRequest& request) {
  absl::Time now = request.now.x_time;
  Asked asked = ReadAsked(request);
  absl::Duration unit = BucketLength(asked.bucket);
  if (unit == absl::ZeroDuration()) {
    Fail("'bucket' must be one of 'day', 'hour', 'minute'", &asked);
  }
  if (!asked.problem.empty()) return GnipRefusal(422, asked.problem, now);
  absl::Time until =
      asked.page_until > 0 ? SnowflakeTime(asked.page_until) : std::min(asked.until, now);
  absl::Time from = std::max(asked.from, FloorTo(until - kPageReach, unit) + unit);
  if (until - asked.from <= kPageReach) from = asked.from;
  uint64_t next = from > asked.from ? FirstSnowflakeAt(from) : 0;
  std::vector<absl::Time> bounds;
  for (absl::Time at = FloorTo(from, unit); at < until; at += unit) {
    bounds.push_back(std::max(at, from));
  }
  std::vector<absl::Time> starts;
  for (absl::Time at : bounds) starts.push_back(FloorTo(at, unit));
  bounds.push_back(until);
  std::vector<uint64_t> counts = search_->Count(asked.query, bounds, now);
  usage_->SearchRequested(request.names.at("product") == "fullarchive", now);
  uint64_t total = 0;
  std::vector<std::string> results;
  for (size_t i = 0; i < counts.size(); ++i) {
    results.push_back(JsonObject({TextMember("timePeriod", MinuteText(starts[i])),
                                  RawMember("count", absl::StrCat(counts[i]))}));
    total += counts[i];
  }
  std::string parameters =
      absl::StrCat("{", TextMember("bucket", asked.bucket), ",", Dates(asked), "}");
  return {200, JsonObject({RawMember("results", JsonList(results)),
                           RawMember("totalCount", absl::StrCat(total)), NextMember(next, asked),
                           RawMember("requestParameters", parameters)})};
}

}  // namespace braid::emulator
