// Whether all times and durations of a message that came from elsewhere are
// ones that protobuf allows: years 1970 to 9999, nanos below a second. Beyond
// them arithmetic in microseconds overflows.
//
// Pure; any thread. Bounds: visits each submessage once.

#ifndef BRAID_PROTO_CHECK_TIMES_H_
#define BRAID_PROTO_CHECK_TIMES_H_

#include "absl/status/status.h"
#include "google/protobuf/message.h"

namespace braid {

// InvalidArgument naming the first field that is out of range. Times before
// 1970 are refused as well: X has none.
absl::Status CheckTimes(const google::protobuf::Message& message);

}  // namespace braid

#endif  // BRAID_PROTO_CHECK_TIMES_H_
