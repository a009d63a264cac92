#include "tests/emulator/stream_feed.h"

#include <utility>

namespace braid::emulator {

StreamFeed::StreamFeed(FeedParts parts, uint64_t seed)
    : parts_(std::move(parts)),
      feed_(parts_.live != nullptr ? *parts_.live : nothing_, seed),
      seed_(seed) {}

std::optional<LogRun> StreamFeed::TakeRaw(size_t bytes_max, Moment now,
                                          std::vector<uint64_t>* dropped) {
  bool has_past = parts_.past != nullptr && !parts_.past->is_done();
  if (has_past && (!parts_.is_interleaved || is_past_next_)) {
    is_past_next_ = false;
    std::optional<LogRun> run = parts_.past->Take(bytes_max, now);
    if (run || (!parts_.is_interleaved && !parts_.past->is_done())) return run;
  }
  is_past_next_ = true;
  return feed_.Take(bytes_max, now.x_time, dropped);
}

std::optional<LogRun> StreamFeed::Take(size_t bytes_max, Moment now,
                                       std::vector<uint64_t>* dropped) {
  if (is_released_) return std::nullopt;
  if (scrambler_ == nullptr) return TakeRaw(bytes_max, now, dropped);
  while (std::optional<LogRun> run = TakeRaw(kLogBlockBytes, now, dropped)) {
    scrambler_->Put(*run, now, dropped);
  }
  return scrambler_->Take(bytes_max, now);
}

void StreamFeed::SetFaults(const ScramblerFaults& faults) {
  if (scrambler_ == nullptr) scrambler_ = std::make_unique<Scrambler>(seed_);
  scrambler_->SetFaults(faults);
}

void StreamFeed::SkipToEnd() {
  if (parts_.live != nullptr) feed_.SkipToEnd(*parts_.live);
}

void StreamFeed::Release() {
  is_released_ = true;
  feed_.Release();
}

uint64_t StreamFeed::backlog_bytes() const {
  return is_released_ || parts_.live == nullptr ? 0 : feed_.backlog_bytes(*parts_.live);
}

uint64_t StreamFeed::backlog_posts() const {
  return is_released_ || parts_.live == nullptr ? 0 : feed_.backlog_posts(*parts_.live);
}

}  // namespace braid::emulator
