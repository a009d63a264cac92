// What the commands print for people, as text: pure functions of what the
// server said. Whatever came from X, a peer or a configuration is escaped.

#ifndef BRAID_CLI_RENDER_H_
#define BRAID_CLI_RENDER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "braid/v1/admin_service.pb.h"
#include "braid/v1/stream_service.pb.h"

namespace braid {

// One screen: health, log, connections, problems. `width`: columns there are,
// 0: any; what is least important is left out where they do not suffice.
std::string RenderStatus(const v1::StreamStatus& status, bool color, int width = 0);

// The connections side by side. What is not known now is not shown as if it
// were: see v1::Connection. Below, a line for each that waits: why, until when.
// UP is of the stream from X, CALL UP of the call to the deduper.
std::string RenderConnections(const google::protobuf::RepeatedPtrField<v1::Connection>& connections,
                              int width = 0);

// One line: sequence, commit time, connection, origin where not live, text.
std::string RenderEventLine(const v1::Event& event, v1::ReadOrder order, int text_width);

// Every fact about an event, and its payload.
std::string RenderEvent(const v1::Event& event);

// Who delivered it, when, who was first, who did not.
std::string RenderWhy(const v1::Event& event, const v1::StreamStatus& status);

// What is known of a post that is not in the log. `width`: of its table.
std::string RenderWhyNot(uint64_t post_id, const v1::StreamStatus& status, absl::Time now,
                         int width);

// The payload as one line, as X sent it: line breaks between members, which
// JSON allows, become spaces.
std::string PayloadLine(const v1::Event& event);

// For stderr: what failed, what the reason's metadata adds, what to do. `tls`:
// whether the call used it.
std::string RenderError(const absl::Status& status, const std::string& server, bool tls);

}  // namespace braid

#endif  // BRAID_CLI_RENDER_H_
