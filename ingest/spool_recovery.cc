// How a spool is found again at a start (RecoverSpool of ingest/spool_state.h).

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "ingest/segment_scan.h"
#include "ingest/spool_marks.h"
#include "ingest/spool_owner.h"
#include "ingest/spool_state.h"

namespace braid {
namespace {

// Left behind by a Replace that was interrupted.
constexpr char kAsideSuffix[] = ".tmp";
// Of one file, at once: a disk that fails again may be asked by readers later.
constexpr int kReadsMax = 3;

absl::Status Refusal(const std::string& path, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": ", what,
      ". Nothing was changed. Move it away if it does not belong to this "
      "connector, or point spool.dir at another directory; what it holds and no deduper has is "
      "then reported as lost"));
}

// Lists everything first and touches nothing, so that a refusal is harmless.
class Recovery {
 public:
  Recovery(FileSystem& files, const std::string& dir) : files_(files), dir_(dir) {}

  // Everything that may be refused.
  absl::Status Look() {
    return Do({&Recovery::ListDir, &Recovery::ReadEpochFile, &Recovery::ListSessions});
  }

  absl::StatusOr<SpoolState> Run() {
    absl::Status status = Look();
    if (status.ok()) {
      status = Do({&Recovery::FinishRenames, &Recovery::RemoveLeftOvers, &Recovery::ReadMarks,
                   &Recovery::FindEnds, &Recovery::SetEmptyAside});
    }
    if (!status.ok()) return status;
    return std::move(state_);
  }

