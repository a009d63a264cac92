#include "tests/sim/work_world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "proto/proto_time.h"
#include "tests/sim/lossy_work_client.h"

namespace braid {
namespace {

constexpr absl::Duration kFaultSpan = absl::Minutes(20);
// What a failed task, a limited X and the next list take.
constexpr absl::Duration kQuietSpan = absl::Minutes(45);

// "d1t7": task 7 of deduper 1.
int DeduperOf(const std::string& value) { return value[1] - '0'; }

}  // namespace

std::unique_ptr<WorkClient> WorkWorld::MakeWorkClient(int worker, int deduper) {
  auto key = [deduper](const std::string& name) { return absl::StrCat(deduper, "/", name); };
  LossyWorkClient::Way way;
  way.desk = [this, deduper] { return dedupers_[deduper].desk.get(); };
  way.is_lost = [this, worker, deduper] {
    if (world_.Now() < cut_until_[worker][deduper]) return true;
    return faulty_ && random_.Below(100) < 5;
  };
  way.delay = [this] {
    return Between(absl::Milliseconds(1), absl::Milliseconds(faulty_ ? 1500 : 50));
  };
  way.on_leased = [this, key, process = workers_[worker].process](const v1::Work& work) {
    ++run_.leases;
    holders_[key(work.name())] = {work.fence(), process};
  };
  way.on_word = [this, key](const std::string& name, uint64_t fence, bool accepted) {
    bool is_stale = fence < holders_[key(name)].fence;
    run_.stale_words += is_stale ? 1 : 0;
    if (is_stale && accepted) Fail(absl::StrCat("a stale fence of ", key(name), " was accepted"));
  };
  return std::make_unique<LossyWorkClient>(world_, std::move(way));
}

WorkWorld::WorkWorld(uint64_t seed) : random_(seed), x_(world_, random_, &run_.failures) {
  x_.SetWriteObserver([this](int process, const std::vector<std::string>& values, absl::Time begin,
                             absl::Time end) { OnWrite(process, values, begin, end); });
  for (auto& row : cut_until_) row.fill(absl::InfinitePast());
  last_write_end_.fill(absl::InfinitePast());
}

WorkWorld::~WorkWorld() {
  for (int i = 0; i < kCount; ++i) {
    KillWorker(i);
    KillDeduper(i);
  }
}

absl::Duration WorkWorld::Between(absl::Duration min, absl::Duration max) {
  return min + (max - min) * random_.Unit();
}

void WorkWorld::StartDeduper(int index) {
  DeduperSide& side = dedupers_[index];
  side.host = std::make_unique<SimHost>(world_, Between(-absl::Seconds(1), absl::Seconds(1)),
                                        absl::Hours(index + 1));
  side.core = *Core::Load(*side.disk, {});
  side.merger = std::make_unique<Merger>(*side.host, *side.disk, *side.core, Merger::Options(),
                                         [this](const absl::Status&) { Fail("a commit failed"); });
  side.desk =
      std::make_unique<WorkDesk>(*side.host, *side.merger, *side.disk, WorkDesk::Options{"main"});
  side.merger->Start();
}

void WorkWorld::KillDeduper(int index) {
  DeduperSide& side = dedupers_[index];
  side.desk = nullptr;
  side.merger = nullptr;
  side.core = nullptr;
  side.host = nullptr;
  side.disk = std::make_unique<MemStore>(*side.disk);
}

void WorkWorld::StartWorker(int index) {
  WorkerSide& side = workers_[index];
  side.process = ++last_process_;
  side.host = std::make_unique<SimHost>(world_, absl::ZeroDuration(), absl::Hours(10 + index));
  side.http = x_.MakeClient(side.process);
  std::vector<WorkClient*> clients;
  for (int deduper = 0; deduper < kCount; ++deduper) {
    side.clients.push_back(MakeWorkClient(index, deduper));
    clients.push_back(side.clients.back().get());
  }
  RestWorker::Options options;
  options.worker_id = absl::StrCat("worker-", index);
  options.stream = "streams/main";
  options.api.url = "https://x/rules";
  options.list_interval = absl::Minutes(4);
  side.worker =
      std::make_unique<RestWorker>(*side.host, *side.http, std::move(clients), std::move(options),
                                   [] { return absl::StatusOr<std::string>("Bearer"); });
  side.worker->Start();
}

void WorkWorld::KillWorker(int index) {
  WorkerSide& side = workers_[index];
  side.worker = nullptr;
  side.clients.clear();
  side.http = nullptr;
  side.host = nullptr;
}

void WorkWorld::ScheduleFaults() {
  world_.After(Between(absl::Seconds(5), absl::Seconds(60)), [this] {
    if (!faulty_) return;
    int index = static_cast<int>(random_.Below(kCount));
    uint64_t kind = random_.Below(4);
    absl::Duration away = Between(absl::Milliseconds(100), absl::Seconds(40));
    if (kind == 0 && workers_[index].host != nullptr) {
      KillWorker(index);
      world_.After(away, [this, index] { StartWorker(index); });
    } else if (kind == 1 && dedupers_[index].host != nullptr) {
      KillDeduper(index);
      world_.After(away, [this, index] { StartDeduper(index); });
    } else if (kind > 1) {
      // Long enough for leases to end.
      cut_until_[random_.Below(kCount)][index] =
          world_.Now() + Between(absl::Seconds(1), absl::Seconds(150));
    }
    ScheduleFaults();
  });
}

void WorkWorld::CreateTask(int deduper, const std::string& value, bool is_add) {
  DeduperSide& side = dedupers_[deduper];
  if (side.desk == nullptr) return;
  v1::CreateRuleTaskRequest request;
  request.set_parent("streams/main");
  request.mutable_action()->set_kind(is_add ? v1::RuleAction::KIND_ADD
                                            : v1::RuleAction::KIND_REMOVE);
  request.mutable_action()->set_may_remove_all(true);
  request.mutable_action()->add_rules()->set_value(value);
  side.desk->CreateRuleTask(request, "sim", [this, deduper, value, is_add](auto task) {
    if (!task.ok()) return;
    tasks_.push_back({deduper, task->name(), value, is_add, false, *task});
  });
}

void WorkWorld::ScheduleTask() {
  world_.After(Between(absl::Milliseconds(100), absl::Seconds(40)), [this] {
    if (!faulty_) return;
    PollTasks();
    for (Task& task : tasks_) {
      bool is_done = task.is_add && task.last.state() == v1::RuleTask::STATE_DONE;
      if (!is_done || task.is_removed_later || random_.Below(4) > 0) continue;
      if (dedupers_[task.deduper].desk == nullptr) continue;
      task.is_removed_later = true;
      CreateTask(task.deduper, std::string(task.value), false);
      return ScheduleTask();
    }
    int deduper = static_cast<int>(random_.Below(kCount));
    CreateTask(deduper, absl::StrCat("d", deduper, "t", ++last_value_), true);
    ScheduleTask();
  });
}

// A finished task does not change any more.
void WorkWorld::PollTasks() {
  for (Task& task : tasks_) {
    WorkDesk* desk = dedupers_[task.deduper].desk.get();
    if (desk == nullptr || task.last.state() > v1::RuleTask::STATE_RUNNING) continue;
    v1::GetRuleTaskRequest request;
    request.set_name(task.name);
    desk->GetRuleTask(request, [this, &task](auto found) {
      if (!found.ok())
        return Fail(absl::StrCat(task.name, " is gone: ", found.status().ToString()));
      task.last = *found;
    });
  }
}

void WorkWorld::OnWrite(int process, const std::vector<std::string>& values, absl::Time begin,
                        absl::Time end) {
  if (values.empty()) return;
  int deduper = DeduperOf(values[0]);
  if (begin < last_write_end_[deduper]) {
    Fail(absl::StrCat("two writes for deduper ", deduper, " at once: ", values[0]));
  }
  last_write_end_[deduper] = end;
  // The process that writes is the last that was given any task of this value.
  for (const Task& task : tasks_) {
    if (task.value != values[0] || task.last.state() > v1::RuleTask::STATE_RUNNING) continue;
    auto holder = holders_.find(absl::StrCat(deduper, "/", task.name));
    if (holder == holders_.end() || holder->second.process == process) continue;
    Fail(absl::StrCat(values[0], " was written by process ", process, " while process ",
                      holder->second.process, " had it"));
  }
}

void WorkWorld::CheckEnd() {
  for (const Task& task : tasks_) {
    if (task.last.state() <= v1::RuleTask::STATE_RUNNING) {
      Fail(absl::StrCat(task.value, " never ended"));
      continue;
    }
    bool is_done = task.last.state() == v1::RuleTask::STATE_DONE;
    ++(is_done ? run_.tasks_done : run_.tasks_failed);
    if (!is_done || task.is_removed_later) continue;
    bool is_there = x_.rules().count(task.value) > 0;
    if (is_there != task.is_add) {
      Fail(absl::StrCat(task.value, task.is_add ? " was added" : " was removed", " and X has ",
                        is_there ? "it still" : "it not"));
    }
  }
  for (int i = 0; i < kCount; ++i) {
    const v1::RuleSet& known = dedupers_[i].core->state().rule_set();
    if (known.hash() == RuleSetHash(x_.RuleList()) && known.count() == x_.rules().size()) continue;
    Fail(absl::StrCat("deduper ", i, " knows ", known.count(), " rules of ", x_.rules().size()));
  }
}

WorkRun WorkWorld::Run() {
  for (int i = 0; i < kCount; ++i) {
    StartDeduper(i);
    StartWorker(i);
  }
  ScheduleFaults();
  ScheduleTask();
  absl::Time start = world_.Now();
  world_.RunUntil(start + kFaultSpan);
  faulty_ = false;
  x_.EndFaults();
  for (auto& row : cut_until_) row.fill(absl::InfinitePast());
  // Those that are down come back by themselves.
  world_.RunUntil(start + kFaultSpan + kQuietSpan);
  PollTasks();
  CheckEnd();
  run_.writes = x_.writes();
  run_.limits = x_.limits();
  return run_;
}

}  // namespace braid
