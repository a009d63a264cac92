// The emulated X's JSON endpoints and their limits: which path belongs to which
// handler, and how many requests per window X allows for it.
//
// Threads: the emulator's loop. Owner: the Emulator. Bounds: those of the
// handlers.

#ifndef BRAID_TESTS_EMULATOR_REST_API_H_
#define BRAID_TESTS_EMULATOR_REST_API_H_

#include <string>
#include <vector>

#include "tests/emulator/post_search.h"
#include "tests/emulator/rate_window.h"
#include "tests/emulator/rest_rules_gnip.h"
#include "tests/emulator/rest_rules_v2.h"
#include "tests/emulator/rest_search_gnip.h"
#include "tests/emulator/rest_search_v2.h"
#include "tests/emulator/route_table.h"
#include "tests/emulator/usage_ledger.h"
#include "tests/emulator/x_state.h"

namespace braid::emulator {

struct RestOptions {
  SearchOptions search;
  // X's numbers of requests per window; off for tests that ask more often.
  bool has_limits = true;
  // One invalid rule keeps its whole request out, also on v2.
  bool is_v2_batch_atomic = false;
  // How long a PowerTrack write of one rule takes; others are refused meanwhile.
  absl::Duration rule_write_time = absl::Milliseconds(1);
  // What POST /oauth2/token gives for any key and secret.
  std::string bearer_token;
  uint64_t project_cap = 2000000;
};

class RestApi {
 public:
  // `state` and what it points to outlive it.
  RestApi(const RestOptions& options, const XState* state);

  // REQUIRES: this outlives the table.
  void AddRoutes(RouteTable* routes);
  // Streams report what they gave.
  UsageLedger& usage() { return usage_; }

 private:
  void AddV2(RouteTable* routes);
  void AddGnip(RouteTable* routes);
  void AddRules(const std::string& product, RestRulesGnip* rules, RouteTable* routes);
  // Every limit is asked; the first one's headers are shown.
  void Add(const std::string& method, const std::string& pattern, Family family,
           std::vector<RateLimit> limits, RouteHandler handler, RouteTable* routes);
  HttpAnswer Token(const RouteRequest& request) const;

  const RestOptions options_;
  const XState* const state_;
  RateWindows windows_;
  UsageLedger usage_;
  PostSearch search_;
  RestRulesV2 rules_v2_;
  RestRulesGnip rules_live_;
  RestRulesGnip rules_replay_;
  RestSearchV2 search_v2_;
  RestSearchGnip search_gnip_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_REST_API_H_
