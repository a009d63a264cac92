#include "ingest/connection_counters.h"

#include "braid/v1/ingest_service.pb.h"
#include "proto/enum_word.h"

namespace braid {
namespace {

using State = v1::ConnectionReport;

template <typename Counters>
uint64_t Sum(const Counters& counters) {
  uint64_t sum = 0;
  for (const Counter& counter : counters) sum += counter.value();
  return sum;
}

std::string StateWord(int state) {
  return EnumLabel(State::State_Name(static_cast<State::State>(state)), "STATE_");
}

std::string OriginWord(int origin) {
  return EnumLabel(v1::EventOrigin_Name(static_cast<v1::EventOrigin>(origin)), "EVENT_ORIGIN_");
}

// Adds `label` to the connection's own and passes plain counters on.
class Reporter {
 public:
  Reporter(const std::string& connection, MetricSink& sink)
      : labels_{{"connection", connection}}, sink_(sink) {}

  void Count(absl::string_view name, absl::string_view help, const Counter& counter) {
    sink_.AddCounter(name, help, labels_, static_cast<double>(counter.value()));
  }
  void Count(absl::string_view name, absl::string_view help, absl::string_view label,
             absl::string_view value, const Counter& counter) {
    sink_.AddCounter(name, help, With(label, value), static_cast<double>(counter.value()));
  }
  void Show(absl::string_view name, absl::string_view help, double value) {
    sink_.AddGauge(name, help, labels_, value);
  }
  void Show(absl::string_view name, absl::string_view help, absl::string_view label,
            absl::string_view value, double number) {
    sink_.AddGauge(name, help, With(label, value), number);
  }
  const MetricLabels& labels() const { return labels_; }

 private:
  MetricLabels With(absl::string_view label, absl::string_view value) const {
    MetricLabels labels = labels_;
    labels.push_back({std::string(label), std::string(value)});
    return labels;
  }

  const MetricLabels labels_;
  MetricSink& sink_;
};

}  // namespace

uint64_t ConnectionCounters::received_events() const { return Sum(events); }
uint64_t ConnectionCounters::control_messages() const { return Sum(control); }
uint64_t ConnectionCounters::lost_lines() const {
  return Sum(unparsable) + oversize_lines.value() + ring_full_lines.value() + cut_lines.value();
}

void ConnectionCounters::Collect(const std::string& connection, MetricSink& sink) const {
  Reporter report(connection, sink);
  int now = static_cast<int>(state.value());
  for (int i = State::STATE_CONNECTING; i < State::State_ARRAYSIZE; ++i) {
    if (!State::State_IsValid(i)) continue;
    report.Show("braid_connection_state", "1 for the state the connection is in.", "state",
                StateWord(i), i == now ? 1 : 0);
  }
  report.Show("braid_connection_receiving", "1 while a stream is open and alive.",
              now == State::STATE_RECEIVING ? 1 : 0);
  bool waits = now == State::STATE_BACKING_OFF;
  for (int i = 1; i < kRetryClassCount; ++i) {
    report.Show("braid_connection_waiting", "1 for the rule the next attempt waits by.", "class",
                RetryWord(static_cast<RetryClass>(i)), waits && wait_class.value() == i ? 1 : 0);
  }
  report.Show("braid_connection_needs_operator",
              "1 while X refuses for a reason that waiting does not mend; alert on it.",
              needs_operator.value());
  for (int i = 0; i < kReconnectAlertCount; ++i) {
    absl::string_view word = ReconnectAlertWord(static_cast<ReconnectAlert>(i));
    report.Show("braid_connection_alert", "1 while reconnects repeat or the back-off is at its end.",
                "alert", word, alert[i].value());
    report.Count("braid_connection_alerts_total", "Episodes of it.", "alert", word, alerts[i]);
  }
  report.Show("braid_connection_data_silence_seconds",
              "How long heartbeats came without data, where the usual rate does not explain it.",
              data_silence_seconds.value());
  report.Count("braid_connection_data_silences_total", "Episodes of it.", data_silences);
  report.Show("braid_connection_last_byte_timestamp_seconds", "X time of the last byte.",
              last_byte_seconds.value());
  report.Show("braid_connection_last_event_timestamp_seconds", "X time of the last post.",
              last_event_seconds.value());
  report.Show("braid_connection_in_flight_bytes", "Read and not yet framed; bounded.",
              in_flight_bytes.value());
  report.Count("braid_connection_attempts_total", "Attempts to connect.", attempts);
  report.Count("braid_connection_connects_total", "Attempts that were answered with 200.",
               connects);
  constexpr absl::string_view kHeldHelp = "Attempts that had to wait for others of the account.";
  report.Count("braid_connection_held_total", kHeldHelp, "reason", "budget", held_for_budget);
  report.Count("braid_connection_held_total", kHeldHelp, "reason", "peer", held_for_peer);
  for (int i = 1; i < kCauseCount; ++i) {
    report.Count("braid_connection_disconnects_total", "Ends and failed attempts by cause.",
                 "reason", CauseWord(static_cast<Cause>(i)), ends[i]);
  }
  report.Count("braid_received_bytes_total", "Bytes received.", "encoding", "decoded",
               received_bytes);
  report.Count("braid_heartbeats_total", "Heartbeats received.", heartbeats);
  for (int i : {v1::EVENT_ORIGIN_LIVE, v1::EVENT_ORIGIN_BACKFILL}) {
    report.Count("braid_events_received_total", "Posts received.", "origin", OriginWord(i),
                 events[i]);
  }
  for (int i = 0; i < kControlKindCount; ++i) {
    report.Count("braid_control_messages_total", "Messages that are no posts.", "kind",
                 ControlWord(static_cast<ControlKind>(i)), control[i]);
  }
  report.Count("braid_control_suppressed_total", "Control messages counted but not logged.",
               control_suppressed);
  for (int i = 0; i < kUnparsableReasonCount; ++i) {
    report.Count("braid_events_malformed_total", "Lines that could not be read; expect zero.",
                 "reason", UnparsableWord(static_cast<UnparsableReason>(i)), unparsable[i]);
  }
  report.Count("braid_events_oversize_total", "Lines longer than allowed; expect zero.",
               oversize_lines);
  report.Count("braid_connection_room_waits_total",
               "How often reading waited for room: X sent faster than it was taken.", room_waits);
  report.Count("braid_events_ring_full_total", "Lines dropped for a full ring; expect zero.",
               ring_full_lines);
  report.Count("braid_cut_lines_total", "Lines cut by the end of a connection.", cut_lines);
  report.Count("braid_connection_overdue_closes_total",
               "Closed sockets whose last bytes were not handed over; expect zero.",
               overdue_closes);
  report.Count("braid_frames_total", "Frames written.", frames);
  report.Count("braid_frame_bytes_total", "Compressed bytes of frames written.", frame_bytes);
  sink.AddHistogram("braid_receive_delay_seconds", "From creation to receipt, live posts.",
                    report.labels(), receive_delay);
}

}  // namespace braid
