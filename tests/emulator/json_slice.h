// Cuts values out of JSON text that the emulator itself made, without parsing
// it into objects. Pure. Threads: any.

#ifndef BRAID_TESTS_EMULATOR_JSON_SLICE_H_
#define BRAID_TESTS_EMULATOR_JSON_SLICE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace braid::emulator {

// The value of the member as it stands in the text; "" if there is none.
// REQUIRES: `object` is a valid JSON object.
absl::string_view JsonMember(absl::string_view object, absl::string_view name);
// The elements of an array.
std::vector<absl::string_view> JsonElements(absl::string_view array);
// The object without the member.
std::string JsonWithout(absl::string_view object, absl::string_view name);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_JSON_SLICE_H_
