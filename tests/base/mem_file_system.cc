#include "tests/base/mem_file_system.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/file_path.h"

namespace braid {
namespace {

absl::Status NoSuch(const std::string& path) {
  return absl::NotFoundError(absl::StrCat(path, ": no such file or directory"));
}

}  // namespace

class MemFileSystem::MemAppendFile final : public AppendFile {
 public:
  MemAppendFile(std::shared_ptr<MemFileSystem*> system, std::shared_ptr<File> file)
      : system_(std::move(system)), life_((*system_)->life_), file_(std::move(file)) {}

  absl::Status Append(absl::string_view bytes) override {
    if (Dead()) return absl::AbortedError("the process of this file has ended");
    MemFileSystem& system = **system_;
    if (!system.append_failure_.ok()) {
      ++system.failures_fired_;
      file_->bytes.append(bytes.data(), bytes.size() / 2);
      return std::exchange(system.append_failure_, absl::OkStatus());
    }
    file_->bytes.append(bytes.data(), bytes.size());
    return absl::OkStatus();
  }

  void Sync(absl::AnyInvocable<void(absl::Status)> done) override {
    if (Dead()) return;
    MemFileSystem& system = **system_;
    system.loop_.After(system.options_.sync_delay,
                       [system = system_, life = life_, file = file_, covered = file_->bytes.size(),
                        done = std::move(done)]() mutable {
                         if (*system == nullptr || (*system)->life_ != life) return;
                         done(Complete(**system, *file, covered));
                       });
  }

 private:
  static absl::Status Complete(MemFileSystem& system, File& file, uint64_t covered) {
    ++system.sync_count_;
    if (!system.sync_failure_.ok()) {
      ++system.failures_fired_;
      file.sync_outcome = std::exchange(system.sync_failure_, absl::OkStatus());
    }
    // The file may have been truncated since.
    if (file.sync_outcome.ok()) {
      file.synced_bytes =
          std::max(file.synced_bytes, std::min<uint64_t>(covered, file.bytes.size()));
    }
    return file.sync_outcome;
  }

  bool Dead() const { return *system_ == nullptr || (*system_)->life_ != life_; }

