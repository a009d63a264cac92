#include "base/process_metrics.h"

#include <sys/resource.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

namespace braid {
namespace {

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) * 1e-6;
}

double ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  double total_pages = 0;
  double resident_pages = 0;
  statm >> total_pages >> resident_pages;
  return resident_pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double OpenFileCount() {
  std::error_code error;
  std::filesystem::directory_iterator entries("/proc/self/fd", error);
  if (error) return 0;
  // The iterator itself holds one.
  return static_cast<double>(std::distance(begin(entries), end(entries))) - 1;
}

double OpenFileMax() {
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  return static_cast<double>(limit.rlim_cur);
}

}  // namespace

void CollectProcessMetrics(MetricSink& sink) {
  sink.AddCounter("process_cpu_seconds_total", "User and system CPU time spent.", {}, CpuSeconds());
  sink.AddGauge("process_resident_memory_bytes", "Resident memory.", {}, ResidentBytes());
  sink.AddGauge("process_open_fds", "Open file descriptors.", {}, OpenFileCount());
  sink.AddGauge("process_max_fds", "Most file descriptors that may be open.", {}, OpenFileMax());
}

}  // namespace braid
