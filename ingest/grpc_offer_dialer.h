// OfferDialer over gRPC's callback API. Every dial makes a channel of its own:
// a fresh name look-up, fresh credentials, and no back-off but ours.
//
// Threads: Dial, Send and destruction on the loop. gRPC's threads only turn
// bytes into messages and post them to the loop.
// Ownership: the loop outlives the dialer, the dialer its calls. Destroying a
// call cancels it; destroying the dialer cancels all and waits for their end.
// Bounds: what waits for the network is the caller's window; one write at a
// time is with gRPC.

#ifndef BRAID_INGEST_GRPC_OFFER_DIALER_H_
#define BRAID_INGEST_GRPC_OFFER_DIALER_H_

#include <memory>

#include "absl/time/time.h"
#include "base/loop.h"
#include "braid/config/v1/config.pb.h"
#include "ingest/offer_call.h"

namespace grpc {
class Channel;
}

namespace braid {

class GrpcOfferDialer final : public OfferDialer {
 public:
  struct Options {
    // Plain text is refused beyond loopback: such a dial ends at once.
    config::v1::DeduperAddress deduper;
    // Dead peers are found within 7 s, long before TCP gives up; the deduper
    // allows pings every 2.5 s.
    absl::Duration keepalive_time = absl::Seconds(5);
    absl::Duration keepalive_timeout = absl::Seconds(2);
    // Answers are a few hundred bytes; a Welcome names at most some hundred
    // sessions. The same as the deduper's.
    int message_bytes_max = 4 << 20;
  };

  GrpcOfferDialer(Loop& loop, Options options);
  ~GrpcOfferDialer() override;

  std::unique_ptr<OfferCall> Dial(OfferCallHandler* handler) override;

 private:
  class Reactor;
  class Registry;
  class Call;

  Loop& loop_;
  const Options options_;
  const std::shared_ptr<Registry> registry_;
  // The newest: keeps gRPC's threads from ending and beginning at each dial.
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace braid

#endif  // BRAID_INGEST_GRPC_OFFER_DIALER_H_
