#include "dedupe/session_table.h"

#include <algorithm>

#include "dedupe/keys.h"

namespace braid {
namespace {

// Everything from `expected` to `until` will never come.
void SkipTo(uint64_t epoch, uint64_t until, store::v1::SessionState* state,
            SessionTable::OpenResult* result) {
  uint64_t offsets = until - state->expected_offset();
  result->missing.push_back({epoch, state->expected_offset(), offsets});
  state->set_expected_offset(until);
  state->set_lost_offsets(state->lost_offsets() + offsets);
  state->set_losses(state->losses() + 1);
  state->set_loss_end_offset(until);
  state->set_loss_time_unknown(true);
}

// An epoch that we know with other content: the source's spool was lost or
// copied and counts epochs from where it stood. What we have of the one would
// pass for the other's, so nothing of it may be taken under that number.
bool NamesAnothersEpoch(const std::map<uint64_t, store::v1::SessionState>& known,
                        const store::v1::SourceOpened& opened) {
  auto differs = [&known](uint64_t epoch, uint64_t session_id) {
    auto it = known.find(epoch);
    return it != known.end() && it->second.session_id() != session_id;
  };
  for (const v1::OfferRequest::Session& session : opened.sessions()) {
    if (session.epoch() == opened.session_epoch()) continue;
    if (differs(session.epoch(), session.session_id())) return true;
  }
  return differs(opened.session_epoch(), opened.session_id());
}

}  // namespace

absl::Status SessionTable::Load(const Store& store) {
  absl::Status bad;
  absl::Status status =
      store.Scan(Table::kSources, "", "", [&](absl::string_view key, absl::string_view value) {
        absl::StatusOr<SourceKey> decoded = DecodeSourceKey(key);
        if (!decoded.ok()) {
          bad = decoded.status();
          return false;
        }
        store::v1::SessionState& state = sources_[decoded->source_id][decoded->epoch];
        if (!state.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
          bad = absl::DataLossError("session state can not be read");
        }
        return bad.ok();
      });
  return status.ok() ? bad : status;
}

SessionTable::OpenResult SessionTable::Open(const store::v1::SourceOpened& opened) {
  Sessions& sessions = sources_[opened.source_id()];
  OpenResult result;
  if (!sessions.empty()) {
    result.highest_epoch = sessions.rbegin()->first;
    if (result.highest_epoch > opened.session_epoch()) return result;
    if (NamesAnothersEpoch(sessions, opened)) return result;
  }
  result.accepted = true;
  result.highest_epoch = opened.session_epoch();
  // By epoch; nothing above the current one exists yet.
  std::map<uint64_t, v1::OfferRequest::Session> named_sessions;
  for (const v1::OfferRequest::Session& session : opened.sessions()) {
    if (session.epoch() <= opened.session_epoch()) {
      named_sessions.emplace(session.epoch(), session);
    }
  }
  v1::OfferRequest::Session& current = named_sessions[opened.session_epoch()];
  current.set_epoch(opened.session_epoch());
  current.set_session_id(opened.session_id());
  std::set<uint64_t> named;
  for (const auto& [epoch, session] : named_sessions) named.insert(epoch);
  for (const auto& [epoch, session] : named_sessions) {
    FollowRename(opened.source_id(), &sessions, session, named);
    NameSession(opened.source_id(), &sessions, session, &result);
  }
  MarkUnnamed(opened.source_id(), &sessions, named, &result);
  Prune(opened.source_id(), &sessions, named);
  return result;
}

void SessionTable::FollowRename(const std::string& source_id, Sessions* sessions,
                                const v1::OfferRequest::Session& session,
                                const std::set<uint64_t>& named) {
  if (session.session_id() == 0 || sessions->count(session.epoch()) > 0) return;
  auto known = std::find_if(sessions->begin(), sessions->end(), [&](const auto& other) {
    return other.second.session_id() == session.session_id() && named.count(other.first) == 0;
  });
  // What was given up as lost and turns up after all is taken.
  if (known == sessions->end() || known->second.lost()) return;
  (*sessions)[session.epoch()] = known->second;
  changed_.erase({source_id, known->first});
  removed_.insert({source_id, known->first});
  sessions->erase(known);
}

void SessionTable::NameSession(const std::string& source_id, Sessions* sessions,
                               const v1::OfferRequest::Session& named, OpenResult* result) {
  store::v1::SessionState& state = (*sessions)[named.epoch()];
  changed_.insert({source_id, named.epoch()});
  state.set_lost(false);
  state.set_session_id(named.session_id());
  state.set_end_offset(std::max(state.end_offset(), named.end_offset()));
  // What the source dropped without a Loss record (or what we acknowledged and
  // forgot) can not be asked for: say so and go on, instead of waiting for it.
  if (named.first_retained_offset() > state.expected_offset()) {
    SkipTo(named.epoch(), named.first_retained_offset(), &state, result);
  }
  result->expected_by_epoch.emplace_back(named.epoch(), state.expected_offset());
}

void SessionTable::MarkUnnamed(const std::string& source_id, Sessions* sessions,
                               const std::set<uint64_t>& named, OpenResult* result) {
  for (auto& [epoch, state] : *sessions) {
    if (named.count(epoch) > 0 || state.lost()) continue;
    if (state.end_offset() <= state.expected_offset()) continue;
    SkipTo(epoch, state.end_offset(), &state, result);
    state.set_lost(true);
    changed_.insert({source_id, epoch});
  }
}

void SessionTable::Prune(const std::string& source_id, Sessions* sessions,
                         const std::set<uint64_t>& named) {
  for (auto it = sessions->begin();
       it != sessions->end() && sessions->size() > kSessionsPerSourceMax;) {
    if (named.count(it->first) > 0) {
      ++it;
      continue;
    }
    changed_.erase({source_id, it->first});
    removed_.insert({source_id, it->first});
    it = sessions->erase(it);
  }
}

store::v1::SessionState* SessionTable::Change(const std::string& source_id, uint64_t epoch) {
  auto source = sources_.find(source_id);
  if (source == sources_.end()) return nullptr;
  auto session = source->second.find(epoch);
  if (session == source->second.end()) return nullptr;
  changed_.insert({source_id, epoch});
  return &session->second;
}

const store::v1::SessionState* SessionTable::Find(const std::string& source_id,
                                                  uint64_t epoch) const {
  auto source = sources_.find(source_id);
  if (source == sources_.end()) return nullptr;
  auto session = source->second.find(epoch);
  return session == source->second.end() ? nullptr : &session->second;
}

void SessionTable::ShiftReceiveNow(int64_t delta_micros) {
  for (auto& [source_id, sessions] : sources_) {
    for (auto& [epoch, state] : sessions) {
      if (state.last_receive_now_micros() == 0) continue;
      state.set_last_receive_now_micros(state.last_receive_now_micros() + delta_micros);
      changed_.insert({source_id, epoch});
    }
  }
}

void SessionTable::Seal(WriteSet* changes) {
  for (const auto& [source_id, epoch] : removed_) {
    changes->Delete(Table::kSources, EncodeSourceKey(source_id, epoch));
  }
  for (const auto& [source_id, epoch] : changed_) {
    changes->Put(Table::kSources, EncodeSourceKey(source_id, epoch),
                 sources_.at(source_id).at(epoch).SerializeAsString());
  }
  removed_.clear();
  changed_.clear();
}

}  // namespace braid
