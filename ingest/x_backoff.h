// How long to wait before the next attempt: X's own table (docs/X-API 1.9,
// 2.11) and a pace that holds under any sequence of answers. Never gives up.
//
//   class         | first  | then                | why
//   immediate     | 0      | 250 ms ×2 to 64 s   | an established stream dropped; the first is at once
//   network       | 250 ms | +250 ms to 16 s     | no answer
//   dns           | 1 s    | ×2 to 32 s          | a resolver that is down is not asked harder
//   http          | 5 s    | ×2 to 320 s         | refused
//   slots         | 5 s    | ×2 to 320 s         | too many connections
//   rate_limited  | 60 s   | ×2 to 16 min        | and never before X's reset
//   terminal      | 320 s  | 320 s               | somebody must act
//
// Each class counts its own failures; all counts start anew only after data
// has flowed for settled_after, so that a connection that is accepted and
// dropped over and over is not retried at once for ever.
//
// The pace: an app has 50 requests per 15 min, shared by two connections.
// requests_burst at once and then one per request_interval are at most half.
//
// Pure but for the Random. Threads: one. Bounds: fixed size.

#ifndef BRAID_INGEST_X_BACKOFF_H_
#define BRAID_INGEST_X_BACKOFF_H_

#include "absl/time/time.h"
#include "base/random.h"
#include "ingest/x_error.h"

namespace braid {

class Backoff {
 public:
  struct Options {
    absl::Duration dropped_min = absl::Milliseconds(250);
    absl::Duration dropped_max = absl::Seconds(64);
    absl::Duration network_step = absl::Milliseconds(250);
    absl::Duration network_max = absl::Seconds(16);
    absl::Duration dns_min = absl::Seconds(1);
    absl::Duration dns_max = absl::Seconds(32);
    absl::Duration http_min = absl::Seconds(5);
    absl::Duration http_max = absl::Seconds(320);
    // Every attempt while limited lengthens the ban.
    absl::Duration rate_limited_min = absl::Minutes(1);
    absl::Duration rate_limited_max = absl::Minutes(16);
    // Soon enough after somebody acted.
    absl::Duration terminal_delay = absl::Seconds(320);
    // Fifty clients that lost the same server must not come back together.
    double jitter = 0.2;
    // Longer than a zombie of a load balancer lasts.
    absl::Duration settled_after = absl::Seconds(60);
    int requests_burst = 9;
    absl::Duration request_interval = absl::Minutes(1);
  };

  Backoff(Random& random, const Options& options)
      : random_(random), options_(options), tokens_(options.requests_burst) {}

  // A request reached X.
  void OnRequest(absl::Time now);

  // The attempt or connection ended by `verdict`; data had flowed for that
  // long. Returns the delay before the next attempt.
  absl::Duration Next(const Verdict& verdict, absl::Duration flowed, absl::Time now);

  // Whether the last delay was the longest of its class: it waits as long as it
  // ever will. Never for the terminal one, whose delay is always the same.
  bool at_ceiling() const { return at_ceiling_; }

 private:
  absl::Duration BaseDelay(RetryClass retry);
  absl::Duration CeilingOf(RetryClass retry) const;
  absl::Duration WithJitter(const Verdict& verdict, absl::Duration delay);
  double TokensAt(absl::Time now) const;

  Random& random_;
  const Options options_;
  // Failures of each class since data last flowed long enough.
  int drops_ = 0;
  int network_failures_ = 0;
  int dns_failures_ = 0;
  int http_failures_ = 0;
  int rate_limits_ = 0;
  int slot_failures_ = 0;
  bool at_ceiling_ = false;
  // Requests that may go out now, as of tokens_time_.
  double tokens_;
  absl::Time tokens_time_ = absl::InfinitePast();
};

}  // namespace braid

#endif  // BRAID_INGEST_X_BACKOFF_H_
