// What one connection still has to write: HTTP chunks over slices of the post
// log and over bytes of its own. It knows which posts are completely handed
// over, in the middle of which it stands, and turns everything into iovecs.
//
// Threads: one. Owner: its connection. Bounds: the connection fills it only
// while `bytes()` is below its limit.

#ifndef BRAID_TESTS_EMULATOR_OUTBOX_H_
#define BRAID_TESTS_EMULATOR_OUTBOX_H_

#include <sys/uio.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "tests/emulator/post_log.h"

namespace braid::emulator {

class Outbox {
 public:
  // As they are: response headers, a lying chunk header.
  void AddRaw(std::string bytes);
  // As one chunk.
  void AddChunk(absl::string_view bytes);
  // `before` comes first in the same chunk.
  void AddChunk(const LogRun& run, absl::string_view before = "");
  // As one chunk of encoded bytes that carry the posts that end in `run`: they
  // count when all of it is written.
  void AddEncodedChunk(std::string bytes, const LogRun& run);
  // `count` times the byte `fill`, from one shared page.
  void AddFillChunk(char fill, size_t count);
  void AddLastChunk() { AddRaw("0\r\n\r\n"); }

  bool empty() const { return pieces_.empty(); }
  size_t bytes() const { return bytes_; }

  // The next bytes, at most `bytes_max` and `count_max` pieces.
  std::vector<iovec> Gather(size_t bytes_max, size_t count_max) const;
  // Takes `count` bytes away; calls `sent` for each post completed by them.
  void Consume(size_t count, const std::function<void(const LogPost&)>& sent);
  // Posts of which some bytes were taken and not all.
  std::vector<uint64_t> PartlyWritten() const;
  // Forgets everything.
  void Clear();

 private:
  struct Piece {
    std::string owned;
    LogRun run;
    const char* data = nullptr;  // of run or of a shared page; null: owned
    size_t size = 0;
    size_t done = 0;
    bool counts_whole = false;
    const char* begin() const { return data != nullptr ? data : owned.data(); }
  };

  void AddChunkHeader(size_t size);
  void Add(Piece piece);
  static void CountPosts(Piece* piece, const std::function<void(const LogPost&)>& sent);

  std::deque<Piece> pieces_;
  size_t bytes_ = 0;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_OUTBOX_H_
