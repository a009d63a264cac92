// One open stream of one client: takes posts from the log, writes chunks, keeps
// the connection alive, and does to it what a test asks for.
//
// Threads: the emulator's loop. Owner: XServer. Bounds: at most
// `client_buffer_bytes` of posts wait for a slow client, then it is cut, as X
// does; of these `queue_bytes_max` are turned into chunks ahead.

#ifndef BRAID_TESTS_EMULATOR_CLIENT_STREAM_H_
#define BRAID_TESTS_EMULATOR_CLIENT_STREAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/emulator/gzip_encoder.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/outbox.h"
#include "tests/emulator/post_log.h"
#include "tests/emulator/transport.h"
#include "tests/emulator/truth_writer.h"

namespace braid::emulator {

struct StreamOptions {
  // X promises at least one every 20 s.
  absl::Duration keep_alive = absl::Seconds(20);
  // 64 MiB: a third of a second at the record rate, half a minute at 1,000/s.
  size_t client_buffer_bytes = 64 << 20;
  bool slow_cut_has_message = true;
  // Not a multiple of anything, so that chunks end inside posts; near 64 KB so
  // that one costs little.
  size_t chunk_bytes_max = 65521;
  // Enough for one large write; more would only be memory.
  size_t queue_bytes_max = 1 << 20;
};

struct StreamIdentity {
  uint32_t number = 0;
  std::string tag;
  std::string address;
  bool gzip = false;
};

class ClientStream {
 public:
  // `transport`, `log` and `truth` outlive it.
  ClientStream(const StreamOptions& options, StreamIdentity identity, Transport* transport,
               const PostLog* log, TruthWriter* truth, Moment now);
  ~ClientStream();

  // The answer's head, before any post.
  void Start(std::string response_head) { outbox_.AddRaw(std::move(response_head)); }

  // Writes what may go out. True: the socket is full, call again when it is
  // writable; `is_dead` says whether there will be an again.
  bool Pump(Moment now);
  void OnReadable(Moment now);

  // What tests do to it. After an end no post follows, and its slot is free.
  void EndWithMessage(absl::string_view disconnect_type, Moment now);
  void EndWithZeroChunk(Moment now);
  void EndWithTruncatedChunk(Moment now);
  void EndWithReset(Moment now);
  // Sends nothing until then, without closing; what fits the buffer follows
  // afterwards, else the connection is reset at that time.
  void BlackHole(absl::Duration length, Moment now);
  void SendRaw(absl::string_view bytes);
  // One line of `count` bytes `fill`, made while it is sent.
  void SendLongLine(char fill, uint64_t count);
  PostFeed& feed() { return feed_; }
  // The emulator stops.
  void Abandon(Moment now) { Die(EndKind::kEmulatorStopped, now); }

  const StreamIdentity& identity() const { return identity_; }
  bool takes_slot() const { return !is_closing_ && !is_dead_; }
  bool is_dead() const { return is_dead_; }
  // The client went without our having ended the stream.
  bool left_unclean() const { return is_dead_ && end_kind_ == EndKind::kClientClosed; }
  uint64_t sent_posts() const { return sent_posts_; }
  uint64_t sent_bytes() const { return sent_bytes_; }
  uint64_t dropped_posts() const { return dropped_posts_; }
  uint64_t backlog_bytes() const { return feed_.backlog_bytes(*log_) + outbox_.bytes(); }
  bool is_black_hole() const { return hole_until_ > absl::ZeroDuration(); }
  // When Pump has to be called at the latest.
  absl::Duration NextDeadline() const;

 private:
  void Fill(Moment now);
  void FillLine();
  void AddData(absl::string_view bytes);
  bool Write(Moment now);
  bool InHole(Moment now);
  void CheckBacklog(Moment now);
  void BeginClosing(EndKind kind, Moment now);
  void Finish(Moment now);
  void RecordEnd(Moment now);
  void Die(EndKind kind, Moment now);

  const StreamOptions options_;
  const StreamIdentity identity_;
  Transport* const transport_;
  const PostLog* const log_;
  TruthWriter* const truth_;

  PostFeed feed_;
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
  absl::Duration closing_since_;
  uint64_t sent_posts_ = 0;
  uint64_t sent_bytes_ = 0;
  uint64_t dropped_posts_ = 0;
};

// The body of an in-stream disconnect as X sends it, with \r\n.
std::string DisconnectMessage(absl::string_view disconnect_type);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_CLIENT_STREAM_H_
