// The rules of one stream, and which posts they match.
//
// The model is small and the same everywhere (stream, search, counts): whether
// a post matches a query depends on the post's body and the query's text alone.
// `sample:N` in a query makes it match N % of posts; every other query matches a
// quarter; "(a) OR (b)" matches what a or b do. So sets of rules overlap, a post
// has one tag or several, and the same query finds in search what the stream sent.
//
// Threads: one. Bounds: `count_max` rules of `value_bytes_max`.

#ifndef BRAID_TESTS_EMULATOR_RULE_SET_H_
#define BRAID_TESTS_EMULATOR_RULE_SET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "tests/emulator/event.h"

namespace braid::emulator {

struct Rule {
  uint64_t id = 0;
  std::string value;
  std::string tag;
  // X needs some seconds until a new rule matches.
  absl::Time active_from;
};

struct RuleLimits {
  // As X's pay-per-use tier; enterprise: 25,000 of 2,048.
  size_t count_max = 1000;
  size_t value_bytes_max = 1024;
  absl::Duration activation = absl::ZeroDuration();
};

enum class RuleAdd { kAdded, kDuplicate, kCapReached, kTooLong, kInvalid };

// Does the post match the query?
bool QueryMatches(absl::string_view query, const Event& post);

class RuleSet {
 public:
  explicit RuleSet(const RuleLimits& limits) : limits_(limits) {}

  struct Added {
    RuleAdd outcome = RuleAdd::kAdded;
    uint64_t id = 0;  // of the new rule, or of the one that is there already
  };
  Added Add(absl::string_view value, absl::string_view tag, absl::Time now);
  // What Add would say, without adding.
  Added Check(absl::string_view value) const;
  bool Remove(uint64_t id);
  const Rule* FindById(uint64_t id) const;
  const Rule* FindByValue(absl::string_view value) const;

  // In the order in which they were added.
  const std::vector<Rule>& rules() const { return rules_; }
  const RuleLimits& limits() const { return limits_; }
  // Changes with every addition and removal.
  uint64_t version() const { return version_; }

  // The rules that match a post that appears at `now`.
  std::vector<const Rule*> Matching(const Event& post, absl::Time now) const;

 private:
  const RuleLimits limits_;
  std::vector<Rule> rules_;
  uint64_t version_ = 0;
  uint64_t next_id_ = 1668374837483741000;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_RULE_SET_H_
