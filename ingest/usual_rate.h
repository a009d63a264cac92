// How many live events a second a connection usually delivers: the scale on
// which a silence is long or short.
//
// Estimate: events divided by the time they took, over the last hour of
// *delivering*. A pause is counted when the event that ends it arrives, and
// time without a connection is never counted. So a silence does not make
// itself look usual, while a stream that really became slow is believed after
// one hour of its new rate.
//
// Pure; on the loop. Bounds: 60 buckets.

#ifndef BRAID_INGEST_USUAL_RATE_H_
#define BRAID_INGEST_USUAL_RATE_H_

#include <array>
#include <cstdint>

#include "absl/time/time.h"

namespace braid {

class UsualRate {
 public:
  // A live event arrived, `pause` after the one before it (or after the
  // connection's start).
  void OnEvent(absl::Duration pause);

  // Events per second; 0 while unknown.
  double rate() const;

  // Whether the rate is right within a factor of two, however few seconds it was
  // taken from.
  bool is_settled() const;

 private:
  static constexpr int kBuckets = 60;

  struct Bucket {
    uint64_t events = 0;
    absl::Duration time;
  };
  std::array<Bucket, kBuckets> buckets_;
  int current_ = 0;
  Bucket total_;
};

}  // namespace braid

#endif  // BRAID_INGEST_USUAL_RATE_H_
