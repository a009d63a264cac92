// What X answers to a search, a lookup or a question of how many: posts as they are, byte for byte,
// and where the next page begins.
//
// v2 leaves the frame of a streamed post to whoever reads: PostLine makes it, so
// that one that was searched for is read like one that was streamed.
//
// Pure; any thread. Bounds: those of the body.

#ifndef BRAID_RECOVERY_SEARCH_PAGE_H_
#define BRAID_RECOVERY_SEARCH_PAGE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/interval_set.h"
#include "ingest/x_dialect.h"
#include "ingest/x_rules.h"

namespace braid {

struct SearchPage {
  struct Included {
    std::string id;
    absl::string_view text;
  };
  struct Group {
    std::string name;  // "users"
    std::vector<Included> objects;
  };
  // What the views point into.
  std::unique_ptr<std::string> bytes;
  std::vector<absl::string_view> posts;
  std::vector<Group> includes;
  // Ids that X has nothing for: deleted, protected.
  std::vector<uint64_t> missing_ids;
  // "": the last page.
  std::string next_token;
};

// DataLoss when it is none, or not all that it says it is.
absl::StatusOr<SearchPage> ParseSearchPage(XFamily family, absl::string_view body);
// GET /2/tweets?ids=
absl::StatusOr<SearchPage> ParseLookupPage(absl::string_view body);

// How many posts X counts, minute by minute.
struct CountsPage {
  struct Bucket {
    // Of creation, Unix microseconds; within one minute.
    Interval span;
    uint64_t posts = 0;
  };
  std::vector<Bucket> buckets;
  std::string next_token;
};
// DataLoss when it is none.
absl::StatusOr<CountsPage> ParseCountsPage(XFamily family, absl::string_view body);

// The post as the stream has it: with what it refers to of the page's includes
// and, where one is given, the rule that found it. Gnip's pages hold such posts.
std::string PostLine(XFamily family, const SearchPage& page, size_t place, const XRule* rule);

}  // namespace braid

#endif  // BRAID_RECOVERY_SEARCH_PAGE_H_
