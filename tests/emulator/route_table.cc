#include "tests/emulator/route_table.h"

#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace braid::emulator {

std::optional<PathNames> MatchPath(absl::string_view pattern, absl::string_view path) {
  std::vector<absl::string_view> wanted = absl::StrSplit(pattern, '/');
  std::vector<absl::string_view> given = absl::StrSplit(path, '/');
  if (wanted.size() != given.size()) return std::nullopt;
  PathNames names;
  for (size_t i = 0; i < wanted.size(); ++i) {
    size_t open = wanted[i].find('{');
    if (open == absl::string_view::npos) {
      if (wanted[i] != given[i]) return std::nullopt;
      continue;
    }
    size_t close = wanted[i].find('}');
    absl::string_view end = wanted[i].substr(close + 1);
    if (!absl::EndsWith(given[i], end) || given[i].size() == end.size()) return std::nullopt;
    names[std::string(wanted[i].substr(open + 1, close - open - 1))] =
        std::string(given[i].substr(0, given[i].size() - end.size()));
  }
  return names;
}

RouteTable::Found RouteTable::Find(const HttpRequest& request) const {
  Found found;
  for (const Route& route : routes_) {
    std::optional<PathNames> names = MatchPath(route.pattern, request.path);
    if (!names) continue;
    found.is_path_known = true;
    if (route.method != request.method) continue;
    found.route = &route;
    found.names = *std::move(names);
    return found;
  }
  return found;
}

}  // namespace braid::emulator
