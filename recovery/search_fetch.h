// One past range by X's search: the stream's rules are listed, made queries, and
// each query's pages are read from the newest on. Then X is asked how many posts it
// counts of each query, minute by minute, where there is a place for that.
//
// A post that several queries find, or two pages, counts once and is offered once,
// with the rule that found it first. What no query asks for is named in the
// evidence: such a range is never complete.
//
// Threads: the loop.
// Ownership: as PageAsker's; the sink outlives it.
// Bounds: PageAsker's, one page; posts_max ids.

#ifndef BRAID_RECOVERY_SEARCH_FETCH_H_
#define BRAID_RECOVERY_SEARCH_FETCH_H_

#include <memory>
#include <string>
#include <vector>

#include "base/http_client.h"
#include "base/loop.h"
#include "ingest/framer.h"
#include "recovery/counts_reader.h"
#include "recovery/fetch.h"
#include "recovery/fetched_posts.h"
#include "recovery/page_asker.h"
#include "recovery/rule_reader.h"
#include "recovery/search_page.h"
#include "recovery/search_query.h"
#include "recovery/search_request.h"

namespace braid {

class SearchFetch final : public Fetch {
 public:
  struct Options {
    SearchSource source;
    Interval wanted;
    std::vector<uint64_t> witnesses;
    size_t message_bytes_max = 2048;
    // An hour of 500 posts a second; 16 bytes each.
    size_t posts_max = 2'000'000;
    // Without limits of the place, which are filled in.
    QueryLimits queries;
    // Without interval.
    PageAsker::Options pages;
    Framer::Options framer;
  };

  struct Shares {
    PageShare search;
    PageShare counts;
  };

  // REQUIRES: source.rules.
  SearchFetch(Loop& loop, HttpClient& http, RecordSink& sink, Options options, const Shares& shares,
              TokenSource token, Done done);
  ~SearchFetch() override;

  FetchProgress Progress() const override;

 private:
  void OnRules(std::vector<XRule> rules);
  void AskPage(const std::string& next_token);
  void OnPage(const std::string& body);
  void Take(const SearchPage& page);
  void NoteReceived(uint64_t post_id);
  void AskCounts();
  void Finish(const PageAsker::End& end);

  Loop& loop_;
  const Options options_;
  const SearchPlace place_;
  Done done_;
  FetchEvidence evidence_;
  FetchedPosts posts_;
  PageShare share_;
  SearchQueries queries_;
  // The one whose pages are read.
  size_t query_ = 0;
  bool is_counting_ = false;
  std::string next_token_;
  // Of each query: what came of each minute, and the last post, below which the
  // next are.
  std::vector<CountsReader::Query> received_;
  uint64_t lowest_id_ = 0;
  PageAsker asker_;
  RuleReader rules_;
  CountsReader counts_;
};

}  // namespace braid

#endif  // BRAID_RECOVERY_SEARCH_FETCH_H_
