// Parts of JSON answers that several endpoints share: errors beside data, lists,
// objects, dates. Whole refusals are x_answers'.
//
// Pure. Threads: any.

#ifndef BRAID_TESTS_EMULATOR_REST_PROBLEM_H_
#define BRAID_TESTS_EMULATOR_REST_PROBLEM_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/emulator/http_text.h"

namespace braid::emulator {

// 400 about the body of a v2 request.
HttpAnswer InvalidBody(absl::string_view message);
// Gnip's error with its message.
HttpAnswer GnipRefusal(int status, absl::string_view message, absl::Time now);

// An element of `errors` beside `data`: one object that can not be given.
std::string ResourceNotFound(const std::string& value, const std::string& parameter,
                             const std::string& resource_type);

// "type" of a problem.
std::string ProblemUrl(absl::string_view name);
// "2026-01-01T00:00:00.000Z"
std::string IsoMillis(absl::Time time);
// A JSON list of JSON values.
std::string JsonList(const std::vector<std::string>& values);
// A JSON object of the members that are not empty.
std::string JsonObject(const std::vector<std::string>& members);
// `"name":"value"` and `"name":value`.
std::string TextMember(absl::string_view name, absl::string_view value);
std::string RawMember(absl::string_view name, absl::string_view json);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_REST_PROBLEM_H_
