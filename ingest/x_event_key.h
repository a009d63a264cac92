// What makes two copies the same event where the event has no post id: its kind,
// the ids of every object it names, its time, and a hash of what remains.
//
//   like        its own id (32 hex digits) and its time
//   all others  ids of every object, in order of their paths; time; XXH3 of the
//               remaining members, sorted by name at every level
//
// The order of members, white space and escapes make no difference; nor do the
// members beside `data` (includes, matching_rules, errors), which may differ
// between two copies. Where an id comes as a number and as text (`id`,
// `id_str`), the text counts: X rounds the number.
//
// An event that says no time has the time 1970: the deduper then tells it from
// others for as long as it keeps strays. Two such events that agree in every
// member can not be told from two copies and count once.
//
// Source: docs/X-API 1.17 and 2.7 for the forms, DESIGN 1 for the rule.
//
// Pure but for its buffers. Threads: one at a time. Bounds: those of the line.

#ifndef BRAID_INGEST_X_EVENT_KEY_H_
#define BRAID_INGEST_X_EVENT_KEY_H_

#include <memory>

#include "absl/strings/string_view.h"
#include "braid/v1/types.pb.h"

namespace braid {

class EventKeyReader {
 public:
  EventKeyReader();
  ~EventKeyReader();

  // `line`: one JSON object that was walked without an error; readable for
  // kLinePaddingBytes beyond its end. An unlike looks like a deletion until
  // here: the key's kind may differ from `kind`. A line that can not be read
  // (a broken escape) is keyed by the hash of its bytes alone.
  v1::EventKey Read(absl::string_view line, v1::EventKind kind);

 private:
  struct Parser;
  std::unique_ptr<Parser> parser_;
};

}  // namespace braid

#endif  // BRAID_INGEST_X_EVENT_KEY_H_
