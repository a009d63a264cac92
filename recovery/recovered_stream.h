// One stream of a recoverer with everything that is its own: the spool that what
// is fetched goes to, its offers to every deduper, and the worker.
//
// Threads: the loop; metrics any.
// Ownership: loop, HTTP client, files and the seams to the dedupers outlive it.
// Bounds: those of its parts.

#ifndef BRAID_RECOVERY_RECOVERED_STREAM_H_
#define BRAID_RECOVERY_RECOVERED_STREAM_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/file_system.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/random.h"
#include "ingest/attempt_ledger.h"
#include "ingest/offer_set.h"
#include "ingest/spool.h"
#include "ingest/work_client.h"
#include "recovery/page_asker.h"
#include "recovery/recoverer_config.h"
#include "recovery/recovery_worker.h"

namespace braid {

class RecoveredStream {
 public:
  // A deduper as a recoverer needs it.
  struct Deduper {
    std::string name;
    OfferDialer* dialer = nullptr;
    WorkClient* work = nullptr;
  };
  struct Options {
    std::string recoverer;
    std::string network;
    // Without dir.
    Spool::Options spool;
    RecoveryWorker::Options worker;
  };

  RecoveredStream(Loop& loop, HttpClient& http, FileSystem& files, Random& random,
                  AttemptLedger& ledger, StreamPlan plan, Options options,
                  std::vector<Deduper> dedupers);

  // Opens the spool. Then Start.
  absl::Status Open(std::function<void(absl::Status)> on_fatal);
  void Start();
  // Asks nothing of X any more, makes what came durable and waits for the
  // acknowledgements of the dedupers that are there; `done` in a later turn. Once.
  void Drain(absl::AnyInvocable<void()> done);

  const StreamPlan& plan() const { return plan_; }
  void CollectMetrics(MetricSink& sink) const;

 private:
  void MakeOffers();
  void MakeWorker();
  absl::StatusOr<std::unique_ptr<Fetch>> MakePastFetch(const v1::RecoveryStep& step,
                                                       RecordSink& sink, Fetch::Done done);
  absl::StatusOr<std::unique_ptr<Fetch>> MakeSearchFetch(const v1::RecoveryStep& step,
                                                         RecordSink& sink, Fetch::Done done);
  absl::StatusOr<std::unique_ptr<Fetch>> MakeLookupFetch(const v1::RecoveryStep& step,
                                                         RecordSink& sink, Fetch::Done done);
  // By the step's method.
  absl::StatusOr<std::unique_ptr<Fetch>> MakeFetch(const v1::RecoveryStep& step, RecordSink& sink,
                                                   Fetch::Done done);
  // Of its pages; the worker has begun the first.
  PageShare ShareOf(RecoveryWorker::Method method);
  PageShare ShareOfCounts();
  v1::ConnectionReport Report() const;

  Loop& loop_;
  HttpClient& http_;
  FileSystem& files_;
  Random& random_;
  AttemptLedger& ledger_;
  const StreamPlan plan_;
  const Options options_;
  const std::vector<Deduper> dedupers_;
  std::unique_ptr<Spool> spool_;
  std::unique_ptr<OfferSet> offers_;
  RecoveryWorker::Windows windows_;
  // Null before Open and while draining. Set and cleared on the loop.
  mutable Mutex worker_mu_;
  std::unique_ptr<RecoveryWorker> worker_ ABSL_GUARDED_BY(worker_mu_);
};

}  // namespace braid

#endif  // BRAID_RECOVERY_RECOVERED_STREAM_H_
