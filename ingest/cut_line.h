// The line that the end of a connection cut in two: which post was it?
//
// X resends nothing, so what came of it is all there is; the id tells whether
// another connection has it whole. Pure. Bounds: one pass over the line.

#ifndef BRAID_INGEST_CUT_LINE_H_
#define BRAID_INGEST_CUT_LINE_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace braid {

// `data.id` or `id_str` at the root of a post that breaks off; 0 when it is not
// among the bytes, also when only a part of it is.
uint64_t PostIdInCutLine(absl::string_view line);

}  // namespace braid

#endif  // BRAID_INGEST_CUT_LINE_H_
