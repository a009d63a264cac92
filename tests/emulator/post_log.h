// The emissions of the emulator as bytes, rendered once for all connections.
//
// A list of blocks that only grows at its end. A connection holds the block it
// reads and follows `next`; a block lives as long as somebody is at or before
// it, so nothing has to know who reads. Two connections at 300 MB/s each cost
// one copy, not two.
//
// Threads: one. Bounds: blocks between the slowest reader and the end; the
// server cuts a reader at its cap.

#ifndef BRAID_TESTS_EMULATOR_POST_LOG_H_
#define BRAID_TESTS_EMULATOR_POST_LOG_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/random.h"
#include "tests/emulator/post_generator.h"

namespace braid::emulator {

// 512 KB: big enough for large writes, small against the cap of a connection.
inline constexpr size_t kLogBlockBytes = 512 << 10;

// Of bytes that are no event: keep-alives, messages.
inline constexpr uint64_t kNoEmission = ~uint64_t{0};

struct LogPost {
  uint64_t emission = 0;
  int64_t emitted_micros = 0;
  uint32_t end = 0;  // offset in the block after the post's \r\n
};

struct LogBlock {
  explicit LogBlock(std::unique_ptr<char[]> memory) : bytes(std::move(memory)) {}
  ~LogBlock();

  std::unique_ptr<char[]> bytes;
  size_t used = 0;
  std::vector<LogPost> posts;
  std::shared_ptr<LogBlock> next;
};

class PostLog {
 public:
  PostLog();

  // Appends `body` under `id`.
  void Append(const PostBody& body, uint64_t id, uint64_t emission, absl::Time now);
  // Appends bytes as they are. REQUIRES: at most kLogBlockBytes.
  void AppendText(absl::string_view text, uint64_t emission, absl::Time now);

  // Where a connection that opens now begins.
  std::shared_ptr<LogBlock> end_block() const { return tail_; }
  uint64_t post_count() const { return post_count_; }
  uint64_t total_bytes() const { return total_bytes_; }

 private:
  std::shared_ptr<LogBlock> NewBlock();
  char* Reserve(size_t size);
  void Complete(size_t size, uint64_t emission, absl::Time now);

  std::shared_ptr<LogBlock> tail_;
  uint64_t post_count_ = 0;
  uint64_t total_bytes_ = 0;
};

// Bytes of a block that go out together, with the posts that end in them.
struct LogRun {
  std::shared_ptr<LogBlock> block;
  size_t from = 0;
  size_t until = 0;
  size_t first_post = 0;  // index in the block: the first post with end > from
};

// One connection's place in the log, with what a test does to it: a delay, and
// posts that are left out.
class PostFeed {
 public:
  PostFeed(const PostLog& log, uint64_t seed);

  void SetDelay(absl::Duration delay) { delay_ = delay; }
  void SetDropFraction(double fraction) { drop_fraction_ = fraction; }
  void DropNext(uint64_t count) { drop_next_ = count; }
  // Gives up everything up to the log's end.
  void SkipToEnd(const PostLog& log);
  // Takes nothing any more and holds no block.
  void Release() { block_ = nullptr; }

  // The next bytes that may go out, at most `bytes_max`, possibly ending inside
  // a post. Nothing: no more for now. Dropped emissions are added to `dropped`.
  std::optional<LogRun> Take(size_t bytes_max, absl::Time now, std::vector<uint64_t>* dropped);

  // Posts of the log that this feed has not passed.
  uint64_t backlog_posts(const PostLog& log) const {
    return block_ == nullptr ? 0 : log.post_count() - passed_posts_;
  }
  uint64_t backlog_bytes(const PostLog& log) const {
    return block_ == nullptr ? 0 : log.total_bytes() - position_;
  }
  absl::Duration delay() const { return delay_; }
  double drop_fraction() const { return drop_fraction_; }

 private:
  bool Advance();
  bool ShouldDrop();
  size_t Released(absl::Time now) const;
  void SkipDropped(size_t limit, std::vector<uint64_t>* dropped);
  size_t RunEnd(size_t limit, size_t bytes_max);

  std::shared_ptr<LogBlock> block_;
  size_t offset_ = 0;
  size_t post_ = 0;          // index of the post at or around offset_
  bool is_decided_ = false;  // the coin for post_ was thrown: it is sent
  uint64_t position_ = 0;    // the log's total_bytes at offset_
  uint64_t passed_posts_ = 0;
  absl::Duration delay_;
  double drop_fraction_ = 0;
  uint64_t drop_next_ = 0;
  SeededRandom random_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_POST_LOG_H_
