#include "recovery/search_page.h"

#include <simdjson.h>

#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "ingest/json_quote.h"
#include "ingest/x_array.h"
#include "ingest/x_message.h"

namespace braid {
namespace {

using simdjson::SUCCESS;
using simdjson::dom::element;

using Ids = absl::flat_hash_set<absl::string_view>;

// Ids have up to 19 digits; keys of media and places are somewhat longer.
constexpr size_t kIdBytesMax = 40;

absl::Status NoPage(absl::string_view why) {
  return absl::DataLossError(absl::StrCat("X's answer is no page of posts: ", why));
}

std::string Text(element object, const char* name) {
  std::string_view text;
  return object[name].get(text) == SUCCESS ? std::string(text) : "";
}

size_t Size(element object, const char* name) {
  simdjson::dom::array list;
  return object[name].get(list) == SUCCESS ? list.size() : 0;
}

// The facts by the parser, the bytes by cutting: both must see the same.
class PageReader {
 public:
  absl::Status Open(absl::string_view body) {
    page_.bytes = std::make_unique<std::string>(body);
    bool is_json = parser_.parse(*page_.bytes).get(root_) == SUCCESS && root_.is_object();
    return is_json && SplitObject(*page_.bytes, &parts_) ? absl::OkStatus()
                                                         : NoPage("it is no JSON object");
  }

  // False: there is no such list.
  bool TakePosts(const char* name) {
    element list;
    if (root_[name].get(list) != SUCCESS || !list.is_array()) return false;
    return SplitArray(ValueOf(parts_, name), &page_.posts) &&
           page_.posts.size() == Size(root_, name);
  }

  bool TakeIncludes() {
    simdjson::dom::object groups;
    if (root_["includes"].get(groups) != SUCCESS) return true;
    std::vector<JsonPart> parts;
    if (!SplitObject(ValueOf(parts_, "includes"), &parts)) return false;
    for (auto [name, list] : groups) {
      if (!TakeGroup(std::string(name), list, parts)) return false;
    }
    return true;
  }

  void TakeErrors() {
    simdjson::dom::array errors;
    if (root_["errors"].get(errors) != SUCCESS) return;
    for (element error : errors) {
      std::string id = Text(error, "resource_id");
      if (id.empty()) id = Text(error, "value");
      if (uint64_t post_id = ParsePostId(id)) page_.missing_ids.push_back(post_id);
    }
  }

  element root() const { return root_; }
  SearchPage* page() { return &page_; }

 private:
  static absl::string_view ValueOf(const std::vector<JsonPart>& parts, absl::string_view name) {
    for (const JsonPart& part : parts) {
      if (part.name == name) return part.value;
    }
    return "";
  }

  bool TakeGroup(std::string name, element list, const std::vector<JsonPart>& parts) {
    simdjson::dom::array objects;
    std::vector<absl::string_view> texts;
    if (list.get(objects) != SUCCESS) return true;
    if (!SplitArray(ValueOf(parts, name), &texts) || texts.size() != objects.size()) return false;
    page_.includes.push_back({std::move(name), {}});
    for (element object : objects) {
      std::string id = Text(object, "id");
      if (id.empty()) id = Text(object, "media_key");
      std::vector<SearchPage::Included>& group = page_.includes.back().objects;
      group.push_back({std::move(id), texts[group.size()]});
    }
    return true;
  }

