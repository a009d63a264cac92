// A line that is a JSON array of records, as Powerstream may send it: the
// elements, byte for byte, each to be read like a line of its own.
// Source: docs/X-API 2.14 (whether X sends arrays or objects is unknown).
//
// Pure. Bounds: those of the line.

#ifndef BRAID_INGEST_X_ARRAY_H_
#define BRAID_INGEST_X_ARRAY_H_

#include <vector>

#include "absl/strings/string_view.h"

namespace braid {

// Whether the first character that is no white space opens an array.
bool IsArrayLine(absl::string_view line);

// Views into `line`, without surrounding white space. False where brackets or
// strings do not close, or something follows: nothing of such a line may be
// trusted. Elements are not checked further.
bool SplitArray(absl::string_view line, std::vector<absl::string_view>* elements);

}  // namespace braid

#endif  // BRAID_INGEST_X_ARRAY_H_
