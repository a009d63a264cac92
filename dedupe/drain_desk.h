// Where drains of one stream are asked for: the decision is DrainGrants', the
// directive goes out over the connection's Offer call, both in one turn.
//
// The log does not depend on it: what comes of a drain reaches it as the
// connection's own records.
//
// Threads: the merger loop; Collect by any thread.
// Ownership: loop and directory outlive it.

#ifndef BRAID_DEDUPE_DRAIN_DESK_H_
#define BRAID_DEDUPE_DRAIN_DESK_H_

#include <cstdint>
#include <string>
#include <utility>

#include "base/loop.h"
#include "base/metrics.h"
#include "dedupe/drain_grants.h"
#include "dedupe/session_directory.h"

namespace braid {

class DrainDesk {
 public:
  // `last_number`: of directives, another one in every process.
  DrainDesk(Loop& loop, std::string stream, SessionDirectory& directory,
            const DrainGrants::Options& options, uint64_t last_number)
      : loop_(loop),
        stream_(std::move(stream)),
        directory_(directory),
        grants_(options, loop.Now(), last_number) {}

  // When granted the connection has been told; that may be lost with its call.
  DrainDecision Ask(const DrainRequest& request);

  void Collect(MetricSink& sink, const MetricLabels& labels) const;

 private:
  Loop& loop_;
  const std::string stream_;
  SessionDirectory& directory_;
  DrainGrants grants_;
  Counter granted_;
  Counter refused_;
};

// For people: why not, and what to do.
std::string ProblemOf(const DrainDecision& decision, const std::string& connection);

}  // namespace braid

#endif  // BRAID_DEDUPE_DRAIN_DESK_H_
