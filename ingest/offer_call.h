// The seam between a source and a deduper: one bidirectional Offer call seen
// from the source. GrpcOfferDialer is the real one; the simulator's delays,
// loses, repeats and cuts, and passes serialized bytes.
//
// Threads: everything on the loop. Handlers are never called from inside Dial
// or Send.

#ifndef BRAID_INGEST_OFFER_CALL_H_
#define BRAID_INGEST_OFFER_CALL_H_

#include <memory>

#include "absl/status/status.h"
#include "braid/v1/ingest_service.pb.h"

namespace braid {

class OfferCallHandler {
 public:
  virtual ~OfferCallHandler() = default;
  virtual void OnResponse(const v1::OfferResponse& response) = 0;
  // Last call. Whatever was sent and not acknowledged may or may not have
  // arrived.
  virtual void OnClosed(const absl::Status& status) = 0;
};

// Destroying a call cancels it; the handler is not called any more.
class OfferCall {
 public:
  virtual ~OfferCall() = default;
  // Queues a message. Bounded by the caller: OfferClient keeps at most its
  // window in flight. That a message was sent means nothing: only
  // acknowledgements do.
  virtual void Send(v1::OfferRequest request) = 0;
};

class OfferDialer {
 public:
  virtual ~OfferDialer() = default;
  // One call to one deduper. REQUIRES: handler outlives the call.
  virtual std::unique_ptr<OfferCall> Dial(OfferCallHandler* handler) = 0;
};

}  // namespace braid

#endif  // BRAID_INGEST_OFFER_CALL_H_
