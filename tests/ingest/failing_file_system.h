// A FileSystem that stops working before its nth change (a process killed
// between any two steps, a full disk) or whose reads fail for a while.

#ifndef BRAID_TESTS_INGEST_FAILING_FILE_SYSTEM_H_
#define BRAID_TESTS_INGEST_FAILING_FILE_SYSTEM_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "base/file_system.h"

namespace braid {

class FailingFileSystem final : public FileSystem {
 public:
  explicit FailingFileSystem(FileSystem& files) : files_(files) {}

  // The change after this many fails, and all after it.
  void FailAfter(int changes) { changes_left_ = changes; }
  void Heal() { changes_left_ = kNever; }
  // Reads of paths that end so.
  void FailReads(std::string suffix, int times) {
    unreadable_suffix_ = std::move(suffix);
    read_failures_left_ = times;
  }
  bool fired() const { return changes_left_ < 0; }

  absl::Status CreateDir(const std::string& dir) override {
    return Dead() ? Failure() : files_.CreateDir(dir);
  }
  absl::StatusOr<std::vector<std::string>> List(const std::string& dir) override {
    return files_.List(dir);
  }
  absl::StatusOr<std::unique_ptr<AppendFile>> Create(const std::string& path) override {
    if (Dead()) return Failure();
    auto file = files_.Create(path);
    if (!file.ok()) return file.status();
    return std::unique_ptr<AppendFile>(new File(*this, *std::move(file)));
  }
  absl::StatusOr<std::string> Read(const std::string& path, uint64_t offset,
                                   uint64_t length) override {
    if (read_failures_left_ > 0 && absl::EndsWith(path, unreadable_suffix_)) {
      --read_failures_left_;
      return absl::InternalError("EIO");
    }
    return files_.Read(path, offset, length);
  }
  absl::StatusOr<uint64_t> Size(const std::string& path) override { return files_.Size(path); }
  absl::Status Replace(const std::string& path, absl::string_view bytes) override {
    return Dead() ? Failure() : files_.Replace(path, bytes);
  }
  absl::Status Rename(const std::string& from, const std::string& to) override {
    return Dead() ? Failure() : files_.Rename(from, to);
  }
  absl::Status Remove(const std::string& path) override {
    return Dead() ? Failure() : files_.Remove(path);
  }
  absl::Status Truncate(const std::string& path, uint64_t size) override {
    return Dead() ? Failure() : files_.Truncate(path, size);
  }
  absl::StatusOr<uint64_t> FreeBytes(const std::string& dir) override {
    return files_.FreeBytes(dir);
  }

 private:
  static constexpr int kNever = 1 << 30;

  class File final : public AppendFile {
   public:
    File(FailingFileSystem& system, std::unique_ptr<AppendFile> file)
        : system_(system), file_(std::move(file)) {}
    absl::Status Append(absl::string_view bytes) override {
      return system_.Dead() ? Failure() : file_->Append(bytes);
    }
    void Sync(absl::AnyInvocable<void(absl::Status)> done) override {
      if (!system_.fired()) file_->Sync(std::move(done));
    }

   private:
    FailingFileSystem& system_;
    const std::unique_ptr<AppendFile> file_;
  };

  static absl::Status Failure() { return absl::AbortedError("killed here"); }
  bool Dead() { return fired() || --changes_left_ < 0; }

  FileSystem& files_;
  int changes_left_ = kNever;
  std::string unreadable_suffix_;
  int read_failures_left_ = 0;
};

}  // namespace braid

#endif  // BRAID_TESTS_INGEST_FAILING_FILE_SYSTEM_H_
