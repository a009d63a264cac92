// One line of the stream: a post (with its id, creation time and rule tags), an
// event without a post id (a like, a compliance event, a label, an activity;
// x_event_key.h makes its key), a message that is no event, or nothing that can
// be read.
//
// Dialects: v2 (`data.id`), native (`id_str`), Activity Streams (`id` =
// "tag:search.…:<digits>", verb post or share). Fields come in any order.
// `data` together with `errors` is a post whose expansions failed. An edit is a
// post with a new id. A line that is an array is cut before (x_array.h).
//
// Verified of every line, in one pass: UTF-8, closed strings without control
// characters, balanced structure, depth, scalars made of the right characters,
// nothing after the root. Not verified: escapes inside strings and the grammar
// of numbers that are not looked at. Keys written with escapes are not
// recognized. A bare newline inside a string is tolerated (X-API says that X
// sends them): the line passes unchanged, only the scan sees a space.
//
// Pure but for its buffers. Threads: one at a time per scanner.
// Bounds: kMessageDepthMax; kRuleTagBytesMax of tags per post, the rest is
// left out; buffers grow to about eight times the longest line.

#ifndef BRAID_INGEST_X_MESSAGE_H_
#define BRAID_INGEST_X_MESSAGE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "braid/v1/types.pb.h"

namespace braid {

// Bytes behind a line that must be readable (their values do not matter).
inline constexpr size_t kLinePaddingBytes = 64;
// X nests about 10 deep; beyond 64 somebody attacks the readers behind us.
inline constexpr int kMessageDepthMax = 64;
// A stream has rules of at most a few tags each; a frame must stay under 4 MiB.
inline constexpr size_t kRuleTagBytesMax = 64 * 1024;

// What a message that is no event is about: a fixed list, so that it can label
// metrics.
enum class ControlKind {
  kErrors,   // `errors` without data
  kProblem,  // a problem object (title, type) at the root
  kError,
  kWarn,
  kInfo,
  kDisconnect,
  kLimit,
  kWarning,
  kConnectionMetadata,
  kUnknown,
};
inline constexpr int kControlKindCount = static_cast<int>(ControlKind::kUnknown) + 1;
absl::string_view ControlWord(ControlKind kind);

enum class UnparsableReason { kNotJson, kTooDeep, kBadUtf8, kNumericId, kBadId };
inline constexpr int kUnparsableReasonCount = static_cast<int>(UnparsableReason::kBadId) + 1;
absl::string_view UnparsableWord(UnparsableReason reason);

// Views are valid until the next Scan.
struct ScannedMessage {
  enum class Kind { kPost, kEvent, kControl, kUnparsable };
  Kind kind = Kind::kUnparsable;

  // kPost.
  uint64_t post_id = 0;
  // From the id; where it is no snowflake, from what the message says; else
  // November 2010.
  absl::Time create_time;
  // The rule's id where it has no tag.
  std::vector<absl::string_view> rule_tags;

  // kEvent; create_time is its event time, 1970 where it says none.
  v1::EventKey key;

  // kControl. Empty where the message has no such member.
  ControlKind control = ControlKind::kUnknown;
  absl::string_view disconnect_type;
  absl::string_view title;
  absl::string_view connection_issue;
  // message, reason or detail, whichever there is.
  absl::string_view text;
  int64_t code = 0;

  // kUnparsable.
  UnparsableReason reason = UnparsableReason::kNotJson;
};

class MessageScanner {
 public:
  // `unknown`: what an object is that nothing here knows. Unspecified: a control
  // message, as on a stream of posts. A stream of compliance events must not
  // lose one that X invents tomorrow.
  explicit MessageScanner(v1::EventKind unknown = v1::EVENT_KIND_UNSPECIFIED);
  ~MessageScanner();

  // REQUIRES: kLinePaddingBytes readable bytes behind `line`. The answer is
  // valid until the next call.
  const ScannedMessage& Scan(absl::string_view line);

 private:
  struct Parser;

  void Reset();

  const v1::EventKind unknown_;
  std::unique_ptr<Parser> parser_;
  ScannedMessage message_;
};

// 1 to 19 digits, no leading zero, 0 < id < 2^63; else 0.
uint64_t ParsePostId(absl::string_view digits);

// At most `bytes_max` of `bytes` as valid UTF-8, cut between characters; bytes
// that are no UTF-8 become '?'.
std::string BoundedText(absl::string_view bytes, size_t bytes_max);

}  // namespace braid

#endif  // BRAID_INGEST_X_MESSAGE_H_
