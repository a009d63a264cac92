#include "ingest/spool.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/log.h"
#include "ingest/spool_owner.h"

namespace braid {

absl::Status Spool::Options::Validate() const {
  std::string mistakes;
  if (dir.empty()) mistakes += "spool.dir is missing; ";
  if (deduper_count < 1) mistakes += "a spool needs a deduper; ";
  // One being written, one being read, and something to give away.
  if (sessions_max < 2) mistakes += "a spool keeps at least 2 sessions; ";
  if (read_attempts_max < 1) mistakes += "a file is read at least once; ";
  if (disk_bytes_max < 4 * segment_bytes) mistakes += "spool.max_size is below 4 segments; ";
  if (segment_bytes < 4096) mistakes += "spool.segment is below 4 KiB; ";
  if (sync_interval <= absl::ZeroDuration()) mistakes += "spool.sync_interval is not positive; ";
  return mistakes.empty() ? absl::OkStatus() : absl::InvalidArgumentError(mistakes);
}

absl::StatusOr<std::unique_ptr<Spool>> Spool::Open(
    Loop& loop, FileSystem& files, Random& random, const Options& options,
    absl::AnyInvocable<void(absl::Status)> on_fatal) {
  absl::Status status = options.Validate();
  if (status.ok()) status = files.CreateDir(options.dir);
  if (!status.ok()) return status;
  absl::StatusOr<bool> is_owned = true;
  if (!options.owner.empty()) is_owned = IsSpoolOf(files, options.dir, options.owner);
  if (!is_owned.ok()) return is_owned.status();
  absl::StatusOr<SpoolState> state = RecoverSpool(files, options.dir);
  if (!state.ok()) return state.status();
  if (!*is_owned) status = NoteSpoolOwner(files, options.dir, options.owner);
  if (!status.ok()) return status;

  EpochFile& file = state->epoch_file;
  file.session_ids[file.epoch] = file.session_id;
  std::map<uint64_t, uint64_t> known_ids = std::move(file.session_ids);
  file.ends.clear();
  file.session_ids.clear();
  for (const auto& [epoch, session] : state->sessions) {
    file.ends[epoch] = session.end_offset;
    file.session_ids[epoch] = known_ids[epoch];
    file.epoch = std::max(file.epoch, epoch);
  }
  ++file.epoch;
  file.session_id = random.Next();
  // A session that is named and has no directory was damaged.
  status = files.CreateDir(SessionDir(options.dir, file.epoch));
  if (status.ok()) status = files.Replace(EpochPath(options.dir), EncodeEpochFile(file));
  for (uint64_t epoch : state->empty_epochs) {
    if (epoch == file.epoch || !status.ok()) continue;
    status = RemoveSessionDir(files, options.dir, epoch);
  }
  if (!status.ok()) return status;
  state->sessions[file.epoch];
  bool end_is_unknown = state->end_is_unknown;
  std::unique_ptr<Spool> spool(
      new Spool(loop, files, random, options, *std::move(state), std::move(on_fatal)));
  status = spool->MergeSessions();
  if (!status.ok()) return status;
  if (end_is_unknown) {
    Log(LogLevel::kError, "spool_damaged", "nothing tells where the last session ended",
        {{"file", options.dir}});
    spool->Append(MakeLoss(0, 0, ReceiveInterval(), v1::Loss::REASON_SPOOL_CORRUPT));
  }
  return spool;
}

Spool::Spool(Loop& loop, FileSystem& files, Random& random, const Options& options,
             SpoolState state, absl::AnyInvocable<void(absl::Status)> on_fatal)
    : loop_(loop),
      files_(files),
      random_(random),
      options_(options),
      on_fatal_(std::move(on_fatal)),
      state_(std::move(state)),
      marks_(files) {
  for (auto& [epoch, session] : state_.sessions) {
    session.acknowledged.assign(options_.deduper_count, 0);
    for (auto& [first_offset, segment] : session.segments) {
      disk_bytes_ += segment.size_bytes;
      segment.generation = ++generation_;
    }
  }
  metrics_.disk_bytes_max.Set(static_cast<double>(options_.disk_bytes_max));
  loop_.Post(owner_.Wrap([this] { Upkeep(); }));
}

Spool::~Spool() = default;

bool Spool::Survives(const absl::Status& status) {
  if (status.ok()) return !failed_;
  if (!failed_) {
    failed_ = true;
    on_fatal_(status);
  }
  return false;
}

void Spool::RemoveObserver(SpoolObserver* observer) {
  observers_.erase(std::remove(observers_.begin(), observers_.end(), observer), observers_.end());
}

void Spool::Notify(void (SpoolObserver::*what)()) {
  loop_.Post(owner_.Wrap([this, what] {
    if (what == &SpoolObserver::OnAppended) notify_planned_ = false;
    std::vector<SpoolObserver*> observers = observers_;
    for (SpoolObserver* observer : observers) (observer->*what)();
  }));
}

// --- Writing ---

void Spool::Append(v1::SessionRecord record) {
  if (failed_ || (file_ == nullptr && !OpenSegment())) return;
  SpoolSession& session = current();
  SpoolSegment& segment = session.segments[file_first_offset_];
  uint64_t offset = session.end_offset;
  record.clear_session_epoch();
  record.set_offset(offset);
  std::string body = record.SerializeAsString();
  // Readers take an empty body for a tail of zeros.
  BRAID_CHECK(!body.empty() && body.size() <= kRecordBodyBytesMax);
  std::string bytes;
  AppendRecordBytes(offset, body, &bytes);
  uint64_t position = segment.size_bytes;
  if (!Write(bytes)) return;

  segment.NoteRecord(offset, position);
  segment.interval->Include(ReceiveIntervalOf(record));
  session.received.Include(ReceiveIntervalOf(record));
  session.end_offset += OffsetCount(record);
  file_->end_offset = session.end_offset;
  metrics_.records.Increment();
  metrics_.bytes.Add(bytes.size());
  AddToTail(offset, session.end_offset, std::move(body));
  SyncSoon();
  if (segment.size_bytes >= options_.segment_bytes) CloseSegment();
  KeepCap();
  if (!std::exchange(notify_planned_, true)) Notify(&SpoolObserver::OnAppended);
}

bool Spool::OpenSegment() {
  SpoolSession& session = current();
  file_first_offset_ = session.end_offset;
  if (!marks_.is_open() && !Survives(marks_.Open(SessionDir(options_.dir, epoch())))) return false;
  auto file = files_.Create(SegmentPath(options_.dir, epoch(), file_first_offset_));
  if (!Survives(file.status())) return false;
  file_ = std::make_shared<OpenFile>();
  file_->file = *std::move(file);
  SpoolSegment& segment = session.segments[file_first_offset_];
  segment.generation = ++generation_;
  segment.interval.emplace();
  return Write(EncodeSegmentHeader(file_first_offset_));
}

bool Spool::Write(absl::string_view bytes) {
  if (!Survives(file_->file->Append(bytes))) return false;
  current().segments[file_first_offset_].size_bytes += bytes.size();
  file_->unsynced_bytes += bytes.size();
  disk_bytes_ += bytes.size();
  unsynced_bytes_ += bytes.size();
  return true;
}

void Spool::CloseSegment() {
  rolled_files_.push_back(std::move(file_));
  StartSync();
}

void Spool::AddToTail(uint64_t offset, uint64_t end_offset, std::string body) {
  tail_bytes_ += body.size();
  tail_.push_back({offset, end_offset, std::move(body)});
  while (tail_bytes_ > options_.tail_bytes_max && tail_.size() > 1) {
    tail_bytes_ -= tail_.front().body.size();
    tail_.pop_front();
  }
}

// --- Syncing ---

void Spool::SyncSoon() {
  if (unsynced_bytes_ >= options_.sync_bytes) return StartSync();
  if (std::exchange(sync_planned_, true)) return;
  loop_.After(options_.sync_interval, owner_.Wrap([this] {
    sync_planned_ = false;
    StartSync();
  }));
}

void Spool::Flush(absl::AnyInvocable<void()> done) {
  if (unsynced_bytes_ == 0) return loop_.Post(std::move(done));
  on_flushed_ = std::move(done);
  StartSync();
}

// One at a time, oldest file first: what comes meanwhile shares the next one.
void Spool::StartSync() {
  if (failed_ || sync_under_way_ || unsynced_bytes_ == 0) return;
  std::shared_ptr<OpenFile> file = rolled_files_.empty() ? file_ : rolled_files_.front();
  BRAID_CHECK(file != nullptr);
  sync_under_way_ = true;
  uint64_t bytes = file->unsynced_bytes;
  SyncMark mark{file->end_offset, current().received};
  file->file->Sync(
      owner_.Wrap([this, file, bytes, mark, started = loop_.Now()](absl::Status status) {
        if (!Survives(status)) return;
        WriteMark(mark, [this, file, bytes, started] {
          metrics_.sync_delay.Record(loop_.Now() - started);
          OnSynced(file.get(), bytes);
        });
      }));
}

// What no mark names can not be told from a torn tail: only with its mark is a
// record durable.
void Spool::WriteMark(const SyncMark& mark, absl::AnyInvocable<void()> done) {
  Survives(marks_.Write(SessionDir(options_.dir, epoch()), mark,
                        owner_.Wrap([this, done = std::move(done)](absl::Status status) mutable {
                          if (Survives(status)) done();
                        })));
}

void Spool::OnSynced(OpenFile* file, uint64_t bytes) {
  sync_under_way_ = false;
  metrics_.syncs.Increment();
  file->unsynced_bytes -= bytes;
  unsynced_bytes_ -= bytes;
  if (!rolled_files_.empty() && rolled_files_.front()->unsynced_bytes == 0) {
    rolled_files_.pop_front();
  }
  if (unsynced_bytes_ == 0 && on_flushed_) loop_.Post(std::exchange(on_flushed_, nullptr));
  if (!rolled_files_.empty() || on_flushed_) return StartSync();
  if (unsynced_bytes_ > 0) SyncSoon();
}

// --- Epochs ---

void Spool::RaiseEpoch(uint64_t above, CurrentId current_id) {
  if (failed_ || state_.sessions.begin()->first > above) return;
  Log(LogLevel::kWarn, "spool_epoch_raised",
      "a deduper knows other content under our epochs: all is offered again under new ones",
      {{"above", above}, {"epoch", epoch()}, {"new_id", current_id == CurrentId::kNew}});
  metrics_.epoch_raises.Increment();
  uint64_t next = std::max(above, epoch());
  EpochFile file;
  std::map<uint64_t, SpoolSession> sessions;
  for (auto& [epoch, session] : state_.sessions) {
    file.renames[epoch] = ++next;
    file.ends[next] = session.end_offset;
    file.session_ids[next] = SessionIdOf(epoch);
    session.acknowledged.assign(options_.deduper_count, 0);
    for (auto& [first_offset, segment] : session.segments) segment.acknowledged_time.reset();
    sessions[next] = std::move(session);
  }
  // The current one is still written to: its end is found by reading.
  file.ends.erase(next);
  file.session_ids.erase(next);
  file.epoch = next;
  file.session_id = current_id == CurrentId::kNew ? random_.Next() : session_id();
  if (!Survives(files_.Replace(EpochPath(options_.dir), EncodeEpochFile(file)))) return;
  for (const auto& [from, to] : file.renames) {
    if (!Survives(files_.Rename(SessionDir(options_.dir, from), SessionDir(options_.dir, to)))) {
      return;
    }
  }
  state_.sessions = std::move(sessions);
  state_.epoch_file = std::move(file);
  Notify(&SpoolObserver::OnSessionsChanged);
}

uint64_t Spool::SessionIdOf(uint64_t epoch) const {
  if (epoch == this->epoch()) return session_id();
  return state_.epoch_file.session_ids.at(epoch);
}

std::vector<v1::OfferRequest::Session> Spool::Sessions() const {
  std::vector<v1::OfferRequest::Session> sessions;
  for (const auto& [epoch, session] : state_.sessions) {
    sessions.emplace_back();
    sessions.back().set_epoch(epoch);
    sessions.back().set_session_id(SessionIdOf(epoch));
    sessions.back().set_first_retained_offset(session.first_retained());
    sessions.back().set_end_offset(session.end_offset);
  }
  return sessions;
}

absl::optional<uint64_t> Spool::EndOffset(uint64_t epoch) const {
  auto session = state_.sessions.find(epoch);
  if (session == state_.sessions.end()) return absl::nullopt;
  return session->second.end_offset;
}

void Spool::Acknowledge(int deduper, uint64_t epoch, uint64_t end_offset) {
  auto session = state_.sessions.find(epoch);
  if (session == state_.sessions.end()) return;
  uint64_t& acknowledged = session->second.acknowledged[deduper];
  acknowledged = std::max(acknowledged, std::min(end_offset, session->second.end_offset));
  StampAcknowledged(&session->second);
}

void Spool::ResetAcknowledged(int deduper, uint64_t epoch, uint64_t end_offset) {
  auto session = state_.sessions.find(epoch);
  if (session == state_.sessions.end()) return;
  uint64_t& acknowledged = session->second.acknowledged[deduper];
  if (end_offset < acknowledged) {
    Log(LogLevel::kError, "spool_acknowledged_again",
        "a deduper lost what it had acknowledged: it is offered again as far as it is kept",
        {{"epoch", epoch}, {"acknowledged", acknowledged}, {"now", end_offset}});
    acknowledged = end_offset;
    auto& segments = session->second.segments;
    for (auto it = segments.begin(); it != segments.end(); ++it) {
      if (session->second.SegmentEnd(it) > end_offset) it->second.acknowledged_time.reset();
    }
  }
  Acknowledge(deduper, epoch, end_offset);
}

bool Spool::FullyAcknowledged(int deduper) const {
  for (const auto& [epoch, session] : state_.sessions) {
    if (session.acknowledged[deduper] < session.end_offset) return false;
  }
  return true;
}

uint64_t Spool::AcknowledgedOffset(int deduper) const {
  return state_.sessions.at(epoch()).acknowledged[deduper];
}

bool Spool::HasLossFrom(uint64_t offset) const {
  const SpoolSession& session = state_.sessions.at(epoch());
  for (auto it = session.segments.begin(); it != session.segments.end(); ++it) {
    if (it->second.is_loss && session.SegmentEnd(it) > offset) return true;
  }
  return false;
}

uint64_t Spool::UnacknowledgedBytes(int deduper) const {
  uint64_t bytes = 0;
  for (const auto& [epoch, session] : state_.sessions) {
    uint64_t acknowledged = session.acknowledged[deduper];
    if (acknowledged >= session.end_offset) continue;
    for (auto it = session.segments.begin(); it != session.segments.end(); ++it) {
      if (session.SegmentEnd(it) <= acknowledged) continue;
      uint64_t position = 0;
      for (const auto& [offset, at] : it->second.index) {
        if (offset <= acknowledged) position = at;
      }
      bytes += it->second.size_bytes - std::min(position, it->second.size_bytes);
    }
  }
  return bytes;
}

void Spool::CollectMetrics(MetricSink& sink, const MetricLabels& labels) const {
  auto counter = [&](absl::string_view name, absl::string_view help, const Counter& value) {
    sink.AddCounter(name, help, labels, static_cast<double>(value.value()));
  };
  auto gauge = [&](absl::string_view name, absl::string_view help, const Gauge& value) {
    sink.AddGauge(name, help, labels, value.value());
  };
  counter("braid_spool_records_total", "Session records appended.", metrics_.records);
  counter("braid_spool_appended_bytes_total", "Bytes appended.", metrics_.bytes);
  counter("braid_spool_syncs_total", "Group syncs.", metrics_.syncs);
  counter("braid_spool_lost_offsets_total", "Offsets given up at the cap.", metrics_.lost_offsets);
  counter("braid_spool_removed_segments_total", "Segments removed.", metrics_.removed_segments);
  counter("braid_spool_epoch_raises_total", "Epochs raised over a deduper's.",
          metrics_.epoch_raises);
  counter("braid_spool_damaged_reads_total", "Stretches that could not be read.",
          metrics_.damaged_reads);
  counter("braid_spool_read_errors_total", "Reads that failed, most of them repeated.",
          metrics_.read_errors);
  counter("braid_spool_merged_sessions_total", "Sessions carried on by a later one.",
          metrics_.merged_sessions);
  gauge("braid_spool_disk_bytes", "Bytes on disk.", metrics_.disk_bytes);
  gauge("braid_spool_disk_max_bytes", "Cap of bytes on disk.", metrics_.disk_bytes_max);
  gauge("braid_spool_unsynced_bytes", "Bytes not yet durable.", metrics_.unsynced_bytes);
  gauge("braid_spool_tail_bytes", "Bytes of the memory tail.", metrics_.tail_bytes);
  gauge("braid_spool_segments", "Segment files.", metrics_.segments);
  gauge("braid_spool_sessions", "Sessions, the current one too.", metrics_.sessions);
  sink.AddHistogram("braid_spool_sync_seconds", "Time of a group sync.", labels,
                    metrics_.sync_delay);
}

}  // namespace braid
