// A running deduper: its streams, the services over them and its two ports.
//
// Threads: Start, Drain and destruction on the main thread.
// Failure: on_fatal is called, from any thread, when the state of a store is
// indeterminate; the process must end without more ado.

#ifndef BRAID_DEDUPE_DEDUPER_H_
#define BRAID_DEDUPE_DEDUPER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/ed25519.h"
#include "base/http_server.h"
#include "base/metrics.h"
#include "braid/config/v1/config.pb.h"
#include "dedupe/admin_service.h"
#include "dedupe/gap_service.h"
#include "dedupe/recovery_service.h"
#include "dedupe/grpc_server.h"
#include "dedupe/ingest_service.h"
#include "dedupe/readable_stream.h"
#include "dedupe/stream_runtime.h"
#include "dedupe/stream_service.h"
#include "dedupe/tail_call.h"
#include "dedupe/work_pool.h"
#include "dedupe/work_service.h"

namespace braid {

class Deduper {
 public:
  using OnFatal = std::function<void(absl::Status)>;

  // Makes the data directory of each stream; refuses one that is not empty.
  static absl::Status Init(const config::v1::DeduperConfig& config, absl::Time wall_now);

  // Opens every stream, then listens. An error leaves nothing running.
  static absl::StatusOr<std::unique_ptr<Deduper>> Start(const config::v1::DeduperConfig& config,
                                                        OnFatal on_fatal);
  // Drains, if that has not happened.
  ~Deduper();

  // Not serving any more; readers get their last position; what was admitted
  // is committed and acknowledged as far as the sources still listen. Takes at
  // most a second and the commits under way.
  void Drain();

  int grpc_port() const { return grpc_server_->port(); }
  // 0 where none is configured.
  int http_port() const { return http_port_; }

 private:
  Deduper(const config::v1::DeduperConfig& config, OnFatal on_fatal);
  absl::Status LoadSigningKey();
  absl::Status OpenStreams();
  absl::Status StartGrpc();
  absl::Status StartHttp();
  std::map<std::string, IngestStream> IngestStreams();
  WorkStreams MakeWorkStreams();
  HttpServerResponse Ready() const;

  const config::v1::DeduperConfig config_;
  const OnFatal on_fatal_;
  MetricsRegistry metrics_;
  TailCalls tail_calls_;
  std::vector<std::unique_ptr<StreamRuntime>> streams_;
  ReadableStreams readable_;
  StatusSources status_;
  DrainDesks desks_;
  StreamControls controls_;
  GapStreams gaps_;
  RecoveryStreams recovery_;
  WorkPool pool_;
  std::unique_ptr<StreamServiceImpl> stream_service_;
  std::unique_ptr<AdminServiceImpl> admin_service_;
  std::unique_ptr<IngestService> ingest_service_;
  std::unique_ptr<WorkServiceImpl> work_service_;
  std::unique_ptr<RuleServiceImpl> rule_service_;
  absl::optional<SigningKey> signing_key_;
  std::unique_ptr<GapServiceImpl> gap_service_;
  std::unique_ptr<RecoveryServiceImpl> recovery_service_;
  std::unique_ptr<GrpcServer> grpc_server_;
  HttpServer http_server_;
  int http_port_ = 0;
  std::atomic<bool> serving_{false};
};

}  // namespace braid

#endif  // BRAID_DEDUPE_DEDUPER_H_
