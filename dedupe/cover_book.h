// Which spans of creation time each source vouches for. Covers that touch are
// one span; on disk a span ends with its UTC day, so that days expire whole.
//
// Threads: the merger thread; ReadCover any. Not thread-safe.
// Ownership: the store outlives it. Bounds: in memory one interval per source,
// origin and reconnect since ForgetBefore; on disk kDaysKept days.

#ifndef BRAID_DEDUPE_COVER_BOOK_H_
#define BRAID_DEDUPE_COVER_BOOK_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/interval_set.h"
#include "braid/v1/types.pb.h"
#include "dedupe/store.h"

namespace braid {

class CoverBook {
 public:
  // A year and what an audit after it takes. A quiet source writes a row a day
  // and one per reconnect, of some 60 bytes.
  static constexpr int64_t kDaysKept = 400;

  // By source and how it came by the events.
  using Spans = std::map<std::pair<std::string, v1::EventOrigin>, IntervalSet>;

  explicit CoverBook(const Store& store) : store_(store) {}
  // As ForgetBefore(from_micros) left it.
  absl::Status Load(int64_t from_micros);

  // `span` is not empty and not before the epoch. Errors are the store's: fatal.
  absl::Status Add(const std::string& source_id, v1::EventOrigin origin, Interval span,
                   WriteSet* changes);

  const Spans& spans() const { return spans_; }
  // What any of the sources vouches for, from `from_micros` on.
  IntervalSet Union(const std::vector<std::string>& sources, int64_t from_micros) const;

  // From memory: spans that end before, and days before. What is added of that
  // time goes to disk only.
  void ForgetBefore(int64_t from_micros);
  // From disk: days before the oldest kept.
  static void Expire(int64_t now_micros, WriteSet* changes);

 private:
  absl::Status AddForgotten(const std::string& source_id, v1::EventOrigin origin, Interval span,
                            WriteSet* changes);

  const Store& store_;
  Spans spans_;
  int64_t forgotten_micros_ = 0;
};

// From the store, what overlaps `range`.
absl::StatusOr<CoverBook::Spans> ReadCover(const Store& store, Interval range);

}  // namespace braid

#endif  // BRAID_DEDUPE_COVER_BOOK_H_
