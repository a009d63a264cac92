// Who may use the emulated X: a bearer token for v2 and Powerstream, a user and
// password for Gnip. Pure. Threads: any.

#ifndef BRAID_TESTS_EMULATOR_ACCOUNT_H_
#define BRAID_TESTS_EMULATOR_ACCOUNT_H_

#include <optional>
#include <string>

#include "tests/emulator/http_text.h"

namespace braid::emulator {

// X's three ways to speak. They differ in credentials, errors and parameters.
enum class Family { kV2, kGnip, kPowerstream };

struct Credentials {
  // Empty: every token, and none, is accepted.
  std::string bearer_token;
  // "user:password". Empty: as above.
  std::string basic;
};

// The account of the request, "" if it is nobody's but accepted; nothing when
// the credentials do not fit the family.
std::optional<std::string> AccountOf(const Credentials& credentials, Family family,
                                     const HttpRequest& request);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_ACCOUNT_H_
