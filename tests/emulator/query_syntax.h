// X's query language, as rules and searches use it, checked with X's messages.
// It knows the operators' names and where each may be used; what a query
// matches is rule_set's affair.
//
// Pure. Threads: any. Bounds: kQueryDepthMax of nesting.

#ifndef BRAID_TESTS_EMULATOR_QUERY_SYNTAX_H_
#define BRAID_TESTS_EMULATOR_QUERY_SYNTAX_H_

#include <string>

#include "absl/strings/string_view.h"

namespace braid::emulator {

// X's own limit is not known; deeper nesting only tests our stack.
inline constexpr int kQueryDepthMax = 64;

// Searches lack some operators of the streams.
enum class QueryUse { kStream, kSearch };

// What X would say against the query; "" if it takes it.
std::string QueryProblem(absl::string_view text, QueryUse use);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_QUERY_SYNTAX_H_
