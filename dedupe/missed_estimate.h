// How many events every connection missed, from what some of them missed. Pure;
// any thread.
//
// A lower bound where losses go together: what X withholds from everybody no
// comparison sees (docs/decisions/0018-comparison.md).

#ifndef BRAID_DEDUPE_MISSED_ESTIMATE_H_
#define BRAID_DEDUPE_MISSED_ESTIMATE_H_

#include <cstdint>

namespace braid {

struct MissedEstimate {
  double value = 0;
  double variance = 0;

  // Of a 90 % interval.
  double low() const;
  double high() const;
  // Of spans that are independent of one another.
  void Add(const MissedEstimate& other);
};

// Chapman's, of two connections: events that only one, only the other, and both
// brought.
MissedEstimate Chapman(uint64_t only_first, uint64_t only_second, uint64_t both);

// Chao's lower bound, of `connections` > 2: events that exactly one, and exactly
// two, of them brought.
MissedEstimate Chao(int connections, uint64_t by_one, uint64_t by_two);

// Of a connection alone: it brought `brought` events there, and where it was
// compared it brought `compared` less `missed` of `compared`.
// REQUIRES: missed <= compared.
MissedEstimate AloneMissed(uint64_t brought, uint64_t compared, uint64_t missed);

}  // namespace braid

#endif  // BRAID_DEDUPE_MISSED_ESTIMATE_H_
