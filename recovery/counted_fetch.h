// A fetch that is a stream, whose clean end is checked with X's counts of the
// stream's rules: v2 has no final record. The rules are one query, since what
// several find would be counted several times; where they are too many for one, or
// search knows not all of them, the end stays what it was.
//
// Threads: the loop.
// Ownership: as PageAsker's. It owns the fetch.
// Bounds: PageAsker's.

#ifndef BRAID_RECOVERY_COUNTED_FETCH_H_
#define BRAID_RECOVERY_COUNTED_FETCH_H_

#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "recovery/counts_reader.h"
#include "recovery/fetch.h"
#include "recovery/page_asker.h"
#include "recovery/rule_reader.h"
#include "recovery/search_request.h"

namespace braid {

class CountedFetch final : public Fetch {
 public:
  // REQUIRES: the fetch tells its evidence's minutes, where it is to be checked.
  using Maker = std::function<std::unique_ptr<Fetch>(Done done)>;

  // REQUIRES: source.rules. `share`: of counts.
  CountedFetch(Loop& loop, HttpClient& http, SearchSource source, PageShare share,
               TokenSource token, const Maker& maker, Done done);

  FetchProgress Progress() const override;

 private:
  void OnFetched(FetchEvidence evidence);
  void OnRules(const std::vector<XRule>& rules);
  void Finish();

  const SearchSource source_;
  SearchPlace place_;
  Done done_;
  FetchEvidence evidence_;
  // Null once it has ended.
  std::unique_ptr<Fetch> fetch_;
  PageAsker asker_;
  RuleReader rules_;
  CountsReader counts_;
};

}  // namespace braid

#endif  // BRAID_RECOVERY_COUNTED_FETCH_H_
