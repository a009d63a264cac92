// Which of the connections that X lists are ours, and which of those are stale:
// their socket is closed, yet X keeps their slot.
//
// A time alone proves nothing: two connectors that are started together connect
// within the same second, and ending the wrong one would cut the redundant
// connection. So an id is learned while its socket is open: our connection is
// then certainly in the list, and if exactly one entry began when we connected,
// it is ours. Only an id learned so is ever stale. What merely began when we
// once connected is ambiguous and left alone.
//
// Connects of earlier runs of the process are known from a small file; their
// sockets ended with it.
//
// Pure. Threads: one. Bounds: kConnectsMax connects, the oldest go first.

#ifndef BRAID_INGEST_OWN_CONNECTS_H_
#define BRAID_INGEST_OWN_CONNECTS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ingest/x_connections.h"

namespace braid {

// X holds a slot for a day in the worst report; a connection that is made anew
// more often than this within one is not held up by its oldest zombies.
inline constexpr size_t kConnectsMax = 64;
// Between our clock of X time (its Date header has whole seconds) and the time
// that X writes down.
inline constexpr absl::Duration kConnectSlack = absl::Seconds(3);

struct OwnConnect {
  // X time: the request went out not before, its 200 was here not after.
  absl::Time from;
  absl::Time until;
  // In X's list; empty: never learned.
  std::string id;
  bool is_open = false;
};

// What a list says about ours.
struct StaleDecision {
  std::vector<std::string> stale;
  // Began when we connected, but nothing proves that it was us.
  std::vector<std::string> ambiguous;
};

class OwnConnects {
 public:
  enum class Learned { kId, kAmbiguous, kAbsent };

  // X accepted a connection; any older one is closed.
  void OnAccepted(absl::Time from, absl::Time until);
  void OnClosed();
  // A list that was asked for and answered while the newest connect was open.
  // REQUIRES: it is.
  Learned Learn(const std::vector<XConnection>& listed);
  // X says that it ended it: nothing of it is left.
  void Forget(absl::string_view id);

  const std::vector<OwnConnect>& connects() const { return connects_; }
  bool has_open() const { return !connects_.empty() && connects_.back().is_open; }

  // The small file, and back; lines that are none are left out, since nothing
  // follows from a connect that is not known. All of them are closed.
  std::string Encode() const;
  static OwnConnects Decode(absl::string_view bytes);

 private:
  // Oldest first; only the last may be open.
  std::vector<OwnConnect> connects_;
};

// `listed`: of our endpoint, all pages of one list.
StaleDecision StaleConnections(const std::vector<XConnection>& listed, const OwnConnects& own);

}  // namespace braid

#endif  // BRAID_INGEST_OWN_CONNECTS_H_
