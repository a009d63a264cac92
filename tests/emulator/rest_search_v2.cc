#include "tests/emulator/rest_search_v2.h"

#include <algorithm>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/snowflake.h"
#include "tests/emulator/page_token.h"
#include "tests/emulator/post_fields.h"
#include "tests/emulator/query_syntax.h"
#include "tests/emulator/rest_problem.h"
#include "tests/emulator/v2_parameters.h"
#include "tests/emulator/x_answers.h"

namespace braid::emulator {
namespace {

constexpr absl::Duration kRecentReach = absl::Hours(7 * 24);
// What /counts/all and /search/all look at when start_time is absent.
constexpr absl::Duration kAllDefaultReach = absl::Hours(30 * 24);
// end_time has to be that far back; the default lies at the index delay.
constexpr absl::Duration kEndTimeAgeMin = absl::Seconds(10);
// One page of /counts/all.
constexpr absl::Duration kCountsPage = absl::Hours(31 * 24);
constexpr size_t kLookupIdsMax = 100;

struct Asked {
  std::string query;
  absl::Time start, end;
  IdSpan span;
  std::string same;  // what the next page has to repeat
};

void CheckQuery(const std::string& query, SearchReach reach, V2Parameters* parameters) {
  size_t length_max = reach == SearchReach::kRecent ? 512 : 1024;
  if (query.size() > length_max) {
    return parameters->Fail("query", absl::StrCat("Rule length exceeds the maximum of ", length_max,
                                                  " characters: ", query.size()));
  }
  std::string problem = QueryProblem(query, QueryUse::kSearch);
  if (!problem.empty()) {
    parameters->Fail("query", absl::StrCat("There were errors processing your request: ", problem));
  }
}

// A time outside what may be asked.
void FailTime(const std::string& name, absl::Time time, const std::string& rule,
              V2Parameters* parameters) {
  parameters->Fail(name, absl::StrCat("Invalid '", name, "':'", IsoMillis(time), "'. '", name,
                                      "' must be ", rule));
}

Asked ReadAsked(SearchReach reach, absl::Duration index_delay, absl::Time now,
                V2Parameters* parameters) {
  Asked asked;
  asked.query = parameters->Required("query");
  CheckQuery(asked.query, reach, parameters);
  absl::Duration reach_back = reach == SearchReach::kRecent ? kRecentReach : kAllDefaultReach;
  // Whole seconds, as the parameters have.
  absl::Time second = absl::FromUnixSeconds(absl::ToUnixSeconds(now));
  asked.end = parameters->Time("end_time", second - index_delay);
  asked.start = parameters->Time("start_time", std::min(asked.end, second) - reach_back);
  if (asked.end > now - kEndTimeAgeMin && parameters->Has("end_time")) {
    FailTime("end_time", asked.end, "a minimum of 10 seconds prior to the request time.",
             parameters);
  }
  if (asked.start >= asked.end) {
    FailTime("start_time", asked.start, "earlier than 'end_time'.", parameters);
  }
  // A minute of grace: the default of a client that reckons itself.
  if (reach == SearchReach::kRecent && asked.start < now - kRecentReach - absl::Minutes(1)) {
    FailTime("start_time", asked.start,
             absl::StrCat("on or after ", IsoMillis(now - kRecentReach), "."), parameters);
  }
  uint64_t since = parameters->Id("since_id", 0);
  uint64_t until = parameters->Id("until_id", std::numeric_limits<uint64_t>::max());
  asked.span = {std::max(FirstSnowflakeAt(asked.start), since + 1),
                std::min(FirstSnowflakeAt(asked.end), until)};
  if (since > 0 && !parameters->Has("start_time")) asked.span.from_id = since + 1;
  if (parameters->Has("until_id") && !parameters->Has("end_time")) asked.span.until_id = until;
  asked.same = absl::StrCat(asked.query, "\n", parameters->Text("start_time"), "\n",
                            parameters->Text("end_time"), "\n", since);
  return asked;
}

std::vector<std::string> SearchParameters() {
  return WithFieldParameters({"query", "start_time", "end_time", "since_id", "until_id",
                              "max_results", "next_token", "pagination_token", "sort_order"});
}

std::string TokenName(const V2Parameters& parameters) {
  return parameters.Has("next_token") ? "next_token" : "pagination_token";
}

// Where this page begins to look; the span's end on the first page.
uint64_t PageStart(const Asked& asked, uint64_t first, V2Parameters* parameters) {
  std::string name = TokenName(*parameters);
  if (!parameters->Has(name)) return first;
  std::optional<uint64_t> position = ReadPageToken(parameters->Text(name), asked.same);
  if (position) return *position;
  parameters->Fail(name, absl::StrCat("The `", name, "` query parameter value [",
                                      parameters->Text(name), "] is not valid"));
  return first;
}

std::string SearchMeta(const SearchPage& page, const Asked& asked) {
  if (page.posts.empty()) return R"("meta":{"result_count":0})";
  std::string next = page.next_until_id == 0
                         ? ""
                         : TextMember("next_token", PageToken(page.next_until_id, asked.same));
  return RawMember("meta",
                   JsonObject({TextMember("newest_id", absl::StrCat(page.posts.front().id)),
                               TextMember("oldest_id", absl::StrCat(page.posts.back().id)),
                               RawMember("result_count", absl::StrCat(page.posts.size())), next}));
}

std::string DataMember(const std::vector<std::string>& data) {
  return data.empty() ? "" : RawMember("data", JsonList(data));
}

// `start`, the full units after it, and `end`.
std::vector<absl::Time> Buckets(absl::Time start, absl::Time end, absl::Duration unit) {
  std::vector<absl::Time> bounds = {start};
  absl::Time next = absl::UnixEpoch() + absl::Floor(start - absl::UnixEpoch(), unit) + unit;
  for (; next < end; next += unit) bounds.push_back(next);
  bounds.push_back(end);
  return bounds;
}

std::string CountsBody(const std::vector<absl::Time>& bounds, const std::vector<uint64_t>& counts,
                       const std::string& next_token) {
  std::vector<std::string> data;
  uint64_t total = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    data.push_back(JsonObject({TextMember("end", IsoMillis(bounds[i + 1])),
                               TextMember("start", IsoMillis(bounds[i])),
                               RawMember("tweet_count", absl::StrCat(counts[i]))}));
    total += counts[i];
  }
  std::string next = next_token.empty() ? "" : TextMember("next_token", next_token);
  return JsonObject(
      {RawMember("data", JsonList(data)),
       RawMember("meta", JsonObject({RawMember("total_tweet_count", absl::StrCat(total)), next}))});
}

}  // namespace

