// Offers the spool to one deduper: Hello, then every record of every session in
// order from where the deduper says it goes on, until it is acknowledged. The
// deduper owns "next expected offset"; nothing here is believed but its
// acknowledgements.
//
// Threads: everything on the loop.
// Ownership: loop, random, dialer and spool outlive the client. It owns its
// call.
// Bounds: Options::window_bytes and window_records in flight; beyond that the
// records stay in the spool. One call, one timer per purpose.

#ifndef BRAID_INGEST_OFFER_CLIENT_H_
#define BRAID_INGEST_OFFER_CLIENT_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/owner.h"
#include "base/random.h"
#include "braid/v1/ingest_service.pb.h"
#include "ingest/offer_call.h"
#include "ingest/spool.h"
#include "ingest/spool_reader.h"

namespace braid {

class OfferClient final : public SpoolObserver {
 public:
  struct Options {
    // Which of the spool's dedupers this one is.
    int deduper = 0;
    // For log lines and metrics: its address.
    std::string name;
    // Who offers: everything of a Hello but epoch, id and sessions.
    v1::OfferRequest::Hello identity;
    // A bandwidth-delay product of 80 MB/s over 100 ms.
    uint64_t window_bytes = 8 << 20;
    // Bounds what a deduper keeps per call when records are small.
    uint64_t window_records = 4096;
    // Nothing acknowledged for so long with data in flight (or no Welcome):
    // the call is dead, whatever TCP says. Longer than any sync we wait for.
    absl::Duration silence_max = absl::Seconds(10);
    // First redial soon, since most ends are restarts; then doubling.
    absl::Duration redial_min = absl::Milliseconds(100);
    absl::Duration redial_max = absl::Seconds(5);
    // After a refusal that only a person can end.
    absl::Duration refused_delay = absl::Seconds(10);
    // Each record in flight may be nacked; one rewind answers them all.
    absl::Duration rewind_interval_min = absl::Seconds(1);
    absl::Duration report_interval = absl::Seconds(1);
    // After a failed read; with the spool's attempts a disk has that many
    // seconds to come back.
    absl::Duration read_retry_delay = absl::Seconds(1);
  };

  struct Metrics {
    Counter dials, welcomes, refusals, directives, sent_records, sent_bytes, nacks, silences, foreign_offsets;
    Gauge in_flight_bytes, in_flight_records, connected, unacknowledged_bytes;
    LatencyHistogram ack_delay;
  };

  // `report` is asked for the newest state of the connection; spooled_bytes is
  // filled in here.
  OfferClient(Loop& loop, Random& random, OfferDialer& dialer, Spool& spool, const Options& options,
              std::function<v1::ConnectionReport()> report);
  ~OfferClient() override;

  // What a deduper asks of the connection; runs in a turn of its own.
  void SetDirectiveHandler(std::function<void(const v1::OfferResponse::Directive&)> handler) {
    on_directive_ = std::move(handler);
  }
  void Start();
  // The connection's state changed: told at once.
  void SendReport();
  // Runs `done` in a later turn once everything in the spool is acknowledged.
  // Nothing must be appended any more.
  void Drain(absl::AnyInvocable<void()> done);

  // A call stands and has been welcomed.
  bool connected() const { return state_ == State::kOffering; }
  const Metrics& metrics() const { return metrics_; }
  void CollectMetrics(MetricSink& sink, MetricLabels labels) const;

  void OnAppended() override { Push(); }
  void OnSessionsChanged() override;

 private:
  enum class State { kWaiting, kDialed, kOffering };
  // One call; after hanging up it may still be told things that count no more.
  struct Line : OfferCallHandler {
    explicit Line(OfferClient* client) : client(client) {}
    void OnResponse(const v1::OfferResponse& response) override;
    void OnClosed(const absl::Status& status) override;
    OfferClient* client;
    std::unique_ptr<OfferCall> call;
  };
  struct InFlight {
    uint64_t epoch;
    uint64_t end_offset;
    uint64_t bytes;
    absl::Time sent;
  };

  void Dial();
  void HangUp();
  void RedialAfter(absl::Duration delay);
  void RedialWithBackoff();
  void Watch();

  void OnWelcome(const v1::OfferResponse::Welcome& welcome);
  void OnAck(const v1::OfferResponse::Ack& ack);
  void OnNack(const v1::OfferResponse::Nack& nack);
  void OnDirective(const v1::OfferResponse::Directive& directive);
  void OnRefusal(const v1::OfferResponse::Refusal& refusal);
  void OnClosed(const absl::Status& status);
  // The deduper means other content than ours.
  void OnForeign(uint64_t epoch, uint64_t offset);

  // Sends what the window allows.
  void Push();
  bool PushOne();
  // The spool could not be read.
  void RetryRead();
  // To the next session; false at the end of the current one.
  bool NextSession();
  void Rewind(uint64_t epoch, uint64_t offset);
  void SetInFlightMetrics();
  void CheckDrained();

  Loop& loop_;
  Random& random_;
  OfferDialer& dialer_;
  Spool& spool_;
  const Options options_;
  const std::function<v1::ConnectionReport()> report_;

  State state_ = State::kWaiting;
  std::shared_ptr<Line> line_;
  absl::Duration redial_delay_;
  absl::optional<Loop::TimerId> redial_timer_;

  SpoolReader reader_;
  bool read_retry_planned_ = false;
  // Where each session goes on, by the Welcome; epochs in order.
  std::vector<std::pair<uint64_t, uint64_t>> expected_;
  std::deque<InFlight> in_flight_;
  uint64_t in_flight_bytes_ = 0;
  // When something was acknowledged, or the first record of a window sent.
  absl::Time last_progress_;
  absl::Time last_rewind_ = absl::InfinitePast();
  std::pair<uint64_t, uint64_t> rewound_to_;

  std::function<void(const v1::OfferResponse::Directive&)> on_directive_;
  uint64_t obeyed_directive_ = 0;
  absl::AnyInvocable<void()> on_drained_;
  Metrics metrics_;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_OFFER_CLIENT_H_
