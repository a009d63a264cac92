#include "dedupe/drain_grants.h"

#include <algorithm>

#include "dedupe/stream_status.h"

namespace braid {
namespace {

using Outcome = DrainDecision::Outcome;

const SourceSnapshot* Find(const std::vector<SourceSnapshot>& sources, const std::string& id) {
  auto it = std::find_if(sources.begin(), sources.end(), [&](const SourceSnapshot& source) {
    return source.source_id == id;
  });
  return it == sources.end() ? nullptr : &*it;
}

bool IsPaused(const SourceSnapshot& source) {
  return source.report.state() == v1::ConnectionReport::STATE_PAUSED;
}

}  // namespace

bool ShareAPartition(const SourceSnapshot& one, const SourceSnapshot& other) {
  if (one.all_partitions || other.all_partitions) return true;
  return std::any_of(one.partitions.begin(), one.partitions.end(), [&](uint32_t partition) {
    return std::count(other.partitions.begin(), other.partitions.end(), partition) > 0;
  });
}

void DrainGrants::EndGrants(const std::vector<SourceSnapshot>& sources, absl::Time now) {
  for (auto it = grants_.begin(); it != grants_.end();) {
    const SourceSnapshot* source = Find(sources, it->first);
    bool is_back = source != nullptr && IsReceiving(*source, now) &&
                   (source->session_epoch != it->second.session_epoch ||
                    source->report.obeyed_directive() == it->second.number);
    it = is_back || now >= it->second.expire_time ? grants_.erase(it) : std::next(it);
  }
}

DrainDecision DrainGrants::AskPeers(const SourceSnapshot& source,
                                    const std::vector<SourceSnapshot>& sources,
                                    absl::Time now) const {
  DrainDecision decision{Outcome::kPeerNotReceiving, "", {}, {}};
  const SourceSnapshot* unseen = nullptr;
  absl::Duration unknown = start_time_ + options_.grant_max - now;
  for (const SourceSnapshot& peer : sources) {
    if (peer.source_id == source.source_id || !ShareAPartition(source, peer)) continue;
    auto grant = grants_.find(peer.source_id);
    if (grant != grants_.end()) {
      return {Outcome::kGrantedToOther, peer.source_id, grant->second.expire_time - now, {}};
    }
    if (decision.peer.empty()) decision.peer = peer.source_id;
    if (!peer.has_received && !IsPaused(peer) && unknown > absl::ZeroDuration()) unseen = &peer;
    if (decision.outcome == Outcome::kGranted || !IsReceiving(peer, now)) continue;
    absl::Duration left = peer.receiving_since + options_.peer_settled - now;
    if (left <= absl::ZeroDuration()) {
      decision = {Outcome::kGranted, peer.source_id, options_.grant_max, {}};
    } else if (decision.outcome == Outcome::kPeerNotReceiving || left < decision.wait) {
      decision = {Outcome::kPeerNotSettled, peer.source_id, left, {}};
    }
  }
  if (decision.outcome == Outcome::kGranted && unseen != nullptr) {
    return {Outcome::kPeerNotSeen, unseen->source_id, unknown, {}};
  }
  return decision;
}

DrainDecision DrainGrants::Decide(const DrainRequest& request,
                                  const std::vector<SourceSnapshot>& sources, absl::Time now) {
  EndGrants(sources, now);
  const SourceSnapshot* source = Find(sources, request.connection);
  if (source == nullptr) return {Outcome::kUnknown, "", {}, {}};
  if (!source->connected) return {Outcome::kAway, "", {}, {}};
  DrainDecision decision{Outcome::kGranted, "", options_.grant_max, {}};
  if (!request.force && !IsPaused(*source)) decision = AskPeers(*source, sources, now);
  if (decision.outcome != Outcome::kGranted) return decision;
  decision.number = ++last_number_;
  grants_[request.connection] = {now + options_.grant_max, source->session_epoch, decision.number};
  return decision;
}

}  // namespace braid
