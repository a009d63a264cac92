#include "dedupe/drain_desk.h"

#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "dedupe/offer_session.h"

namespace braid {
namespace {

using Outcome = DrainDecision::Outcome;

std::string InSeconds(absl::Duration wait) {
  return absl::StrCat(absl::ToInt64Seconds(absl::Ceil(wait, absl::Seconds(1))), " s");
}

}  // namespace

std::string ProblemOf(const DrainDecision& decision, const std::string& connection) {
  switch (decision.outcome) {
    case Outcome::kGranted:
      return "";
    case Outcome::kUnknown:
      return absl::StrCat("there is no connection \"", connection, "\"");
    case Outcome::kAway:
      return absl::StrCat(connection, " has no open call to this deduper: stop its process itself");
    case Outcome::kGrantedToOther:
      return absl::StrCat(decision.peer, " was let go and is not back yet; it counts as gone for ",
                          InSeconds(decision.wait), " more at most");
    case Outcome::kPeerNotSeen:
      return absl::StrCat(decision.peer, " has not received since this deduper started and may have ",
                          "been let go before; it counts as gone for ", InSeconds(decision.wait),
                          " more at most");
    case Outcome::kPeerNotReceiving:
      return decision.peer.empty()
                 ? absl::StrCat("no other connection carries what ", connection, " does")
                 : absl::StrCat("no other connection of its partition receives (", decision.peer,
                                " does not): nothing would");
    case Outcome::kPeerNotSettled:
      return absl::StrCat(decision.peer, " only just receives; ask again in ",
                          InSeconds(decision.wait));
  }
  return "";
}

DrainDecision DrainDesk::Ask(const DrainRequest& request) {
  DrainDecision decision = grants_.Decide(request, directory_.Snapshot(), loop_.Now());
  decision.expire_time = loop_.WallNow() + decision.wait;
  bool granted = decision.outcome == Outcome::kGranted;
  (granted ? granted_ : refused_).Increment();
  Log(LogLevel::kWarn, granted ? "drain_granted" : "drain_refused",
      granted ? "a connection is let go" : "a connection may not leave X now",
      {{"stream", stream_},
       {"connection", request.connection},
       {"by", request.by},
       {"reconnect", request.reconnect ? "yes" : "no"},
       {"force", request.force ? "yes" : "no"},
       {"peer", decision.peer},
       {"problem", ProblemOf(decision, request.connection)}});
  if (!granted) return decision;
  OfferSession* session = directory_.SessionOf(request.connection);
  v1::OfferResponse::Action action =
      request.reconnect ? v1::OfferResponse::ACTION_RECONNECT : v1::OfferResponse::ACTION_DRAIN;
  const std::string reason = request.by + (request.force ? ", forced" : "");
  if (session != nullptr) session->Direct(action, reason, decision.number);
  return decision;
}

void DrainDesk::Collect(MetricSink& sink, const MetricLabels& labels) const {
  sink.AddCounter("braid_drains_granted_total",
                  "Connections that were let go, by operators or for backfill.", labels,
                  static_cast<double>(granted_.value()));
  sink.AddCounter("braid_drains_refused_total", "Those that had to stay.", labels,
                  static_cast<double>(refused_.value()));
}

}  // namespace braid
