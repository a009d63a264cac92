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
      share_(shares.search),
      asker_(loop, http, WithPace(options_.pages, place_.interval), std::move(token),
             [this](const PageAsker::End& end) { Finish(end); }),
      rules_(asker_, *options_.source.rules, options_.source.dialect->auth),
      counts_(asker_, options_.source, place_, shares.counts) {
  evidence_.asked = place_.asked;
  rules_.Read([this](absl::StatusOr<std::vector<XRule>> rules) {
    if (!rules.ok()) return Finish(PageAsker::End::Unreadable(rules.status().message()));
    OnRules(*std::move(rules));
  });
}

SearchFetch::~SearchFetch() { posts_.Close(); }

FetchProgress SearchFetch::Progress() const {
  // The newest come first, once per query: nothing is reached before the end.
  return {evidence_.events, evidence_.bytes, absl::InfinitePast()};
}

void SearchFetch::OnRules(std::vector<XRule> rules) {
  QueryLimits limits = options_.queries;
  limits.query_bytes_max = place_.query_bytes_max;
  queries_ = QueriesOf(rules, limits);
  evidence_.unasked =
      rules.empty() ? "the stream has no rules by which to search" : SkippedText(queries_.skipped);
  if (queries_.queries.empty()) return Finish(PageAsker::End::Clean());
  for (const SearchQuery& query : queries_.queries) received_.push_back({query.text, {}});
  evidence_.begin_time = asker_.XNow();
  AskPage("");
}

void SearchFetch::AskPage(const std::string& next_token) {
  next_token_ = next_token;
  asker_.Ask(
      [this](const std::string& token) {
        return BuildRequest(
            SearchRequest(options_.source, place_, queries_.queries[query_].text, next_token_),
            token, 0);
      },
      &share_, [this](const std::string& body) { OnPage(body); });
}

void SearchFetch::OnPage(const std::string& body) {
  evidence_.bytes += body.size();
  absl::StatusOr<SearchPage> page = ParseSearchPage(place_.family, body);
  if (!page.ok()) return Finish(PageAsker::End::Unreadable(page.status().message()));
  evidence_.last_request_time = asker_.XNow();
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
  AskCounts();
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
  int64_t micros = absl::ToUnixMicros(SnowflakeTime(post_id));
  bool is_asked = place_.asked.from <= micros && micros < place_.asked.until;
  if (is_asked) ++received_[query_].received[MinuteOf(micros)];
}

void SearchFetch::AskCounts() {
  is_counting_ = true;
  counts_.Read(std::move(received_), [this](absl::StatusOr<CountsReader::Counts> counts) {
    if (counts.ok()) evidence_.counts = *std::move(counts);
    Finish(PageAsker::End::Clean());
  });
}

void SearchFetch::Finish(const PageAsker::End& end) {
  posts_.Close();
  // Counts that do not come prove nothing, and take nothing away.
  FillEnd(is_counting_ ? PageAsker::End::Clean() : end, options_.message_bytes_max, asker_.XNow(),
          &evidence_);
  if (evidence_.message.empty()) {
    evidence_.message = BoundedText(evidence_.unasked, options_.message_bytes_max);
  }
  // It may destroy us.
  Done done = std::exchange(done_, nullptr);
  done(std::move(evidence_));
}

}  // namespace braid