  simdjson::dom::parser parser_;
  element root_;
  std::vector<JsonPart> parts_;
  SearchPage page_;
};

absl::optional<int64_t> Micros(const std::string& text, const char* format) {
  absl::Time time;
  if (!absl::ParseTime(format, text, absl::UTCTimeZone(), &time, nullptr)) return absl::nullopt;
  return absl::ToUnixMicros(time);
}

absl::optional<CountsPage::Bucket> V2Bucket(element item) {
  absl::optional<int64_t> from = Micros(Text(item, "start"), absl::RFC3339_full);
  absl::optional<int64_t> until = Micros(Text(item, "end"), absl::RFC3339_full);
  CountsPage::Bucket bucket;
  if (!from || !until || item["tweet_count"].get(bucket.posts) != SUCCESS) return absl::nullopt;
  bucket.span = {*from, *until};
  return bucket;
}

absl::optional<CountsPage::Bucket> GnipBucket(element item) {
  absl::optional<int64_t> from = Micros(Text(item, "timePeriod"), "%E4Y%m%d%H%M");
  CountsPage::Bucket bucket;
  if (!from || item["count"].get(bucket.posts) != SUCCESS) return absl::nullopt;
  bucket.span = {*from, *from + absl::ToInt64Microseconds(absl::Minutes(1))};
  return bucket;
}

// All short strings of it: whatever it refers to is among them.
void AddIds(absl::string_view json, Ids* ids) {
  for (size_t at = json.find('"'); at != absl::string_view::npos; at = json.find('"', at)) {
    const size_t end = PastString(json, at);
    if (end == absl::string_view::npos) return;
    const absl::string_view text = json.substr(at + 1, end - at - 2);
    if (text.size() <= kIdBytesMax) ids->insert(text);
    at = end;
  }
}

// What the post refers to, and what the posts that it refers to do.
std::string IncludesOf(const SearchPage& page, absl::string_view post) {
  Ids ids;
  AddIds(post, &ids);
  for (const SearchPage::Group& group : page.includes) {
    if (group.name != "tweets") continue;
    for (const SearchPage::Included& tweet : group.objects) {
      if (ids.count(tweet.id) > 0) AddIds(tweet.text, &ids);
    }
  }
  std::vector<std::string> groups;
  for (const SearchPage::Group& group : page.includes) {
    std::vector<absl::string_view> texts;
    for (const SearchPage::Included& object : group.objects) {
      if (ids.count(object.id) > 0) texts.push_back(object.text);
    }
    if (texts.empty()) continue;
    groups.push_back(absl::StrCat("\"", group.name, "\":[", absl::StrJoin(texts, ","), "]"));
  }
  return groups.empty() ? "" : absl::StrCat(",\"includes\":{", absl::StrJoin(groups, ","), "}");
}

std::string RuleOf(const XRule* rule) {
  if (rule == nullptr) return "";
  std::string tag = rule->tag.empty() ? "" : absl::StrCat(",\"tag\":", JsonQuote(rule->tag));
  return absl::StrCat(",\"matching_rules\":[{\"id\":", JsonQuote(rule->id), tag, "}]");
}

}  // namespace

absl::StatusOr<SearchPage> ParseSearchPage(XFamily family, absl::string_view body) {
  PageReader reader;
  if (absl::Status status = reader.Open(body); !status.ok()) return status;
  SearchPage* page = reader.page();
  if (family == XFamily::kGnip) {
    if (!reader.TakePosts("results")) return NoPage("it has no results");
    page->next_token = Text(reader.root(), "next");
    return std::move(*page);
  }
  // Without posts X leaves the list out; never meta.
  element meta;
  uint64_t count = 0;
  if (reader.root()["meta"].get(meta) != SUCCESS || meta["result_count"].get(count) != SUCCESS) {
    return NoPage("it has no result_count");
  }
  bool has_posts = reader.TakePosts("data");
  if (page->posts.size() != count || (count > 0 && !has_posts)) {
    return NoPage(absl::StrCat(page->posts.size(), " posts came of ", count));
  }
  if (!reader.TakeIncludes()) return NoPage("its includes can not be read");
  page->next_token = Text(meta, "next_token");
  return std::move(*page);
}

absl::StatusOr<SearchPage> ParseLookupPage(absl::string_view body) {
  PageReader reader;
  if (absl::Status status = reader.Open(body); !status.ok()) return status;
  bool has_posts = reader.TakePosts("data");
  reader.TakeErrors();
  SearchPage* page = reader.page();
  if (!has_posts && page->missing_ids.empty()) return NoPage("it has neither data nor errors");
  if (!reader.TakeIncludes()) return NoPage("its includes can not be read");
  return std::move(*page);
}

absl::StatusOr<CountsPage> ParseCountsPage(XFamily family, absl::string_view body) {
  bool is_gnip = family == XFamily::kGnip;
  simdjson::dom::parser parser;
  simdjson::dom::array list;
  element root;
  if (parser.parse(body.data(), body.size()).get(root) != SUCCESS ||
      root[is_gnip ? "results" : "data"].get(list) != SUCCESS) {
    return absl::DataLossError("X's answer holds no counts");
  }
  CountsPage page;
  for (element item : list) {
    absl::optional<CountsPage::Bucket> bucket = is_gnip ? GnipBucket(item) : V2Bucket(item);
    if (!bucket) return absl::DataLossError("X's counts can not be read");
    page.buckets.push_back(*bucket);
  }
  element meta;
  if (is_gnip) page.next_token = Text(root, "next");
  if (!is_gnip && root["meta"].get(meta) == SUCCESS) page.next_token = Text(meta, "next_token");
  return page;
}

std::string PostLine(XFamily family, const SearchPage& page, size_t place, const XRule* rule) {
  absl::string_view post = page.posts[place];
  if (family == XFamily::kGnip) return std::string(post);
  return absl::StrCat("{\"data\":", post, IncludesOf(page, post), RuleOf(rule), "}");
}

}  // namespace braid
