// JSON that holds records: a line that is an array of them, as Powerstream may
// send it, and the objects that are answers of X. Elements come byte for byte, each
// to be read like a line of its own.
// Source: docs/X-API 2.14 (whether X sends arrays or objects is unknown).
//
// Pure. Bounds: those of the line.

#ifndef BRAID_INGEST_X_ARRAY_H_
#define BRAID_INGEST_X_ARRAY_H_

#include <cstddef>
#include <vector>

#include "absl/strings/string_view.h"

namespace braid {

// Whether the first character that is no white space opens an array.
bool IsArrayLine(absl::string_view line);

// Views into `line`, without surrounding white space. False where brackets or
// strings do not close, or something follows: nothing of such a line may be
// trusted. Elements are not checked further.
bool SplitArray(absl::string_view line, std::vector<absl::string_view>* elements);

// A member of an object: its name as it is written, without quotes, and its value.
struct JsonPart {
  absl::string_view name, value;
};
// The same of an object's members: for an answer that holds records.
bool SplitObject(absl::string_view object, std::vector<JsonPart>* parts);

// The index behind the string whose opening quote stands at `at`; npos where it
// does not close.
size_t PastString(absl::string_view json, size_t at);

}  // namespace braid

#endif  // BRAID_INGEST_X_ARRAY_H_