HttpAnswer RestSearchV2::Search(const RouteRequest& request, SearchReach reach) {
  absl::Time now = request.now.x_time;
  V2Parameters parameters(request.http, SearchParameters());
  Asked asked = ReadAsked(reach, search_->options().index_delay, now, &parameters);
  int posts_max =
      parameters.Number("max_results", 10, reach == SearchReach::kRecent ? 100 : 500, 10);
  parameters.OneOf("sort_order", {"recency", "relevancy"}, "recency");
  asked.span.until_id = PageStart(asked, asked.span.until_id, &parameters);
  if (parameters.mistake()) return *parameters.mistake();
  SearchPage page = search_->Find(asked.query, asked.span, static_cast<size_t>(posts_max), now);
  PostFields fields(request.http);
  for (const Event& post : page.posts) {
    fields.Add(state_->text->V2Plain(post));
    usage_->Returned(post.id, now);
  }
  return {200, JsonObject({DataMember(fields.data()), fields.Includes(), SearchMeta(page, asked)})};
}

HttpAnswer RestSearchV2::Counts(const RouteRequest& request, SearchReach reach) {
  absl::Time now = request.now.x_time;
  V2Parameters parameters(request.http,
                          {"query", "start_time", "end_time", "since_id", "until_id", "granularity",
                           "next_token", "pagination_token", "search_count.fields"});
  Asked asked = ReadAsked(reach, search_->options().index_delay, now, &parameters);
  std::string granularity = parameters.OneOf("granularity", {"minute", "hour", "day"}, "hour");
  uint64_t end =
      PageStart(asked, static_cast<uint64_t>(absl::ToUnixSeconds(asked.end)), &parameters);
  if (parameters.mistake()) return *parameters.mistake();
  absl::Duration unit = granularity == "minute" ? absl::Minutes(1)
                        : granularity == "hour" ? absl::Hours(1)
                                                : absl::Hours(24);
  absl::Time until = absl::FromUnixSeconds(static_cast<int64_t>(end));
  absl::Time from = asked.start;
  if (parameters.Has("since_id")) from = std::max(from, SnowflakeTime(asked.span.from_id));
  if (parameters.Has("until_id")) until = std::min(until, SnowflakeTime(asked.span.until_id));
  if (from >= until) return {200, CountsBody({}, {}, "")};
  // Pages go back in time; within one, the oldest bucket comes first.
  std::string next_token;
  if (until - from > kCountsPage) {
    from = absl::UnixEpoch() + absl::Ceil(until - kCountsPage - absl::UnixEpoch(), unit);
    next_token = PageToken(static_cast<uint64_t>(absl::ToUnixSeconds(from)), asked.same);
  }
  std::vector<absl::Time> bounds = Buckets(from, until, unit);
  return {200, CountsBody(bounds, search_->Count(asked.query, bounds, now), next_token)};
}

