// What X would bill: each post once per UTC day, however often it was given, by
// whatever stream, search or lookup.
//
// Threads: the emulator's loop. Owner: the Emulator. Bounds: ranges of event
// numbers per day, one per run of posts that were given; `days_max` days.

#ifndef BRAID_TESTS_EMULATOR_USAGE_LEDGER_H_
#define BRAID_TESTS_EMULATOR_USAGE_LEDGER_H_

#include <cstdint>
#include <map>

#include "absl/time/time.h"
#include "tests/emulator/event_history.h"

namespace braid::emulator {

// X answers for at most 90 days, Gnip for 13 months.
inline constexpr size_t kUsageDaysMax = 400;

class UsageLedger {
 public:
  // `history` outlives it.
  explicit UsageLedger(const EventHistory* history) : history_(history) {}

  // Events [first, first + count) went out on a stream.
  void Streamed(uint64_t first, uint64_t count, absl::Time now);
  // The post was in an answer. Unknown ids are ignored.
  void Returned(uint64_t id, absl::Time now);
  void SearchRequested(bool is_full_archive, absl::Time now);

  // By UTC midnight, oldest first; days without usage are left out. Repeats of
  // a post that the history has forgotten count again.
  std::map<absl::Time, uint64_t> Days() const;
  struct Requests {
    uint64_t recent = 0;
    uint64_t full_archive = 0;
  };
  const std::map<absl::Time, Requests>& requests() const { return requests_; }

 private:
  // First number -> one past the last; ranges do not touch.
  using Ranges = std::map<uint64_t, uint64_t>;

  static void Insert(uint64_t from, uint64_t until, Ranges* ranges);

  const EventHistory* const history_;
  std::map<absl::Time, Ranges> days_;
  std::map<absl::Time, Requests> requests_;
};

absl::Time UtcMidnight(absl::Time time);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_USAGE_LEDGER_H_
