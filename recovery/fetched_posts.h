// Posts of pages: each counts and is offered once, however many pages and queries
// bring it.
//
// Threads: the loop. Ownership: as FetchedEvents'.
// Bounds: one id, 16 bytes, per post; who fills it stops at a number of them.

#ifndef BRAID_RECOVERY_FETCHED_POSTS_H_
#define BRAID_RECOVERY_FETCHED_POSTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"
#include "ingest/x_message.h"
#include "recovery/fetched_events.h"

namespace braid {

class FetchedPosts {
 public:
  // `unknown`: as MessageScanner takes it.
  FetchedPosts(RecordSink& sink, const Framer::Options& framer,
               const std::vector<uint64_t>& witnesses, v1::EventKind unknown,
               FetchEvidence* evidence);

  // Its id; 0: what is there is no post, which is a loss.
  uint64_t Take(std::string line, absl::Time x_now, absl::Time now);
  // What came is in the sink.
  void Close() { events_.Close(); }

  bool Has(uint64_t id) const { return seen_ids_.count(id) > 0; }
  size_t size() const { return seen_ids_.size(); }

 private:
  FetchEvidence& evidence_;
  FetchedEvents events_;
  MessageScanner scanner_;
  absl::flat_hash_set<uint64_t> seen_ids_;
};

}  // namespace braid

#endif  // BRAID_RECOVERY_FETCHED_POSTS_H_
