// X's record format: bytes in any pieces become lines. A record ends with
// "\r\n"; a bare '\n' (X sends them inside records) or '\r' belongs to the
// record. An empty record is a heartbeat.
//
// Pure, and it holds no bytes: the open line grows in the caller's sink, so
// each byte is looked at once and copied once. Any cutting of the input gives
// the same lines. Threads: one at a time.
// Bounds: a line longer than line_bytes_max is given up at once; its rest is
// skipped up to the next "\r\n", without memory.

#ifndef BRAID_INGEST_X_FRAMING_H_
#define BRAID_INGEST_X_FRAMING_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace braid {

class LineSplitter {
 public:
  class Sink {
   public:
    virtual ~Sink() = default;
    // More bytes of the open line.
    virtual void OnPiece(absl::string_view piece) = 0;
    // The open line is complete and not empty.
    virtual void OnLineEnd() = 0;
    virtual void OnHeartbeat() = 0;
    // The open line is longer than allowed: what was passed of it is void.
    virtual void OnOversize() = 0;
  };

  explicit LineSplitter(uint64_t line_bytes_max) : line_bytes_max_(line_bytes_max) {}

  void Feed(absl::string_view bytes, Sink* sink);

  // No more bytes come: what there is of the open line counts as a line.
  void Finish(Sink* sink);

  // Bytes of a line that has not ended yet (also of one that was given up).
  bool inside_line() const { return line_bytes_ > 0 || skipping_ || pending_cr_; }

 private:
  void AddPiece(absl::string_view piece, Sink* sink);
  void EndLine(Sink* sink);

  const uint64_t line_bytes_max_;
  uint64_t line_bytes_ = 0;
  // Giving up the open line: everything up to its end is skipped.
  bool skipping_ = false;
  // The last byte fed was '\r': whether it ends the line is not known yet.
  bool pending_cr_ = false;
};

}  // namespace braid

#endif  // BRAID_INGEST_X_FRAMING_H_
