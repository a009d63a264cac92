// X for the simulation of recovery: what was posted, what of it can still be
// fetched, how fast, how many at a time, and everything that goes wrong. It
// knows its limits and says when they are exceeded.
//
// Threads: one.

#ifndef BRAID_TESTS_SIM_RECOVERY_X_H_
#define BRAID_TESTS_SIM_RECOVERY_X_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/random.h"
#include "recovery/fetch.h"
#include "recovery/route_table.h"
#include "tests/sim/sim_loop.h"

namespace braid {

class RecoveryX {
 public:
  struct Options {
    // Of the contract; what is asked beyond them is a failure of the run.
    RecoveryPolicy policy;
    // X's partitions are 1 to this; 0: none.
    uint32_t partitions = 0;
    // Posts per second, of all partitions.
    double rate = 0.1;
    // Sends the oldest minute first and a final record.
    bool has_final_record = false;
    // Of creation time, per second.
    double speed = 10;
    // Faults at random, until EndFaults.
    bool faulty = false;
    // False: more than its limits are refused and no failure of the run.
    bool trusts_shares = true;
    // Nobody else asks: one range is never fetched twice at once.
    bool single_deduper = true;
  };
  struct Post {
    uint64_t id = 0;
    uint32_t partition = 0;
    absl::Time created;
    absl::Time deleted = absl::InfiniteFuture();
    // Whoever fetches it while there are faults can not read its line.
    bool is_poison = false;
  };
  struct Counts {
    uint64_t asked = 0, refused = 0, broken = 0, unproved = 0, completed = 0, failed_minutes = 0,
             forbidden = 0, lines_lost = 0, stopped = 0;
  };
  using Trace = std::function<void(const std::string& what)>;

  RecoveryX(SimLoop& world, Random& random, Options options, Trace trace,
            std::vector<std::string>* failures);
  ~RecoveryX();

  // Posts are created up to now.
  void Publish();
  // Ascending by creation.
  const std::deque<Post>& posts() const { return posts_; }
  // Those of the partition created in [from, until).
  std::vector<const Post*> PostsIn(uint32_t partition, absl::Time from, absl::Time until) const;

  // The FetchMaker of one recoverer process.
  absl::StatusOr<std::unique_ptr<Fetch>> Ask(int recoverer, const v1::RecoveryStep& step,
                                             RecordSink& sink, Fetch::Done done);
  // Of scripts: the next fetch that X takes fails this minute of what is asked (its
  // final record says so), or has no final record.
  void FailMinuteOfNext(int minute) { next_failed_minute_ = minute; }
  void LoseFinalRecordOfNext() { next_lacks_final_ = true; }
  // Everybody is refused until then.
  void RefuseCredentials(absl::Time until) { no_credentials_until_ = until; }
  // This way is refused until then.
  void Forbid(RecoveryMethod method, absl::Time until) { forbidden_until_[method] = until; }
  void EndFaults() { faulty_ = false; }

  int running() const { return static_cast<int>(running_.size()); }
  const Counts& counts() const { return counts_; }

 private:
  class Asked;

  void CheckLimits(const Asked& asked);
  void CheckOnce(const Asked& asked);
  absl::optional<Verdict> Refuse(const Asked& asked);
  void Leave(Asked* asked, bool ended);
  bool Chance(uint64_t percent) { return faulty_ && random_.Below(100) < percent; }
  absl::Duration Between(absl::Duration min, absl::Duration max) {
    return min + (max - min) * random_.Unit();
  }
  void Fail(const std::string& what) { failures_->push_back(what); }

  SimLoop& world_;
  Random& random_;
  const Options options_;
  const Trace trace_;
  std::vector<std::string>* const failures_;
  bool faulty_;
  std::deque<Post> posts_;
  absl::Time published_until_;
  uint64_t post_count_ = 0;
  std::vector<Asked*> running_;
  // Sockets of dead processes that X has not noticed.
  std::map<RecoveryMethod, std::vector<absl::Time>> haunted_until_;
  std::map<RecoveryMethod, std::deque<absl::Time>> requests_;
  absl::optional<int> next_failed_minute_;
  bool next_lacks_final_ = false;
  absl::Time no_credentials_until_ = absl::InfinitePast();
  std::map<RecoveryMethod, absl::Time> forbidden_until_;
  // The last clean answer of a range lacked something: the next one does not.
  std::map<std::string, bool> was_short_;
  Counts counts_;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_RECOVERY_X_H_
