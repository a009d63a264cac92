// Unpacked records of one stream, for whoever reads events out of the log's
// order: neighbours in creation time lie in a few records that are wanted
// again and again, and unpacking is what reading costs.
//
// Threads: any. Get may block on the store.
// Bounds: Options::bytes_max, and what callers hold; the record that was not
// asked for the longest leaves first. Shared by all readers of the stream.

#ifndef BRAID_DEDUPE_RECORD_CACHE_H_
#define BRAID_DEDUPE_RECORD_CACHE_H_

#include <cstdint>
#include <list>
#include <map>
#include <memory>

#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "dedupe/event_view.h"
#include "dedupe/log_reader.h"

namespace braid {

class RecordCache {
 public:
  struct Options {
    // Copies of one moment arrive within some 2 s: at 6,000 posts/s of 2 KB
    // these are 24 MB.
    uint64_t bytes_max = 32 << 20;
  };

  // REQUIRES: reader outlives this.
  RecordCache(const LogReader& reader, Options options) : reader_(reader), options_(options) {}

  // The record that holds this event; errors are LogReader's, and DataLoss
  // where it can not be unpacked or holds no such event.
  absl::StatusOr<std::shared_ptr<const UnpackedRecord>> Get(uint64_t sequence,
                                                            bool with_payload) const;

  uint64_t bytes() const;

 private:
  struct Entry {
    std::shared_ptr<const UnpackedRecord> record;
    uint64_t bytes = 0;
    // Its place in by_use_.
    std::list<uint64_t>::iterator use;
  };

  std::shared_ptr<const UnpackedRecord> Find(uint64_t sequence, bool with_payload) const;
  absl::StatusOr<std::shared_ptr<const UnpackedRecord>> Load(uint64_t sequence,
                                                             bool with_payload) const;
  void Keep(std::shared_ptr<const UnpackedRecord> record) const;

  const LogReader& reader_;
  const Options options_;

  mutable Mutex mu_;
  // By first sequence.
  mutable std::map<uint64_t, Entry> entries_ ABSL_GUARDED_BY(mu_);
  // First sequences, the newest use first.
  mutable std::list<uint64_t> by_use_ ABSL_GUARDED_BY(mu_);
  mutable uint64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace braid

#endif  // BRAID_DEDUPE_RECORD_CACHE_H_
