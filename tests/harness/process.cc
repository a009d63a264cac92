#include "tests/harness/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "tests/harness/files.h"

namespace braid::harness {
namespace {

// Everything the child needs, made before the fork: after it, a child of a
// process with threads may only make system calls.
struct ExecPlan {
  std::vector<std::string> strings;
  std::vector<char*> arguments;
  std::vector<char*> environment;
};

ExecPlan MakePlan(const ProcessOptions& options) {
  ExecPlan plan;
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    absl::string_view name = absl::string_view(*entry).substr(0, strcspn(*entry, "="));
    bool replaced = std::any_of(options.environment.begin(), options.environment.end(),
                                [&](const auto& added) { return name == added.first; });
    if (!replaced) environment.push_back(*entry);
  }
  for (const auto& [name, value] : options.environment) {
    environment.push_back(absl::StrCat(name, "=", value));
  }
  plan.strings = options.command;
  plan.strings.insert(plan.strings.end(), environment.begin(), environment.end());
  for (size_t i = 0; i < plan.strings.size(); ++i) {
    auto& list = i < options.command.size() ? plan.arguments : plan.environment;
    list.push_back(plan.strings[i].data());
  }
  plan.arguments.push_back(nullptr);
  plan.environment.push_back(nullptr);
  return plan;
}

// Runs in the child. Exit code 127 means that the program could not be run.
[[noreturn]] void RunChild(const ProcessOptions& options, const ExecPlan& plan, int output_fd,
                           pid_t parent) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  // The parent may have died before the line above.
  if (getppid() != parent) _exit(127);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (options.network_namespace_fd >= 0 && setns(options.network_namespace_fd, CLONE_NEWNET) != 0) {
    _exit(127);
  }
  dup2(output_fd, STDOUT_FILENO);
  dup2(output_fd, STDERR_FILENO);
  execve(plan.arguments[0], plan.arguments.data(), plan.environment.data());
  _exit(127);
}

absl::Duration TicksToDuration(uint64_t ticks) {
  return absl::Seconds(1) * ticks / sysconf(_SC_CLK_TCK);
}

// utime + stime of a /proc stat line. Its second field, the name in
// parentheses, can hold anything, so fields are counted from its end.
absl::Duration CpuOfStat(const std::string& stat) {
  std::vector<std::string> fields = absl::StrSplit(stat.substr(stat.rfind(')') + 1), ' ');
  // After the name: "", state, ppid, ..., utime and stime are 12th and 13th.
  if (fields.size() < 14) return absl::ZeroDuration();
  uint64_t user = 0;
  uint64_t system = 0;
  if (!absl::SimpleAtoi(fields[12], &user) || !absl::SimpleAtoi(fields[13], &system)) {
    return absl::ZeroDuration();
  }
  return TicksToDuration(user + system);
}

// The number after `key` in a file of lines "key: number unit".
uint64_t NumberOf(const std::string& lines, absl::string_view key) {
  for (absl::string_view line : absl::StrSplit(lines, '\n')) {
    if (line.substr(0, key.size()) != key) continue;
    std::vector<absl::string_view> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    uint64_t number = 0;
    if (words.size() >= 2 && absl::SimpleAtoi(words[1], &number)) return number;
  }
  return 0;
}

}  // namespace

std::string ProcessExit::ToString() const {
  return signaled ? absl::StrCat("killed by signal ", code) : absl::StrCat("exit code ", code);
}

Process::Process(ProcessOptions options) : options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<Process>> Process::Start(ProcessOptions options) {
  std::unique_ptr<Process> process(new Process(std::move(options)));
  const ProcessOptions& o = process->options_;
  if (access(o.command.at(0).c_str(), X_OK) != 0) {
    return absl::NotFoundError(absl::StrCat("no program ", o.command[0]));
  }
  int output_fd = open(o.output_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output_fd < 0) return absl::InternalError(absl::StrCat("can not write ", o.output_file));
  ExecPlan plan = MakePlan(o);
  pid_t parent = getpid();
  process->start_time_ = absl::Now();
  pid_t pid = fork();
  if (pid == 0) RunChild(o, plan, output_fd, parent);
  close(output_fd);
  if (pid < 0) return absl::InternalError(absl::StrCat("fork: ", strerror(errno)));
  // Also here, so that a signal to the group works from now on.
  setpgid(pid, pid);
  process->pid_ = pid;
  // glibc 2.36 declares pidfd_open without extern "C".
  process->pid_fd_ = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (process->pid_fd_ < 0) return absl::InternalError(absl::StrCat("pidfd: ", strerror(errno)));
  return process;
}

