// One spool offered to every deduper: a client for each, and the drain of all.
//
// Threads: the loop; metrics any.
// Ownership: loop, random, dialers and spool outlive it.
// Bounds: OfferClient's, for each deduper.

#ifndef BRAID_INGEST_OFFER_SET_H_
#define BRAID_INGEST_OFFER_SET_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/owner.h"
#include "base/random.h"
#include "braid/v1/ingest_service.pb.h"
#include "ingest/offer_call.h"
#include "ingest/offer_client.h"
#include "ingest/spool.h"

namespace braid {

class OfferSet {
 public:
  // In the spool's order. `name`: for log lines and metrics.
  struct Deduper {
    OfferDialer* dialer = nullptr;
    std::string name;
  };

  // `identity`: everything of a Hello but epoch, id and sessions.
  OfferSet(Loop& loop, Random& random, Spool& spool, const std::vector<Deduper>& dedupers,
           const v1::OfferRequest::Hello& identity, std::function<v1::ConnectionReport()> report);

  // `deduper`: its place.
  void SetDirectiveHandler(
      std::function<void(int deduper, const v1::OfferResponse::Directive&)> handler);
  void Start();
  // The source's state changed: told at once.
  void SendReport();
  // Makes what was appended durable and waits for the acknowledgements of the
  // dedupers that are there, then runs `done` in a later turn. Once; nothing must
  // be appended any more.
  void Drain(absl::AnyInvocable<void()> done);

  // Each of them is there and has everything.
  bool IsDelivered() const;
  void CollectMetrics(MetricSink& sink, const MetricLabels& labels) const;

 private:
  void OneDone();

  Spool& spool_;
  std::vector<std::unique_ptr<OfferClient>> clients_;
  // The flush and each connected client.
  int drains_left_ = 0;
  absl::AnyInvocable<void()> on_drained_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_OFFER_SET_H_
