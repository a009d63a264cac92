// Which handler answers which request: method + path pattern -> handler.
//
// A pattern is a path with names in braces, each for one part of the path or
// the part of it before a fixed end: "/2/connections/{id}",
// "/rules/powertrack/accounts/{account}/publishers/twitter/{label}.json". The
// pattern that was added first wins.
//
// Threads: one. Bounds: as many routes as are added at the start.

#ifndef BRAID_TESTS_EMULATOR_ROUTE_TABLE_H_
#define BRAID_TESTS_EMULATOR_ROUTE_TABLE_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/emulator/account.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/moment.h"

namespace braid::emulator {

using PathNames = std::map<std::string, std::string>;

// The names' values if the path fits.
std::optional<PathNames> MatchPath(absl::string_view pattern, absl::string_view path);

struct RouteRequest {
  const HttpRequest& http;
  PathNames names;
  Family family = Family::kV2;
  // Who asks; credentials were checked before a handler is called.
  std::string account;
  std::string address;
  Moment now;
};

using RouteHandler = std::function<HttpAnswer(const RouteRequest&)>;

class RouteTable {
 public:
  struct Route {
    std::string method;
    std::string pattern;
    Family family = Family::kV2;
    RouteHandler handler;
  };
  struct Found {
    const Route* route = nullptr;  // null: no path, or not this method
    bool is_path_known = false;
    PathNames names;
  };

  // Requests whose credentials do not fit the family get 401 without the handler.
  void Add(const std::string& method, const std::string& pattern, Family family,
           RouteHandler handler) {
    routes_.push_back({method, pattern, family, std::move(handler)});
  }
  Found Find(const HttpRequest& request) const;

 private:
  std::vector<Route> routes_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_ROUTE_TABLE_H_
