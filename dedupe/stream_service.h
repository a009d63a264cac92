// StreamService over gRPC: looks up streams, hands long reads to TailCall and
// the rest to the work pool.
//
// Threads: gRPC's threads call it; everything that may block runs on the pool.
// Bounds: a page holds at most 1000 events and Options::page_bytes_max plus
// one event; a tail see TailCall.

#ifndef BRAID_DEDUPE_STREAM_SERVICE_H_
#define BRAID_DEDUPE_STREAM_SERVICE_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "braid/v1/stream_service.grpc.pb.h"
#include "dedupe/readable_stream.h"
#include "dedupe/tail_call.h"
#include "dedupe/work_pool.h"

namespace braid {

class StreamServiceImpl final : public v1::StreamService::CallbackService {
 public:
  struct Options {
    // Below the 4 MiB that gRPC clients take by default, with room for one
    // event of the longest line.
    uint64_t page_bytes_max = 1 << 20;
  };

  // REQUIRES: all outlive the server.
  StreamServiceImpl(const ReadableStreams& streams, WorkPool& pool, TailCalls& calls,
                    Options options)
      : streams_(streams), pool_(pool), calls_(calls), options_(options) {}

  grpc::ServerUnaryReactor* GetEvent(grpc::CallbackServerContext* context,
                                     const v1::GetEventRequest* request,
                                     v1::Event* response) override;
  grpc::ServerUnaryReactor* ListEvents(grpc::CallbackServerContext* context,
                                       const v1::ListEventsRequest* request,
                                       v1::ListEventsResponse* response) override;
  grpc::ServerWriteReactor<v1::TailEventsResponse>* TailEvents(
      grpc::CallbackServerContext* context, const v1::TailEventsRequest* request) override;

 private:
  const ReadableStreams& streams_;
  WorkPool& pool_;
  TailCalls& calls_;
  const Options options_;
};

// The unary calls without gRPC. May block on the store.
absl::StatusOr<v1::Event> GetEvent(const ReadableStreams& streams,
                                   const v1::GetEventRequest& request);
absl::StatusOr<v1::ListEventsResponse> ListEvents(const ReadableStreams& streams,
                                                  const v1::ListEventsRequest& request,
                                                  uint64_t page_bytes_max);

}  // namespace braid

#endif  // BRAID_DEDUPE_STREAM_SERVICE_H_
