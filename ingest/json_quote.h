// Text as JSON writes it, in bodies that we send or put together.
//
// Pure; any thread.

#ifndef BRAID_INGEST_JSON_QUOTE_H_
#define BRAID_INGEST_JSON_QUOTE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace braid {

// With its quotes. What is no UTF-8 passes unchanged.
std::string JsonQuote(absl::string_view text);

}  // namespace braid

#endif  // BRAID_INGEST_JSON_QUOTE_H_
