// Whether connectors come back at X's pace: seen from X, which knows how each
// exchange ended and when the next one began. Written from X's rules, not from
// the connector's tables.

#ifndef BRAID_TESTS_SIM_PACE_CHECK_H_
#define BRAID_TESTS_SIM_PACE_CHECK_H_

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"

namespace braid {

class PaceCheck {
 public:
  enum class End {
    kDropped,      // X ended a stream without a word
    kOther,        // with a word, or the connector ended it
    kUnavailable,  // 503
    kSlots,        // 429, TooManyConnections
    kRateLimited,  // 429 until `not_before`
    kTerminal,     // 401, usage cap
    kConnectFails,
    kDnsFails,
  };
  struct Ended {
    End end = End::kOther;
    absl::Time time;
    absl::Duration flowed;
    absl::Time not_before = absl::InfinitePast();
  };

  // `wait_max`: how long it may have had to wait for others; so much later it is
  // not too late.
  void OnConnect(int connector, int incarnation, absl::Time now, absl::Duration wait_max);
  // A request of it reached X.
  void OnRequest(int connector, absl::Time now);
  void OnEnd(int connector, const Ended& ended);
  // The world slept: nobody could come back in that time.
  void OnSleep();
  // The same of one connector's process.
  void OnThaw(int connector);

  // The first few.
  const std::vector<std::string>& failures() const { return failures_; }

 private:
  struct Life {
    int incarnation = -1;
    bool has_ended = false;
    Ended last;
    // Streams dropped since one lasted.
    int drops = 0;
    bool settled = false;
    std::deque<absl::Time> requests;
  };

  void Fail(int connector, const Life& life, absl::Duration pause, const char* what);

  std::map<int, Life> lives_;
  std::vector<std::string> failures_;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_PACE_CHECK_H_
