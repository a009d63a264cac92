#include "tests/emulator/outbox.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace braid::emulator {
namespace {

// A fill piece can not be larger than the page it points to.
constexpr size_t kFillPageBytes = 256 << 10;

const std::string& FillPage(char fill) {
  thread_local std::map<char, std::string> pages;
  std::string& page = pages[fill];
  if (page.empty()) page.assign(kFillPageBytes, fill);
  return page;
}

}  // namespace

void Outbox::Add(Piece piece) {
  if (piece.data == nullptr) piece.size = piece.owned.size();
  bytes_ += piece.size;
  pieces_.push_back(std::move(piece));
}

void Outbox::AddRaw(std::string bytes) {
  if (!bytes.empty()) Add({std::move(bytes)});
}

void Outbox::AddChunkHeader(size_t size) { AddRaw(absl::StrCat(absl::Hex(size), "\r\n")); }

void Outbox::AddChunk(absl::string_view bytes) {
  if (bytes.empty()) return;  // an empty chunk would end the answer
  AddRaw(absl::StrCat(absl::Hex(bytes.size()), "\r\n", bytes, "\r\n"));
}

void Outbox::AddChunk(const LogRun& run, absl::string_view before) {
  AddChunkHeader(before.size() + run.until - run.from);
  AddRaw(std::string(before));
  Piece piece;
  piece.run = run;
  piece.data = run.block->bytes.get() + run.from;
  piece.size = run.until - run.from;
  Add(std::move(piece));
  AddRaw("\r\n");
}

void Outbox::AddEncodedChunk(std::string bytes, const LogRun& run) {
  Piece piece;
  if (!bytes.empty()) piece.owned = absl::StrCat(absl::Hex(bytes.size()), "\r\n", bytes, "\r\n");
  piece.run = run;
  piece.counts_whole = true;
  Add(std::move(piece));
}

void Outbox::AddFillChunk(char fill, size_t count) {
  AddChunkHeader(count);
  for (size_t left = count; left > 0;) {
    Piece piece;
    piece.data = FillPage(fill).data();
    piece.size = std::min(left, kFillPageBytes);
    left -= piece.size;
    Add(std::move(piece));
  }
  AddRaw("\r\n");
}

std::vector<iovec> Outbox::Gather(size_t bytes_max, size_t count_max) const {
  std::vector<iovec> out;
  for (const Piece& piece : pieces_) {
    if (out.size() >= count_max || bytes_max == 0) break;
    size_t size = std::min(piece.size - piece.done, bytes_max);
    out.push_back({const_cast<char*>(piece.begin() + piece.done), size});
    bytes_max -= size;
  }
  return out;
}

void Outbox::CountPosts(Piece* piece, const std::function<void(const LogPost&)>& sent) {
  LogRun& run = piece->run;
  if (run.block == nullptr) return;
  if (piece->counts_whole && piece->done < piece->size) return;
  size_t reached = piece->counts_whole ? run.until : run.from + piece->done;
  const std::vector<LogPost>& posts = run.block->posts;
  while (run.first_post < posts.size() && posts[run.first_post].end <= reached) {
    const LogPost& post = posts[run.first_post++];
    if (post.emission != kNoEmission) sent(post);
  }
}

void Outbox::Consume(size_t count, const std::function<void(const LogPost&)>& sent) {
  BRAID_CHECK(count <= bytes_);
  bytes_ -= count;
  while (count > 0) {
    Piece& piece = pieces_.front();
    size_t step = std::min(count, piece.size - piece.done);
    piece.done += step;
    count -= step;
    CountPosts(&piece, sent);
    if (piece.done == piece.size) pieces_.pop_front();
  }
}

std::vector<uint64_t> Outbox::PartlyWritten() const {
  for (const Piece& piece : pieces_) {
    const LogRun& run = piece.run;
    if (run.block == nullptr) continue;
    const std::vector<LogPost>& posts = run.block->posts;
    std::vector<uint64_t> out;
    if (piece.counts_whole) {
      if (piece.done == 0) return out;
      for (size_t i = run.first_post; i < posts.size() && posts[i].end <= run.until; ++i) {
        if (posts[i].emission != kNoEmission) out.push_back(posts[i].emission);
      }
    } else if (run.first_post < posts.size()) {
      size_t begin = run.first_post == 0 ? 0 : posts[run.first_post - 1].end;
      uint64_t emission = posts[run.first_post].emission;
      if (run.from + piece.done > begin && emission != kNoEmission) out.push_back(emission);
    }
    return out;
  }
  return {};
}

void Outbox::Clear() {
  pieces_.clear();
  bytes_ = 0;
}

}  // namespace braid::emulator
