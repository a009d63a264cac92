#include "ingest/spool_leftovers.h"

#include <cstdint>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/log.h"
#include "ingest/attempt_ledger.h"
#include "ingest/slot_keeper.h"
#include "ingest/spool_format.h"

namespace braid {
namespace {

// Of the records of one spool, acknowledged or not: only dedupers know.
uint64_t RecordBytes(FileSystem& files, const std::string& spool) {
  uint64_t bytes = 0;
  auto sessions = files.List(spool);
  if (!sessions.ok()) return 0;
  for (const std::string& session : *sessions) {
    if (!ParseSpoolNumber(session, "").has_value()) continue;
    std::string dir = absl::StrCat(spool, "/", session);
    auto segments = files.List(dir);
    if (!segments.ok()) continue;
    for (const std::string& segment : *segments) {
      if (!ParseSpoolNumber(segment, kSegmentSuffix).has_value()) continue;
      uint64_t size = files.Size(absl::StrCat(dir, "/", segment)).value_or(0);
      if (size > kSegmentHeaderBytes) bytes += size - kSegmentHeaderBytes;
    }
  }
  return bytes;
}

}  // namespace

absl::Status CheckLeftovers(FileSystem& files, const std::string& dir,
                            const std::set<std::string>& connections) {
  auto names = files.List(dir);
  if (absl::IsNotFound(names.status())) return absl::OkStatus();
  if (!names.ok()) return names.status();
  std::vector<std::string> problems;
  for (const std::string& name : *names) {
    if (connections.count(name) > 0 || name == "LOCK" || name == kLedgerFile) continue;
    if (absl::EndsWith(name, ".tmp") || absl::EndsWith(name, kConnectsSuffix) ||
        absl::EndsWith(name, kPausedSuffix)) {
      continue;
    }
    std::string path = absl::StrCat(dir, "/", name);
    if (name == "epoch") {
      problems.push_back(absl::StrCat(
          dir, " is itself the spool of a single connection; move all of it but LOCK and ",
          kLedgerFile, " into ", dir, "/<id of that connection>"));
    } else if (ParseSpoolNumber(name, "").has_value()) {
      continue;  // Of the same.
    } else if (uint64_t bytes = RecordBytes(files, path); bytes > 0) {
      problems.push_back(absl::StrCat(
          path, " holds ", bytes, " bytes of a connection that the configuration does not name; ",
          "list it, or list it as {id: ", name, ", stream: …, retired: true} until the dedupers ",
          "have it all, or move it away and lose what they do not have"));
    } else {
      Log(LogLevel::kWarn, "spool_left_over", "a directory of no connection holds no records",
          {{"dir", path}});
    }
  }
  if (problems.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat("spool.dir: ", absl::StrJoin(problems, "; ")));
}

}  // namespace braid
