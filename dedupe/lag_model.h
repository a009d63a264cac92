// How long after its creation a live post is received, minute by minute: of
// one connection's copies, or of the stream's first ones. Told when the median
// stays above a threshold: X is behind, or the way from it is.
//
// Pure; the merger thread. State is a proto. Bounds: 64 counts.

#ifndef BRAID_DEDUPE_LAG_MODEL_H_
#define BRAID_DEDUPE_LAG_MODEL_H_

#include <cstdint>

#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "braid/store/v1/usage.pb.h"

namespace braid {

class LagModel {
 public:
  struct Options {
    // Three times what X's staff call rare; a filtered stream under load is
    // 10 s behind.
    absl::Duration threshold = absl::Seconds(30);
    // In whole minutes: X's live path stalls for seconds without harm.
    absl::Duration hold = absl::Minutes(3);
  };

  // Began (true) or ended (false).
  struct Change {
    bool began = false;
    absl::Time since;
  };

  LagModel(const Options& options, store::v1::LagSeries state);

  void OnPost(absl::Duration lag);
  // Ends the minute when `now` is in another.
  absl::optional<Change> OnTick(absl::Time now);

  bool changed() const { return changed_; }
  void clear_changed() { changed_ = false; }
  const store::v1::LagSeries& state() const { return state_; }

 private:
  absl::Duration Quantile(double share) const;
  absl::optional<Change> Judge();

  const Options options_;
  store::v1::LagSeries state_;
  uint64_t posts_ = 0;
  bool changed_ = false;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_LAG_MODEL_H_
