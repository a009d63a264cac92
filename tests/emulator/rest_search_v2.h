// GET /2/tweets/search/{recent,all}, /2/tweets/counts/{recent,all} and
// /2/tweets?ids=: posts of the past by query and by id.
//
// Threads: the emulator's loop. Owner: RestApi. Bounds: a page of 500 posts.

#ifndef BRAID_TESTS_EMULATOR_REST_SEARCH_V2_H_
#define BRAID_TESTS_EMULATOR_REST_SEARCH_V2_H_

#include "tests/emulator/http_text.h"
#include "tests/emulator/post_search.h"
#include "tests/emulator/route_table.h"
#include "tests/emulator/usage_ledger.h"
#include "tests/emulator/x_state.h"

namespace braid::emulator {

enum class SearchReach {
  kRecent,  // 7 days, pages of 10 to 100, queries of 512 characters
  kAll,     // everything, pages of 10 to 500, queries of 1,024
};

class RestSearchV2 {
 public:
  // All outlive it.
  RestSearchV2(const XState* state, const PostSearch* search, UsageLedger* usage)
      : state_(state), search_(search), usage_(usage) {}

  HttpAnswer Search(const RouteRequest& request, SearchReach reach);
  HttpAnswer Counts(const RouteRequest& request, SearchReach reach);
  // Several ids, or the one of the path.
  HttpAnswer Lookup(const RouteRequest& request);
  HttpAnswer LookupOne(const RouteRequest& request);

 private:
  const XState* const state_;
  const PostSearch* const search_;
  UsageLedger* const usage_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_REST_SEARCH_V2_H_
