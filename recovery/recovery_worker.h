// Works through the recovery steps of one stream for every deduper: leases them,
// has X asked, vouches for what is proved, and tells how it ended.
//
// X's limits hold here, whatever dedupers that do not see each other want: at
// most `jobs` fetches at once and the routes' windows of requests. A range that
// several dedupers want, or one inside it, is fetched once; each hears of it when it has
// acknowledged everything up to the cover.
//
// A fetch ends at once when nobody holds its lease any more. What it brought
// stays in the spool and is offered all the same, without cover.
//
// Threads: the loop; metrics any.
// Ownership: loop, random, spool, clients and windows outlive it.
// Bounds: `jobs` leases per deduper, so many fetches at once.

#ifndef BRAID_RECOVERY_RECOVERY_WORKER_H_
#define BRAID_RECOVERY_RECOVERY_WORKER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/owner.h"
#include "base/random.h"
#include "braid/v1/recovery.pb.h"
#include "ingest/spool.h"
#include "ingest/work_client.h"
#include "ingest/work_seat.h"
#include "ingest/x_backoff.h"
#include "ingest/x_budget.h"
#include "recovery/fetch.h"

namespace braid {

class RecoveryWorker final : private WorkSeatHandler {
 public:
  using Method = v1::RecoveryJob::Method;
  struct Options {
    std::string worker_id;
    std::string network;
    // "streams/main"
    std::string stream;
    int jobs = 1;
    absl::Duration lease_wait = absl::Seconds(20);
    // The lease is a minute.
    absl::Duration renew_interval = absl::Seconds(15);
    absl::Duration ask_interval = absl::Seconds(1);
    // How soon a lease that ended and a cover that was acknowledged are seen.
    absl::Duration tick_interval = absl::Milliseconds(100);
    absl::Duration report_interval = absl::Seconds(2);
    Backoff::Options backoff;
  };
  // What it can do, and how often it may begin.
  using Windows = std::map<Method, AttemptWindow*>;

  // `save`: a window changed.
  RecoveryWorker(Loop& loop, Random& random, Spool& spool, const std::vector<WorkClient*>& dedupers,
                 const Options& options, FetchMaker maker, const Windows& windows,
                 std::function<void()> save);

  void Start();
  // Fetches under way.
  int running() const;
  void CollectMetrics(MetricSink& sink, const MetricLabels& labels) const;

 private:
  struct Seat {
    // As the spool counts dedupers.
    int deduper = 0;
    std::unique_ptr<WorkSeat> place;
  };
  struct Job {
    std::vector<Seat*> seats;
    // Whose witnesses are looked for.
    v1::RecoveryStep step;
    std::unique_ptr<Fetch> fetch;
    absl::Time start_time;
    // Of the route's window.
    uint64_t ticket = 0;
    // Session offsets of what it brought, covers included.
    uint64_t first_offset = 0;
    uint64_t end_offset = 0;
    // Of the spool, when it began.
    uint64_t damaged_reads = 0;
    absl::optional<FetchOutcome> outcome;

    bool is_waiting() const { return fetch == nullptr && !outcome.has_value(); }
  };
  struct Route {
    Route(AttemptWindow* window, Random& random, const Backoff::Options& options)
        : window(window), backoff(random, options) {}
    AttemptWindow* window;
    Backoff backoff;
    absl::Time not_before = absl::InfinitePast();
    std::string why;
  };

  void OnTaken(WorkSeat& place) override;
  void OnCancelled(WorkSeat& place) override;
  void OnLost(WorkSeat& place) override;

  void Tick();
  // Leases that are over, outcomes that can be told, what can begin.
  void Sweep();
  void StartNext();
  // Whether another step could begin soon. Who can not leaves it to others.
  bool MayTakeMore() const;
  bool MayStart(const Job& job);
  void StartFetch(Job* job);
  void OnFetchEnd(Job* job, FetchEvidence evidence);
  void NoteEnd(const Job& job, const FetchEvidence& evidence);
  // Before the route is used again.
  absl::Duration DelayAfter(const Job& job, const FetchEvidence& evidence, Route* route);
  void AppendCovers(Job* job);
  // Not all of what it brought reaches the dedupers.
  bool IsLost(const Job& job) const;
  // Where everything the outcome rests on has been acknowledged.
  void CompleteAcknowledged(Job* job);
  void Complete(Job* job, Seat* seat);
  // Without asking X.
  void Refuse(Job* job, absl::string_view refusal, absl::string_view error);
  // Of the job; stops the fetch when it was the last.
  void Leave(Seat* seat);
  void Stop(Job* job);
  void Report();

  Seat* SeatOf(const WorkSeat& place);
  static bool IsFirstOfTwo(const Job& job);
  Job* JobOf(const Seat* seat);
  Job* JobLike(const v1::RecoveryStep& step);

  Loop& loop_;
  Spool& spool_;
  const Options options_;
  const FetchMaker maker_;
  const std::function<void()> save_;
  std::vector<std::unique_ptr<Seat>> seats_;
  std::map<Method, Route> routes_;
  // In the order in which they came.
  std::list<Job> jobs_;
  absl::Time next_report_;

  std::array<Counter, v1::CompleteRequest::Outcome_ARRAYSIZE> ends_;
  std::array<Counter, 7> refusals_;
  Counter events_;
  Counter bytes_;
  Counter covers_;
  Counter lost_leases_;
  Gauge running_;
  Gauge waiting_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_RECOVERY_RECOVERY_WORKER_H_
