#include "ingest/stream_reader.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "ingest/x_message.h"

namespace braid {
namespace {

uint64_t CostOf(const LineBlock& block) {
  return block.bytes.size() + block.lines.size() * sizeof(LineBlock::Line) +
         block.heartbeats.size() * sizeof(absl::Time);
}

}  // namespace

StreamReader::StreamReader(Loop& loop, StreamConsumer* consumer, const Options& options)
    : loop_(loop), options_(options), consumer_(consumer), splitter_(options.line_bytes_max) {}

absl::optional<absl::Time> StreamReader::last_byte_time() const {
  int64_t nanos = last_byte_nanos_.load(std::memory_order_relaxed);
  if (nanos < 0) return {};
  return absl::FromUnixNanos(nanos);
}

void StreamReader::OnConnected(absl::Time) {
  loop_.Post([self = shared_from_this()] {
    if (self->consumer_ != nullptr) self->consumer_->OnStreamConnected();
  });
}

void StreamReader::OnHead(const HttpHead& head, absl::Time now) {
  status_ = head.status;
  last_byte_nanos_.store(absl::ToUnixNanos(now), std::memory_order_relaxed);
  loop_.Post([self = shared_from_this(), head, now] {
    if (self->consumer_ != nullptr) self->consumer_->OnStreamHead(head, now);
  });
}

void StreamReader::OnBytes(absl::string_view bytes, absl::Time now) {
  last_byte_nanos_.store(absl::ToUnixNanos(now), std::memory_order_relaxed);
  if (status_ != 200) {
    size_t room = options_.body_bytes_max - std::min(options_.body_bytes_max, body_.size());
    body_.append(bytes.data(), std::min(room, bytes.size()));
    return;
  }
  now_ = now;
  has_news_ = true;
  block_.last_byte_time = now;
  block_.received_bytes += bytes.size();
  Reserve(bytes.size());
  splitter_.Feed(bytes, this);
  if (CostOf(block_) >= options_.block_bytes_max && !block_.lines.empty()) PostBlock(false);
}

void StreamReader::OnDrained(absl::Time now) {
  if (status_ == 200 && has_news_) PostBlock(true);
}

void StreamReader::OnDone(const HttpEnd& end, absl::Time now) {
  if (status_ == 200) {
    // X sends nothing twice: what came of the last line is all there is. It
    // came with the last bytes, not now.
    size_t lines = block_.lines.size();
    splitter_.Finish(this);
    block_.last_line_cut = block_.lines.size() > lines;
    PostBlock(true);
  }
  loop_.Post([self = shared_from_this(), end, body = std::move(body_)] {
    if (self->consumer_ != nullptr) self->consumer_->OnStreamEnd(end, body);
  });
}

void StreamReader::OnPiece(absl::string_view piece) {
  block_.bytes.append(piece.data(), piece.size());
}

void StreamReader::OnLineEnd() {
  block_.lines.push_back({static_cast<uint32_t>(line_begin_),
                          static_cast<uint32_t>(block_.bytes.size() - line_begin_), now_});
  line_begin_ = block_.bytes.size();
}

void StreamReader::OnHeartbeat() {
  // Two in one read say no more than one.
  if (block_.heartbeats.empty() || block_.heartbeats.back() != now_) {
    block_.heartbeats.push_back(now_);
  }
}

void StreamReader::OnOversize() {
  block_.bytes.resize(line_begin_);
  auto before_line = static_cast<uint32_t>(block_.lines.size());
  if (!block_.dropped.empty() && block_.dropped.back().before_line == before_line) {
    block_.dropped.back().last_receive_time = now_;
    ++block_.dropped.back().lines;
    return;
  }
  block_.dropped.push_back({now_, now_, v1::Loss::REASON_OVERSIZE_LINE, 1, before_line});
}

void StreamReader::Reserve(size_t bytes) {
  size_t need = block_.bytes.size() + bytes + kLinePaddingBytes;
  if (block_.bytes.capacity() >= need) return;
  // Like the last block, so that a busy stream allocates once per block.
  size_t guess =
      std::min<size_t>(last_block_bytes_ + last_block_bytes_ / 8, 2 * options_.block_bytes_max);
  block_.bytes.reserve(std::max({need, guess, block_.bytes.size() * 2}));
}

LineBlock StreamReader::Cut() {
  LineBlock next;
  if (block_.lines.empty()) {
    // Nothing but the open line: it stays where it is.
    next.bytes = std::move(block_.bytes);
    block_.bytes.clear();
  } else {
    next.bytes.assign(block_.bytes, line_begin_, std::string::npos);
    block_.bytes.resize(line_begin_);
    last_block_bytes_ = line_begin_;
    block_.bytes.append(kLinePaddingBytes, '\0');
    line_begin_ = 0;
  }
  has_news_ = false;
  return std::exchange(block_, std::move(next));
}

void StreamReader::PostBlock(bool drained) {
  if (!has_news_ && block_.lines.empty() && block_.dropped.empty()) return;
  LineBlock block = Cut();
  block.drained = drained;
  if (!WaitForRoom(CostOf(block))) {
    Drop(block);
    return;
  }
  Post(std::move(block));
}

bool StreamReader::WaitForRoom(uint64_t bytes) {
  const auto has_room = [&] { return in_flight_bytes() + bytes <= options_.in_flight_bytes_max; };
  if (has_room()) return true;
  if (options_.room_wait <= absl::ZeroDuration() || bytes > options_.in_flight_bytes_max) {
    return false;
  }
  room_waits_.fetch_add(1, std::memory_order_relaxed);
  const auto deadline =
      std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(options_.room_wait);
  MutexLock lock(&mu_);
  is_waiting_ = true;
  bool in_time = true;
  while (in_time && !is_detached_ && !has_room()) in_time = room_.WaitUntil(&mu_, deadline);
  is_waiting_ = false;
  return !is_detached_ && has_room();
}

void StreamReader::Detach() {
  consumer_ = nullptr;
  MutexLock lock(&mu_);
  is_detached_ = true;
  room_.NotifyAll();
}

void StreamReader::Drop(const LineBlock& block) {
  // What is not counted here is counted with the next block.
  block_.received_bytes += block.received_bytes;
  uint64_t lines = block.lines.size();
  for (const LineBlock::Dropped& dropped : block.dropped) lines += dropped.lines;
  if (lines == 0) return;
  absl::Time first = absl::InfiniteFuture();
  if (!block.lines.empty()) first = block.lines.front().receive_time;
  if (!block.dropped.empty()) first = std::min(first, block.dropped.front().first_receive_time);
  absl::Time last = std::max(first, block.last_byte_time);
  // A cut line has no bytes of its own in its block.
  if (!block.lines.empty()) last = std::max(last, block.lines.back().receive_time);
  auto dropped = std::make_shared<LineBlock::Dropped>(
      LineBlock::Dropped{first, last, v1::Loss::REASON_RING_FULL, lines, 0});
  {
    MutexLock lock(&mu_);
    if (ring_full_ != nullptr) {
      ring_full_->last_receive_time = std::max(ring_full_->last_receive_time, last);
      ring_full_->lines += lines;
      return;
    }
    ring_full_ = dropped;
  }
  PostDropped(std::move(dropped));
}

// At once: X may send nothing more for 20 s, and what only this object knows
// dies with the process.
void StreamReader::PostDropped(std::shared_ptr<LineBlock::Dropped> dropped) {
  loop_.Post([self = shared_from_this(), dropped = std::move(dropped)] {
    LineBlock block;
    {
      MutexLock lock(&self->mu_);
      block.dropped.push_back(*dropped);
      if (self->ring_full_ == dropped) self->ring_full_ = nullptr;
    }
    if (self->consumer_ != nullptr) self->consumer_->OnStreamBlock(std::move(block));
  });
}

void StreamReader::Post(LineBlock block) {
  {
    // What is dropped from now on came after this block.
    MutexLock lock(&mu_);
    ring_full_ = nullptr;
  }
  uint64_t cost = CostOf(block);
  in_flight_bytes_.fetch_add(cost, std::memory_order_relaxed);
  loop_.Post([self = shared_from_this(), block = std::move(block), cost]() mutable {
    if (self->consumer_ != nullptr) self->consumer_->OnStreamBlock(std::move(block));
    MutexLock lock(&self->mu_);
    self->in_flight_bytes_.fetch_sub(cost, std::memory_order_relaxed);
    if (self->is_waiting_) self->room_.NotifyAll();
  });
}

}  // namespace braid
