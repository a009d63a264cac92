// GapService over gRPC: what is missing, what is covered, what is proved. All
// of it is read from the store as it was last committed; a waiver goes through
// the core.
//
// Threads: gRPC's threads call it; answers are built on the work pool.
// Bounds: a WatchGaps call has one write under way, one timer, and remembers
// what it told of the open gaps.

#ifndef BRAID_DEDUPE_GAP_SERVICE_H_
#define BRAID_DEDUPE_GAP_SERVICE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/ed25519.h"
#include "braid/store/v1/log.pb.h"
#include "braid/v1/gap_service.grpc.pb.h"
#include "dedupe/gap_text.h"
#include "dedupe/store.h"
#include "dedupe/work_pool.h"

namespace braid {

// One stream as this service sees it.
struct GapStream {
  const Store* store = nullptr;
  GapRoutes routes;
  // Of the configuration: id and X's partition.
  std::vector<std::pair<std::string, uint32_t>> connections;
  // The core's time. Any thread.
  std::function<absl::Time()> now;
  // Waives a gap; `done` is told whether it was open. On a thread of its own.
  std::function<void(store::v1::Command, std::function<void(bool)> done)> waive;
  std::string log_id;
};
// By short name; constant while serving.
using GapStreams = std::map<std::string, GapStream>;

class GapServiceImpl final : public v1::GapService::CallbackService {
 public:
  // REQUIRES: streams and pool outlive the server.
  // Without a key certificates are not signed.
  GapServiceImpl(const GapStreams& streams, WorkPool& pool, absl::optional<SigningKey> key)
      : streams_(streams), pool_(pool), key_(std::move(key)) {}

  // Watches end with UNAVAILABLE at their next look.
  void Drain() { draining_ = true; }
  bool draining() const { return draining_; }

  grpc::ServerUnaryReactor* GetGap(grpc::CallbackServerContext* context,
                                   const v1::GetGapRequest* request, v1::Gap* response) override;
  grpc::ServerUnaryReactor* ListGaps(grpc::CallbackServerContext* context,
                                     const v1::ListGapsRequest* request,
                                     v1::ListGapsResponse* response) override;
  grpc::ServerWriteReactor<v1::WatchGapsResponse>* WatchGaps(
      grpc::CallbackServerContext* context, const v1::WatchGapsRequest* request) override;
  grpc::ServerUnaryReactor* WaiveGap(grpc::CallbackServerContext* context,
                                     const v1::WaiveGapRequest* request,
                                     v1::Gap* response) override;
  grpc::ServerUnaryReactor* QueryCoverage(grpc::CallbackServerContext* context,
                                          const v1::QueryCoverageRequest* request,
                                          v1::QueryCoverageResponse* response) override;
  grpc::ServerUnaryReactor* GetCertificate(grpc::CallbackServerContext* context,
                                           const v1::GetCertificateRequest* request,
                                           v1::Certificate* response) override;

 private:
  const GapStreams& streams_;
  WorkPool& pool_;
  const absl::optional<SigningKey> key_;
  std::atomic<bool> draining_{false};
};

// The calls without gRPC. They read the store.
absl::StatusOr<v1::Gap> GetGap(const GapStreams& streams, const v1::GetGapRequest& request);
absl::StatusOr<v1::ListGapsResponse> ListGaps(const GapStreams& streams,
                                              const v1::ListGapsRequest& request);
absl::StatusOr<v1::QueryCoverageResponse> QueryCoverage(const GapStreams& streams,
                                                        const v1::QueryCoverageRequest& request);
// `key` null: it is not signed.
absl::StatusOr<v1::Certificate> GetCertificate(const GapStreams& streams, const SigningKey* key,
                                               const v1::GetCertificateRequest& request);
// Changes since `told` (name → serialized gap), which is brought up to date.
absl::StatusOr<std::vector<v1::Gap>> ChangedGaps(const GapStreams& streams,
                                                 const v1::WatchGapsRequest& request,
                                                 std::map<std::string, std::string>* told);

}  // namespace braid

#endif  // BRAID_DEDUPE_GAP_SERVICE_H_
