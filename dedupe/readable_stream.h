// One stream as readers see it: its log, hot tail and identity. Filled by the
// stream's commits, read by the services.
//
// Threads: OnCommit on the merger thread, everything else on any.
// Bounds: HotTail's and RecordCache's.

#ifndef BRAID_DEDUPE_READABLE_STREAM_H_
#define BRAID_DEDUPE_READABLE_STREAM_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "braid/store/v1/log.pb.h"
#include "dedupe/hot_tail.h"
#include "dedupe/log_reader.h"
#include "dedupe/record_cache.h"
#include "dedupe/store.h"

namespace braid {

class ReadableStream {
 public:
  // Where the stream begins and ends, as of a commit.
  struct Bounds {
    // Oldest sequence served.
    uint64_t earliest_sequence = 1;
    // Everything created before it is here or in a gap that was reported; 0:
    // no cover yet.
    int64_t watermark_micros = 0;
    // Keys created before it are forgotten.
    int64_t floor_micros = 0;
  };
  struct Start {
    // Short: "main".
    std::string name;
    store::v1::Identity identity;
    uint64_t next_sequence = 1;
    Bounds bounds;
  };

  // REQUIRES: store outlives this.
  ReadableStream(Start start, const Store& store, HotTail::Options options)
      : name_(std::move(start.name)),
        identity_(std::move(start.identity)),
        store_(store),
        hot_tail_(start.next_sequence, options),
        reader_(store, hot_tail_, start.bounds.earliest_sequence),
        cache_(reader_, RecordCache::Options()),
        floor_micros_(start.bounds.floor_micros) {
    hot_tail_.SetWatermark(start.bounds.watermark_micros);
  }

  // Before the store drops what the bounds put out of reach.
  void OnCommit(const std::vector<CommittedRecord>& records, const Bounds& bounds) {
    reader_.SetEarliestSequence(bounds.earliest_sequence);
    floor_micros_ = bounds.floor_micros;
    hot_tail_.Append(records);
    // After what it says is here.
    hot_tail_.SetWatermark(bounds.watermark_micros);
  }

  const std::string& name() const { return name_; }
  const std::string& log_id() const { return identity_.log_id(); }
  const store::v1::Identity& identity() const { return identity_; }
  const Store& store() const { return store_; }
  HotTail& hot_tail() { return hot_tail_; }
  const HotTail& hot_tail() const { return hot_tail_; }
  const LogReader& reader() const { return reader_; }
  const RecordCache& cache() const { return cache_; }
  int64_t floor_micros() const { return floor_micros_; }

 private:
  const std::string name_;
  const store::v1::Identity identity_;
  const Store& store_;
  HotTail hot_tail_;
  LogReader reader_;
  RecordCache cache_;
  std::atomic<int64_t> floor_micros_;
};

// The streams of a deduper by short name; constant while serving.
using ReadableStreams = std::map<std::string, ReadableStream*>;

// "streams/main" → the stream. InvalidArgument for another kind of name,
// NotFound (UNKNOWN_STREAM) for a stream that is not configured.
absl::StatusOr<ReadableStream*> FindStream(const ReadableStreams& streams,
                                           absl::string_view resource_name);

}  // namespace braid

#endif  // BRAID_DEDUPE_READABLE_STREAM_H_
