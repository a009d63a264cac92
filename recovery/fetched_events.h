// What a fetch received: frames of origin RECOVERY for the sink, counts and keys
// for the evidence. Every way of asking goes through it, so that what is fetched
// again has the keys of what is live.
//
// Threads: the loop. Ownership: sink and evidence outlive it.
// Bounds: one open frame.

#ifndef BRAID_RECOVERY_FETCHED_EVENTS_H_
#define BRAID_RECOVERY_FETCHED_EVENTS_H_

#include <cstdint>
#include <set>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "ingest/framer.h"
#include "ingest/record_sink.h"
#include "ingest/x_message.h"
#include "recovery/proof.h"

namespace braid {

class FetchedEvents {
 public:
  FetchedEvents(RecordSink& sink, const Framer::Options& framer,
                const std::vector<uint64_t>& witnesses, FetchEvidence* evidence);

  // One that came for the first time. REQUIRES: a post or an event. `x_now`: X
  // time of receipt, `now` the loop's.
  void Add(absl::string_view line, const ScannedMessage& message, absl::Time x_now, absl::Time now);
  // Closes a frame that has been open so long.
  void CloseOld(absl::Duration age, absl::Time now);
  void Close();

 private:
  void AppendFrames();

  RecordSink& sink_;
  FetchEvidence& evidence_;
  std::set<uint64_t> witnesses_;
  Framer framer_;
  absl::Time open_time_;
  std::vector<v1::Frame> closed_frames_;
};

}  // namespace braid

#endif  // BRAID_RECOVERY_FETCHED_EVENTS_H_
