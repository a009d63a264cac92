// The opaque texts by which readers name a position: cursors of TailEvents and
// page tokens of ListEvents. A checksum tells a damaged or hand-made one from
// a good one; it is no secret and grants nothing.
//
// Threads: any; everything here is pure.

#ifndef BRAID_DEDUPE_READ_TOKEN_H_
#define BRAID_DEDUPE_READ_TOKEN_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/store/v1/log.pb.h"

namespace braid {

struct ReadToken {
  enum class Kind : uint8_t {
    kCursor = 'c',
    kPage = 'p',
    // In creation order.
    kCreationCursor = 'o',
    kCreationPage = 'q',
  };
  Kind kind = Kind::kCursor;
  // The log the position belongs to: positions do not carry over.
  std::string log_id;
  uint64_t next_sequence = 0;
  // Commit time of the last event delivered; the start of what is lost when
  // retention passes the position.
  absl::Time delivered_time = absl::InfinitePast();
  // Of the record before the position (CommittedRecord::chain); 0: unknown.
  // Tells a log that was rolled back and went on under the same id.
  uint64_t chain = 0;
  // Of a page token: hash of the call's other arguments.
  uint64_t arguments_hash = 0;
  // In creation order (dedupe/creation_tail.h): events below next_sequence were
  // delivered where their key is below this one.
  std::string from_key;
  // Strays below it come in order, those from it on as late.
  uint64_t strays_until = 0;
  // What the log had forgotten when reading began is not missed.
  uint64_t first_sequence = 0;
};

// base64url, without padding.
std::string EncodeReadToken(const ReadToken& token);

// InvalidArgument for anything that EncodeReadToken did not make, or of
// another kind.
absl::StatusOr<ReadToken> DecodeReadToken(ReadToken::Kind kind, absl::string_view text);

// OUT_OF_RANGE LOG_EPOCH_CHANGED where the token is of another log; of one that
// this log goes on from it says which interval of it is lost, and where what
// the reader has ends here.
absl::Status CheckLogId(const ReadToken& token, const store::v1::Identity& identity);

}  // namespace braid

#endif  // BRAID_DEDUPE_READ_TOKEN_H_
