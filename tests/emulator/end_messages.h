// What X says in the stream before it ends it: one table, per family. Pure.
// Threads: any.

#ifndef BRAID_TESTS_EMULATOR_END_MESSAGES_H_
#define BRAID_TESTS_EMULATOR_END_MESSAGES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/emulator/account.h"

namespace braid::emulator {

struct EndFacts {
  int allowed_connections = 2;
  std::string address;
  uint64_t buffer_posts = 0;
};

// The record with \r\n. `name` is a disconnect_type of v2 (any other text is
// passed on as one) or one of EndNames.
std::string EndMessage(Family family, absl::string_view name, const EndFacts& facts,
                       absl::Time now);
std::vector<std::string> EndNames();

// {"info":{"message":…,"sent":…`more`}} of Gnip with \r\n.
std::string GnipInfo(absl::string_view message, absl::string_view more, absl::Time now);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_END_MESSAGES_H_
