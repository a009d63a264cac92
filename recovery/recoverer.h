// One recoverer put together from its configuration: its streams, what they share
// of X's account, the way to every deduper, the HTTP port.
//
// Threads: constructed, drained and destroyed on the loop's thread; metrics and
// health are read by the HTTP server's.
// Ownership: the loop outlives it; it owns everything else.
// Bounds: those of its parts.

#ifndef BRAID_RECOVERY_RECOVERER_H_
#define BRAID_RECOVERY_RECOVERER_H_

#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/curl_http_client.h"
#include "base/daemon_http.h"
#include "base/dir_lock.h"
#include "base/drain.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/owner.h"
#include "base/posix_file_system.h"
#include "base/random.h"
#include "braid/config/v1/config.pb.h"
#include "ingest/attempt_ledger.h"
#include "ingest/grpc_offer_dialer.h"
#include "ingest/grpc_work_client.h"
#include "recovery/recovered_stream.h"

namespace braid {

class Recoverer {
 public:
  // REQUIRES: `config` was checked. `on_fatal`: a write failed, the process must
  // stop.
  static absl::StatusOr<std::unique_ptr<Recoverer>> Start(
      Loop& loop, const config::v1::RecovererConfig& config,
      absl::AnyInvocable<void(absl::Status)> on_fatal);

  // Stops asking X, makes what came durable, waits at most 4 s for the
  // acknowledgements of dedupers that are there, then runs `done`. Once; more do
  // nothing.
  void Drain(absl::AnyInvocable<void()> done);

  // 0 when no HTTP port is configured.
  int http_port() const { return http_.port(); }

 private:
  Recoverer(Loop& loop, const config::v1::RecovererConfig& config);

  absl::Status Open();
  absl::Status MakeStreams();
  absl::Status Serve();
  void Tick();

  Loop& loop_;
  const config::v1::RecovererConfig config_;
  absl::AnyInvocable<void(absl::Status)> on_fatal_;
  SeededRandom random_{OsSeed()};
  MetricsRegistry registry_;
  PosixFileSystem files_;
  std::unique_ptr<DirLock> lock_;
  std::unique_ptr<AttemptLedger> ledger_;
  CurlHttpClient http_client_;
  std::vector<std::unique_ptr<GrpcWorkClient>> work_clients_;
  // By stream, then deduper.
  std::vector<std::unique_ptr<GrpcOfferDialer>> dialers_;
  std::vector<std::unique_ptr<RecoveredStream>> streams_;

  DrainWait drain_{loop_};
  // Its answers read what is above: the first to go.
  DaemonHttp http_{registry_};
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_RECOVERY_RECOVERER_H_
