// The reader thread's part: bytes of one exchange become LineBlocks and turns
// of the loop. It splits, stamps and hands over, nothing else, since X cuts
// readers that fall behind. It waits for one thing: room, while a burst comes
// faster than the loop takes it (Options::room_wait).
//
// Threads: the HttpHandler part on the client's reader thread, the consumer on
// the loop. Construct and Detach on the loop.
// Ownership: shared by the client, the owner and the turns under way; the
// consumer is not called after Detach.
// A line that the end of the exchange left open is handed over as it is, marked
// last_line_cut; of an oversize one nothing is.
//
// Bounds: a block goes out at block_bytes_max or when the socket is drained;
// at most in_flight_bytes_max are posted and not yet consumed. Beyond that
// whole blocks of lines are dropped and one Dropped{RING_FULL} stands in the
// place of those that follow each other, posted with the first of them;
// heartbeats of a dropped block are dropped with it.

#ifndef BRAID_INGEST_STREAM_READER_H_
#define BRAID_INGEST_STREAM_READER_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "base/mutex.h"
#include "ingest/line_block.h"
#include "ingest/x_framing.h"

namespace braid {

// What one exchange says, as turns of the loop, in order.
class StreamConsumer {
 public:
  virtual ~StreamConsumer() = default;
  virtual void OnStreamConnected() = 0;
  virtual void OnStreamHead(const HttpHead& head, absl::Time now) = 0;
  virtual void OnStreamBlock(LineBlock block) = 0;
  // Last call. `body`: the beginning of an answer that is no stream.
  virtual void OnStreamEnd(const HttpEnd& end, const std::string& body) = 0;
};

class StreamReader final : public HttpHandler,
                           public std::enable_shared_from_this<StreamReader>,
                           private LineSplitter::Sink {
 public:
  struct Options {
    uint64_t line_bytes_max = 2 << 20;
    // A turn of the loop per 256 KiB costs nothing against scanning it.
    uint64_t block_bytes_max = 256 * 1024;
    // A quarter of what the connector may use; 0.2 s at the highest rate ever
    // seen.
    uint64_t in_flight_bytes_max = 64 << 20;
    // Without room the reader thread waits so long before it drops: X, or the
    // kernels between, hold what a burst of backfill brings faster than the loop
    // takes it. Longer than any burst takes; X cuts a reader that stands still
    // for minutes. 0: it never waits, for loops that run on the reader's thread.
    absl::Duration room_wait = absl::ZeroDuration();
    // Error answers of X have about 300 bytes.
    uint64_t body_bytes_max = 64 * 1024;
  };

  // REQUIRES: `loop` outlives the client that calls this handler.
  StreamReader(Loop& loop, StreamConsumer* consumer, const Options& options);

  void Detach();

  // When the last byte came, ahead of the blocks under way; nullopt before the
  // first. Any thread.
  absl::optional<absl::Time> last_byte_time() const;
  // How often the reader thread waited for room since the last call. Any thread.
  uint64_t TakeRoomWaits() { return room_waits_.exchange(0, std::memory_order_relaxed); }
  // Posted and not yet consumed. Any thread.
  uint64_t in_flight_bytes() const { return in_flight_bytes_.load(std::memory_order_relaxed); }

  void OnConnected(absl::Time now) override;
  void OnHead(const HttpHead& head, absl::Time now) override;
  void OnBytes(absl::string_view bytes, absl::Time now) override;
  void OnDrained(absl::Time now) override;
  void OnDone(const HttpEnd& end, absl::Time now) override;

 private:
  void OnPiece(absl::string_view piece) override;
  void OnLineEnd() override;
  void OnHeartbeat() override;
  void OnOversize() override;

  // Makes room for `bytes` more without copying often.
  void Reserve(size_t bytes);
  // Takes what is complete out of the open block; the open line stays.
  LineBlock Cut();
  void PostBlock(bool drained);
  // Waits for room for so many bytes; false when there is none in time.
  bool WaitForRoom(uint64_t bytes);
  // Everything in `block` becomes part of a Dropped under way to the loop.
  void Drop(const LineBlock& block);
  void PostDropped(std::shared_ptr<LineBlock::Dropped> dropped);
  void Post(LineBlock block);

  Loop& loop_;
  const Options options_;
  // Owned by the loop.
  StreamConsumer* consumer_;

  std::atomic<uint64_t> in_flight_bytes_{0};
  std::atomic<int64_t> last_byte_nanos_{-1};

  // Owned by the reader thread.
  LineSplitter splitter_;
  int status_ = 0;
  std::string body_;
  LineBlock block_;
  // Where the open line begins in block_.bytes.
  size_t line_begin_ = 0;
  size_t last_block_bytes_ = 0;
  absl::Time now_;
  bool has_news_ = false;

  // Held for a few instructions by either thread.
  Mutex mu_;
  // Room was made, or nobody consumes any more.
  CondVar room_;
  bool is_waiting_ ABSL_GUARDED_BY(mu_) = false;
  bool is_detached_ ABSL_GUARDED_BY(mu_) = false;
  std::atomic<uint64_t> room_waits_{0};
  // Under way to the loop, and nothing is behind it: null otherwise. What it points
  // to is guarded too; of a shared_ptr clang can not be told so.
  std::shared_ptr<LineBlock::Dropped> ring_full_ ABSL_GUARDED_BY(mu_);
};

}  // namespace braid

#endif  // BRAID_INGEST_STREAM_READER_H_
