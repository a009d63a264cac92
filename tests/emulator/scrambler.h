// Faults of one connection that change the bytes or the order of its records.
//
// Threads: the emulator's loop. Owner: a StreamFeed. Bounds: what `reorder` and
// `late_by` hold back.

#ifndef BRAID_TESTS_EMULATOR_SCRAMBLER_H_
#define BRAID_TESTS_EMULATOR_SCRAMBLER_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/post_log.h"

namespace braid::emulator {

struct ScramblerFaults {
  // Each record comes up to this much later than it should.
  absl::Duration reorder;
  // This share comes `late_by` later.
  double late = 0;
  absl::Duration late_by = absl::Seconds(2000);
  // The tag is missing in matching_rules; a post that has no other is missing.
  std::string lost_tag;
  // Shares of records that are repeated, have other bytes with the same id, or a
  // number as id where X sends text.
  double duplicates = 0;
  double variants = 0;
  double numeric_ids = 0;
};

class Scrambler {
 public:
  explicit Scrambler(uint64_t seed) : random_(seed ^ 0x5c4a), feed_(log_, 0) {}

  void SetFaults(const ScramblerFaults& faults) { faults_ = faults; }
  const ScramblerFaults& faults() const { return faults_; }

  // Takes the posts that end in the run; the run may begin and end inside posts.
  void Put(const LogRun& run, Moment now, std::vector<uint64_t>* dropped);
  std::optional<LogRun> Take(size_t bytes_max, Moment now);

 private:
  struct Held {
    std::string text;
    uint64_t emission = 0;
  };

  void PutPost(std::string text, uint64_t emission, Moment now, std::vector<uint64_t>* dropped);
  void Hold(std::string text, uint64_t emission, Moment now);

  ScramblerFaults faults_;
  SeededRandom random_;
  std::string partial_;
  std::multimap<absl::Duration, Held> held_;
  PostLog log_;
  PostFeed feed_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_SCRAMBLER_H_
