// How long to wait before the next attempt: X's own table (docs/X-API 1.9,
// 2.11). Never gives up.
//
// Each class counts its own failures; all counts start anew only after data
// has flowed for settled_after, so that a connection that is accepted and
// dropped over and over is not retried at once for ever.
//
// Pure but for the Random. Threads: one.

#ifndef BRAID_INGEST_X_BACKOFF_H_
#define BRAID_INGEST_X_BACKOFF_H_

#include "absl/time/time.h"
#include "base/random.h"
#include "ingest/x_error.h"

namespace braid {

class Backoff {
 public:
  struct Options {
    absl::Duration network_step = absl::Milliseconds(250);
    absl::Duration network_max = absl::Seconds(16);
    absl::Duration http_min = absl::Seconds(5);
    absl::Duration http_max = absl::Seconds(320);
    // Every attempt while limited lengthens the ban.
    absl::Duration rate_limited_min = absl::Minutes(1);
    absl::Duration rate_limited_max = absl::Minutes(16);
    // Fifty clients that lost the same server must not come back together.
    double jitter = 0.2;
    absl::Duration settled_after = absl::Seconds(30);
  };

  Backoff(Random& random, const Options& options) : random_(random), options_(options) {}

  // The attempt or connection ended by `verdict`; data had flowed for that
  // long. Returns the delay before the next attempt.
  absl::Duration Next(const Verdict& verdict, absl::Duration flowed);

 private:
  absl::Duration BaseDelay(RetryClass retry);
  absl::Duration NetworkDelay();
  static absl::Duration Doubled(absl::Duration min, absl::Duration max, int times);

  Random& random_;
  const Options options_;
  // Failures of each class since data last flowed long enough.
  int drops_ = 0;
  int network_failures_ = 0;
  int http_failures_ = 0;
  int rate_limits_ = 0;
  int slot_failures_ = 0;
};

}  // namespace braid

#endif  // BRAID_INGEST_X_BACKOFF_H_
