// How X says no: one table of statuses and bodies, per family. Pure.
// Threads: any.

#ifndef BRAID_TESTS_EMULATOR_X_ANSWERS_H_
#define BRAID_TESTS_EMULATOR_X_ANSWERS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/emulator/account.h"
#include "tests/emulator/http_text.h"

namespace braid::emulator {

// The refusal of that name ("401", "429-rate", "409-rules"; RefusalNames lists
// all) as the family words it. Nothing: unknown name.
std::optional<HttpAnswer> RefusalAnswer(Family family, absl::string_view name, absl::Time now);
std::vector<std::string> RefusalNames();

// The same for names that are known. CHECKs them.
HttpAnswer Refused(Family family, absl::string_view name, absl::Time now);

// 400 of v2 with the parameter named.
HttpAnswer InvalidParameter(absl::string_view name, absl::string_view value,
                            absl::string_view message);
// {"error":{"message":…,"sent":…}} of Gnip with \r\n.
std::string GnipError(absl::string_view message, absl::Time now);
// "2017-01-11T18:12:52+00:00"
std::string GnipTime(absl::Time time);

// What X adds to every answer of the family.
std::vector<std::string> CommonHeaders(Family family, absl::Time now);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_X_ANSWERS_H_
