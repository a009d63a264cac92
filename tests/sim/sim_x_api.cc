// The connections API of the model of X: lists who holds a slot, dead or alive,
// and ends what it is told to, noting whose it was.

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "tests/sim/sim_x.h"

namespace braid {

uint64_t SimX::accepts(int connector) const {
  auto it = accepts_.find(connector);
  return it == accepts_.end() ? 0 : it->second;
}

bool SimX::LeaveZombie(int connector, absl::Duration duration) {
  Connection* stream = StreamOf(connector);
  if (stream == nullptr || options_.slots == 0) return false;
  zombies_.push_back(
      {stream->api_id, connector, stream->answer_time, world_.WallNow() + duration});
  return CutConnection(connector, Cut::kReset);
}

int SimX::SlotsTaken() {
  int taken = 0;
  for (auto it = zombies_.begin(); it != zombies_.end();) {
    it = it->until <= world_.WallNow() ? zombies_.erase(it) : std::next(it);
  }
  for (const auto& [id, connection] : connections_) taken += connection.answered ? 1 : 0;
  return taken + static_cast<int>(zombies_.size());
}

void SimX::Serve(SimHost& host, int connector, const HttpRequest& request,
                 std::shared_ptr<HttpHandler> handler) {
  bool is_list = request.method == "GET";
  // Sometimes X has no time for it.
  bool is_refused = random_.Below(8) == 0;
  std::string body;
  if (!is_refused) {
    body = is_list ? ListOfConnections(request.url) : KillConnections(connector, request.body);
  }
  host.After(absl::Milliseconds(5 + random_.Below(400)),
             [handler = std::move(handler), host = &host, is_refused, body] {
               HttpHead head;
               head.status = is_refused ? 503 : 200;
               handler->OnConnected(host->Now());
               handler->OnHead(head, host->Now());
               handler->OnBytes(body, host->Now());
               handler->OnDrained(host->Now());
               handler->OnDone({HttpEnd::Kind::kClean, ""}, host->Now());
             });
}

std::string SimX::ListOfConnections(const std::string& url) {
  SlotsTaken();
  std::vector<std::pair<std::string, absl::Time>> all;
  for (const Zombie& zombie : zombies_) all.emplace_back(zombie.api_id, zombie.connected_at);
  for (const auto& [id, connection] : connections_) {
    if (connection.answered) all.emplace_back(connection.api_id, connection.answer_time);
  }
  // Two a page.
  size_t token = url.find("pagination_token=p");
  uint64_t begin = 0;
  if (token != std::string::npos && !absl::SimpleAtoi(url.substr(token + 18), &begin)) begin = 0;
  std::string body = "{\"data\":[";
  for (size_t i = begin; i < all.size() && i < begin + 2; ++i) {
    absl::StrAppend(&body, i == begin ? "" : ",", "{\"id\":\"", all[i].first,
                    "\",\"endpoint_name\":\"filtered_stream\",\"connected_at\":\"",
                    absl::FormatTime(absl::RFC3339_full, all[i].second, absl::UTCTimeZone()),
                    "\"}");
  }
  absl::StrAppend(&body, "],\"meta\":{");
  if (begin + 2 < all.size()) absl::StrAppend(&body, "\"next_token\":\"p", begin + 2, "\"");
  return absl::StrCat(body, "}}");
}

std::string SimX::KillConnections(int connector, const std::string& body) {
  std::string results;
  for (size_t at = body.find("c-"); at != std::string::npos; at = body.find("c-", at + 1)) {
    std::string api_id = body.substr(at, body.find('"', at) - at);
    absl::StrAppend(&results, results.empty() ? "" : ",", "{\"uuid\":\"", api_id,
                    "\",\"success\":", KillOne(connector, api_id) ? "true" : "false", "}");
  }
  return absl::StrCat("{\"data\":{\"results\":[", results, "]}}");
}

bool SimX::KillOne(int connector, const std::string& api_id) {
  for (auto it = zombies_.begin(); it != zombies_.end(); ++it) {
    if (it->api_id != api_id) continue;
    if (it->connector == connector) {
      ++freed_;
    } else {
      wrong_kills_.push_back(
          absl::StrCat("slots: ", connector, " freed the slot of ", it->connector));
    }
    zombies_.erase(it);
    return true;
  }
  for (const auto& [id, connection] : connections_) {
    if (!connection.answered || connection.closing || connection.api_id != api_id) continue;
    wrong_kills_.push_back(
        absl::StrCat("slots: ", connector, " ended the open connection of ", connection.connector));
    return CutConnection(connection.connector, Cut::kReset);
  }
  return false;
}

}  // namespace braid
