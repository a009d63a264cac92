#include "recovery/lookup_fetch.h"

#include <algorithm>
#include <utility>

#include "proto/recovery_terms.h"
#include "recovery/search_page.h"

namespace braid {

LookupFetch::LookupFetch(Loop& loop, HttpClient& http, RecordSink& sink, Options options,
                         PageShare share, TokenSource token, Done done)
    : loop_(loop),
      options_(std::move(options)),
      done_(std::move(done)),
      posts_(sink, options_.framer, {}, options_.source.dialect->unknown, &evidence_),
      share_(std::move(share)),
      asker_(loop, http, options_.pages, std::move(token),
             [this](const PageAsker::End& end) { Finish(end); }) {
  evidence_.asked = options_.wanted;
  evidence_.lookup.emplace();
  AskNext();
}

LookupFetch::~LookupFetch() { posts_.Close(); }

FetchProgress LookupFetch::Progress() const {
  return {evidence_.events, evidence_.bytes, absl::InfinitePast()};
}

void LookupFetch::AskNext() {
  const std::vector<uint64_t>& ids = options_.post_ids;
  if (next_ == ids.size()) return Finish(PageAsker::End::Clean());
  size_t until = std::min(ids.size(), next_ + kLookupIdsMax);
  asked_ids_.assign(ids.begin() + static_cast<std::ptrdiff_t>(next_),
                    ids.begin() + static_cast<std::ptrdiff_t>(until));
  next_ = until;
  asker_.Ask(
      [this](const std::string& token) {
        return BuildRequest(LookupRequest(options_.source, asked_ids_), token, 0);
      },
      &share_, [this](const std::string& body) { OnPage(body); });
}

void LookupFetch::OnPage(const std::string& body) {
  evidence_.bytes += body.size();
  absl::StatusOr<SearchPage> page = ParseLookupPage(body);
  if (!page.ok()) return Finish(PageAsker::End::Unreadable(page.status().message()));
  for (size_t i = 0; i < page->posts.size(); ++i) {
    posts_.Take(PostLine(XFamily::kV2, *page, i, nullptr), asker_.XNow(), loop_.Now());
  }
  posts_.Close();
  FetchEvidence::Lookup& lookup = *evidence_.lookup;
  for (uint64_t id : asked_ids_) {
    if (posts_.Has(id)) continue;
    const std::vector<uint64_t>& missing = page->missing_ids;
    if (std::find(missing.begin(), missing.end(), id) != missing.end()) {
      lookup.not_had.push_back(id);
    } else {
      ++lookup.unanswered_ids;
    }
  }
  lookup.asked_ids += asked_ids_.size();
  AskNext();
}

void LookupFetch::Finish(const PageAsker::End& end) {
  posts_.Close();
  FillEnd(end, options_.message_bytes_max, asker_.XNow(), &evidence_);
  // It may destroy us.
  Done done = std::exchange(done_, nullptr);
  done(std::move(evidence_));
}

}  // namespace braid
