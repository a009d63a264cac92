#include "ingest/spool_owner.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace braid {
namespace {

// Two names of at most 64 bytes and what separates them, with room to spare.
constexpr uint64_t kOwnerBytesMax = 1024;

std::string PathOf(const std::string& dir) { return absl::StrCat(dir, "/", kSpoolOwnerFile); }

}  // namespace

std::string SpoolOwnerOf(const std::string& stream, const std::string& source_id) {
  return absl::StrCat(stream, "/", source_id);
}

absl::StatusOr<bool> IsSpoolOf(FileSystem& files, const std::string& dir,
                               const std::string& owner) {
  absl::StatusOr<std::string> known = files.Read(PathOf(dir), 0, kOwnerBytesMax);
  if (absl::IsNotFound(known.status())) return false;
  if (!known.ok()) return known.status();
  if (known->empty()) return false;
  if (*known == owner) return true;
  return absl::FailedPreconditionError(
      absl::StrCat("spool.dir '", dir, "' holds what '", *known, "' received, and '", owner,
                   "' is to use it: give each connection a directory of its own; if it was only "
                   "renamed, remove ",
                   PathOf(dir)));
}

absl::Status NoteSpoolOwner(FileSystem& files, const std::string& dir, const std::string& owner) {
  return files.Replace(PathOf(dir), owner);
}

}  // namespace braid
