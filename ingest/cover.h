// What this session may vouch for: "everything I was sent that was created in
// [from, until) stands before this record". Written between frames at least
// once a second and at every end.
//
// Every rule here was kept because leaving it out lost events silently in
// simulation; docs/decisions/ holds the argument.
//
// One tracker per session: it lives across connections, since the usual rate,
// the lateness and how the last connection ended matter to the next.
// All times are X time: XClock sees each event first, so that none is created
// after its receipt unless its id is bad. Pure; on the loop. Bounds: those of
// UsualRate, Lateness and BackfillEvidence, 0.3 MB together at any rate.

#ifndef BRAID_INGEST_COVER_H_
#define BRAID_INGEST_COVER_H_

#include <vector>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "braid/v1/ingest_service.pb.h"
#include "ingest/backfill_evidence.h"
#include "ingest/lateness.h"
#include "ingest/usual_rate.h"

namespace braid {

class CoverTracker {
 public:
  struct Options {
    // The dialect's allowance for late delivery. 10 s for filtered streams:
    // X evaluates rules out of order under load.
    absl::Duration slack_default = absl::Seconds(10);
    // One connection's own lateness raises the slack above the default.
    Lateness::Options lateness;
    // The `Date` header has whole seconds (1 s) and was written before it was
    // sent (1 s).
    absl::Duration head_margin = absl::Seconds(2);
    // X's live path stalls for seconds without loss.
    absl::Duration silence_min = absl::Seconds(10);
    // A heartbeat is no evidence that data still flows once more than this
    // many usual intervals passed without any (e^-3: 5 % of honest pauses).
    int heartbeat_intervals_max = 3;
    // Before that a socket may be open at X's edge and fed by nobody.
    int live_events_min = 3;
    int heartbeats_min = 2;
    // Backfill comes in a burst of its own: shorter silences count there.
    absl::Duration backfill_silence_min = absl::Seconds(5);
    // On a stream so rare a backfill can not be told from nothing.
    absl::Duration backfill_silence_max = absl::Seconds(60);
    // Backfill may trickle in between live events.
    absl::Duration backfill_settle = absl::Seconds(30);
    // Take comes once a second. After a longer pause this process stood still:
    // what X sent meanwhile is unread, and what is read first is older than its
    // receipt. For as long again heartbeats are no evidence. It is no pause of X's.
    absl::Duration standstill_min = absl::Seconds(5);
  };

  // How a connection begins, as far as vouching cares.
  struct Start {
    absl::Time head_time;
    // Minutes of backfill asked for; 0 for none.
    int backfill_minutes = 0;
    // The connection before it was cut for a full buffer: X keeps nothing.
    bool after_full_buffer = false;
  };

  CoverTracker() : CoverTracker(Options()) {}
  explicit CoverTracker(const Options& options);

  // The head of a 200 answer arrived.
  void OnStart(const Start& start);
  // X time moved forward by so much, and is this now. A `from` not yet used
  // moves with it: by as much where it is the headers' and all corrections since
  // are within their margin, which is the same instant by a better clock; else
  // to now.
  void OnClockMoved(absl::Duration by, absl::Time x_now);
  // Returns the origin of the event: BACKFILL if created more than the default
  // slack before the headers while backfill was asked for, else LIVE.
  v1::EventOrigin OnEvent(absl::Time create_time, absl::Time receive_time);
  void OnHeartbeat(absl::Time receive_time);
  // A line was dropped. Also while no connection stands.
  void OnLoss(absl::Time last_receive_time);
  // The connection ended; what it may still vouch for is in the next Take.
  void OnEnd(absl::Time x_now);
  // REQUIRES: called at least once a second while a connection stands.
  // The records to write now, oldest first; empty when there is nothing new to
  // vouch for.
  std::vector<v1::Cover> Take(absl::Time x_now);

  // How long this connection has brought no data while this process ran, where
  // that is longer than the usual rate explains once a day; else zero. Heartbeats
  // do not count: a socket may be open at X's edge and fed by nobody.
  absl::Duration DataSilence(absl::Time x_now) const;

  // For metrics: what is subtracted now, and the usual rate per second.
  absl::Duration slack() const;
  double usual_rate() const { return usual_rate_.rate(); }

 private:
  // One connection, from its headers on.
  struct Life {
    Start start;
    bool ended = false;
    int live_events = 0;
    int heartbeats = 0;
    absl::Time first_live_receipt;
    // Of the live event received last.
    absl::Time last_live_receipt;
    // For so long since then this process did not run.
    absl::Duration stood_still;
    // Of the live event created last; before the first one the headers'.
    absl::Time newest_create_time;
    absl::Time newest_receive_time;
    // Newest instant up to which data has been seen to flow.
    absl::Time progress;
    // Where the next cover begins, and whether one already ended there.
    absl::Time from;
    bool from_used = false;
    // It is no longer the headers'.
    bool began_anew = false;
    // By all corrections of X time since the headers.
    absl::Duration clock_moved;
    // Backfill may still vouch, what it brought, and where it has to reach.
    bool backfill_open = false;
    BackfillEvidence backfill;
    absl::Time last_backfill_receipt;
    absl::Time backfill_until;
  };

  void WatchStandstill(absl::Time x_now);
  void OnLiveEvent(absl::Time create_time, absl::Time receive_time);
  // Cover starts anew: nothing between what was vouched and `from` is.
  void BeginAnew(absl::Time from);
  bool MayVouch() const;
  absl::optional<v1::Cover> TakeLive();
  absl::optional<v1::Cover> TakeBackfill(absl::Time x_now);

  const Options options_;
  UsualRate usual_rate_;
  Lateness lateness_;
  absl::optional<Life> life_;
  // What the newest connection after a discarded buffer first vouched for: later
  // ones' backfill reaches over that buffer, and X does not say that it lacks it.
  absl::Time discarded_until_ = absl::InfinitePast();
  // Of the connection before: it reached X's present when it ended. False
  // before the first one, since nobody knows how the process before ended.
  bool ended_near_ = false;
  // Of this connection: when it was last seen to run, and the end of the last
  // time that it did not.
  absl::Time last_run_time_;
  absl::Time standstill_end_ = absl::InfinitePast();
  // Usual rate when the connection began.
  double rate_before_ = 0;
};

}  // namespace braid

#endif  // BRAID_INGEST_COVER_H_
