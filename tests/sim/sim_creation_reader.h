// A reader of one deduper in creation order: cut off after every batch, resumed
// by cursor, over restarts. It gets every event of the log below its place
// once, sorted but for the late ones.

#ifndef BRAID_TESTS_SIM_SIM_CREATION_READER_H_
#define BRAID_TESTS_SIM_SIM_CREATION_READER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "braid/store/v1/log.pb.h"
#include "dedupe/readable_stream.h"
#include "dedupe/store.h"

namespace braid {

class SimCreationReader {
 public:
  explicit SimCreationReader(std::vector<std::string>* failures) : failures_(failures) {}

  // The deduper runs again, with what its disk holds.
  void Attach(const Store& disk, const store::v1::Identity& identity, uint64_t next_sequence,
              const ReadableStream::Bounds& bounds);
  void Detach() { stream_ = nullptr; }
  void OnCommit(const std::vector<CommittedRecord>& records, const ReadableStream::Bounds& bounds) {
    stream_->OnCommit(records, bounds);
  }

  // One batch, from where it stands. True: there may be more.
  bool Read();
  // Reads to the end; then it holds what the log has below the watermark.
  void CheckAgainst(const std::vector<std::pair<uint64_t, uint64_t>>& sequence_and_id);

  uint64_t in_order() const { return in_order_; }
  uint64_t late() const { return late_; }

 private:
  void Take(uint64_t sequence, uint64_t id);
  bool OnError(const absl::Status& status);
  void Fail(const std::string& what) { failures_->push_back("creation order: " + what); }

  std::vector<std::string>* const failures_;
  std::unique_ptr<ReadableStream> stream_;
  std::string cursor_;
  // Where this reading began.
  uint64_t from_sequence_ = 0;
  std::string from_key_;
  // The last one in order.
  std::string last_key_;
  // Post by sequence.
  std::map<uint64_t, uint64_t> seen_;
  uint64_t in_order_ = 0;
  uint64_t late_ = 0;
};

}  // namespace braid

#endif  // BRAID_TESTS_SIM_SIM_CREATION_READER_H_