 private:
  absl::Status Do(std::initializer_list<absl::Status (Recovery::*)()> steps) {
    for (auto step : steps) {
      absl::Status status = (this->*step)();
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // --- Looking ---

  absl::Status ListDir() {
    auto names = files_.List(dir_);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      // The last is AttemptLedger's, where the spool is the only one.
      if (name == "epoch" || name == "LOCK" || name == kSpoolOwnerFile ||
          name == "connect-budget") {
        continue;
      }
      if (absl::EndsWith(name, kAsideSuffix)) {
        asides_.push_back(absl::StrCat(dir_, "/", name));
      } else if (ParseSpoolNumber(name, kGoneSuffix).has_value()) {
        gone_.push_back(absl::StrCat(dir_, "/", name));
      } else if (auto epoch = ParseSpoolNumber(name, "")) {
        state_.sessions[*epoch];
      } else {
        return Refusal(absl::StrCat(dir_, "/", name), "foreign file in a spool's directory");
      }
    }
    return absl::OkStatus();
  }

  absl::Status ReadEpochFile() {
    std::string path = EpochPath(dir_);
    auto size = files_.Size(path);
    if (absl::IsNotFound(size.status())) {
      if (state_.sessions.empty()) return absl::OkStatus();
      return Refusal(path, "missing, though sessions are here");
    }
    if (!size.ok()) return size.status();
    auto bytes = files_.Read(path, 0, *size);
    if (!bytes.ok()) return bytes.status();
    auto file = DecodeEpochFile(*bytes);
    if (!file.ok()) return Refusal(path, file.status().message());
    state_.epoch_file = *std::move(file);
    return absl::OkStatus();
  }

  absl::Status ListSessions() {
    for (auto& [epoch, session] : state_.sessions) {
      auto names = files_.List(SessionDir(dir_, epoch));
      if (!names.ok()) return Refusal(SessionDir(dir_, epoch), names.status().message());
      for (const std::string& name : *names) {
        absl::Status status =
            AddFile(absl::StrCat(SessionDir(dir_, epoch), "/", name), name, &session);
        if (!status.ok()) return status;
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddFile(const std::string& path, const std::string& name, SpoolSession* session) {
    if (absl::EndsWith(name, kAsideSuffix)) {
      asides_.push_back(path);
      return absl::OkStatus();
    }
    if (ParseSpoolNumber(name, kMarkSuffix).has_value()) return absl::OkStatus();
    auto first_offset = ParseSpoolNumber(name, kSegmentSuffix);
    if (!first_offset.has_value()) return Refusal(path, "foreign file in a spool's directory");
    auto size = files_.Size(path);
    if (!size.ok()) return size.status();
    // Only what says itself whole that it is of another format is refused.
    // Noise is not: records carry their own checksums and offsets, and what of
    // them is missing is found out by these.
    auto header = files_.Read(path, 0, kSegmentHeaderBytes);
    absl::Status status =
        header.ok() ? CheckSegmentHeader(*header, *first_offset) : header.status();
    if (absl::IsFailedPrecondition(status)) return Refusal(path, status.message());
    if (!status.ok()) {
      Log(LogLevel::kWarn, "spool_header_damaged", "a segment's header can not be read",
          {{"file", path}, {"status", status}});
    }
    session->segments[*first_offset].size_bytes = *size;
    return absl::OkStatus();
  }

  // --- Finishing what was begun ---

  absl::Status FinishRenames() {
    for (const auto& [from, to] : state_.epoch_file.renames) {
      auto session = state_.sessions.extract(from);
      if (session.empty()) continue;
      absl::Status status = files_.Rename(SessionDir(dir_, from), SessionDir(dir_, to));
      if (!status.ok()) return status;
      session.key() = to;
      state_.sessions.insert(std::move(session));
    }
    state_.epoch_file.renames.clear();
    return absl::OkStatus();
  }

  absl::Status RemoveLeftOvers() {
    // Renames may have moved some of them: those go at the next start.
    for (const std::string& path : asides_) {
      absl::Status status = files_.Remove(path);
      if (!status.ok() && !absl::IsNotFound(status)) return status;
    }
    for (const std::string& path : gone_) {
      absl::Status status = RemoveGoneDir(files_, path);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // --- Where each session ends ---

  struct Marks {
    // The highest one.
    SyncMark mark;
    std::vector<uint64_t> numbers;
  };

  absl::Status ReadMarks() {
    for (auto& [epoch, session] : state_.sessions) {
      auto names = files_.List(SessionDir(dir_, epoch));
      if (!names.ok()) return names.status();
      for (const std::string& name : *names) {
        auto number = ParseSpoolNumber(name, kMarkSuffix);
        if (!number.has_value()) continue;
        Marks& marks = marks_[epoch];
        marks.numbers.push_back(*number);
        auto bytes = files_.Read(MarkPath(SessionDir(dir_, epoch), *number), 0,
                                 kMarkFileBytesMax + kSyncMarkBytes);
        // As good as missing.
        if (!bytes.ok()) state_.end_is_unknown = true;
        if (!bytes.ok()) continue;
        SyncMark mark = HighestSyncMark(*bytes);
        if (mark.end_offset >= marks.mark.end_offset) marks.mark = mark;
      }
      session.received = marks_[epoch].mark.received;
    }
    return absl::OkStatus();
  }

  absl::Status FindEnds() {
    const EpochFile& file = state_.epoch_file;
    // Made before it was named.
    if (file.epoch > 0 && state_.sessions.count(file.epoch) == 0) state_.end_is_unknown = true;
    for (const auto& [epoch, end_offset] : file.ends)
      state_.sessions[epoch].end_offset = end_offset;
    for (auto& [epoch, session] : state_.sessions) {
      absl::Status status;
      if (file.ends.count(epoch) == 0) {
        session.end_offset = marks_[epoch].mark.end_offset;
        status = ScanEnd(epoch, &session);
      }
      if (status.ok() && session.segments.empty() && session.end_offset > 0) {
        status = StandIn(epoch, &session);
      }
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // The session that was being written: its end_offset is that of its highest
  // mark yet. What is whole behind that belongs to it, the rest is a torn tail.
  absl::Status ScanEnd(uint64_t epoch, SpoolSession* session) {
    if (session->segments.empty()) return absl::OkStatus();
    // Made before its first segment.
    if (marks_[epoch].numbers.empty()) state_.end_is_unknown = true;
    auto last = std::prev(session->segments.end());
    std::string path = SegmentPath(dir_, epoch, last->first);
    SegmentScan scan = ScanSegment(path, last->first, session, &last->second);
    absl::Status status;
    if (scan.offset() < session->end_offset) {
      Log(LogLevel::kError, "spool_damaged", "synced records are gone: a loss stands for them",
          {{"file", path},
           {"first_offset", scan.offset()},
           {"offsets", session->end_offset - scan.offset()}});
    } else {
      if (!scan.read_status().ok()) state_.end_is_unknown = true;
      session->end_offset = scan.offset();
      status = CutTail(path, scan, last->first, session);
    }
    if (status.ok()) status = MakeDurable(epoch, session);
    return status;
  }

  SegmentScan ScanSegment(const std::string& path, uint64_t first_offset, SpoolSession* session,
                          SpoolSegment* segment) {
    for (int reads = 1;; ++reads) {
      SegmentScan scan(files_, path, kSegmentHeaderBytes, first_offset);
      while (auto item = scan.Next()) {
        segment->NoteRecord(item->offset, item->position);
        session->received.Include(ReceiveIntervalOf(item->record));
      }
      if (scan.read_status().ok() || reads == kReadsMax) return scan;
    }
  }

  absl::Status CutTail(const std::string& path, const SegmentScan& scan, uint64_t first_offset,
                       SpoolSession* session) {
    SpoolSegment& segment = session->segments[first_offset];
    if (scan.offset() == first_offset) {
      session->segments.erase(first_offset);
      return files_.Remove(path);
    }
    if (scan.position() < segment.size_bytes) {
      Log(LogLevel::kWarn, "spool_tail_cut", "cut the torn end of the last session",
          {{"file", path}, {"bytes", segment.size_bytes - scan.position()}});
    }
    segment.size_bytes = scan.position();
    return absl::OkStatus();
  }

  // After a kill some of it may stand in the page cache only. The mark comes
  // last.
  absl::Status MakeDurable(uint64_t epoch, SpoolSession* session) {
    Marks& marks = marks_[epoch];
    for (auto it = session->segments.begin(); it != session->segments.end(); ++it) {
      bool last = std::next(it) == session->segments.end();
      if (!last && session->SegmentEnd(it) <= marks.mark.end_offset) continue;
      absl::Status status =
          files_.Truncate(SegmentPath(dir_, epoch, it->first), it->second.size_bytes);
      if (!status.ok()) return status;
    }
    uint64_t number = marks.numbers.empty() ? 0 : marks.numbers.back() + 1;
    absl::Status status = files_.Replace(MarkPath(SessionDir(dir_, epoch), number),
                                         EncodeSyncMark({session->end_offset, session->received}));
    for (uint64_t old : marks.numbers) {
      if (status.ok()) status = files_.Remove(MarkPath(SessionDir(dir_, epoch), old));
    }
    return status;
  }

  // A session that is known to have had records and has no segment.
  absl::Status StandIn(uint64_t epoch, SpoolSession* session) {
    Log(LogLevel::kError, "spool_damaged", "a session's segments are gone: a loss stands for them",
        {{"file", SessionDir(dir_, epoch)}, {"first_offset", 0}, {"offsets", session->end_offset}});
    std::string bytes = EncodeSegmentHeader(0);
    v1::SessionRecord loss =
        MakeLoss(0, session->end_offset, session->received, v1::Loss::REASON_SPOOL_CORRUPT);
    AppendRecordBytes(0, loss.SerializeAsString(), &bytes);
    session->segments[0].size_bytes = bytes.size();
    session->segments[0].is_loss = true;
    absl::Status status = files_.CreateDir(SessionDir(dir_, epoch));
    return status.ok() ? files_.Replace(SegmentPath(dir_, epoch, 0), bytes) : status;
  }

  absl::Status SetEmptyAside() {
    for (auto it = state_.sessions.begin(); it != state_.sessions.end();) {
      // A power cut can bring back what was removed.
      auto& segments = it->second.segments;
      while (!segments.empty() && segments.rbegin()->first >= it->second.end_offset) {
        absl::Status status = files_.Remove(SegmentPath(dir_, it->first, segments.rbegin()->first));
        if (!status.ok()) return status;
        segments.erase(std::prev(segments.end()));
      }
      bool empty = it->second.segments.empty();
      if (empty) state_.empty_epochs.push_back(it->first);
      it = empty ? state_.sessions.erase(it) : std::next(it);
    }
    return absl::OkStatus();
  }

  FileSystem& files_;
  const std::string& dir_;
  SpoolState state_;
  std::map<uint64_t, Marks> marks_;
  std::vector<std::string> asides_;
  std::vector<std::string> gone_;
};

}  // namespace

absl::Status LookAtSpool(FileSystem& files, const std::string& dir) {
  return Recovery(files, dir).Look();
}

absl::StatusOr<SpoolState> RecoverSpool(FileSystem& files, const std::string& dir) {
  return Recovery(files, dir).Run();
}

}  // namespace braid
