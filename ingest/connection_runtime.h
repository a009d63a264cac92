// One connection of a connector with everything that is its own: X's stream, the
// spool it writes to, one offer client per deduper, what frees its slot at X, and
// the worker that makes its account's other calls.
//
// Threads: everything on the loop; metrics are collected by any.
// Ownership: loop, HTTP client and gate outlive it; it owns the rest.
// Bounds: those of its parts.

#ifndef BRAID_INGEST_CONNECTION_RUNTIME_H_
#define BRAID_INGEST_CONNECTION_RUNTIME_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "base/file_system.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/mutex.h"
#include "base/owner.h"
#include "base/random.h"
#include "braid/config/v1/config.pb.h"
#include "ingest/attempt_gate.h"
#include "ingest/connection.h"
#include "ingest/connector_config.h"
#include "ingest/connector_worker.h"
#include "ingest/grpc_offer_dialer.h"
#include "ingest/offer_set.h"
#include "ingest/slot_keeper.h"
#include "ingest/spool.h"

namespace braid {

// `dedupers`: how many it is offered to.
Spool::Options SpoolOptions(const config::v1::SpoolConfig& spool, int dedupers,
                            const std::string& dir);

class ConnectionRuntime {
 public:
  // `gate`: unused where the connection is retired.
  ConnectionRuntime(Loop& loop, HttpClient& http, FileSystem& files, Random& random,
                    const config::v1::ConnectorConfig& config, ConnectionPlan plan,
                    std::unique_ptr<AttemptGate> gate);

  // Opens the spool. Then Start.
  absl::Status Open(std::function<void(absl::Status)> on_fatal);
  void Start();
  // Runs when a deduper asks this connection to leave X: Drain is due. Once,
  // before Start.
  void SetDrainAsked(std::function<void()> asked) { on_drain_asked_ = std::move(asked); }
  // Tells dedupers of a change; a few times a second.
  void Tick();
  // Closes X's connection, makes what was received durable, and waits for the
  // acknowledgements of dedupers that are there, then runs `done`. Its spool is
  // still offered. One that is asked for while another is under way is the same.
  void Drain(absl::AnyInvocable<void()> done);

  bool receives() const;
  // Nothing is asked of X any more: retired, or drained.
  bool has_left() const { return connection_ == nullptr || draining_; }
  const ConnectionPlan& plan() const { return plan_; }
  void CollectMetrics(MetricSink& sink) const;

 private:
  void MakeOffers();
  void MakeSlotKeeper();
  void StartWorker();
  void EndWorker();
  // `deduper`: its place in the configuration.
  void OnDirective(int deduper, const v1::OfferResponse::Directive& directive);
  v1::ConnectionReport Report() const;
  // Of a retired connection: says once that nothing is left.
  void CheckDelivered();
  void DrainOffers();
  void FinishDrain();

  Loop& loop_;
  HttpClient& http_;
  FileSystem& files_;
  Random& random_;
  const config::v1::ConnectorConfig& config_;
  const ConnectionPlan plan_;
  const std::unique_ptr<AttemptGate> gate_;
  std::unique_ptr<Spool> spool_;
  std::vector<std::unique_ptr<GrpcOfferDialer>> dialers_;
  std::unique_ptr<OfferSet> offers_;
  // None where it is retired.
  std::unique_ptr<Connection> connection_;
  // As connection_; it goes first.
  std::unique_ptr<SlotKeeper> slot_keeper_;
  // Null where it is not wanted, or draining. Set and cleared on the loop.
  mutable Mutex worker_mu_;
  std::unique_ptr<ConnectorWorker> worker_ ABSL_GUARDED_BY(worker_mu_);
  v1::ConnectionReport::State told_state_ = v1::ConnectionReport::STATE_UNSPECIFIED;
  bool delivered_ = false;
  // Dedupers that pause the stream: it goes on when none does. Kept beside the
  // spool: who asked X first and heard of the pause after would be sent minutes
  // of backfill at each start.
  std::string PauseFile() const;
  void LoadPause();
  void SavePause();
  std::set<int> pausing_;

  std::function<void()> on_drain_asked_;
  bool draining_ = false;
  bool drained_ = false;
  std::vector<absl::AnyInvocable<void()>> on_drained_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_CONNECTION_RUNTIME_H_
