#include "tests/sim/recovery_courier.h"

#include <utility>

#include "ingest/session_record.h"

namespace braid {

absl::optional<v1::SessionRecord> SpoolFeed::Read(uint64_t epoch, uint64_t offset) {
  if (reader_.epoch() != epoch || reader_.offset() != offset) reader_.Seek(epoch, offset);
  auto record = reader_.Next();
  // A session that everybody has all of is gone.
  if (!record.ok()) return absl::nullopt;
  return *std::move(record);
}

void ListFeed::Append(v1::SessionRecord record) {
  auto& [epoch, session] = *sessions_.rbegin();
  record.set_session_epoch(epoch);
  record.set_offset(session.end_offset);
  uint64_t offset = session.end_offset;
  session.end_offset += OffsetCount(record);
  session.records[offset] = std::move(record);
}

void ListFeed::NextSession() {
  uint64_t epoch = sessions_.rbegin()->first + 1;
  sessions_[epoch].id = epoch;
}

std::vector<v1::OfferRequest::Session> ListFeed::Sessions() const {
  std::vector<v1::OfferRequest::Session> sessions;
  for (const auto& [epoch, session] : sessions_) {
    v1::OfferRequest::Session& one = sessions.emplace_back();
    one.set_epoch(epoch);
    one.set_end_offset(session.end_offset);
    one.set_session_id(session.id);
  }
  return sessions;
}

absl::optional<v1::SessionRecord> ListFeed::Read(uint64_t epoch, uint64_t offset) {
  const auto& records = sessions_[epoch].records;
  auto found = records.find(offset);
  if (found == records.end()) return absl::nullopt;
  return found->second;
}

void RecoveryCourier::Wake() {
  has_more_ = true;
  if (std::exchange(is_planned_, true)) return;
  world_.After(delay_(), owner_.Wrap([this] { Run(); }));
}

void RecoveryCourier::Run() {
  is_planned_ = false;
  if (is_opening_) return;
  // A restart of the source, or a raised epoch, is a new Hello.
  bool is_current = is_open_ && feed_.Sessions().back().epoch() == opened_epoch_;
  if (!is_current) return Open();
  while (SendNext()) {
  }
  has_more_ = false;
}

void RecoveryCourier::Open() {
  is_opening_ = true;
  is_open_ = false;
  store::v1::InputRecord input;
  store::v1::SourceOpened* opened = input.mutable_opened();
  std::vector<v1::OfferRequest::Session> sessions = feed_.Sessions();
  opened->set_source_id(source_id_);
  opened->set_session_epoch(sessions.back().epoch());
  opened->set_session_id(feed_.session_id());
  for (const v1::OfferRequest::Session& session : sessions) *opened->add_sessions() = session;
  opened_epoch_ = sessions.back().epoch();
  merger_.Admit(std::move(input), 100,
                owner_.Wrap([this](const ApplyResult& result) { OnOpened(result); }));
}

void RecoveryCourier::OnOpened(const ApplyResult& result) {
  is_opening_ = false;
  if (result.outcome == ApplyResult::Outcome::kStaleEpoch) {
    feed_.OnStale(result.highest_epoch);
    return Wake();
  }
  is_open_ = true;
  next_.clear();
  for (const auto& [epoch, expected] : result.expected_by_epoch) {
    next_[epoch] = expected;
    feed_.Acknowledged(epoch, expected);
  }
  Wake();
}

bool RecoveryCourier::SendNext() {
  for (auto& [epoch, offset] : next_) {
    absl::optional<v1::SessionRecord> record = feed_.Read(epoch, offset);
    if (!record) continue;
    uint64_t end = record->offset() + OffsetCount(*record);
    offset = end;
    store::v1::InputRecord input;
    input.mutable_record()->set_source_id(source_id_);
    *input.mutable_record()->mutable_record() = *std::move(record);
    ++under_way_;
    merger_.Admit(std::move(input), 1000,
                  owner_.Wrap([this](const ApplyResult& result) { OnApplied(result); }),
                  Merger::Turn::kFetched);
    return true;
  }
  return false;
}

void RecoveryCourier::OnApplied(const ApplyResult& result) {
  --under_way_;
  if (result.outcome == ApplyResult::Outcome::kHole) {
    next_[result.session_epoch] = result.expected_offset;
    return Wake();
  }
  feed_.Acknowledged(result.session_epoch, result.expected_offset);
}

}  // namespace braid
