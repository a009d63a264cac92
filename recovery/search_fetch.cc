#include "recovery/search_fetch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/snowflake.h"

namespace braid {
namespace {

PageAsker::Options WithPace(PageAsker::Options pages, absl::Duration interval) {
  pages.interval = interval;
  return pages;
}

}  // namespace

SearchFetch::SearchFetch(Loop& loop, HttpClient& http, RecordSink& sink, Options options,
                         const Shares& shares, TokenSource token, Done done)
    : loop_(loop),
      options_(std::move(options)),
      place_(SearchPlaceOf(options_.source, options_.wanted, loop.WallNow())),
      done_(std::move(done)),
      posts_(sink, options_.framer, options_.witnesses, options_.source.dialect->unknown,
             &evidence_),
      shares_(shares),
      asker_(loop, http, WithPace(options_.pages, place_.interval), std::move(token),
             [this](const PageAsker::End& end) { Finish(end); }) {
  evidence_.asked = place_.asked;
  AskRules("");
}

SearchFetch::~SearchFetch() { posts_.Close(); }

FetchProgress SearchFetch::Progress() const {
  // The newest come first, once per query: nothing is reached before the end.
  return {evidence_.events, evidence_.bytes, absl::InfinitePast()};
}

void SearchFetch::AskRules(const std::string& page_token) {
  asker_.Ask(
      [this, page_token](const std::string& token) {
        RuleApi api = *options_.source.rules;
        if (!token.empty()) api.authorization = AuthorizationOf(options_.source.dialect->auth, token);
        return ListRulesRequest(api, page_token);
      },
      nullptr, [this](const std::string& body) { OnRules(body); });
}

void SearchFetch::OnRules(const std::string& body) {
  absl::StatusOr<RulePage> page = ParseRuleList(options_.source.rules->dialect, 200, body);
  if (!page.ok()) return Finish(PageAsker::End::Unreadable(page.status().message()));
  rules_.insert(rules_.end(), page->rules.begin(), page->rules.end());
  // An empty page that has a next one could go on for ever.
  if (!page->next_token.empty() && !page->rules.empty()) return AskRules(page->next_token);
  QueryLimits limits = options_.queries;
  limits.query_bytes_max = place_.query_bytes_max;
  queries_ = QueriesOf(rules_, limits);
  evidence_.unasked = rules_.empty() ? "the stream has no rules by which to search"
                                     : SkippedText(queries_.skipped);
  if (queries_.queries.empty()) return Finish(PageAsker::End::Clean());
  received_.resize(queries_.queries.size());
  evidence_.begin_time = asker_.XNow();
  AskPage("");
}

void SearchFetch::AskPage(const std::string& next_token) {
  next_token_ = next_token;
  asker_.Ask(
      [this](const std::string& token) {
        return BuildRequest(SearchRequest(options_.source, place_, queries_.queries[query_].text,
                                          next_token_),
                            token, 0);
      },
      &shares_.search, [this](const std::string& body) { OnPage(body); });
}

void SearchFetch::OnPage(const std::string& body) {
  evidence_.bytes += body.size();
  absl::StatusOr<SearchPage> page = ParseSearchPage(place_.family, body);
  if (!page.ok()) return Finish(PageAsker::End::Unreadable(page.status().message()));
  Take(*page);
  if (posts_.size() > options_.posts_max) {
    return Finish(PageAsker::End::Unreadable(
        absl::StrCat("more than ", options_.posts_max, " posts: write a shorter step_max")));
  }
  if (!page->next_token.empty() && page->next_token == next_token_) {
    return Finish(PageAsker::End::Unreadable("X names the same page again"));
  }
  if (!page->next_token.empty()) return AskPage(page->next_token);
  lowest_id_ = 0;
  if (++query_ < queries_.queries.size()) return AskPage("");
  // What is incomplete anyway needs no proof.
  bool is_worth_it = evidence_.unasked.empty() && evidence_.lost_lines == 0;
  if (!is_worth_it) return Finish(PageAsker::End::Clean());
  is_counting_ = true;
  query_ = 0;
  evidence_.counts.resize(queries_.queries.size());
  AskCounts("");
}

void SearchFetch::Take(const SearchPage& page) {
  const absl::optional<XRule>& rule = queries_.queries[query_].rule;
  for (size_t i = 0; i < page.posts.size(); ++i) {
    std::string line = PostLine(place_.family, page, i, rule ? &*rule : nullptr);
    NoteReceived(posts_.Take(std::move(line), asker_.XNow(), loop_.Now()));
  }
  posts_.Close();
}

// The newest come first: what does not go down came before. Where X sends them in
// another order fewer are counted than came, which proves nothing.
void SearchFetch::NoteReceived(uint64_t post_id) {
  if (post_id == 0 || (lowest_id_ != 0 && post_id >= lowest_id_)) return;
  lowest_id_ = post_id;
  ++received_[query_][MinuteOf(absl::ToUnixMicros(SnowflakeTime(post_id)))];
}

void SearchFetch::AskCounts(const std::string& next_token) {
  next_token_ = next_token;
  asker_.Ask(
      [this](const std::string& token) {
        return BuildRequest(CountsRequest(options_.source, place_, queries_.queries[query_].text,
                                          next_token_),
                            token, 0);
      },
      &shares_.counts, [this](const std::string& body) { OnCounts(body); });
}

void SearchFetch::OnCounts(const std::string& body) {
  absl::StatusOr<CountsPage> page = ParseCountsPage(place_.family, body);
  if (!page.ok()) return Finish(PageAsker::End::Unreadable(page.status().message()));
  for (const CountsPage::Bucket& bucket : page->buckets) {
    const MinuteCounts& received = received_[query_];
    auto found = received.find(MinuteOf(bucket.span.from));
    evidence_.counts[query_].push_back(
        {bucket.span, bucket.posts, found == received.end() ? 0 : found->second});
  }
  if (!page->next_token.empty() && page->next_token != next_token_) {
    return AskCounts(page->next_token);
  }
  if (++query_ < queries_.queries.size()) return AskCounts("");
  Finish(PageAsker::End::Clean());
}

void SearchFetch::Finish(const PageAsker::End& end) {
  posts_.Close();
  // Counts that do not come prove nothing, and take nothing away.
  bool lacks_counts = is_counting_ && end.stop != FetchEvidence::Stop::kClean;
  if (lacks_counts) evidence_.counts.clear();
  FillEnd(lacks_counts ? PageAsker::End::Clean() : end, options_.message_bytes_max, asker_.XNow(),
          &evidence_);
  if (evidence_.message.empty()) {
    evidence_.message = BoundedText(evidence_.unasked, options_.message_bytes_max);
  }
  // It may destroy us.
  Done done = std::exchange(done_, nullptr);
  done(std::move(evidence_));
}

}  // namespace braid
