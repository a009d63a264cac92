#include "tests/harness/ready_file.h"

#include <poll.h>
#include <sys/inotify.h>
#include <unistd.h>

#include <filesystem>
#include <regex>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/harness/files.h"

namespace braid::harness {
namespace {

class DirWatch final {
 public:
  explicit DirWatch(const std::string& dir) : fd_(inotify_init1(IN_CLOEXEC | IN_NONBLOCK)) {
    inotify_add_watch(fd_, dir.c_str(), IN_MOVED_TO | IN_CLOSE_WRITE | IN_CREATE);
  }
  ~DirWatch() { close(fd_); }

  // Returns when something happened in the directory, the process ended, or
  // time is up.
  void Wait(int pid_fd, absl::Duration timeout) {
    pollfd fds[] = {{fd_, POLLIN, 0}, {pid_fd, POLLIN, 0}};
    poll(fds, 2, static_cast<int>(absl::ToInt64Milliseconds(timeout)) + 1);
    char events[4096];
    while (read(fd_, events, sizeof(events)) > 0) {
    }
  }

 private:
  const int fd_;
};

std::map<std::string, int> ParseNumbers(const std::string& json) {
  static const std::regex kMember("\"([a-z_]+)\"\\s*:\\s*([0-9]+)");
  std::map<std::string, int> numbers;
  for (std::sregex_iterator match(json.begin(), json.end(), kMember), end; match != end; ++match) {
    int value = 0;
    if (absl::SimpleAtoi((*match)[2].str(), &value)) numbers[(*match)[1].str()] = value;
  }
  return numbers;
}

}  // namespace

absl::StatusOr<std::map<std::string, int>> WaitForReadyFile(Process& process,
                                                            const std::string& path,
                                                            absl::Duration timeout) {
  DirWatch watch(std::filesystem::path(path).parent_path().string());
  absl::Time deadline = absl::Now() + timeout;
  while (true) {
    bool running = process.IsRunning();
    absl::StatusOr<std::string> content = ReadFile(path);
    if (content.ok()) {
      std::map<std::string, int> numbers = ParseNumbers(*content);
      if (!numbers.empty()) return numbers;
    }
    if (!running) {
      return absl::AbortedError(absl::StrCat(process.name(), " ended before it was ready: ",
                                             process.Wait(absl::ZeroDuration())->ToString(), "\n",
                                             process.OutputTail()));
    }
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(absl::StrCat(process.name(), " not ready within ",
                                                      absl::FormatDuration(timeout), "\n",
                                                      process.OutputTail()));
    }
    watch.Wait(process.pid_fd(), deadline - absl::Now());
  }
}

}  // namespace braid::harness
