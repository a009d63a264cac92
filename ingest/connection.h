// One connection to X on the loop: it does what the table of
// ingest/connection_state.h says, and what it receives becomes session records.
//
// Order of the records is the order of receipt: the open frame is closed before
// a cover, a loss or an event is appended, and a cover vouches only for what
// stands before it. Whatever ends a connection, X or we: what was read of it is
// consumed first, then the attempt ends.
//
// Threads: the loop; counters are read by any thread.
// Ownership: the caller's seams outlive it. Destruction closes the socket and
// appends nothing: Drain first for a clean end.
// Bounds: StreamReader's in_flight_bytes_max, one open frame, one attempt at a
// time, control_burst control messages kept. Never gives up.

#ifndef BRAID_INGEST_CONNECTION_H_
#define BRAID_INGEST_CONNECTION_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "base/metrics.h"
#include "base/owner.h"
#include "base/random.h"
#include "braid/v1/ingest_service.pb.h"
#include "ingest/attempt_gate.h"
#include "ingest/connection_counters.h"
#include "ingest/connection_observer.h"
#include "ingest/connection_state.h"
#include "ingest/cover.h"
#include "ingest/framer.h"
#include "ingest/message_feed.h"
#include "ingest/reconnect_watch.h"
#include "ingest/record_sink.h"
#include "ingest/stream_reader.h"
#include "ingest/x_backfill.h"
#include "ingest/x_backoff.h"
#include "ingest/x_clock.h"
#include "ingest/x_error.h"
#include "ingest/x_message.h"
#include "ingest/x_request.h"

namespace braid {

class Connection final : private StreamConsumer, private MessageSink {
 public:
  struct Options {
    RequestOptions request;
    BackfillRule backfill;
    // X promises a heartbeat every 20 s and sends it up to 22 s apart.
    absl::Duration stall_after = absl::Seconds(25);
    // What a post waits at most for company in its frame.
    absl::Duration frame_age_max = absl::Milliseconds(5);
    // Covers are due at least once a second.
    absl::Duration cover_interval = absl::Milliseconds(500);
    // From closing the socket to its end: a reader thread that is not stuck
    // needs milliseconds. Less than half of what SIGTERM leaves us.
    absl::Duration close_wait = absl::Seconds(2);
    // The body of a refusal comes at once or not at all.
    absl::Duration refusal_wait = absl::Seconds(10);
    // A message that announces the end explains an end within this time.
    absl::Duration message_explains = absl::Seconds(10);
    // Ids created later than this after X time are no evidence about the clock:
    // the deduper keeps them apart too.
    absl::Duration clock_lead_max = absl::Minutes(10);
    // Whether a silence that the usual rate does not explain, while heartbeats
    // go on, ends the connection: once, since the next one has to be fed before
    // its silence counts. Both connections of a stream may see one silence.
    bool reconnect_on_data_silence = false;
    int control_per_second = 10;
    int control_burst = 100;
    uint64_t detail_bytes_max = 2048;
    StreamReader::Options reader;
    Framer::Options framer;
    Backoff::Options backoff;
    CoverTracker::Options cover;
    ReconnectWatch::Options reconnect_watch;
  };

  // Reads the bearer token; called at each connect.
  using TokenSource = absl::AnyInvocable<absl::StatusOr<std::string>()>;

  // `gate`: nullptr where nobody else uses the account.
  Connection(Loop& loop, HttpClient& http, RecordSink& sink, Random& random, const Options& options,
             TokenSource token, AttemptGate* gate = nullptr);
  ~Connection() override;

  // Once, before Start. REQUIRES: it lives as long as the connection is open.
  void SetObserver(ConnectionObserver* observer) { observer_ = observer; }
  // The first attempt begins in a later turn.
  void Start();
  // Closes an open stream and connects again, e.g. because a deduper asks for
  // it. The next stream asks for all the backfill that X has, also where there is
  // none to close.
  void Reconnect();
  // Closes the socket and stays away until Resume, which waits for what is left
  // of the last wait.
  void Pause();
  void Resume();
  // Closes the socket, appends what was received, a last cover and an event,
  // then calls `done` in a later turn. Nothing is appended after it. Once.
  void Drain(absl::AnyInvocable<void()> done);

  // Records something about this connection as its event; nothing once it has
  // stopped.
  void Note(absl::string_view cause, absl::string_view detail);

  // spooled_bytes is left to the caller.
  v1::ConnectionReport Report() const;
  // X time, for whoever stamps records of this session.
  absl::Time XNow() const { return clock_.At(loop_.Now()); }
  const ConnectionCounters& counters() const { return counters_; }
  // REQUIRES: this object outlives the registry's scrapes.
  void RegisterMetrics(MetricsRegistry& registry) const;

 private:
  using State = v1::ConnectionReport;
  using Input = ConnectionInput;

