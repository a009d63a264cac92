// IngestService over gRPC's callback API: parses and checks on gRPC's threads,
// posts to the stream's merger loop, writes back one response at a time.
//
// Threads: Offer by gRPC. The sessions live on their stream's loop.
// Bounds: per call Options::bytes_in_flight_max between reading a request and
// its commit; beyond it the call is not read, which stops the source. What
// waits to be written is one acknowledgement per session and a few words:
// a later acknowledgement replaces an earlier one.
// Ownership: shut the gRPC server down before the service is destroyed, and
// stop the loops after that.

#ifndef BRAID_DEDUPE_INGEST_SERVICE_H_
#define BRAID_DEDUPE_INGEST_SERVICE_H_

#include <grpcpp/server_builder.h>
#include <grpcpp/support/server_callback.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "base/loop.h"
#include "braid/v1/ingest_service.grpc.pb.h"
#include "dedupe/merger.h"
#include "dedupe/offer_session.h"
#include "dedupe/session_directory.h"

namespace braid {

// Everything that one stream's calls need; outlives the service.
struct IngestStream {
  Loop* loop;
  Merger* merger;
  SessionDirectory* directory;
  OfferSession::Options session;
};

class IngestService final : public v1::IngestService::CallbackService {
 public:
  struct Options {
    // The window that sources keep, so that neither side waits for the other.
    uint64_t bytes_in_flight_max = 8 << 20;
    // May this peer offer at all (role connector)? Null: anyone.
    std::function<absl::Status(const grpc::CallbackServerContext&)> may_call;
    // May it offer as this source (its certificate's name)? Null: as any.
    std::function<absl::Status(const grpc::CallbackServerContext&, const std::string& source_id)>
        may_offer_as;
  };

  // By name of the stream, without "streams/".
  IngestService(std::map<std::string, IngestStream> streams, Options options)
      : streams_(std::move(streams)), options_(std::move(options)) {}

  grpc::ServerBidiReactor<v1::OfferRequest, v1::OfferResponse>* Offer(
      grpc::CallbackServerContext* context) override;

  // Null when there is no such stream; "streams/{stream}".
  const IngestStream* FindStream(const std::string& resource) const;
  const Options& options() const { return options_; }

 private:
  const std::map<std::string, IngestStream> streams_;
  const Options options_;
};

// What a server that sources talk to must allow and refuse: frequent pings of
// idle clients, messages up to 4 MiB, no compressed messages (a small one can
// unpack to a gigabyte before any limit of ours is asked).
void SetIngestServerLimits(grpc::ServerBuilder* builder);

}  // namespace braid

#endif  // BRAID_DEDUPE_INGEST_SERVICE_H_
