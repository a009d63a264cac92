// What each source may still bring: up to where it has vouched or passed over,
// and whether it still can. A span that some source may bring is pending, which
// is no gap.
//
// Threads: the merger thread. Not thread-safe.
// Bounds: one entry per source that ever was configured.

#ifndef BRAID_DEDUPE_SOURCE_LIVES_H_
#define BRAID_DEDUPE_SOURCE_LIVES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "braid/store/v1/gaps.pb.h"
#include "braid/store/v1/log.pb.h"

namespace braid {

class SourceLives {
 public:
  struct Options {
    // A redial takes seconds, a restart or a deploy a minute; a cover comes once
    // a second.
    absl::Duration patience = absl::Minutes(2);
    // How far behind X's time a healthy connection's cover is at most: slack of
    // 10 s, two heartbeats, and some.
    absl::Duration fresh_max = absl::Minutes(1);
  };

  explicit SourceLives(const Options& options) : options_(options) {}

  void Load(const store::v1::GapState& state);
  void Store(store::v1::GapState* state) const;

  // From a start's first tick: the configured ones, and X's partition of each.
  void Configure(const std::vector<std::string>& sources, const std::vector<uint32_t>& partitions,
                 int64_t clock_micros);
  // The source has nothing more to say of what was created before.
  void OnPassed(const std::string& source_id, int64_t until_micros, int64_t clock_micros);
  // It vouched for a span.
  void OnVouched(const std::string& source_id, int64_t from_micros, int64_t until_micros);
  void OnConnectionEvent(const std::string& source_id, const v1::ConnectionEvent& event);
  // Who is attached now, and what each last said.
  void OnTick(const store::v1::Tick& tick, int64_t clock_micros);

  // Of configured sources, ascending; {0} where the stream has none.
  std::vector<uint32_t> partitions() const;
  // All that ever were: what one vouched for still counts.
  std::vector<std::string> SourcesOf(uint32_t partition) const;
  std::vector<std::string> ConfiguredOf(uint32_t partition) const;

  // What was created from there on may still come; the maximum where it can not.
  // `silence`: the longest pause that the usual rate explains.
  int64_t PendingFrom(uint32_t partition, absl::Duration silence, int64_t clock_micros) const;
  // The source's spool may hold what it has not passed, but it is away for too
  // long to wait for.
  bool MayHaveSpooled(const std::string& source_id) const;
  // It receives and vouches for the present. REQUIRES: the source is known.
  bool IsFresh(const std::string& source_id, absl::Duration silence, int64_t now_micros) const;
  // How many of the partition's.
  int Fresh(uint32_t partition, absl::Duration silence, int64_t now_micros) const;
  // The last instant that a receiving source passed; 0 where none receives.
  int64_t ReceivedUntil(uint32_t partition) const;
  int64_t PassedUntil(const std::string& source_id) const;

  // When its last connection ended that is known to have; 0: none.
  int64_t EndedAt(const std::string& source_id) const;
  // Whether it vouched for anything between that and the instant.
  bool VouchedSinceItsEnd(const std::string& source_id, int64_t micros) const;

  // Why it does not cover the present, for people. `ended_before`: it has vouched
  // since its last connection ended that is known to have, which explains nothing.
  std::string Describe(const std::string& source_id, bool ended_before) const;

 private:
  using Source = store::v1::GapState::Source;

  bool MayBring(const Source& source, absl::Duration silence, int64_t clock_micros) const;
  // Null for one that is not configured.
  const Source* Find(const std::string& source_id) const;

  const Options options_;
  std::map<std::string, Source> sources_;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_SOURCE_LIVES_H_
