// Blocks of lines become messages, in the order of receipt: heartbeats and
// dropped lines at their places, arrays cut into their elements, lines that can
// not be read counted in runs. Whoever reads a stream of X reads it through
// this: what is live and what is fetched again alike.
//
// Pure but for its buffers; on the loop. The sink is called from inside Take.
// Bounds: the block's.

#ifndef BRAID_INGEST_MESSAGE_FEED_H_
#define BRAID_INGEST_MESSAGE_FEED_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/v1/types.pb.h"
#include "ingest/line_block.h"
#include "ingest/x_message.h"

namespace braid {

// Lines that could not be read, one after the other.
struct BadRun {
  absl::Time first, last;
  uint64_t lines = 0;
};

// Times are the loop's.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  virtual void OnHeartbeat(absl::Time now) = 0;
  // A post or another event.
  virtual void OnEvent(absl::string_view line, const ScannedMessage& message, absl::Time now) = 0;
  virtual void OnControl(absl::string_view line, const ScannedMessage& message, absl::Time now) = 0;
  // One line of a run, whose end OnBadRun tells.
  virtual void OnUnparsable(absl::string_view line, UnparsableReason reason, absl::Time now) = 0;
  virtual void OnBadRun(const BadRun& run) = 0;
  virtual void OnDropped(const LineBlock::Dropped& dropped) = 0;
  // What there is of a line that the end of the exchange cut in two. One that
  // lacks its line end alone is a message.
  virtual void OnCutLine(absl::string_view line, absl::Time now) = 0;
};

class MessageFeed {
 public:
  // As MessageScanner takes it.
  explicit MessageFeed(v1::EventKind unknown) : scanner_(unknown) {}

  void Take(const LineBlock& block, MessageSink* sink);

 private:
  void TakeLine(absl::string_view line, absl::Time now, MessageSink* sink);
  void TakeMessage(absl::string_view line, absl::Time now, MessageSink* sink);
  void TakeLastLine(absl::string_view line, absl::Time now, MessageSink* sink);
  void EndBadRun(MessageSink* sink);

  MessageScanner scanner_;
  BadRun bad_;
};

}  // namespace braid

#endif  // BRAID_INGEST_MESSAGE_FEED_H_
