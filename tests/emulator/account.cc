#include "tests/emulator/account.h"

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace braid::emulator {
namespace {

// What follows the scheme's name in Authorization.
std::string Presented(const HttpRequest& request, absl::string_view scheme) {
  std::string header = request.Header("authorization");
  return absl::StartsWithIgnoreCase(header, scheme) ? header.substr(scheme.size()) : "";
}

}  // namespace

std::optional<std::string> AccountOf(const Credentials& credentials, Family family,
                                     const HttpRequest& request) {
  if (family != Family::kGnip) {
    std::string token = Presented(request, "Bearer ");
    if (credentials.bearer_token.empty() || token == credentials.bearer_token) return "app";
    return std::nullopt;
  }
  std::string pair;
  absl::Base64Unescape(Presented(request, "Basic "), &pair);
  if (!credentials.basic.empty() && pair != credentials.basic) return std::nullopt;
  return pair.substr(0, pair.find(':'));
}

}  // namespace braid::emulator
