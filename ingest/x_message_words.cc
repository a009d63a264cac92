// The stable words of messages: they label metrics and log lines.

#include "ingest/x_message.h"

namespace braid {

absl::string_view ControlWord(ControlKind kind) {
  switch (kind) {
    case ControlKind::kErrors:
      return "errors";
    case ControlKind::kProblem:
      return "problem";
    case ControlKind::kError:
      return "error";
    case ControlKind::kWarn:
      return "warn";
    case ControlKind::kInfo:
      return "info";
    case ControlKind::kDisconnect:
      return "disconnect";
    case ControlKind::kLimit:
      return "limit";
    case ControlKind::kWarning:
      return "warning";
    case ControlKind::kConnectionMetadata:
      return "connection_metadata";
    case ControlKind::kUnknown:
      return "unknown";
  }
  return "unknown";
}

absl::string_view UnparsableWord(UnparsableReason reason) {
  switch (reason) {
    case UnparsableReason::kNotJson:
      return "not_json";
    case UnparsableReason::kTooDeep:
      return "too_deep";
    case UnparsableReason::kBadUtf8:
      return "bad_utf8";
    case UnparsableReason::kNumericId:
      return "numeric_id";
    case UnparsableReason::kBadId:
      return "bad_id";
  }
  return "not_json";
}

}  // namespace braid
