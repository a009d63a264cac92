// How many posts X counts of each query, minute by minute, beside how many came.
// Each query stands for itself: what several find is counted several times.
//
// Threads: the loop. Ownership: asker, source and place outlive it; who destroys
// the asker gets no answer. Bounds: PageAsker's; a page per query and month.

#ifndef BRAID_RECOVERY_COUNTS_READER_H_
#define BRAID_RECOVERY_COUNTS_READER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "recovery/page_asker.h"
#include "recovery/proof.h"
#include "recovery/search_request.h"

namespace braid {

class CountsReader {
 public:
  using Counts = std::vector<std::vector<CountedSpan>>;
  // May destroy the reader and the asker.
  using Done = std::function<void(absl::StatusOr<Counts>)>;
  struct Query {
    std::string text;
    // Distinct posts.
    MinuteCounts received;
  };

  CountsReader(PageAsker& asker, const SearchSource& source, const SearchPlace& place,
               PageShare share)
      : asker_(asker), source_(source), place_(place), share_(std::move(share)) {}

  // Once. REQUIRES: some.
  void Read(std::vector<Query> queries, Done done);

 private:
  void Ask(const std::string& next_token);
  void OnPage(const std::string& body);

  PageAsker& asker_;
  const SearchSource& source_;
  const SearchPlace& place_;
  PageShare share_;
  Done done_;
  std::vector<Query> queries_;
  Counts counts_;
  std::string next_token_;
};

}  // namespace braid

#endif  // BRAID_RECOVERY_COUNTS_READER_H_
