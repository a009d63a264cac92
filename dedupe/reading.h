// What one TailEvents call delivers, batch by batch, in one of the orders. The
// call drives it and knows nothing of orders.
//
// Threads: one at a time. Fill may block on the store.

#ifndef BRAID_DEDUPE_READING_H_
#define BRAID_DEDUPE_READING_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "braid/v1/stream_service.pb.h"
#include "dedupe/hot_tail.h"
#include "dedupe/log_reader.h"

namespace braid {

class Reading {
 public:
  enum class Progress {
    kFull,      // the batch is as large as it may be
    kCaughtUp,  // there is no more
    kEnded,     // the end that was asked for, or the limit, is reached
  };

  virtual ~Reading() = default;

  // Adds to the batch what there is. Errors end the call: CURSOR_TOO_OLD where
  // retention passed the reader, DataLoss.
  virtual absl::StatusOr<Progress> Fill(v1::TailEventsResponse* batch) = 0;

  // Where the reader stands after everything filled in so far.
  virtual void FillPosition(v1::TailEventsResponse* batch) const = 0;

  // What it waits to come past, once it is caught up.
  virtual HotTail::Mark seen() const = 0;
};

// Everything of a position but its cursor.
void FillStreamPosition(const LogReader& reader, const std::string& log_id, uint64_t next_sequence,
                        v1::StreamPosition* position);

}  // namespace braid

#endif  // BRAID_DEDUPE_READING_H_
