#include "ingest/spool_state.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "ingest/segment_scan.h"

namespace braid {
namespace {

constexpr char kSegmentSuffix[] = ".seg";
// Left behind by a Replace that was interrupted.
constexpr char kAsideSuffix[] = ".tmp";
// A seek reads at most this much that it does not want.
constexpr uint64_t kIndexStepBytes = 64 << 10;

absl::Status Refusal(const std::string& path, absl::string_view what) {
  return absl::FailedPreconditionError(absl::StrCat(
      path, ": ", what,
      ". Nothing was changed. Move it away if it does not belong to this "
      "connector, or point spool.dir at another directory; what it holds and no deduper has is "
      "then reported as lost"));
}

bool IsTorn(const std::string& bytes, const std::string& whole) {
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != whole[i] && bytes[i] != '\0') return false;
  }
  return true;
}

// Lists everything first and touches nothing, so that a refusal is harmless.
class Recovery {
 public:
  Recovery(FileSystem& files, const std::string& dir) : files_(files), dir_(dir) {}

  absl::StatusOr<SpoolState> Run() {
    for (auto step : {&Recovery::ListDir, &Recovery::ReadEpochFile, &Recovery::ListSessions,
                      &Recovery::FinishRenames, &Recovery::RemoveAsides, &Recovery::FindEnds,
                      &Recovery::RemoveEmpty}) {
      absl::Status status = (this->*step)();
      if (!status.ok()) return status;
    }
    return std::move(state_);
  }

 private:
  absl::Status ListDir() {
    auto names = files_.List(dir_);
    if (!names.ok()) return names.status();
    for (const std::string& name : *names) {
      if (name == "epoch" || name == "LOCK") continue;
      if (absl::EndsWith(name, kAsideSuffix)) {
        asides_.push_back(absl::StrCat(dir_, "/", name));
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
        std::string path = absl::StrCat(SessionDir(dir_, epoch), "/", name);
        if (absl::EndsWith(name, kAsideSuffix)) {
          asides_.push_back(path);
          continue;
        }
        auto first_offset = ParseSpoolNumber(name, kSegmentSuffix);
        if (!first_offset.has_value()) return Refusal(path, "foreign file in a spool's directory");
        absl::Status status = AddSegment(path, *first_offset, &session);
        if (!status.ok()) return status;
      }
    }
    return absl::OkStatus();
  }

  absl::Status AddSegment(const std::string& path, uint64_t first_offset, SpoolSession* session) {
    auto size = files_.Size(path);
    if (!size.ok()) return size.status();
    auto header = files_.Read(path, 0, kSegmentHeaderBytes);
    if (!header.ok()) return header.status();
    absl::Status status = CheckSegmentHeader(*header, first_offset);
    // A power cut can leave none of the header, or a hole in it; anything else
    // was never ours.
    bool torn = IsTorn(*header, EncodeSegmentHeader(first_offset));
    if (absl::IsFailedPrecondition(status) && !torn) return Refusal(path, status.message());
    SpoolSegment& segment = session->segments[first_offset];
    segment.size_bytes = *size;
    segment.header_damaged = !status.ok();
    return absl::OkStatus();
  }

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

  absl::Status RemoveAsides() {
    // Renames may have moved some of them: those go at the next start.
    for (const std::string& path : asides_) {
      absl::Status status = files_.Remove(path);
      if (!status.ok() && !absl::IsNotFound(status)) return status;
    }
    return absl::OkStatus();
  }

  absl::Status FindEnds() {
    for (auto it = state_.sessions.begin(); it != state_.sessions.end(); ++it) {
      auto end = state_.epoch_file.ends.find(it->first);
      if (end != state_.epoch_file.ends.end()) {
        it->second.end_offset = end->second;
        continue;
      }
      absl::Status status = ScanEnd(it->first, &it->second);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // The session that was being written has no known end: it ends at its first
  // bad record, which is where the power cut came.
  absl::Status ScanEnd(uint64_t epoch, SpoolSession* session) {
    if (session->segments.empty()) return absl::OkStatus();
    auto last = std::prev(session->segments.end());
    std::string path = SegmentPath(dir_, epoch, last->first);
    uint64_t position = 0;
    session->end_offset = last->first;
    if (!last->second.header_damaged) {
      SegmentScan scan(files_, path, kSegmentHeaderBytes, last->first);
      while (auto item = scan.Next()) last->second.NoteRecord(item->offset, item->position);
      if (!scan.read_status().ok()) return Refusal(path, scan.read_status().message());
      position = scan.position();
      session->end_offset = scan.offset();
    }
    if (position == last->second.size_bytes) {
      // After a kill some of it may stand in the page cache only.
      return files_.Truncate(path, position);
    }
    state_.cut_bytes += last->second.size_bytes - position;
    Log(LogLevel::kWarn, "spool_tail_cut", "cut the torn end of the last session",
        {{"file", path}, {"bytes", last->second.size_bytes - position}});
    if (position == 0) {
      session->segments.erase(last);
      return files_.Remove(path);
    }
    last->second.size_bytes = position;
    return files_.Truncate(path, position);
  }

  // A segment or session without records.
  absl::Status RemoveEmpty() {
    for (auto it = state_.sessions.begin(); it != state_.sessions.end();) {
      auto& segments = it->second.segments;
      while (!segments.empty() && std::prev(segments.end())->first >= it->second.end_offset) {
        absl::Status status =
            files_.Remove(SegmentPath(dir_, it->first, std::prev(segments.end())->first));
        if (!status.ok()) return status;
        segments.erase(std::prev(segments.end()));
      }
      if (!segments.empty()) {
        ++it;
        continue;
      }
      absl::Status status = files_.Remove(SessionDir(dir_, it->first));
      if (!status.ok()) return status;
      it = state_.sessions.erase(it);
    }
    return absl::OkStatus();
  }

  FileSystem& files_;
  const std::string& dir_;
  SpoolState state_;
  std::vector<std::string> asides_;
};

}  // namespace

void SpoolSegment::NoteRecord(uint64_t offset, uint64_t position) {
  if (index.empty() || position >= index.back().second + kIndexStepBytes) {
    index.emplace_back(offset, position);
  }
}

std::map<uint64_t, SpoolSegment>::iterator SpoolSession::SegmentOf(uint64_t offset) {
  return std::prev(segments.upper_bound(offset));
}

uint64_t SpoolSession::SegmentEnd(std::map<uint64_t, SpoolSegment>::const_iterator segment) const {
  auto next = std::next(segment);
  return next == segments.end() ? end_offset : next->first;
}

uint64_t SpoolSession::AcknowledgedByAll() const {
  return *std::min_element(acknowledged.begin(), acknowledged.end());
}

std::string SessionDir(const std::string& dir, uint64_t epoch) {
  return absl::StrCat(dir, "/", SpoolNumber(epoch));
}

std::string SegmentPath(const std::string& dir, uint64_t epoch, uint64_t first_offset) {
  return absl::StrCat(SessionDir(dir, epoch), "/", SpoolNumber(first_offset), kSegmentSuffix);
}

std::string EpochPath(const std::string& dir) { return absl::StrCat(dir, "/epoch"); }

absl::StatusOr<SpoolState> RecoverSpool(FileSystem& files, const std::string& dir) {
  return Recovery(files, dir).Run();
}

}  // namespace braid
