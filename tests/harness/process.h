// One child process of a test, benchmark or demo, in a process group of its
// own. It never outlives its Process object, nor the thread that started it:
// the destructor kills the group and reaps, and the kernel kills the child when
// that thread dies (PR_SET_PDEATHSIG), so start children on a thread that stays.
//
// Threads: one thread owns a Process. Usage() may be called from others.
// Bounds: every wait has a deadline; output goes to a file, never to a pipe.

#ifndef BRAID_TESTS_HARNESS_PROCESS_H_
#define BRAID_TESTS_HARNESS_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace braid::harness {

struct ProcessOptions {
  // Name in messages and of the output file.
  std::string name;
  // Program (a path) and its arguments.
  std::vector<std::string> command;
  // Added to the environment.
  std::vector<std::pair<std::string, std::string>> environment;
  // stdout and stderr are appended here.
  std::string output_file;
  // Network namespace to run in (an open file of /proc/PID/ns/net), or -1.
  int network_namespace_fd = -1;
};

// How a process ended.
struct ProcessExit {
  bool signaled = false;
  // Exit code, or the signal.
  int code = 0;
  std::string ToString() const;
};

struct ProcessUsage {
  uint64_t rss_bytes = 0;
  // Largest rss_bytes since the start of the process.
  uint64_t rss_bytes_max = 0;
  // User and system time of all threads.
  absl::Duration cpu;
  // Sent to block devices.
  uint64_t written_bytes = 0;
};

class Process final {
 public:
  // Failure: the program can not be started; says why.
  [[nodiscard]] static absl::StatusOr<std::unique_ptr<Process>> Start(ProcessOptions options);

  ~Process();
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  const std::string& name() const { return options_.name; }
  const std::string& output_file() const { return options_.output_file; }
  pid_t pid() const { return pid_; }
  // Readable when the process has ended: for poll(2).
  int pid_fd() const { return pid_fd_; }
  absl::Time start_time() const { return start_time_; }

  // True until the process has ended and was reaped.
  bool IsRunning();

  // By SIGSTOP, and arrived there: it no longer runs any system call.
  bool IsStopped() const;

  // Nothing happens to a process that has ended.
  void Signal(int signal);

  // Waits for the end; DeadlineExceeded when it still runs after `timeout`.
  [[nodiscard]] absl::StatusOr<ProcessExit> Wait(absl::Duration timeout);

  // SIGKILL to the group, and reaped when this returns.
  void Kill();

  // Failure: the process has ended.
  [[nodiscard]] absl::StatusOr<ProcessUsage> Usage() const;

  // CPU time per thread name, summed over threads of one name.
  [[nodiscard]] absl::StatusOr<std::vector<std::pair<std::string, absl::Duration>>> ThreadCpu()
      const;

  // The last lines of the output, for failure messages.
  std::string OutputTail() const;

 private:
  explicit Process(ProcessOptions options);
  bool Reap(bool block);

  const ProcessOptions options_;
  pid_t pid_ = -1;
  int pid_fd_ = -1;
  absl::Time start_time_;
  bool ended_ = false;
  ProcessExit exit_;
};

}  // namespace braid::harness

#endif  // BRAID_TESTS_HARNESS_PROCESS_H_