  const std::shared_ptr<MemFileSystem*> system_;
  const uint64_t life_;
  const std::shared_ptr<File> file_;
};

void MemFileSystem::ProcessKilled() { ++life_; }

void MemFileSystem::PowerCut(Random& random) {
  ++life_;
  for (auto& [path, file] : files_) CutFile(*file, random);
  for (auto& [path, file] : removed_) {
    if (random.Unit() >= options_.removed_returns || files_.count(path) > 0) continue;
    CutFile(*file, random);
    files_.emplace(path, file);
  }
  removed_.clear();
  options_.noise_tail = false;
}

bool MemFileSystem::Damage(Random& random, const std::string& suffix) {
  std::vector<std::string> paths;
  for (const auto& [path, file] : files_) {
    if (absl::EndsWith(path, suffix) && !file->bytes.empty()) paths.push_back(path);
  }
  if (paths.empty()) return false;
  const size_t chosen = random.Below(paths.size());
  const bool last =
      chosen + 1 == paths.size() || ParentOf(paths[chosen + 1]) != ParentOf(paths[chosen]);
  std::string& bytes = files_[paths[chosen]]->bytes;
  const uint64_t position = random.Below(bytes.size());
  switch (random.Below(4)) {
    case 0:
      bytes.resize(position);
      break;
    case 1:
      std::fill(bytes.begin() + static_cast<int64_t>(position), bytes.end(), '\0');
      break;
    case 2:
      bytes[position] ^= static_cast<char>(1 << random.Below(8));
      break;
    default:
      if (last) {
        files_.erase(paths[chosen]);
        return true;
      }
      bytes.clear();
  }
  files_[paths[chosen]]->synced_bytes = bytes.size();
  return true;
}

void MemFileSystem::CutFile(File& file, Random& random) {
  const uint64_t unsynced = file.bytes.size() - file.synced_bytes;
  const uint64_t kept = random.Below(unsynced + 1);
  file.bytes.resize(file.synced_bytes + kept);
  if (kept > 0 && (options_.noise_tail || random.Unit() < options_.garble)) {
    // A hole where a page was never written, or noise.
    const bool hole = !options_.noise_tail && random.Below(2) == 0;
    const uint64_t from = file.synced_bytes + (options_.noise_tail ? 0 : random.Below(kept));
    const uint64_t until =
        options_.noise_tail ? file.bytes.size() : from + 1 + random.Below(file.bytes.size() - from);
    for (uint64_t i = from; i < until; ++i) {
      file.bytes[i] = hole ? '\0' : static_cast<char>(random.Next());
    }
  }
  // What survived is on the disk.
  file.synced_bytes = file.bytes.size();
  file.sync_outcome = absl::OkStatus();
}

void MemFileSystem::DirBecameDurable(const std::string& dir) {
  for (auto it = removed_.begin(); it != removed_.end();) {
    it = ParentOf(it->first) == dir ? removed_.erase(it) : std::next(it);
  }
}

absl::StatusOr<uint64_t> MemFileSystem::SyncedSize(const std::string& path) const {
  const auto found = files_.find(path);
  if (found == files_.end()) return NoSuch(path);
  return found->second->synced_bytes;
}

absl::Status MemFileSystem::CreateDir(const std::string& dir) {
  for (std::string each = dir; each != "." && each != "/"; each = ParentOf(each)) {
    if (files_.count(each) > 0) {
      return absl::AlreadyExistsError(absl::StrCat(each, " is there and is not a directory"));
    }
    dirs_.insert(each);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> MemFileSystem::List(const std::string& dir) {
  if (dirs_.count(dir) == 0) return NoSuch(dir);
  std::vector<std::string> names;
  const auto add = [&](const std::string& path) {
    if (path != dir && ParentOf(path) == dir) names.push_back(path.substr(path.rfind('/') + 1));
  };
  for (const auto& [path, file] : files_) add(path);
  for (const std::string& path : dirs_) add(path);
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::unique_ptr<AppendFile>> MemFileSystem::Create(const std::string& path) {
  if (dirs_.count(ParentOf(path)) == 0) return NoSuch(ParentOf(path));
  if (files_.count(path) > 0 || dirs_.count(path) > 0) {
    return absl::AlreadyExistsError(absl::StrCat(path, " is there already"));
  }
  DirBecameDurable(ParentOf(path));
  const auto file = std::make_shared<File>();
  files_[path] = file;
  return std::make_unique<MemAppendFile>(self_, file);
}

absl::StatusOr<std::string> MemFileSystem::Read(const std::string& path, uint64_t offset,
                                                uint64_t length) {
  const auto found = files_.find(path);
  if (found == files_.end()) return NoSuch(path);
  if (read_failures_left_ > 0 && absl::EndsWith(path, unreadable_suffix_)) {
    --read_failures_left_;
    ++failures_fired_;
    return absl::InternalError(absl::StrCat(path, ": input/output error"));
  }
  const std::string& bytes = found->second->bytes;
  if (offset >= bytes.size()) return std::string();
  return bytes.substr(offset, length);
}

absl::StatusOr<uint64_t> MemFileSystem::Size(const std::string& path) {
  const auto found = files_.find(path);
  if (found == files_.end()) return NoSuch(path);
  return static_cast<uint64_t>(found->second->bytes.size());
}

absl::Status MemFileSystem::Replace(const std::string& path, absl::string_view bytes) {
  if (dirs_.count(ParentOf(path)) == 0) return NoSuch(ParentOf(path));
  DirBecameDurable(ParentOf(path));
  // A new file: objects that append to the old one do not reach it.
  const auto file = std::make_shared<File>();
  file->bytes = std::string(bytes);
  file->synced_bytes = bytes.size();
  files_[path] = file;
  return absl::OkStatus();
}

absl::Status MemFileSystem::Rename(const std::string& from, const std::string& to) {
  if (dirs_.count(ParentOf(to)) == 0) return NoSuch(ParentOf(to));
  DirBecameDurable(ParentOf(from));
  DirBecameDurable(ParentOf(to));
  if (const auto file = files_.extract(from)) {
    files_[to] = file.mapped();
    return absl::OkStatus();
  }
  if (dirs_.count(from) == 0) return NoSuch(from);
  const auto moved = [&](const std::string& path) { return to + path.substr(from.size()); };
  const auto inside = [&](const std::string& path) {
    return path == from || absl::StartsWith(path, from + "/");
  };
  std::map<std::string, std::shared_ptr<File>> files;
  for (auto& [path, file] : files_) files[inside(path) ? moved(path) : path] = file;
  std::set<std::string> dirs;
  for (const std::string& path : dirs_) dirs.insert(inside(path) ? moved(path) : path);
  files_.swap(files);
  dirs_.swap(dirs);
  return absl::OkStatus();
}

absl::Status MemFileSystem::Remove(const std::string& path) {
  if (auto file = files_.extract(path)) {
    removed_[path] = file.mapped();
    return absl::OkStatus();
  }
  const absl::StatusOr<std::vector<std::string>> names = List(path);
  if (!names.ok()) return names.status();
  if (!names->empty()) {
    return absl::FailedPreconditionError(absl::StrCat(path, ": directory not empty"));
  }
  dirs_.erase(path);
  // Nothing can come back into a directory that is gone.
  DirBecameDurable(path);
  return absl::OkStatus();
}

absl::Status MemFileSystem::Truncate(const std::string& path, uint64_t size) {
  const auto found = files_.find(path);
  if (found == files_.end()) return NoSuch(path);
  found->second->bytes.resize(size);
  found->second->synced_bytes = size;
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> MemFileSystem::FreeBytes(const std::string& dir) {
  if (dirs_.count(dir) == 0) return NoSuch(dir);
  return options_.free_bytes;
}

}  // namespace braid
