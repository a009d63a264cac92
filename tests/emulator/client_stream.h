// One open stream of one client: takes posts from the log, writes chunks, keeps
// the connection alive, and does to it what a test asks for.
//
// Threads: the emulator's loop. Owner: XServer. Bounds: at most
// `client_buffer_bytes` of posts wait for a slow client, then it is cut, as X
// does; of these `queue_bytes_max` are turned into chunks ahead.

#ifndef BRAID_TESTS_EMULATOR_CLIENT_STREAM_H_
#define BRAID_TESTS_EMULATOR_CLIENT_STREAM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/random.h"
#include "tests/emulator/account.h"
#include "tests/emulator/gzip_encoder.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/outbox.h"
#include "tests/emulator/post_log.h"
#include "tests/emulator/stream_feed.h"
#include "tests/emulator/transport.h"
#include "tests/emulator/truth_writer.h"

namespace braid::emulator {

// How the bytes of a connection are cut and paced.
struct Framing {
  // Not a multiple of anything, so that chunks end inside posts; near 64 KB so
  // that one costs little.
  size_t chunk_bytes_max = 65521;
  // Of one write; 0: as much as fits. Small ones end TCP segments inside
  // records and characters.
  size_t segment_bytes_max = 0;
  // 0: as fast as the client reads.
  double bytes_per_second = 0;
  // Share of chunks of data with a keep-alive in front, in the same chunk.
  double glued_keep_alives = 0;
  bool gzip_flushes = true;
};

struct StreamOptions {
  // X promises at least one every 20 s; up to `jitter` of it later, as measured.
  absl::Duration keep_alive = absl::Seconds(20);
  double keep_alive_jitter = 0.1;
  // 0: no limit by number. X counts posts and does not say how many.
  uint64_t client_buffer_posts = 0;
  // 64 MiB: a third of a second at the record rate, half a minute at 1,000/s.
  size_t client_buffer_bytes = 64 << 20;
  bool slow_cut_has_message = true;
  Framing framing;
  // Enough for one large write; more would only be memory.
  size_t queue_bytes_max = 1 << 20;
};

struct StreamIdentity {
  uint32_t number = 0;
  std::string tag;
  std::string address;
  bool gzip = false;
  Family family = Family::kV2;
  std::string endpoint;  // "filtered_stream"
  int partition = 0;
  std::string slot;
};

// What a job (recovery, replay) sends after its last event.
using FinalText = std::function<std::string(const PastFeed&, Moment)>;

struct StreamPlan {
  StreamOptions options;
  StreamIdentity identity;
  FeedParts feed;
  FinalText final_text;  // null: nothing
  int allowed_connections = 2;
};

class ClientStream {
 public:
  // `transport` and `truth` outlive it.
  ClientStream(StreamPlan plan, Transport* transport, TruthWriter* truth, Moment now);
  ~ClientStream();

  // The answer's head, before any post.
  void Start(std::string response_head) { outbox_.AddRaw(std::move(response_head)); }

  // Writes what may go out. True: the socket is full, call again when it is
  // writable; `is_dead` says whether there will be an again.
  bool Pump(Moment now);
  void OnReadable(Moment now);

  // What tests do to it. After an end no post follows, and its slot is free.
  // `name`: see end_messages.
  void EndWithMessage(absl::string_view name, Moment now,
                      EndKind kind = EndKind::kDisconnectMessage);
  void EndWithZeroChunk(Moment now, EndKind kind = EndKind::kZeroChunk);
  // As if its buffer had filled up: what waits is discarded.
  void EndForFullBuffer(bool has_message, Moment now);
  void EndWithTruncatedChunk(Moment now);
  void EndWithReset(Moment now);
  // Sends nothing until then, without closing; what fits the buffer follows
  // afterwards, else the connection is reset at that time.
  void BlackHole(absl::Duration length, Moment now);
  void SendRaw(absl::string_view bytes);
  // One line of `count` bytes `fill`, made while it is sent.
  void SendLongLine(char fill, uint64_t count);
  StreamFeed& feed() { return feed_; }
  void SetFraming(const Framing& framing) { options_.framing = framing; }
  const Framing& framing() const { return options_.framing; }
  // The emulator stops.
  void Abandon(Moment now) { Die(EndKind::kEmulatorStopped, now); }

  const StreamIdentity& identity() const { return identity_; }
  bool takes_slot() const { return !is_closing_ && !is_dead_; }
  bool is_dead() const { return is_dead_; }
  // The client went without our having ended the stream.
  bool left_unclean() const { return is_dead_ && end_kind_ == EndKind::kClientClosed; }
  EndKind end_kind() const { return end_kind_; }
  uint64_t sent_posts() const { return sent_posts_; }
  uint64_t sent_bytes() const { return sent_bytes_; }
  uint64_t dropped_posts() const { return dropped_posts_; }
  uint64_t backlog_bytes() const { return feed_.backlog_bytes() + outbox_.bytes(); }
  bool is_black_hole() const { return hole_until_ > absl::ZeroDuration(); }
  // When Pump has to be called at the latest.
  absl::Duration NextDeadline() const;

 private:
  void Fill(Moment now);
  void AddRun(const LogRun& run);
  void AddEncoded(const LogRun& run);
  size_t WriteMax(Moment now);
  void FillLine();
  void AddData(absl::string_view bytes);
  bool Write(Moment now);
  bool InHole(Moment now);
  void CheckBacklog(Moment now);
  void BeginClosing(EndKind kind, Moment now);
  void Finish(Moment now);
  void RecordEnd(Moment now);
  void Die(EndKind kind, Moment now);

  StreamOptions options_;
  const StreamIdentity identity_;
  const FinalText final_text_;
  const int allowed_connections_;
  Transport* const transport_;
  TruthWriter* const truth_;

  StreamFeed feed_;
  SeededRandom random_;
  Outbox outbox_;
  std::unique_ptr<GzipEncoder> gzip_;
  EndKind end_kind_ = EndKind::kOpen;
  bool is_closing_ = false;   // the end is decided, its bytes may still wait
  bool is_finished_ = false;  // everything is written, the client may read on
  bool is_recorded_ = false;
  bool is_dead_ = false;
  bool is_hopeless_ = false;  // the hole swallowed more than the buffer
  char line_fill_ = 0;
  uint64_t line_left_ = 0;
  absl::Duration hole_until_;
  absl::Duration last_write_;
  absl::Duration keep_alive_;  // with this time's jitter
  std::vector<LogRun> unflushed_;
  bool ends_in_post_ = false;
  double write_credit_ = 0;  // bytes that the pace allows
  absl::Duration last_credit_;
  absl::Duration closing_since_;
  uint64_t sent_posts_ = 0;
  uint64_t sent_bytes_ = 0;
  uint64_t dropped_posts_ = 0;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_CLIENT_STREAM_H_
