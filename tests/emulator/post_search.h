// Finds posts of the history that a query matches: one page, or numbers per
// span of time. What both search families share.
//
// Threads: the emulator's loop. Bounds: a request looks at most once at every
// event that the history remembers.

#ifndef BRAID_TESTS_EMULATOR_POST_SEARCH_H_
#define BRAID_TESTS_EMULATOR_POST_SEARCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/emulator/event.h"
#include "tests/emulator/event_history.h"

namespace braid::emulator {

struct SearchOptions {
  // X: a new post can be found after about 30 s.
  absl::Duration index_delay = absl::Seconds(30);
  // Share of pages that begin with the last post of the page before.
  double edge_duplicate_share = 0.25;
};

// from_id <= id < until_id.
struct IdSpan {
  uint64_t from_id = 0;
  uint64_t until_id = 0;
};

struct SearchPage {
  std::vector<Event> posts;  // newest first
  // Until where the next page looks; 0: this is the last.
  uint64_t next_until_id = 0;
};

class PostSearch {
 public:
  PostSearch(const EventHistory* history, const SearchOptions& options)
      : history_(history), options_(options) {}

  SearchPage Find(absl::string_view query, IdSpan span, size_t posts_max, absl::Time now) const;
  // Of each [bounds[i], bounds[i + 1]) by creation time, deleted posts as well.
  std::vector<uint64_t> Count(absl::string_view query, const std::vector<absl::Time>& bounds,
                              absl::Time now) const;

  const SearchOptions& options() const { return options_; }

 private:
  // What is indexed by now, each post once, newest first.
  std::vector<Event> Matching(absl::string_view query, IdSpan span, absl::Time now) const;

  const EventHistory* const history_;
  const SearchOptions options_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_POST_SEARCH_H_