  // One attempt, from Open to its end.
  struct Attempt {
    std::shared_ptr<StreamReader> reader;
    HttpClient::RequestId request_id = 0;
    absl::Time open_time;
    bool request_counted = false;
    HttpHead head;
    absl::optional<absl::Time> head_time;
    absl::Time last_byte_time = absl::InfinitePast();
    int backfill_minutes = 0;
    uint64_t first_post_id = 0;
    uint64_t last_post_id = 0;
    // What X said last about an end, and when.
    absl::optional<Verdict> announced;
    absl::Time announced_time;
    // Why we closed it; what goes before its end's own detail.
    absl::optional<Verdict> closed_for;
    std::string remark;
    // Its end, once consumed.
    HttpEnd end{HttpEnd::Kind::kClosed, ""};
    std::string body;
    // The line that the end cut in two, as far as it is shown.
    std::string cut_line;
    uint64_t cut_line_bytes = 0;
    uint64_t cut_line_post_id = 0;

    bool established() const { return head.status == 200; }
  };

  // Life. Everything that happens goes through Step.
  void Step(Input input);
  void StepLater(Input input, absl::Duration delay, Loop::TimerId* timer);
  void SetState(ConnectionState state);
  // Unless the gate holds it.
  void BeginAttempt(Input input);
  int BackfillNow() const;
  void Open();
  void OnStreamConnected() override;
  void OnStreamHead(const HttpHead& head, absl::Time now) override;
  void OnStreamEnd(const HttpEnd& end, const std::string& body) override;
  void Accept(absl::Time now);
  void CountRequest();
  void Watch();
  void WatchData();
  // `verdict`: why; the first reason stays.
  void CloseFor(Input input, const Verdict& verdict);
  void CloseSocket();
  void LoseUnread();
  void TellGate();
  void EndAttempt(bool wait);
  Verdict VerdictOfEnd() const;
  std::string DetailOfEnd() const;
  void NoteWait(const Verdict& verdict, absl::Duration delay);
  void LogEnd(const Verdict& verdict, absl::string_view detail, absl::Duration delay) const;
  void Alert(const std::vector<ReconnectWatch::Change>& changes);
  void WatchHold();

  // Receiving.
  void OnStreamBlock(LineBlock block) override;
  void OnHeartbeat(absl::Time now) override;
  void OnEvent(absl::string_view line, const ScannedMessage& message, absl::Time now) override;
  void OnControl(absl::string_view line, const ScannedMessage& message, absl::Time now) override;
  void OnUnparsable(absl::string_view line, UnparsableReason reason, absl::Time now) override;
  void OnBadRun(const BadRun& run) override;
  void OnDropped(const LineBlock::Dropped& dropped) override;
  void OnCutLine(absl::string_view line, absl::Time now) override;
  bool TakeControlToken(absl::Time now);

  // Writing.
  void AppendFrames();
  void CloseFrame();
  void AppendCovers();
  void LeaveOut(absl::Time time);
  // `lines`: 0 where nobody counted them.
  void AppendLoss(v1::Loss::Reason reason, uint64_t lines, absl::Time first, absl::Time last);
  void AppendEvent(absl::string_view cause, absl::string_view detail);
  void AppendFirstPost(uint64_t post_id);
  void WatchFrame();
  void CoverTick();

  Loop& loop_;
  HttpClient& http_;
  RecordSink& sink_;
  const Options options_;
  TokenSource token_;
  AttemptGate* const gate_;

  XClock clock_;
  CoverTracker cover_;
  Framer framer_;
  Backoff backoff_;
  MessageFeed feed_;
  ConnectionCounters counters_;
  ReconnectWatch reconnect_watch_;
  ConnectionObserver* observer_ = nullptr;

  ConnectionState state_ = State::STATE_UNSPECIFIED;
  absl::optional<Attempt> attempt_;
  // How the last attempt ended and what the next waits for.
  Verdict last_verdict_;
  int last_status_ = 0;
  absl::Duration wait_delay_;
  // Why the gate holds the next attempt; empty: it does not.
  std::string held_for_;
  // Newest post of any attempt.
  uint64_t last_post_id_ = 0;
  uint64_t attempts_ = 0;
  bool after_full_buffer_ = false;
  // Others missed more than this connection did.
  bool wants_all_backfill_ = false;
  absl::Time last_byte_time_ = absl::InfinitePast();
  absl::Time last_heartbeat_time_ = absl::InfinitePast();
  absl::Time next_attempt_time_ = absl::InfinitePast();
  std::vector<v1::Frame> closed_frames_;
  absl::Time frame_open_time_;
  double control_tokens_;
  absl::Time control_tokens_time_;
  // 0: not armed.
  Loop::TimerId retry_timer_ = 0;
  Loop::TimerId watch_timer_ = 0;
  Loop::TimerId frame_timer_ = 0;
  Loop::TimerId cover_timer_ = 0;
  Loop::TimerId close_timer_ = 0;
  Loop::TimerId hold_timer_ = 0;
  absl::AnyInvocable<void()> drained_;
  bool pause_wanted_ = false;
  // A pause is not bought back: backfill reaches back to the first stream after
  // it, and that one asks for none. InfiniteFuture until there is one.
  absl::Time backfill_from_ = absl::InfinitePast();
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_CONNECTION_H_
