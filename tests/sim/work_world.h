// Two dedupers, two workers, one X: tasks about rules while calls are lost,
// processes are killed and the network is cut. Production WorkTable, Core,
// Merger, WorkDesk, RestWorker and RuleJob; the rest is simulated.
//
// Checked: no word of a stale fence is accepted; no write ends while somebody
// else has the task; writes for one deduper never overlap; X's reset is obeyed;
// afterwards every task has ended, what was said to be done is so, and every
// deduper knows the rule set that X has.

#ifndef BRAID_TESTS_SIM_WORK_WORLD_H_
#define BRAID_TESTS_SIM_WORK_WORLD_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/random.h"
#include "dedupe/core.h"
#include "dedupe/merger.h"
#include "dedupe/work_desk.h"
#include "ingest/rest_worker.h"
#include "tests/dedupe/mem_store.h"
#include "tests/sim/sim_host.h"
#include "tests/sim/sim_loop.h"
#include "tests/sim/work_x.h"

namespace braid {

struct WorkRun {
  std::vector<std::string> failures;
  uint64_t tasks_done = 0;
  uint64_t tasks_failed = 0;
  uint64_t writes = 0;
  uint64_t leases = 0;
  uint64_t stale_words = 0;
  uint64_t limits = 0;
};

class WorkWorld {
 public:
  explicit WorkWorld(uint64_t seed);
  ~WorkWorld();

  WorkRun Run();

 private:
  static constexpr int kCount = 2;

  struct DeduperSide {
    std::unique_ptr<MemStore> disk = std::make_unique<MemStore>();
    std::unique_ptr<SimHost> host;
    std::unique_ptr<Core> core;
    std::unique_ptr<Merger> merger;
    std::unique_ptr<WorkDesk> desk;
  };
  struct WorkerSide {
    // Counts its starts: what an earlier one sent is not its.
    int process = 0;
    std::unique_ptr<SimHost> host;
    std::unique_ptr<HttpClient> http;
    std::vector<std::unique_ptr<WorkClient>> clients;
    std::unique_ptr<RestWorker> worker;
  };
  struct Task {
    int deduper = 0;
    std::string name;
    std::string value;
    bool is_add = true;
    bool is_removed_later = false;
    v1::RuleTask last;
  };
  // Newest lease of a task.
  struct Holder {
    uint64_t fence = 0;
    int process = 0;
  };

  std::unique_ptr<WorkClient> MakeWorkClient(int worker, int deduper);
  void StartDeduper(int index);
  void KillDeduper(int index);
  void StartWorker(int index);
  void KillWorker(int index);
  void ScheduleFaults();
  void ScheduleTask();
  void CreateTask(int deduper, const std::string& value, bool is_add);
  void PollTasks();
  void OnWrite(int process, const std::vector<std::string>& values, absl::Time begin,
               absl::Time end);
  void CheckEnd();
  void Fail(const std::string& what) { run_.failures.push_back(what); }
  absl::Duration Between(absl::Duration min, absl::Duration max);

  SimLoop world_;
  SeededRandom random_;
  WorkRun run_;
  WorkX x_;
  std::array<DeduperSide, kCount> dedupers_;
  std::array<WorkerSide, kCount> workers_;
  // [worker][deduper]: nothing passes until then.
  std::array<std::array<absl::Time, kCount>, kCount> cut_until_;
  int last_process_ = 0;
  int last_value_ = 0;
  bool faulty_ = true;
  std::vector<Task> tasks_;
  std::map<std::string, Holder> holders_;
  // Ends of the last write for each deduper.
  std::array<absl::Time, kCount> last_write_end_;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_WORK_WORLD_H_
