// Recovery of one stream: which gaps are fetched again, by which jobs, how far
// each has come. Part of the core: planned at ticks by the pure planner, started
// as tasks of the WorkTable, and told to readers as notices in the same group.
//
// A gap closes by cover alone, whatever a worker says; a job ends when what it
// is for is no gap any more, or when no route is left. What a job that failed or
// was cancelled was for starts no other job by itself.
//
// Threads: the merger thread. Not thread-safe.
// Ownership: store, gaps and work outlive it.
// Bounds: Options; beyond unfinished_max gaps wait for a job to end, beyond
// ended_max the oldest ended jobs are forgotten, and a gap that is still open
// may then start another.

#ifndef BRAID_DEDUPE_RECOVERY_JOBS_H_
#define BRAID_DEDUPE_RECOVERY_JOBS_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/interval_set.h"
#include "braid/store/v1/recovery.pb.h"
#include "braid/v1/ingest_service.pb.h"
#include "braid/v1/recovery_service.pb.h"
#include "braid/v1/stream_service.pb.h"
#include "dedupe/gap_watch.h"
#include "dedupe/recovery_step_parts.h"
#include "dedupe/store.h"
#include "dedupe/work_table.h"
#include "recovery/planner.h"
#include "recovery/route_table.h"

namespace braid {

// What became of a RecoveryInput.
struct RecoveryAnswer {
  // Also of a request that was made before.
  uint64_t number = 0;
  absl::Status status;
};

class RecoveryJobs {
 public:
  struct Options {
    // What names begin with: "streams/main/".
    std::string parent;
    // Nothing is fetched again without one.
    absl::optional<RecoveryPolicy> policy;
    // X runs two at a time; what waits is planned anew when its turn comes.
    size_t unfinished_max = 64;
    size_t ended_max = 1000;
    // A route that fails so often is left for the next one.
    uint32_t attempts_max = 5;
    absl::Duration retry_min = absl::Minutes(1);
    // A gap that ended later may still change: the first cover of a connection
    // that is back comes some 25 s behind what it vouches for (a slack of 10 s, and
    // X's clock is asked first).
    absl::Duration settle = absl::Seconds(40);
    // After a refusal that says no time, and one that only an operator ends.
    absl::Duration refused_wait = absl::Minutes(5);
    absl::Duration operator_wait = absl::Seconds(320);
    // Another deduper, to which the same fetch is offered, may have a floor that
    // is higher by this much.
    absl::Duration floor_margin = absl::Minutes(5);
    // A week of hours.
    int steps_max = 200;
    // By which the clock of whoever says "now" may be ahead of the core's time,
    // which is that of its last input.
    absl::Duration clock_error_max = absl::Minutes(1);
  };

  // `gaps` and `work` are the core's.
  RecoveryJobs(const Store& store, const Options& options, GapWatch* gaps, WorkTable* work)
      : options_(options), store_(store), gaps_(gaps), work_(work) {}
  absl::Status Load();

  struct Facts {
    absl::Time now;
    absl::Time floor;
  };

  // What would be done. Changes nothing.
  absl::StatusOr<v1::RecoveryJob> Preview(const store::v1::RecoveryInput::Create& create,
                                          const Facts& facts) const;
  RecoveryAnswer Apply(const store::v1::RecoveryInput& input, const Facts& facts,
                       WriteSet* changes);
  // Events were merged: of a recoverer, or a connection's backfill.
  void OnFrame(const std::string& source_id, const v1::Frame& frame, uint32_t new_events,
               uint32_t duplicate_events, absl::Time now);
  // After the gaps' and the work's own; time that the deduper ran since the last.
  void OnTick(const Facts& facts, int64_t elapsed_micros, WriteSet* changes);
  // What was found since: for the log.
  std::vector<v1::StreamNotice> TakeNotices();
  void Seal(WriteSet* changes);

  const std::map<uint64_t, store::v1::StoredJob>& jobs() const { return jobs_; }
  const store::v1::RecoveryState& state() const { return state_; }
  size_t unfinished_count() const { return unfinished_.size(); }
  // Where the oldest begins that is being fetched, or may be for a gap that is
  // open: the keys from there on are still asked for.
  absl::optional<absl::Time> OldestWanted() const;
  v1::RecoveryQuota Quota(absl::Time now) const;
  struct Wait {
    absl::Time until = absl::InfinitePast();
    std::string reason;
  };
  // X refused: until when the last of the routes is left alone.
  Wait LongestWait() const;

 private:
  using Job = store::v1::StoredJob;
  using Step = v1::RecoveryJob::Step;
  using Requests = store::v1::RecoveryState::Requests;

