// What X sends again at the begin of a connection, as the world has it.

#include <algorithm>

#include "tests/sim/sim_x.h"

namespace braid {
namespace {

// Backfill among live data takes so long: less than a connector waits for more
// of it. A burst at the begin takes as long as the socket does.
constexpr absl::Duration kAmongLive = absl::Seconds(25);

}  // namespace

void SimX::Backfill(ConnectionId id) {
  const Connection& connection = connections_.at(id);
  bool none = connection.backfill_minutes == 0 || connection.after_full_buffer ||
              options_.backfill == Options::Backfill::kIgnored;
  if (none) return;
  // X counts back from the connect.
  absl::Duration reach = absl::Minutes(connection.backfill_minutes);
  if (options_.backfill == Options::Backfill::kNewestOnly) reach *= random_.Unit();
  absl::Time since = connection.answer_time - reach;
  size_t first = posts_.size();
  while (first > 0 && posts_[first - 1].publish_time + options_.late_max >= since) --first;
  for (size_t i = first; i < posts_.size(); ++i) {
    // When it got to where X keeps what was streamed: a straggler is there that
    // is older than what is not.
    absl::Time kept = posts_[i].publish_time + Lateness();
    if (kept < since) continue;
    ++backfilled_;
    absl::Duration delay = std::max(absl::ZeroDuration(), kept - connection.answer_time);
    if (options_.backfill == Options::Backfill::kAmongLive) delay += kAmongLive * random_.Unit();
    if (delay == absl::ZeroDuration()) {
      Deliver(id, i);
    } else {
      world_.After(delay, [this, id, i] { Deliver(id, i); });
    }
  }
}

}  // namespace braid
