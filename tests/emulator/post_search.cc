#include "tests/emulator/post_search.h"

#include <algorithm>

#include "proto/snowflake.h"
#include "tests/emulator/rule_set.h"

namespace braid::emulator {

std::vector<Event> PostSearch::Matching(absl::string_view query, IdSpan span,
                                        absl::Time now) const {
  std::vector<Event> found;
  uint64_t end = history_->LowerBound(now - options_.index_delay + absl::Microseconds(1));
  // Nothing appears before the time in its id.
  uint64_t number = std::max(history_->first(), history_->LowerBound(SnowflakeTime(span.from_id)));
  for (; number < end; ++number) {
    const Event& event = history_->At(number);
    if (event.kind != EventKind::kPost || event.is_duplicate) continue;
    if (event.id < span.from_id || event.id >= span.until_id) continue;
    if (QueryMatches(query, event)) found.push_back(event);
  }
  std::sort(found.begin(), found.end(), [](const Event& a, const Event& b) { return a.id > b.id; });
  return found;
}

SearchPage PostSearch::Find(absl::string_view query, IdSpan span, size_t posts_max,
                            absl::Time now) const {
  SearchPage page;
  for (const Event& event : Matching(query, span, now)) {
    if (event.is_deleted) continue;
    if (page.posts.size() == posts_max) {
      uint64_t last = page.posts.back().id;
      // The top bits of the product: as good as a coin, and the same each time.
      double coin = static_cast<double>((last * 0x9e3779b97f4a7c15) >> 40) / (1 << 24);
      bool is_repeated = posts_max > 1 && coin < options_.edge_duplicate_share;
      page.next_until_id = is_repeated ? last + 1 : last;
      break;
    }
    page.posts.push_back(event);
  }
  return page;
}

std::vector<uint64_t> PostSearch::Count(absl::string_view query,
                                        const std::vector<absl::Time>& bounds,
                                        absl::Time now) const {
  std::vector<uint64_t> counts(bounds.empty() ? 0 : bounds.size() - 1);
  if (counts.empty()) return counts;
  IdSpan span{FirstSnowflakeAt(bounds.front()), FirstSnowflakeAt(bounds.back())};
  for (const Event& event : Matching(query, span, now)) {
    auto after = std::upper_bound(bounds.begin(), bounds.end(), SnowflakeTime(event.id));
    ++counts[static_cast<size_t>(after - bounds.begin()) - 1];
  }
  return counts;
}

}  // namespace braid::emulator
