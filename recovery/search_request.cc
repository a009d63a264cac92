#include "recovery/search_request.h"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "recovery/past_request.h"

namespace braid {
namespace {

constexpr absl::Duration kRecentReach = absl::Hours(7 * 24);
// One request a second; X's seconds are not ours.
constexpr absl::Duration kArchivePace = absl::Milliseconds(1100);
// 20 a second, of everybody together.
constexpr absl::Duration kGnipPace = absl::Milliseconds(100);

// Without parameters.
std::string LiveUrl(const RequestOptions& live) {
  RequestOptions bare = live;
  bare.parameters.clear();
  absl::StatusOr<std::string> url = StreamUrl(bare);
  return url.ok() ? url->substr(0, url->find('?')) : "";
}

// "https://api.x.com/2/": of any URL of it.
std::string V2Root(const std::string& url) {
  size_t path = url.find("/2/");
  return path == std::string::npos ? "" : url.substr(0, path + 3);
}

std::string GnipSearchUrl(const std::string& url) {
  return absl::StrReplaceAll(url, {{"://gnip-stream.", "://gnip-api."},
                                   {"/stream/powertrack/", "/search/30day/"},
                                   {"/publishers/twitter/", "/"}});
}

RequestOptions Base(const SearchSource& source, std::string url) {
  RequestOptions request = source.live;
  request.dialect = source.dialect.get();
  request.partition = 0;
  request.url = std::move(url);
  request.parameters.clear();
  return request;
}

SearchPlace PlaceOf(const SearchSource& source, const Interval& wanted, absl::Time now) {
  SearchPlace place;
  place.family = source.dialect->family;
  place.url = source.search_url;
  if (place.family == XFamily::kGnip) {
    if (place.url.empty()) place.url = GnipSearchUrl(source.live.url);
    place.page_posts = 500;
    place.query_bytes_max = 2048;
    place.interval = kGnipPace;
    place.asked = Outward(wanted, absl::Minutes(1));
    return place;
  }
  bool is_recent = now - absl::FromUnixMicros(wanted.from) <= kRecentReach;
  if (place.url.empty()) {
    const char* product = is_recent ? "recent" : "all";
    place.url = absl::StrCat(V2Root(source.live.url), "tweets/search/", product);
  }
  place.asked = Outward(wanted, absl::Seconds(1));
  if (!IsArchive(place.url)) return place;
  place.page_posts = 500;
  place.query_bytes_max = 1024;
  place.interval = kArchivePace;
  return place;
}

// Where X has them, whatever the search is asked at.
std::string CountsUrl(const SearchPlace& place) {
  absl::string_view url = place.url;
  if (place.family == XFamily::kGnip && absl::ConsumeSuffix(&url, ".json")) {
    return absl::StrCat(url, "/counts.json");
  }
  return absl::StrReplaceAll(url, {{"/2/tweets/search/", "/2/tweets/counts/"}});
}

// What both ask for, and from where on.
RequestOptions RangeRequest(const SearchSource& source, const SearchPlace& place,
                            const std::string& url, const std::string& query) {
  RequestOptions request = Base(source, url);
  bool is_gnip = place.family == XFamily::kGnip;
  request.parameters.emplace_back("query", query);
  request.parameters.emplace_back(
      is_gnip ? "fromDate" : "start_time",
      is_gnip ? MinuteStamp(place.asked.from) : IsoSecond(place.asked.from));
  request.parameters.emplace_back(
      is_gnip ? "toDate" : "end_time",
      is_gnip ? MinuteStamp(place.asked.until) : IsoSecond(place.asked.until));
  return request;
}

void AddNext(const SearchPlace& place, const std::string& next_token, RequestOptions* request) {
  if (next_token.empty()) return;
  request->parameters.emplace_back(place.family == XFamily::kGnip ? "next" : "next_token",
                                   next_token);
}

}  // namespace

SearchPlace SearchPlaceOf(const SearchSource& source, const Interval& wanted, absl::Time now) {
  SearchPlace place = PlaceOf(source, wanted, now);
  place.counts_url = source.counts_url.empty() ? CountsUrl(place) : source.counts_url;
  return place;
}

SearchSource SearchSourceOf(const config::v1::RecoveredStream& stream, RequestOptions live) {
  SearchSource source;
  auto dialect = std::make_shared<Dialect>(*live.dialect);
  dialect->partitions = 0;
  config::v1::SourceConfig of_rules = stream.source();
  of_rules.set_dialect(std::string(dialect->name));
  of_rules.set_url(LiveUrl(live));
  source.rules = RuleApiOf(of_rules);
  if (source.rules) source.rules->user_agent = UserAgent(live.version, live.connection);
  source.live = std::move(live);
  source.live.url = of_rules.url();
  source.live.dialect = dialect.get();
  source.live.partition = 0;
  source.dialect = std::move(dialect);
  source.search_url = stream.search_url();
  source.counts_url = stream.counts_url();
  source.lookup_url = stream.lookup_url();
  return source;
}

bool IsArchive(absl::string_view search_url) {
  return absl::EndsWith(search_url.substr(0, search_url.find('?')), "/search/all");
}

RequestOptions SearchRequest(const SearchSource& source, const SearchPlace& place,
                             const std::string& query, const std::string& next_token) {
  RequestOptions request = RangeRequest(source, place, place.url, query);
  bool is_gnip = place.family == XFamily::kGnip;
  request.parameters.emplace_back(is_gnip ? "maxResults" : "max_results",
                                  absl::StrCat(place.page_posts));
  // What the stream asks for of each post.
  const auto& of_posts = source.live.parameters;
  if (!is_gnip) {
    request.parameters.insert(request.parameters.begin(), of_posts.begin(), of_posts.end());
  }
  AddNext(place, next_token, &request);
  return request;
}

RequestOptions CountsRequest(const SearchSource& source, const SearchPlace& place,
                             const std::string& query, const std::string& next_token) {
  RequestOptions request = RangeRequest(source, place, place.counts_url, query);
  bool is_gnip = place.family == XFamily::kGnip;
  request.parameters.emplace_back(is_gnip ? "bucket" : "granularity", "minute");
  AddNext(place, next_token, &request);
  return request;
}

RequestOptions LookupRequest(const SearchSource& source, const std::vector<uint64_t>& post_ids) {
  std::string url = source.lookup_url;
  if (url.empty()) url = absl::StrCat(V2Root(source.live.url), "tweets");
  RequestOptions request = Base(source, std::move(url));
  request.parameters = source.live.parameters;
  request.parameters.emplace_back("ids", absl::StrJoin(post_ids, ","));
  return request;
}

}  // namespace braid
