// What one connection counts, and its metrics.
//
// Threads: written on the loop, read by any thread. Bounds: fixed size; every
// label comes from a fixed list.

#ifndef BRAID_INGEST_CONNECTION_COUNTERS_H_
#define BRAID_INGEST_CONNECTION_COUNTERS_H_

#include <array>
#include <string>

#include "base/metrics.h"
#include "braid/v1/types.pb.h"
#include "ingest/reconnect_watch.h"
#include "ingest/x_error.h"
#include "ingest/x_message.h"

namespace braid {

struct ConnectionCounters {
  // v1::ConnectionReport::State as a number.
  Gauge state;
  // X time, seconds since 1970; 0 before the first.
  Gauge last_byte_seconds;
  Gauge last_event_seconds;
  Gauge in_flight_bytes;
  // RetryClass as a number; what the last end was, whatever the state.
  Gauge wait_class;
  // 1 while somebody must act before X serves this connection again.
  Gauge needs_operator;
  // 1 while the episode lasts, and episodes so far.
  std::array<Gauge, kReconnectAlertCount> alert;
  std::array<Counter, kReconnectAlertCount> alerts;
  Counter attempts;
  Counter connects;
  // Attempts that had to wait: for the account's budget, for a peer's turn.
  Counter held_for_budget;
  Counter held_for_peer;
  // Ends and failed attempts, by cause.
  std::array<Counter, kCauseCount> ends;
  Counter received_bytes;
  Counter heartbeats;
  // 0 while data comes as usual.
  Gauge data_silence_seconds;
  Counter room_waits;
  Counter data_silences;
  std::array<Counter, v1::EventOrigin_ARRAYSIZE> events;
  std::array<Counter, kControlKindCount> control;
  // Control messages that were only counted.
  Counter control_suppressed;
  std::array<Counter, kUnparsableReasonCount> unparsable;
  Counter oversize_lines;
  Counter ring_full_lines;
  // Lines that the end of the connection cut in two.
  Counter cut_lines;
  // Closed sockets whose end did not come in time: each a loss.
  Counter overdue_closes;
  Counter frames;
  Counter frame_bytes;
  LatencyHistogram receive_delay;

  uint64_t received_events() const;
  uint64_t control_messages() const;
  uint64_t lost_lines() const;

  // REQUIRES: outlives every scrape.
  void Collect(const std::string& connection, MetricSink& sink) const;
};

}  // namespace braid

#endif  // BRAID_INGEST_CONNECTION_COUNTERS_H_
