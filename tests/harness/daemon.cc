#include "tests/harness/daemon.h"

#include <signal.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "tests/harness/ready_file.h"

namespace braid::harness {

Daemon::Daemon(DaemonOptions options) : options_(std::move(options)) {}

absl::Status Daemon::Start() {
  BRAID_CHECK(!IsRunning());
  std::string ready_file = absl::StrCat(options_.dir, "/", options_.name, ".ready");
  unlink(ready_file.c_str());
  ProcessOptions process;
  process.name = options_.name;
  process.command = options_.command;
  process.command.push_back("--ready-file");
  process.command.push_back(ready_file);
  process.environment = options_.environment;
  process.output_file = absl::StrCat(options_.dir, "/", options_.name, ".log");
  process.network_namespace_fd = options_.network_namespace_fd;
  absl::StatusOr<std::unique_ptr<Process>> started = Process::Start(std::move(process));
  if (!started.ok()) return started.status();
  process_ = *std::move(started);
  absl::StatusOr<std::map<std::string, int>> ports =
      WaitForReadyFile(*process_, ready_file, options_.start_timeout);
  if (!ports.ok()) return ports.status();
  ports_ = *std::move(ports);
  start_duration_ = absl::Now() - process_->start_time();
  return absl::OkStatus();
}

absl::Status Daemon::Stop(absl::Duration timeout) {
  process_->Signal(SIGTERM);
  absl::StatusOr<ProcessExit> exit = process_->Wait(timeout);
  if (!exit.ok()) return exit.status();
  if (exit->signaled || exit->code != 0) {
    return absl::InternalError(absl::StrCat(name(), " was asked to stop and ended with ",
                                            exit->ToString(), "\n", process_->OutputTail()));
  }
  return absl::OkStatus();
}

void Daemon::Kill() {
  if (process_ != nullptr) process_->Kill();
}

absl::Status Daemon::Restart() {
  Kill();
  return Start();
}

int Daemon::port(const std::string& name) const {
  auto port = ports_.find(name);
  return port == ports_.end() ? 0 : port->second;
}

void Daemon::SetEnvironment(std::vector<std::pair<std::string, std::string>> environment) {
  options_.environment = std::move(environment);
}

absl::StatusOr<HttpAnswer> Daemon::Get(const std::string& target) const {
  HttpCall call;
  call.host = options_.http_host;
  call.port = port("http_port");
  call.target = target;
  return CallHttp(call);
}

absl::StatusOr<Metrics> Daemon::Scrape() const {
  absl::StatusOr<HttpAnswer> answer = Get("/metrics");
  if (!answer.ok()) return answer.status();
  if (answer->status != 200) {
    return absl::InternalError(absl::StrCat(name(), " /metrics: ", answer->status));
  }
  return Metrics(answer->body);
}

double Daemon::Metric(const std::string& metric, double otherwise) const {
  absl::StatusOr<Metrics> metrics = Scrape();
  return metrics.ok() ? metrics->Sum(metric).value_or(otherwise) : otherwise;
}

}  // namespace braid::harness