  // What planning needs of one partition; without what `except` is under way for.
  PlanFacts FactsFor(uint32_t partition, const Facts& facts, const Job* except) const;
  PlanRequest RequestOf(const store::v1::StoredGap& gap, Interval span) const;
  absl::StatusOr<PlanRequest> RequestOf(const store::v1::RecoveryInput::Create& create,
                                        uint32_t* partition) const;
  absl::Status CheckPostTimes(const PlanRequest& request, const Facts& facts) const;
  // What was created before it is not fetched any more: the floor may have risen
  // until it comes.
  absl::Time Lowest(const Facts& facts) const;
  v1::Gap::Kind KindWithin(uint32_t partition, Interval span) const;
  // For what a job still lacks.
  PlanRequest RequestFor(const Job& job, Interval span) const;
  // Those under way for any of it.
  std::vector<uint64_t> JobsFor(uint32_t partition, Interval span) const;
  // "job 3", "jobs 3, 4"; empty: nobody.
  std::string WhoFetches(uint32_t partition, Interval span) const;
  // Parts of open gaps that are to be filled.
  IntervalSet Missing(uint32_t partition, Interval within, bool by_hand) const;

  v1::RecoveryJob JobOf(const std::string& requester, const PlanRequest& request,
                        uint32_t partition, const RecoveryPlan& plan, const Facts& facts) const;
  void AddSteps(const RecoveryPlan& plan, v1::RecoveryJob* job) const;
  Job* AddJob(v1::RecoveryJob job, const Facts& facts);
  RecoveryAnswer Create(const store::v1::RecoveryInput::Create& create, const Facts& facts);
  void PlanPartition(uint32_t partition, const Facts& facts);
  void LoseGaps(uint32_t partition, const RecoveryPlan& plan, const Facts& facts);

  // `due`: what waits is planned anew.
  void TickJob(Job* job, bool due, const Facts& facts, WriteSet* changes);
  void TickStep(Job* job, int place, const Facts& facts, WriteSet* changes);
  bool MayStart(const Step& step, const Facts& facts) const;
  // Somebody brought what it is for.
  bool IsCovered(const Job& job, const Step& step) const;
  static void SucceedCovered(Step* step, absl::Time now);
  // Cuts off what it must not fetch any more; false: nothing is left of it.
  bool StillWanted(const Job& job, Step* step, const Facts& facts);
  void Start(Job* job, Step* step, const Facts& facts, WriteSet* changes);
  // In its window up to now.
  int RecentRequests(const RouteLimits& route, absl::Time now) const;
  // An empty one: there were none.
  const Requests& RequestsBy(RecoveryMethod method) const;
  Requests& MutableRequestsBy(RecoveryMethod method);
  // No step starts before: X said so of the account, or of this route.
  absl::Time NotBefore(RecoveryMethod method) const;
  void NoteRequest(RecoveryMethod method, absl::Time now);
  void EndAttempt(Job* job, int place, const WorkTable::Entry& entry, const Facts& facts);
  // After this many attempts.
  absl::Duration RetryWait(const Step& step) const;
  void SplitFailed(Job* job, int place, const v1::RecoveryResult& result, const Facts& facts);
  // That could bring it too.
  bool HasOtherRoute(const Job& job, const Step& step, const Facts& facts) const;
  void OnRefused(Job* job, Step* step, const v1::RecoveryResult& result, const std::string& error,
                 const Facts& facts);
  void TryAgain(Job* job, Step* step, const std::string& error, absl::Time earliest,
                const Facts& facts);
  void FailStep(Job* job, Step* step, const std::string& error, const Facts& facts);
  static void SpendRoute(Job* job, RecoveryMethod method);
  void EndJob(Job* job, const Facts& facts);
  void Finish(Job* job, v1::RecoveryJob::State state, const std::string& error,
              const IntervalSet& missing, const Facts& facts);
  static void Summarize(v1::RecoveryJob* job);
  void ShowInGaps(const Job& job);
  void ForgetEnded(WriteSet* changes);
  void Notify(v1::StreamNotice::Type type, const Job& job, absl::Time now);
  // What the source brings may be what the step asked for.
  bool Brings(const std::string& source_id, uint32_t partition, const Step& step) const;
  // Who has it leased; empty: nobody.
  std::string WorkerOf(const Step& step) const;
  // That X was asked for, or will be as soon as somebody takes them.
  int OpenSteps(RecoveryMethod method) const;

  const Options options_;
  const Store& store_;
  GapWatch* const gaps_;
  WorkTable* const work_;
  store::v1::RecoveryState state_;
  std::string state_bytes_;
  std::map<uint64_t, Job> jobs_;
  std::set<uint64_t> unfinished_;
  std::set<uint64_t> changed_;
  std::vector<v1::StreamNotice> notices_;
};

// The ways to fill a gap and how long it may be open, by what is configured.
// `held`: the log's floor waits for an open gap so long at most.
void SetGapRoutes(const RecoveryPolicy& policy, absl::Duration held, GapWatch::Options* gaps);

// "1 of 3 steps done; 1,204 received, 37 new"
std::string JobSentence(const v1::RecoveryJob& job);

}  // namespace braid

#endif  // BRAID_DEDUPE_RECOVERY_JOBS_H_
