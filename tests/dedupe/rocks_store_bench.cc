// Figures for the two promises of RocksStore that cost: how fast a killed
// deduper with ten million ids is back, and how many bytes and ids a second
// one synced write after the other takes. Run by hand, with -c opt:
// rocks_store_bench DIR (an empty directory on the disk to measure).

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/bytes.h"
#include "base/check.h"
#include "base/metrics.h"
#include "base/random.h"
#include "dedupe/rocks_store.h"

namespace braid {
namespace {

constexpr char kStream[] = "bench";

std::unique_ptr<RocksStore> OpenOrDie(const std::string& dir) {
  absl::StatusOr<std::unique_ptr<RocksStore>> store = RocksStore::Open(dir, kStream, {});
  if (!store.ok()) std::fprintf(stderr, "%s\n", store.status().ToString().c_str());
  BRAID_CHECK(store.ok());
  return *std::move(store);
}

std::string Be64(uint64_t number) {
  std::string bytes;
  AppendBe64(&bytes, number);
  return bytes;
}

std::string LogKey(uint64_t sequence) { return Be64(sequence) + std::string(4, '\0'); }

// Snowflakes of a busy second are near each other, but not in order.
uint64_t IdOf(uint64_t number) { return (number / 1000 << 22) + number * 7919 % 1000; }

std::string RandomBytes(Random& random, size_t bytes) {
  std::string value;
  value.reserve(bytes + 8);
  while (value.size() < bytes) AppendBe64(&value, random.Next());
  value.resize(bytes);
  return value;
}

// Frames of 12 KB with `ids_per_frame` ids each, in groups of 4 MB.
void MeasureCommits(const std::string& dir, int groups, int ids_per_frame) {
  std::unique_ptr<RocksStore> store = OpenOrDie(dir);
  SeededRandom random(1);
  const int frames = (4 << 20) / (12 << 10);
  LatencyHistogram latency;
  uint64_t sequence = 0, bytes = 0;
  absl::Duration building;
  const absl::Time start = absl::Now();
  for (int group = 0; group < groups; ++group) {
    const absl::Time group_start = absl::Now();
    WriteSet changes;
    for (int frame = 0; frame < frames; ++frame) {
      changes.Put(Table::kLog, LogKey(sequence), RandomBytes(random, 12 << 10));
      for (int i = 0; i < ids_per_frame; ++i, ++sequence) {
        changes.Put(Table::kIds, Be64(IdOf(sequence)), Be64(sequence));
      }
    }
    changes.Put(Table::kMeta, "core", Be64(sequence));
    const absl::Time commit_start = absl::Now();
    building += commit_start - group_start;
    BRAID_CHECK(store->Commit(changes).ok());
    latency.Record(absl::Now() - commit_start);
    bytes += changes.bytes();
  }
  const double seconds = absl::ToDoubleSeconds(absl::Now() - start - building);
  std::printf(
      "commit: %d groups of %d frames with %d ids each: %.1f groups/s, %.0f MB/s, "
      "%.0f ids/s, p50 %s, p99 %s\n",
      groups, frames, ids_per_frame, groups / seconds, bytes / seconds / 1e6, sequence / seconds,
      absl::FormatDuration(latency.Quantile(0.5)).c_str(),
      absl::FormatDuration(latency.Quantile(0.99)).c_str());
}

void PrintMemory(const char* when) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.rfind("VmRSS", 0) == 0 || line.rfind("VmHWM", 0) == 0) {
      std::printf("%s: %s\n", when, line.c_str());
    }
  }
}

// Runs `part` in a process of its own that ends without closing the store, as
// a killed one does.
template <typename Part>
void InKilledProcess(Part part) {
  std::fflush(stdout);
  const pid_t child = fork();
  BRAID_CHECK(child >= 0);
  if (child == 0) {
    part();
    std::fflush(stdout);
    _exit(0);
  }
  int status = 0;
  BRAID_CHECK(waitpid(child, &status, 0) == child && status == 0);
}

void LoadIds(const std::string& dir, uint64_t count) {
  // Never destroyed: the process ends first.
  RocksStore& store = *OpenOrDie(dir).release();
  constexpr uint64_t kIdsPerCommit = 10000;
  for (uint64_t from = 0; from < count; from += kIdsPerCommit) {
    WriteSet changes;
    for (uint64_t i = from; i < from + kIdsPerCommit; ++i) {
      changes.Put(Table::kIds, Be64(IdOf(i)), Be64(i));
    }
    changes.Put(Table::kLog, LogKey(from), std::string(12 << 10, 'x'));
    BRAID_CHECK(store.Commit(changes).ok());
  }
}

void MeasureOpen(const std::string& dir, uint64_t count, const char* after) {
  const absl::Time start = absl::Now();
  const std::unique_ptr<RocksStore> store = OpenOrDie(dir);
  const absl::Time opened = absl::Now();
  SeededRandom random(2);
  for (int i = 0; i < 1000; ++i) {
    BRAID_CHECK(store->Get(Table::kIds, Be64(IdOf(random.Below(count)))).ok());
  }
  std::printf("open with %lu ids after %s: %s; then 1000 random reads %s\n",
              static_cast<unsigned long>(count), after,
              absl::FormatDuration(opened - start).c_str(),
              absl::FormatDuration(absl::Now() - opened).c_str());
  PrintMemory("after open");
}

int Run(const std::string& root) {
  const std::string ids = root + "/ids";
  InKilledProcess(
      [&] { BRAID_CHECK(RocksStore::Init(ids, kStream, "log", absl::UnixEpoch()).ok()); });
  const uint64_t count = 10'000'000;
  InKilledProcess([&] { LoadIds(ids, count); });
  InKilledProcess([&] { MeasureOpen(ids, count, "a kill"); });
  InKilledProcess([&] { MeasureOpen(ids, count, "a clean end"); });
  for (int ids_per_frame : {1, 32, 300}) {
    const std::string dir = absl::StrCat(root, "/commits", ids_per_frame);
    InKilledProcess([&] {
      BRAID_CHECK(RocksStore::Init(dir, kStream, "log", absl::UnixEpoch()).ok());
      MeasureCommits(dir, ids_per_frame > 100 ? 100 : 300, ids_per_frame);
      PrintMemory("after commits");
    });
  }
  return 0;
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) { return argc == 2 ? braid::Run(argv[1]) : 2; }