Process::~Process() {
  Kill();
  if (pid_fd_ >= 0) close(pid_fd_);
}

bool Process::Reap(bool block) {
  if (ended_ || pid_ < 0) return true;
  int status = 0;
  pid_t reaped = 0;
  do {
    reaped = waitpid(pid_, &status, block ? 0 : WNOHANG);
  } while (reaped < 0 && errno == EINTR);
  if (reaped != pid_) return false;
  ended_ = true;
  exit_.signaled = WIFSIGNALED(status);
  exit_.code = exit_.signaled ? WTERMSIG(status) : WEXITSTATUS(status);
  return true;
}

bool Process::IsRunning() { return !Reap(false); }

bool Process::IsStopped() const {
  // Every thread: one that is inside fdatasync stops when it returns.
  std::string tasks = absl::StrCat("/proc/", pid_, "/task");
  absl::StatusOr<std::vector<std::string>> threads = ListDir(tasks);
  if (!threads.ok()) return false;
  for (const std::string& thread : *threads) {
    absl::StatusOr<std::string> stat = ReadFile(absl::StrCat(tasks, "/", thread, "/stat"));
    if (!stat.ok()) continue;
    size_t state = stat->rfind(')') + 2;
    if (state >= stat->size() || (*stat)[state] != 'T') return false;
  }
  return true;
}

void Process::Signal(int signal) {
  if (!Reap(false)) kill(-pid_, signal);
}

absl::StatusOr<ProcessExit> Process::Wait(absl::Duration timeout) {
  absl::Time deadline = absl::Now() + timeout;
  while (!Reap(false)) {
    int64_t left =
        absl::ToInt64Milliseconds(absl::Ceil(deadline - absl::Now(), absl::Milliseconds(1)));
    if (left <= 0) {
      return absl::DeadlineExceededError(
          absl::StrCat(name(), " still runs after ", absl::FormatDuration(timeout)));
    }
    pollfd ended = {pid_fd_, POLLIN, 0};
    poll(&ended, 1, static_cast<int>(left));
  }
  return exit_;
}

void Process::Kill() {
  if (pid_ < 0 || ended_) return;
  kill(-pid_, SIGKILL);
  Reap(true);
}

absl::StatusOr<ProcessUsage> Process::Usage() const {
  std::string proc = absl::StrCat("/proc/", pid_);
  absl::StatusOr<std::string> stat = ReadFile(proc + "/stat");
  absl::StatusOr<std::string> status = ReadFile(proc + "/status");
  if (!stat.ok() || !status.ok()) return absl::NotFoundError(name() + " has ended");
  ProcessUsage usage;
  usage.cpu = CpuOfStat(*stat);
  usage.rss_bytes = NumberOf(*status, "VmRSS:") * 1024;
  usage.rss_bytes_max = NumberOf(*status, "VmHWM:") * 1024;
  usage.written_bytes = NumberOf(ReadFile(proc + "/io").value_or(""), "write_bytes:");
  return usage;
}

absl::StatusOr<std::vector<std::pair<std::string, absl::Duration>>> Process::ThreadCpu() const {
  std::string tasks = absl::StrCat("/proc/", pid_, "/task");
  absl::StatusOr<std::vector<std::string>> threads = ListDir(tasks);
  if (!threads.ok()) return threads.status();
  std::map<std::string, absl::Duration> by_name;
  for (const std::string& thread : *threads) {
    absl::StatusOr<std::string> stat = ReadFile(absl::StrCat(tasks, "/", thread, "/stat"));
    if (!stat.ok()) continue;
    size_t open = stat->find('(');
    size_t close = stat->rfind(')');
    by_name[stat->substr(open + 1, close - open - 1)] += CpuOfStat(*stat);
  }
  std::vector<std::pair<std::string, absl::Duration>> result(by_name.begin(), by_name.end());
  std::sort(result.begin(), result.end(),
            [](const auto& a, const auto& b) { return a.second > b.second; });
  return result;
}

std::string Process::OutputTail() const {
  absl::StatusOr<std::string> output = ReadFile(options_.output_file);
  if (!output.ok()) return "";
  // Enough for a stack trace or the last two dozen log lines.
  constexpr size_t kTailBytes = 4000;
  return output->size() <= kTailBytes ? *output : output->substr(output->size() - kTailBytes);
}

}  // namespace braid::harness
