// What is proved about a range of creation time: facts of the store in, the
// body of a certificate out. The body is a pure function of the facts.
//
// A minute is lost where a gap lacks cover to this day, whatever state the
// ledger gave it: what came later than the loss heals it. Below the watermark
// it is whole otherwise, and graded by who vouches for it; above it is pending.
//
// The version is a sum of what only grows while one log is kept under one list
// of connections, and of which something grows with every change of a minute:
// docs/decisions/0017-certificate.md.
//
// Threads: any. Bounds: kRangeMax of minutes, their gaps and covers.

#ifndef BRAID_DEDUPE_CERTIFICATE_H_
#define BRAID_DEDUPE_CERTIFICATE_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/interval_set.h"
#include "braid/store/v1/gaps.pb.h"
#include "braid/v1/gap_service.pb.h"
#include "dedupe/cover_book.h"
#include "dedupe/minute_book.h"
#include "dedupe/store.h"

namespace braid {

struct CertificateFacts {
  // In microseconds, whole minutes.
  Interval range;
  int64_t watermark_micros = 0;
  uint64_t rule_set_version = 0;
  // Configured: id and X's partition.
  std::vector<std::pair<std::string, uint32_t>> connections;
  // Of every source that ever vouched.
  std::map<std::string, uint32_t> partitions;
  // What overlaps the range.
  CoverBook::Spans cover;
  std::vector<store::v1::StoredGap> gaps;
  IntervalSet capped;
  std::map<int64_t, MinuteTally> minutes;
};

inline constexpr absl::Duration kCertificateRangeMax = absl::Hours(24);

// Whole minutes, at most kCertificateRangeMax, of which rows are kept.
absl::StatusOr<Interval> CertificateRange(const v1::TimeRange& range, absl::Time now);

// While commits go on: what is read later is newer, in an order that grades no
// minute better than it is.
absl::StatusOr<CertificateFacts> ReadCertificateFacts(
    const Store& store, Interval range,
    const std::vector<std::pair<std::string, uint32_t>>& connections, absl::Time now);

// All but stream, log_id and issue_time.
v1::Certificate::Body CertificateOf(const CertificateFacts& facts);

}  // namespace braid

#endif  // BRAID_DEDUPE_CERTIFICATE_H_
