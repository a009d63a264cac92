// One pass over one line of JSON, in any order of its members: checks it and
// notes what decides what the line is. MessageScanner is its only user.
//
// Pure. Bounds: kMessageDepthMax of nesting, kRuleTagBytesMax of tags.

#ifndef BRAID_INGEST_X_MESSAGE_WALK_H_
#define BRAID_INGEST_X_MESSAGE_WALK_H_

#include <simdjson.h>

#include "absl/strings/string_view.h"
#include "braid/v1/types.pb.h"
#include "ingest/x_message.h"

namespace braid {

// An `id` member: what it was, and its text where it was a string.
struct IdMember {
  enum class Form { kAbsent, kString, kOther } form = Form::kAbsent;
  absl::string_view text;
};

struct MessageFacts {
  IdMember root_id, id_str, data_id;
  absl::string_view created_at, timestamp_ms, posted_time, verb, type;
  // What a member of the message names; unspecified where none does.
  v1::EventKind event = v1::EVENT_KIND_UNSPECIFIED;
  bool has_data = false;
  bool has_errors = false;
  bool has_control = false;  // message.control is set
};

// Fills `facts`, and of `message` the rule tags and what a control message
// says. Views point into the document's buffers.
simdjson::error_code WalkMessage(simdjson::ondemand::document& document, ScannedMessage* message,
                                 MessageFacts* facts);

}  // namespace braid

#endif  // BRAID_INGEST_X_MESSAGE_WALK_H_
