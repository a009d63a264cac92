// May this connection leave X now? One of a partition at a time, and only while
// another one receives: a rolling restart never has both down.
//
//   asked while                                    | answer
//   another drain of its partition is not yet back | kGrantedToOther
//   another may have been let go before our start  | kPeerNotSeen
//   no other connection of its partition receives  | kPeerNotReceiving
//   one does, for less than peer_settled           | kPeerNotSettled
//   it has no call to tell it through              | kAway
//   the same connection's drain is not yet back    | kGranted again
//   it says that it is paused                      | kGranted
//
// `force` passes the first four, and so does a pause: nothing is wanted of X,
// and who is let go comes back paused. A drain is back when its connection receives
// in another session, or after it obeyed the grant's directive (that it connected
// anew is not enough: it may have done so by itself just before), and over in any
// case grant_max after it was granted.
//
// Grants are kept in memory: for grant_max after a start of the deduper the second
// rule stands for the first: who has not received since then may have been let
// go. What was let go in the last moment before is still in time of the fourth.
//
// Pure. Threads: one. Bounds: one grant per connection.

#ifndef BRAID_DEDUPE_DRAIN_GRANTS_H_
#define BRAID_DEDUPE_DRAIN_GRANTS_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "dedupe/session_directory.h"

namespace braid {

struct DrainRequest {
  std::string connection;
  bool reconnect = false;
  bool force = false;
  // Who wants it, for the log and the connection.
  std::string by = "operator";
};

struct DrainDecision {
  enum class Outcome {
    kGranted,
    kUnknown,
    kAway,
    kGrantedToOther,
    kPeerNotSeen,
    kPeerNotReceiving,
    kPeerNotSettled,
  };
  Outcome outcome = Outcome::kUnknown;
  // Who is in the way.
  std::string peer;
  // How long the grant lasts, or when to ask again at the latest.
  absl::Duration wait;
  // Of a grant, for people: by the wall clock.
  absl::Time expire_time;
  // Of a grant: that of its directive, which no other grant has.
  uint64_t number = 0;
};

class DrainGrants {
 public:
  struct Options {
    // A restart with its worst usual slot back-off (5, 10, 20, 40 s) and some.
    absl::Duration grant_max = absl::Minutes(5);
    // Longer than X's lateness of 10 s, so that what it sent the leaving one
    // late it sent the staying one too; and longer than a call that hears
    // nothing stands, so that no directive arrives after it.
    absl::Duration peer_settled = absl::Seconds(15);
  };

  // `start_time`: the loop's, of this process. `last_number`: another one in every
  // process.
  DrainGrants(const Options& options, absl::Time start_time, uint64_t last_number)
      : options_(options), start_time_(start_time), last_number_(last_number) {}

  // `sources`: all of the stream's. `now`: the loop's. A grant is kept.
  DrainDecision Decide(const DrainRequest& request, const std::vector<SourceSnapshot>& sources,
                       absl::Time now);

  // As of the last decision.
  size_t grant_count() const { return grants_.size(); }

 private:
  struct Grant {
    absl::Time expire_time;
    // What it was when it was granted.
    uint64_t session_epoch;
    uint64_t number;
  };

  void EndGrants(const std::vector<SourceSnapshot>& sources, absl::Time now);
  // kGranted where the others allow it.
  DrainDecision AskPeers(const SourceSnapshot& source, const std::vector<SourceSnapshot>& sources,
                         absl::Time now) const;

  const Options options_;
  const absl::Time start_time_;
  uint64_t last_number_;
  std::map<std::string, Grant> grants_;
};

// Whether they carry the same posts, at least in part.
bool ShareAPartition(const SourceSnapshot& one, const SourceSnapshot& other);

}  // namespace braid

#endif  // BRAID_DEDUPE_DRAIN_GRANTS_H_