HttpAnswer RestSearchV2::Lookup(const RouteRequest& request) {
  V2Parameters parameters(request.http, WithFieldParameters({"ids"}));
  parameters.Required("ids");
  std::vector<std::string> ids = parameters.List("ids");
  if (ids.size() > kLookupIdsMax) {
    parameters.Fail("ids", absl::StrCat("The `ids` query parameter value can have at most ",
                                        kLookupIdsMax, " elements, got [", ids.size(), "]"));
  }
  std::vector<std::string> errors;
  PostFields fields(request.http);
  for (const std::string& text : ids) {
    uint64_t id = 0;
    if (text.size() > 19 || !absl::SimpleAtoi(text, &id)) {
      parameters.Fail("ids",
                      absl::StrCat("The `ids` query parameter value [", text, "] is not valid"));
      break;
    }
    const Event* post = state_->history->FindPost(id);
    if (post == nullptr || post->is_deleted) {
      errors.push_back(ResourceNotFound(text, "ids", "tweet"));
      continue;
    }
    fields.Add(state_->text->V2Plain(*post));
    usage_->Returned(id, request.now.x_time);
  }
  if (parameters.mistake()) return *parameters.mistake();
  return {200, JsonObject({DataMember(fields.data()), fields.Includes(),
                           errors.empty() ? "" : RawMember("errors", JsonList(errors))})};
}

HttpAnswer RestSearchV2::LookupOne(const RouteRequest& request) {
  const std::string& text = request.names.at("id");
  uint64_t id = 0;
  if (text.size() > 19 || !absl::SimpleAtoi(text, &id)) {
    return InvalidParameter(
        "id", text,
        absl::StrCat("The `id` query parameter value [", text, "] does not match ^[0-9]{1,19}$"));
  }
  const Event* post = state_->history->FindPost(id);
  if (post == nullptr || post->is_deleted) {
    return {200,
            JsonObject({RawMember("errors", JsonList({ResourceNotFound(text, "id", "tweet")}))})};
  }
  PostFields fields(request.http);
  fields.Add(state_->text->V2Plain(*post));
  usage_->Returned(id, request.now.x_time);
  return {200, JsonObject({RawMember("data", fields.data().front()), fields.Includes()})};
}

}  // namespace braid::emulator
