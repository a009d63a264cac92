// Gnip's search: /search/{30day,fullarchive}/… and its counts.
//
// Threads: the emulator's loop. Owner: RestApi. Bounds: a page of 500 posts or
// 31 days.

#ifndef BRAID_TESTS_EMULATOR_REST_SEARCH_GNIP_H_
#define BRAID_TESTS_EMULATOR_REST_SEARCH_GNIP_H_

#include "tests/emulator/http_text.h"
#include "tests/emulator/post_search.h"
#include "tests/emulator/route_table.h"
#include "tests/emulator/usage_ledger.h"
#include "tests/emulator/x_state.h"

namespace braid::emulator {

class RestSearchGnip {
 public:
  // All outlive it.
  RestSearchGnip(const XState* state, const PostSearch* search, UsageLedger* usage)
      : state_(state), search_(search), usage_(usage) {}

  // The product is in the path; parameters in the query or in a JSON body.
  HttpAnswer Search(const RouteRequest& request);
  HttpAnswer Counts(const RouteRequest& request);

 private:
  const XState* const state_;
  const PostSearch* const search_;
  UsageLedger* const usage_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_REST_SEARCH_GNIP_H_
