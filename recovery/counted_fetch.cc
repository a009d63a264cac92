#include "recovery/counted_fetch.h"

#include <utility>

#include "recovery/search_query.h"

namespace braid {

CountedFetch::CountedFetch(Loop& loop, HttpClient& http, SearchSource source, PageShare share,
                           TokenSource token, const Maker& maker, Done done)
    : source_(std::move(source)),
      done_(std::move(done)),
      asker_(loop, http, {}, std::move(token), [this](const PageAsker::End&) { Finish(); }),
      rules_(asker_, *source_.rules, source_.dialect->auth),
      counts_(asker_, source_, place_, std::move(share)) {
  fetch_ = maker([this](FetchEvidence evidence) { OnFetched(std::move(evidence)); });
}

FetchProgress CountedFetch::Progress() const {
  if (fetch_ != nullptr) return fetch_->Progress();
  return {evidence_.events, evidence_.bytes, absl::InfinitePast()};
}

void CountedFetch::OnFetched(FetchEvidence evidence) {
  evidence_ = std::move(evidence);
  fetch_.reset();
  bool is_open = evidence_.stop == FetchEvidence::Stop::kClean && evidence_.lost_lines == 0 &&
                 !evidence_.final_record.has_value() && evidence_.minutes.has_value();
  if (!is_open) return Finish();
  place_ = SearchPlaceOf(source_, evidence_.asked, asker_.XNow());
  rules_.Read([this](absl::StatusOr<std::vector<XRule>> rules) {
    rules.ok() ? OnRules(*rules) : Finish();
  });
}

void CountedFetch::OnRules(const std::vector<XRule>& rules) {
  SearchQueries queries = QueriesOf(rules, {place_.query_bytes_max, 1});
  if (queries.queries.size() != 1 || !queries.skipped.empty()) return Finish();
  counts_.Read({{queries.queries[0].text, *evidence_.minutes}},
               [this](absl::StatusOr<CountsReader::Counts> counts) {
                 if (counts.ok()) evidence_.counts = *std::move(counts);
                 Finish();
               });
}

void CountedFetch::Finish() {
  // It may destroy us.
  Done done = std::exchange(done_, nullptr);
  done(std::move(evidence_));
}

}  // namespace braid
