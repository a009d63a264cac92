// The part of Spool that keeps its sessions few: each start makes one, and who
// can not stay up makes thousands while a deduper is away.

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "ingest/spool.h"
#include "ingest/spool_reader.h"

namespace braid {
namespace {

// Of one merged segment, so that little memory is needed.
constexpr uint64_t kMergedBytes = 4 << 20;

uint64_t BytesOf(const SpoolSession& session) {
  uint64_t bytes = 0;
  for (const auto& [first_offset, segment] : session.segments) bytes += segment.size_bytes;
  return bytes;
}

}  // namespace

// By epoch.
std::vector<uint64_t> Spool::SmallestSessions(size_t count) const {
  std::vector<std::pair<uint64_t, uint64_t>> by_size;
  for (const auto& [epoch, session] : state_.sessions) {
    if (epoch != this->epoch()) by_size.emplace_back(BytesOf(session), epoch);
  }
  std::sort(by_size.begin(), by_size.end());
  std::vector<uint64_t> epochs;
  for (const auto& [bytes, epoch] : by_size) {
    if (epochs.size() < count) epochs.push_back(epoch);
  }
  std::sort(epochs.begin(), epochs.end());
  return epochs;
}

// Half of them at once, so that most starts need not. Records keep their order,
// so whatever a cover vouches for still stands before it. A crash before the
// sessions are gone leaves them twice: dedupers drop what they know.
absl::Status Spool::MergeSessions() {
  if (state_.sessions.size() <= options_.sessions_max) return absl::OkStatus();
  Log(LogLevel::kWarn, "spool_sessions_merged", "many starts and no acknowledgement of all",
      {{"sessions", state_.sessions.size()}});
  std::string records;
  std::vector<uint64_t> taken;
  for (uint64_t epoch : SmallestSessions(state_.sessions.size() - options_.sessions_max / 2)) {
    absl::Status status = TakeRecords(epoch, &records);
    if (!status.ok()) return status;
    taken.push_back(epoch);
  }
  absl::Status status = WriteMerged(&records);
  if (status.ok())
    status =
        marks_.Put(SessionDir(options_.dir, epoch()), {current().end_offset, current().received});
  metrics_.merged_sessions.Add(taken.size());
  return status.ok() ? ForgetSessions(taken) : status;
}

// A session's records as the next ones of the current session.
absl::Status Spool::TakeRecords(uint64_t from_epoch, std::string* records) {
  SpoolReader reader(*this);
  reader.Seek(from_epoch, state_.sessions[from_epoch].first_retained());
  while (true) {
    auto record = reader.Next();
    // The reader gives up after a number of attempts and returns a loss.
    if (absl::IsUnavailable(record.status())) continue;
    if (!record.ok()) return record.status();
    if (!record->has_value()) return absl::OkStatus();
    uint64_t offset = current().end_offset;
    if (records->empty()) file_first_offset_ = offset;
    (*record)->clear_session_epoch();
    (*record)->set_offset(offset);
    AppendRecordBytes(offset, (*record)->SerializeAsString(), records);
    current().end_offset += OffsetCount(**record);
    current().received.Include(ReceiveIntervalOf(**record));
    absl::Status status;
    if (records->size() >= kMergedBytes) status = WriteMerged(records);
    if (!status.ok()) return status;
  }
}

absl::Status Spool::WriteMerged(std::string* records) {
  if (records->empty()) return absl::OkStatus();
  std::string bytes = EncodeSegmentHeader(file_first_offset_) + std::exchange(*records, "");
  SpoolSegment& segment = current().segments[file_first_offset_];
  segment.size_bytes = bytes.size();
  segment.generation = ++generation_;
  segment.interval = current().received;
  disk_bytes_ += bytes.size();
  return files_.Replace(SegmentPath(options_.dir, epoch(), file_first_offset_), bytes);
}

absl::Status Spool::ForgetSessions(const std::vector<uint64_t>& epochs) {
  for (uint64_t epoch : epochs) {
    state_.epoch_file.ends.erase(epoch);
    state_.epoch_file.session_ids.erase(epoch);
  }
  // All done since this process wrote them.
  state_.epoch_file.renames.clear();
  // First: a session that is named and not there counts as damaged.
  absl::Status status = files_.Replace(EpochPath(options_.dir), EncodeEpochFile(state_.epoch_file));
  for (uint64_t epoch : epochs) {
    if (status.ok()) status = RemoveSessionDir(files_, options_.dir, epoch);
    if (!status.ok()) return status;
    disk_bytes_ -= BytesOf(state_.sessions[epoch]);
    state_.sessions.erase(epoch);
  }
  return status;
}

}  // namespace braid
