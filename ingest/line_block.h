// What the reader thread hands to the loop: lines as X sent them, with the
// time each was read, and whatever else the loop must know in order.

#ifndef BRAID_INGEST_LINE_BLOCK_H_
#define BRAID_INGEST_LINE_BLOCK_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/http_client.h"
#include "braid/v1/ingest_service.pb.h"

namespace braid {

struct LineBlock {
  struct Line {
    uint32_t begin;
    uint32_t length;
    // Monotonic: when the read that completed the line returned.
    absl::Time receive_time;
  };
  // A line or lines that were dropped before they had an offset.
  struct Dropped {
    absl::Time first_receive_time;
    absl::Time last_receive_time;
    v1::Loss::Reason reason;
    uint64_t lines;
    // Stands before lines[before_line].
    uint32_t before_line;
  };

  // Lines without their line end, one after the other, then padding that
  // simdjson may read (SIMDJSON_PADDING) and nobody else looks at.
  std::string bytes;
  std::vector<Line> lines;
  std::vector<Dropped> dropped;
  // Blank lines: X's sign that it is alive. Times in order.
  std::vector<absl::Time> heartbeats;
  // Any byte at all; InfinitePast when the block holds none.
  absl::Time last_byte_time = absl::InfinitePast();
  uint64_t received_bytes = 0;
  // The socket was empty after this block: what is open is closed now.
  bool drained = false;
  // The connection ended inside the last line: whatever came of it.
  bool last_line_cut = false;

  absl::string_view LineAt(size_t i) const {
    return absl::string_view(bytes.data() + lines[i].begin, lines[i].length);
  }
};

}  // namespace braid

#endif  // BRAID_INGEST_LINE_BLOCK_H_
