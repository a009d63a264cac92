#include "tests/emulator/post_log.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace braid::emulator {
namespace {

// Memory of dead blocks is used again: fresh pages cost more than the copy.
constexpr size_t kSpareBlocksMax = 16;

std::vector<std::unique_ptr<char[]>>& Spares() {
  thread_local std::vector<std::unique_ptr<char[]>> spares;
  return spares;
}

std::unique_ptr<char[]> TakeMemory() {
  auto& spares = Spares();
  if (spares.empty()) return std::unique_ptr<char[]>(new char[kLogBlockBytes]);
  std::unique_ptr<char[]> memory = std::move(spares.back());
  spares.pop_back();
  return memory;
}

}  // namespace

LogBlock::~LogBlock() {
  auto& spares = Spares();
  if (spares.size() < kSpareBlocksMax) spares.push_back(std::move(bytes));
  // A long chain must not be destroyed by recursion.
  std::shared_ptr<LogBlock> rest = std::move(next);
  while (rest != nullptr && rest.use_count() == 1) rest = std::exchange(rest->next, nullptr);
}

PostLog::PostLog() : tail_(NewBlock()) {}

std::shared_ptr<LogBlock> PostLog::NewBlock() { return std::make_shared<LogBlock>(TakeMemory()); }

char* PostLog::Reserve(size_t size) {
  BRAID_CHECK(size <= kLogBlockBytes);
  if (tail_->used + size > kLogBlockBytes) {
    std::shared_ptr<LogBlock> block = NewBlock();
    tail_->next = block;
    tail_ = std::move(block);
  }
  return tail_->bytes.get() + tail_->used;
}

void PostLog::Complete(size_t size, uint64_t emission, absl::Time now) {
  tail_->used += size;
  total_bytes_ += size;
  ++post_count_;
  tail_->posts.push_back({emission, absl::ToUnixMicros(now), static_cast<uint32_t>(tail_->used)});
}

void PostLog::Append(const PostBody& body, uint64_t id, uint64_t emission, absl::Time now) {
  PatchBody(body, id, Reserve(body.size));
  Complete(body.size, emission, now);
}

void PostLog::AppendText(absl::string_view text, uint64_t emission, absl::Time now) {
  std::memcpy(Reserve(text.size()), text.data(), text.size());
  Complete(text.size(), emission, now);
}

PostFeed::PostFeed(const PostLog& log, uint64_t seed) : random_(seed) { SkipToEnd(log); }

void PostFeed::SkipToEnd(const PostLog& log) {
  block_ = log.end_block();
  offset_ = block_->used;
  post_ = block_->posts.size();
  is_decided_ = false;
  position_ = log.total_bytes();
  passed_posts_ = log.post_count();
}

bool PostFeed::Advance() {
  if (block_ == nullptr) return false;
  while (offset_ == block_->used && block_->next != nullptr) {
    block_ = block_->next;
    offset_ = 0;
    post_ = 0;
  }
  return offset_ < block_->used;
}

// How many posts of the block are old enough to go out.
size_t PostFeed::Released(absl::Time now) const {
  const std::vector<LogPost>& posts = block_->posts;
  if (delay_ <= absl::ZeroDuration()) return posts.size();
  int64_t until = absl::ToUnixMicros(now - delay_);
  size_t released = post_;
  while (released < posts.size() && posts[released].emitted_micros <= until) ++released;
  return released;
}

bool PostFeed::ShouldDrop() {
  if (drop_next_ > 0) return --drop_next_, true;
  return drop_fraction_ > 0 && random_.Unit() < drop_fraction_;
}

void PostFeed::SkipDropped(size_t limit, std::vector<uint64_t>* dropped) {
  while (post_ < limit && !is_decided_) {
    if (!ShouldDrop()) {
      is_decided_ = true;
      return;
    }
    const LogPost& post = block_->posts[post_++];
    ++passed_posts_;
    dropped->push_back(post.emission);
    position_ += post.end - offset_;
    offset_ = post.end;
  }
}

// From a post that is sent: where the run ends that begins at offset_.
size_t PostFeed::RunEnd(size_t limit, size_t bytes_max) {
  const std::vector<LogPost>& posts = block_->posts;
  bool may_drop = drop_next_ > 0 || drop_fraction_ > 0;
  size_t whole = may_drop ? posts[post_].end : posts[limit - 1].end;
  return std::min(whole, offset_ + bytes_max);
}

std::optional<LogRun> PostFeed::Take(size_t bytes_max, absl::Time now,
                                     std::vector<uint64_t>* dropped) {
  while (Advance()) {
    size_t limit = Released(now);
    if (post_ >= limit) return std::nullopt;
    SkipDropped(limit, dropped);
    if (post_ >= limit) continue;
    LogRun run{block_, offset_, RunEnd(limit, bytes_max), post_};
    position_ += run.until - offset_;
    offset_ = run.until;
    while (post_ < block_->posts.size() && block_->posts[post_].end <= offset_) {
      ++post_;
      ++passed_posts_;
    }
    // A post that is cut by the run's end is finished whatever comes.
    is_decided_ = offset_ > (post_ == 0 ? 0 : block_->posts[post_ - 1].end);
    return run;
  }
  return std::nullopt;
}

}  // namespace braid::emulator
