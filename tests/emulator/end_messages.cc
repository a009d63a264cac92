#include "tests/emulator/end_messages.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/x_answers.h"

namespace braid::emulator {
namespace {

struct Row {
  const char* name;    // disconnect_type of v2
  const char* title;   // of v2
  const char* detail;  // of v2
  const char* gnip;    // message in "error"; null: the detail
};

// The texts of types that are undocumented are guesses in X's manner.
constexpr Row kRows[] = {
    {"OperationalDisconnect", "operational-disconnect",
     "This stream has been disconnected for operational reasons.", nullptr},
    {"UpstreamOperationalDisconnect", "operational-disconnect",
     "This stream has been disconnected upstream for operational reasons.", nullptr},
    {"UpstreamUncleanDisconnect", "operational-disconnect",
     "This stream has been disconnected upstream.", nullptr},
    {"ForceDisconnect", "force-disconnect", "This stream has been force disconnected.",
     "Forced Disconnect: Too many connections. (Allowed Connections = $ALLOWED)"},
    {"SlowReader", "slow-reader",
     "This stream has been disconnected because your client was unable to keep up with us.",
     nullptr},
    {"FullBuffer", "slow-reader",
     "This stream has been disconnected because your client was unable to keep up with us.",
     "Force closing connection to $ADDRESS because it reached the maximum allowed backup (buffer "
     "size is $BUFFER)."},
    {"Maintenance", "operational-disconnect",
     "This stream has been disconnected for operational reasons.",
     "Twitter is closing for operational reasons"},
    {"InternalError", "internal-error", "This stream has been disconnected by an internal error.",
     nullptr},
    {"ClientApplicationStateDegraded", "client-application-state-degraded",
     "This stream has been disconnected because the state of the client application is degraded.",
     nullptr},
    {"InvalidRules", "invalid-rules",
     "This stream has been disconnected because its rules are invalid.", nullptr},
};

// Legacy v1.1, which some relays still send.
constexpr char kLegacyName[] = "LegacyDisconnect";

}  // namespace

std::string EndMessage(Family family, absl::string_view name, const EndFacts& facts,
                       absl::Time now) {
  if (name == kLegacyName) {
    return "{\"disconnect\":{\"code\":4,\"stream_name\":\"emulated\",\"reason\":\"stall\"}}\r\n";
  }
  Row row = {nullptr, "disconnect", "This stream has been disconnected.", nullptr};
  for (const Row& known : kRows) {
    if (name == known.name) row = known;
  }
  if (family == Family::kGnip) {
    return GnipError(absl::StrReplaceAll(row.gnip != nullptr ? row.gnip : row.detail,
                                         {{"$ALLOWED", absl::StrCat(facts.allowed_connections)},
                                          {"$ADDRESS", facts.address},
                                          {"$BUFFER", absl::StrCat(facts.buffer_posts)}}),
                     now);
  }
  // X has no types of these names: what Gnip words differently is one of v2's.
  std::string type(name == "FullBuffer"    ? "SlowReader"
                   : name == "Maintenance" ? "OperationalDisconnect"
                                           : name);
  return absl::StrCat("{\"errors\":[{\"title\":\"", row.title,
                      "\",\"disconnect_type\":", JsonText(type), ",\"detail\":\"", row.detail,
                      "\",\"type\":\"https://api.x.com/2/problems/", row.title, "\"}]}\r\n");
}

std::vector<std::string> EndNames() {
  std::vector<std::string> names;
  for (const Row& row : kRows) names.push_back(row.name);
  names.push_back(kLegacyName);
  return names;
}

std::string GnipInfo(absl::string_view message, absl::string_view more, absl::Time now) {
  return absl::StrCat("{\"info\":{\"message\":", JsonText(message), ",\"sent\":\"", GnipTime(now),
                      "\"", more, "}}\r\n");
}

}  // namespace braid::emulator
