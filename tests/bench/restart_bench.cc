// How soon a deduper with many ids serves again, as a whole process: from exec
// to the ready file, after a clean stop and after SIGKILLs.
// restart_bench DIR [IDS]: an empty directory on the disk to measure.

#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/check.h"
#include "dedupe/core.h"
#include "dedupe/rocks_store.h"
#include "proto/snowflake.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/harness/binaries.h"
#include "tests/harness/daemon.h"
#include "tests/harness/files.h"

namespace braid {
namespace {

constexpr char kStream[] = "main";
constexpr uint64_t kIdsPerFrame = 100;
// A commit of some 4 MB, as under load.
constexpr int kFramesPerGroup = 300;
constexpr int kRestarts = 5;

void Apply(Core& core, store::v1::InputRecord input, Group* group) {
  BRAID_CHECK(core.Apply(std::move(input), group).ok());
}

// Fills a log over the last day and leaves it as a kill does: what the
// write-ahead log holds is not in tables yet.
void Fill(const std::string& dir, uint64_t ids) {
  BRAID_CHECK(RocksStore::Init(dir, kStream, "bench", absl::Now()).ok());
  auto store = RocksStore::Open(dir, kStream, {});
  BRAID_CHECK(store.ok());
  auto core = Core::Load(**store, {});
  BRAID_CHECK(core.ok());
  const absl::Time begin = absl::Now() - absl::Hours(24);
  const absl::Duration step = absl::Hours(24) / static_cast<int64_t>(ids);
  Group first;
  Apply(**core, TickInput(absl::ZeroDuration(), begin), &first);
  Apply(**core, OpenInput("leg-0", 1), &first);
  (*core)->Seal(&first);
  BRAID_CHECK((*store)->Commit(first.changes).ok());
  (*core)->Committed();
  for (uint64_t done = 0; done < ids;) {
    Group group;
    Apply(**core, TickInput(step * (kIdsPerFrame * kFramesPerGroup), begin + step * done), &group);
    for (int frame = 0; frame < kFramesPerGroup && done < ids; ++frame) {
      std::vector<uint64_t> post_ids;
      for (uint64_t i = 0; i < kIdsPerFrame; ++i) {
        post_ids.push_back(FirstSnowflakeAt(begin + step * (done + i)) + (done + i) % 4096);
      }
      Apply(**core, FrameInput("leg-0", 1, done, post_ids, begin + step * done), &group);
      done += kIdsPerFrame;
    }
    (*core)->Seal(&group);
    BRAID_CHECK((*store)->Commit(group.changes).ok());
    (*core)->Committed();
    for (const auto& [table, key] : group.drops) {
      BRAID_CHECK((*store)->DropBefore(table, key).ok());
    }
  }
}

int Run(const std::string& dir, uint64_t ids) {
  const absl::Time start = absl::Now();
  Fill(absl::StrCat(dir, "/data/", kStream), ids);
  std::printf("%lu ids in %s\n", static_cast<unsigned long>(ids),
              absl::FormatDuration(absl::Now() - start).c_str());
  const std::string config = dir + "/deduper.yaml";
  BRAID_CHECK(harness::WriteFile(
                  config, absl::StrCat("listen: {grpc: \"127.0.0.1:0\", http: \"127.0.0.1:0\"}\n",
                                       "data_dir: ", dir, "/data\nstreams:\n  - name: ", kStream,
                                       "\n    connections:\n      - {id: leg-0, network: a}\n"))
                  .ok());
  harness::DaemonOptions options;
  options.name = "deduper";
  options.command = {harness::RunfilePath("dedupe/braid-deduper"), "--config", config};
  options.dir = dir;
  harness::Daemon deduper(options);
  bool ok = deduper.Start().ok();
  std::printf("first start, whose write-ahead log is full: %s\n",
              absl::FormatDuration(deduper.start_duration()).c_str());
  for (int i = 0; ok && i < kRestarts; ++i) {
    ok = deduper.Stop(absl::Seconds(10)).ok() && deduper.Start().ok();
    std::printf("after a clean stop: %s\n",
                absl::FormatDuration(deduper.start_duration()).c_str());
    ok = ok && deduper.Restart().ok();
    std::printf("after a kill: %s\n", absl::FormatDuration(deduper.start_duration()).c_str());
  }
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace braid

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  return braid::Run(argv[1], argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 10'000'000);
}
