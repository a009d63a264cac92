#include "recovery/counts_reader.h"

#include <utility>

#include "recovery/search_page.h"

namespace braid {

void CountsReader::Read(std::vector<Query> queries, Done done) {
  queries_ = std::move(queries);
  done_ = std::move(done);
  counts_.emplace_back();
  Ask("");
}

void CountsReader::Ask(const std::string& next_token) {
  next_token_ = next_token;
  asker_.Ask(
      [this](const std::string& token) {
        const std::string& query = queries_[counts_.size() - 1].text;
        return BuildRequest(CountsRequest(source_, place_, query, next_token_), token, 0);
      },
      &share_, [this](const std::string& body) { OnPage(body); });
}

void CountsReader::OnPage(const std::string& body) {
  Done done = done_;
  absl::StatusOr<CountsPage> page = ParseCountsPage(place_.family, body);
  if (!page.ok()) return done(page.status());
  const MinuteCounts& received = queries_[counts_.size() - 1].received;
  for (const CountsPage::Bucket& bucket : page->buckets) {
    auto found = received.find(MinuteOf(bucket.span.from));
    counts_.back().push_back(
        {bucket.span, bucket.posts, found == received.end() ? 0 : found->second});
  }
  bool has_next = !page->next_token.empty() && page->next_token != next_token_;
  if (has_next) return Ask(page->next_token);
  if (counts_.size() == queries_.size()) return done(std::move(counts_));
  counts_.emplace_back();
  Ask("");
}

}  // namespace braid
