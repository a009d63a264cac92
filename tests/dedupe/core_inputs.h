// Inputs of a core for tests: frames of posts, ticks, Hellos. And their commit.

#ifndef BRAID_TESTS_DEDUPE_CORE_INPUTS_H_
#define BRAID_TESTS_DEDUPE_CORE_INPUTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/random.h"
#include "braid/store/v1/log.pb.h"
#include "dedupe/core.h"
#include "dedupe/store.h"

namespace braid {

// 2024-01-01T00:00:00Z.
inline absl::Time TestStart() { return absl::FromUnixSeconds(1704067200); }

// The JSON line of a post in these tests.
std::string LineOf(uint64_t post_id);
// REQUIRES: at least one id.
v1::Frame MakeFrame(const std::vector<uint64_t>& post_ids, absl::Time receive_time);

store::v1::InputRecord TickInput(absl::Duration elapsed, absl::Time wall);
// Without an id: one that belongs to the epoch.
store::v1::InputRecord OpenInput(const std::string& source, uint64_t epoch);
store::v1::InputRecord OpenInput(const std::string& source, uint64_t epoch, uint64_t session_id);
store::v1::InputRecord FrameInput(const std::string& source, uint64_t epoch, uint64_t offset,
                                  const std::vector<uint64_t>& post_ids, absl::Time receive_time);
store::v1::InputRecord LossInput(const std::string& source, uint64_t epoch, uint64_t offset,
                                 uint64_t offsets);
store::v1::InputRecord CommandInput(store::v1::Command::Action action);
store::v1::InputRecord CoverInput(const std::string& source, uint64_t epoch, uint64_t offset,
                                  absl::Time from, absl::Time until);

// Some hours of random inputs of a few sources: new posts, repeats, holes,
// duplicates of recent and old posts, ancient and future ids, losses, covers,
// restarts of sources, clocks that disagree, a floor that waits and lets go.
std::vector<store::v1::InputRecord> RandomInputs(uint64_t seed, int count);

// The input as a group of its own, applied and committed. Errors are those of
// either.
absl::StatusOr<Group> CommitInput(store::v1::InputRecord input, Core* core, Store* store);

}  // namespace braid

#endif  // BRAID_TESTS_DEDUPE_CORE_INPUTS_H_
