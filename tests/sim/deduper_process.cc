#include "tests/sim/deduper_process.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "dedupe/keys.h"
#include "dedupe/log_mark.h"
#include "dedupe/resume_turns.h"
#include "dedupe/rollback.h"

namespace braid {

DeduperProcess::DeduperProcess(SimLoop& world, int number, Options options,
                               std::vector<std::string>* failures)
    : world_(world),
      loop_(world),
      number_(number),
      options_(std::move(options)),
      failures_(failures),
      reader_(failures),
      creation_reader_(failures) {
  session_options_ = {"main", "", options_.connections};
  options_.merger.sources = options_.connections;
  options_.merger.attention = [this] { return AttentionOf(directory_->Snapshot(), host_->Now()); };
  disk_->KeepLog();
}

DeduperProcess::~DeduperProcess() { Kill(); }

void DeduperProcess::Fail(const std::string& what) {
  failures_->push_back(absl::StrCat("deduper ", number_, ": ", what));
}

void DeduperProcess::Start() {
  BRAID_CHECK(!running());
  stopped_itself_ = false;
  CheckAcknowledged();
  host_ = std::make_unique<SimHost>(loop_, options_.wall_offset, options_.monotonic_offset);
  auto core = Core::Load(*disk_, options_.core);
  if (!core.ok()) return Fail(absl::StrCat("can not load: ", core.status().ToString()));
  core_ = *std::move(core);
  if (!OpenLog()) return;
  directory_ = std::make_unique<SessionDirectory>(options_.connections);
  drains_ = std::make_unique<DrainDesk>(*host_, "main", *directory_, DrainGrants::Options(),
                                        ++starts_ << 32);
  merger_ = std::make_unique<Merger>(*host_, *disk_, *core_, options_.merger,
                                     [this](const absl::Status&) { stopped_itself_ = true; });
  merger_->SetCommitObserver(
      [this](const std::vector<CommittedRecord>& records) { OnCommitted(records); });
  merger_->Start();
}

// As StreamRuntime does.
bool DeduperProcess::OpenLog() {
  auto stored = disk_->Get(Table::kMeta, kMetaIdentity);
  identity_.Clear();
  if (stored.ok()) identity_.ParseFromString(*stored);
  if (identity_.log_id().empty()) identity_.set_log_id(absl::StrCat("log-", number_));
  auto lost = MendRollback(*disk_, core_->state(), mark_,
                           absl::StrCat("log-", number_, "-", ++log_ids_), &identity_);
  if (!lost.ok()) {
    Fail(absl::StrCat("can not open the log: ", lost.status().ToString()));
    return false;
  }
  mark_ = MarkOf(identity_.log_id(), core_->state());
  session_options_.log_id = identity_.log_id();
  reader_.Attach(*disk_, identity_, core_->state());
  creation_reader_.Attach(*disk_, identity_, core_->state().next_sequence(), ReadBounds());
  return true;
}

ReadableStream::Bounds DeduperProcess::ReadBounds() const {
  return {core_->state().earliest_sequence(), core_->gaps().watermark_micros(),
          core_->state().floor_micros()};
}

void DeduperProcess::RestoreCopy() {
  BRAID_CHECK(!running());
  disk_ = std::move(copy_);
  was_restored_ = true;
  // What it was known to have, it has no more.
  acknowledged_.clear();
  committed_.clear();
}

void DeduperProcess::Kill() {
  reader_.Detach();
  creation_reader_.Detach();
  merger_ = nullptr;
  drains_ = nullptr;
  directory_ = nullptr;
  core_ = nullptr;
  host_ = nullptr;
  loop_.Thaw();
  disk_ = std::make_unique<MemStore>(*disk_);
}

void DeduperProcess::FailNextCommit(bool applied) {
  disk_->FailNextCommit(applied ? MemStore::CommitFault::kFailApplied
                                : MemStore::CommitFault::kFailNotApplied);
}

bool DeduperProcess::Freeze(absl::Duration duration) {
  if (!running() || frozen()) return false;
  loop_.Freeze(duration);
  return true;
}

void DeduperProcess::StepWallClock(absl::Duration step) {
  options_.wall_offset += step;
  if (running()) host_->StepWallClock(step);
}

std::unique_ptr<OfferSession> DeduperProcess::Accept(OfferResponder& responder) {
  return std::make_unique<OfferSession>(*host_, *merger_, *directory_, session_options_, responder);
}

void DeduperProcess::NoteAcknowledged(const std::string& source, uint64_t epoch,
                                      uint64_t end_offset) {
  Acknowledged& known = acknowledged_[{source, epoch}];
  known.end_offset = std::max(known.end_offset, end_offset);
  auto value = disk_->Get(Table::kSources, EncodeSourceKey(source, epoch));
  store::v1::SessionState state;
  if (value.ok() && state.ParseFromString(*value)) known.session_id = state.session_id();
}

void DeduperProcess::ForgetAcknowledged(const std::string& source) {
  for (auto it = acknowledged_.begin(); it != acknowledged_.end();) {
    it = it->first.first == source ? acknowledged_.erase(it) : std::next(it);
  }
}

void DeduperProcess::CheckAcknowledged() {
  for (const auto& [session, acknowledged] : acknowledged_) {
    uint64_t on_disk = ReachOnDisk(session.first, session.second, acknowledged.session_id);
    if (on_disk >= acknowledged.end_offset) continue;
    Fail(absl::StrCat("acknowledged ", session.first, "/", session.second, " up to ",
                      acknowledged.end_offset, " but only ", on_disk, " is on disk"));
  }
}

uint64_t DeduperProcess::ReachOnDisk(const std::string& source, uint64_t epoch,
                                     uint64_t session_id) const {
  uint64_t reach = 0;
  absl::Status scanned =
      disk_->Scan(Table::kSources, "", "", [&](absl::string_view key, absl::string_view value) {
        absl::StatusOr<SourceKey> decoded = DecodeSourceKey(key);
        store::v1::SessionState state;
        bool is_read = decoded.ok() &&
                       state.ParseFromArray(value.data(), static_cast<int>(value.size()));
        if (!is_read || decoded->source_id != source) return true;
        // The source gives a session another epoch where a deduper knows other
        // content under its own.
        bool is_renamed = session_id != 0 && state.session_id() == session_id;
        if (decoded->epoch == epoch || is_renamed) reach = std::max(reach, state.expected_offset());
        return true;
      });
  BRAID_CHECK(scanned.ok());
  return reach;
}

void DeduperProcess::OnCommitted(const std::vector<CommittedRecord>& records) {
  mark_ = MarkOf(identity_.log_id(), core_->state());
  reader_.OnCommit(records, core_->state().earliest_sequence());
  creation_reader_.OnCommit(records, ReadBounds());
  for (const CommittedRecord& record : records) {
    v1::StreamNotice::Type type = record.record->notice().type();
    if (type == v1::StreamNotice::TYPE_PAUSED || type == v1::StreamNotice::TYPE_RESUMED) {
      TellPause();
    }
    if (!record.record->has_events()) continue;
    const store::v1::Events& events = record.record->events();
    uint64_t sequence = record.first_sequence;
    for (int i = 0; i < events.frame().lengths_size(); ++i) {
      bool is_new = (static_cast<uint8_t>(events.new_bitmap()[i / 8]) >> (i % 8)) & 1;
      if (!is_new) continue;
      auto [it, first] = committed_.emplace(sequence, events.frame().post_ids(i));
      if (!first && it->second != events.frame().post_ids(i)) {
        Fail(absl::StrCat("sequence ", sequence, " was committed twice with other events"));
      }
      ++sequence;
    }
  }
}

// As StreamRuntime does.
void DeduperProcess::TellPause() {
  std::vector<SourceSnapshot> sources = directory_->Snapshot();
  for (const std::string& connection : options_.connections) {
    absl::Duration turn = core_->watch().paused() ? absl::ZeroDuration()
                                                  : ResumeTurn(connection, sources);
    host_->After(turn, [this, connection] {
      OfferSession* session = directory_->SessionOf(connection);
      if (session != nullptr) session->TellPause();
    });
  }
}

void DeduperProcess::Admit(store::v1::InputRecord input) {
  uint64_t bytes = input.ByteSizeLong();
  merger_->Admit(std::move(input), bytes, [](const ApplyResult&) {});
}

void DeduperProcess::CheckNothingRewritten(
    const std::vector<std::pair<uint64_t, uint64_t>>& sequence_and_id) {
  std::map<uint64_t, uint64_t> log(sequence_and_id.begin(), sequence_and_id.end());
  for (const auto& [sequence, id] : committed_) {
    auto it = log.find(sequence);
    if (it != log.end() && it->second == id) continue;
    return Fail(absl::StrCat("sequence ", sequence, " was post ", id, " and is now ",
                             it == log.end() ? "missing" : "another one"));
  }
}

}  // namespace braid
