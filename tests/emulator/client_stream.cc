#include "tests/emulator/client_stream.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/emulator/end_messages.h"

namespace braid::emulator {
namespace {

// After our end the client may still read what the kernel holds.
constexpr absl::Duration kLingerMax = absl::Seconds(5);
// One connection may not keep the loop from the other for longer than this.
constexpr size_t kBytesPerPump = 4 << 20;
// A write of 1 MiB keeps the kernel busy for about 0.3 ms.
constexpr size_t kBytesPerWrite = 1 << 20;
constexpr size_t kPiecesPerWrite = 128;
// Of a few bytes each, when segments are made small.
constexpr int kWritesPerPump = 256;
constexpr size_t kLinePieceBytes = 256 << 10;
constexpr int kLinePiecesPerTurn = 16;
// How often a slow trickle or a job with a rate goes on.
constexpr absl::Duration kPaceStep = absl::Milliseconds(10);

bool EndsInPost(const LogRun& run) {
  const std::vector<LogPost>& posts = run.block->posts;
  for (size_t i = run.first_post; i < posts.size() && posts[i].end <= run.until; ++i) {
    if (posts[i].end == run.until) return false;
  }
  return true;
}

}  // namespace

ClientStream::ClientStream(StreamPlan plan, Transport* transport, TruthWriter* truth, Moment now)
    : options_(plan.options),
      identity_(std::move(plan.identity)),
      final_text_(std::move(plan.final_text)),
      allowed_connections_(plan.allowed_connections),
      transport_(transport),
      truth_(truth),
      feed_(std::move(plan.feed), identity_.number),
      random_(identity_.number),
      last_write_(now.elapsed),
      keep_alive_(options_.keep_alive),
      last_credit_(now.elapsed) {
  if (identity_.gzip) gzip_ = std::make_unique<GzipEncoder>(options_.framing.gzip_flushes);
  truth_->Connected(identity_.number, identity_.tag, identity_.address, now.x_time);
}

ClientStream::~ClientStream() = default;

void ClientStream::AddData(absl::string_view bytes) {
  outbox_.AddChunk(gzip_ == nullptr ? std::string(bytes) : gzip_->Encode(bytes));
}

void ClientStream::SendRaw(absl::string_view bytes) {
  if (!is_closing_) AddData(bytes);
}

void ClientStream::SendLongLine(char fill, uint64_t count) {
  line_fill_ = fill;
  line_left_ = count;
}

void ClientStream::FillLine() {
  auto count = static_cast<size_t>(std::min<uint64_t>(line_left_, kLinePieceBytes));
  line_left_ -= count;
  if (gzip_ == nullptr) {
    outbox_.AddFillChunk(line_fill_, count);
  } else {
    AddData(std::string(count, line_fill_));
  }
  if (line_left_ == 0) AddData("\r\n");
}

// Whoever was compressed without coming out follows with the next bytes.
void ClientStream::AddEncoded(const LogRun& run) {
  absl::string_view plain(run.block->bytes.get() + run.from, run.until - run.from);
  std::string encoded = gzip_->Encode(plain);
  if (!options_.framing.gzip_flushes) {
    unflushed_.push_back(run);
    if (encoded.empty()) return;
    for (const LogRun& earlier : std::exchange(unflushed_, {}))
      outbox_.AddEncodedChunk("", earlier);
    return outbox_.AddChunk(encoded);
  }
  outbox_.AddEncodedChunk(encoded, run);
}

void ClientStream::AddRun(const LogRun& run) {
  bool begins_post = !std::exchange(ends_in_post_, EndsInPost(run));
  bool glues = begins_post && random_.Unit() < options_.framing.glued_keep_alives;
  if (gzip_ == nullptr) return outbox_.AddChunk(run, glues ? "\r\n" : "");
  if (glues) AddData("\r\n");
  AddEncoded(run);
}

void ClientStream::Fill(Moment now) {
  std::vector<uint64_t> dropped;
  int line_pieces = 0;
  while (!is_closing_ && outbox_.bytes() < options_.queue_bytes_max) {
    if (line_left_ > 0) {
      // Compressed, a long line is short: not all of it in one turn.
      if (++line_pieces > kLinePiecesPerTurn) break;
      FillLine();
      continue;
    }
    std::optional<LogRun> run = feed_.Take(options_.framing.chunk_bytes_max, now, &dropped);
    if (!run) break;
    AddRun(*run);
  }
  dropped_posts_ += dropped.size();
  for (uint64_t emission : dropped) {
    truth_->Dropped(identity_.number, emission, 1, now.x_time);
  }
  if (!is_closing_ && feed_.is_finished()) {
    if (final_text_ != nullptr) AddData(final_text_(*feed_.past(), now));
    EndWithZeroChunk(now, EndKind::kJobDone);
  }
}

// What the pace and the size of segments allow now.
size_t ClientStream::WriteMax(Moment now) {
  const Framing& framing = options_.framing;
  size_t bytes_max = kBytesPerWrite;
  if (framing.segment_bytes_max > 0) bytes_max = std::min(bytes_max, framing.segment_bytes_max);
  if (framing.bytes_per_second <= 0) return bytes_max;
  write_credit_ += framing.bytes_per_second * absl::ToDoubleSeconds(now.elapsed - last_credit_);
  // A second's worth: what was not used in silence does not come as a burst.
  write_credit_ = std::min(write_credit_, std::max(1.0, framing.bytes_per_second));
  last_credit_ = now.elapsed;
  return std::min(bytes_max, static_cast<size_t>(write_credit_));
}

bool ClientStream::Write(Moment now) {
  uint64_t first = 0;
  uint64_t count = 0;
  auto flush = [&] {
    if (count > 0) truth_->Sent(identity_.number, first, count, now.x_time);
    sent_posts_ += count;
    count = 0;
  };
  size_t bytes_max = WriteMax(now);
  if (bytes_max == 0) return false;
  IoResult result = transport_->Write(outbox_.Gather(bytes_max, kPiecesPerWrite));
  if (result.state == IoState::kClosed) {
    Die(errno == ETIMEDOUT ? EndKind::kNetwork : EndKind::kClientClosed, now);
    return false;
  }
  if (result.state == IoState::kBlocked) return false;
  last_write_ = now.elapsed;
  sent_bytes_ += result.bytes;
  if (options_.framing.bytes_per_second > 0) write_credit_ -= static_cast<double>(result.bytes);
  outbox_.Consume(result.bytes, [&](const LogPost& post) {
    if (count > 0 && first + count != post.emission) flush();
    if (count == 0) first = post.emission;
    ++count;
  });
  flush();
  return true;
}

bool ClientStream::InHole(Moment now) {
  if (hole_until_ <= absl::ZeroDuration()) return false;
  if (now.elapsed < hole_until_) return true;
  hole_until_ = absl::ZeroDuration();
  if (is_hopeless_) EndWithReset(now);
  return false;
}

void ClientStream::CheckBacklog(Moment now) {
  bool is_full =
      backlog_bytes() > options_.client_buffer_bytes ||
      (options_.client_buffer_posts > 0 && feed_.backlog_posts() > options_.client_buffer_posts);
  if (is_closing_ || is_dead_ || !is_full) return;
  if (is_black_hole()) {
    feed_.SkipToEnd();
    is_hopeless_ = true;
    return;
  }
  EndForFullBuffer(options_.slow_cut_has_message, now);
}

void ClientStream::EndForFullBuffer(bool has_message, Moment now) {
  if (is_closing_) return;
  if (has_message) {
    EndWithMessage(identity_.family == Family::kGnip ? "FullBuffer" : "SlowReader", now,
                   EndKind::kSlowClient);
  } else {
    EndWithZeroChunk(now, EndKind::kSlowClient);
  }
}

bool ClientStream::Pump(Moment now) {
  if (is_dead_) return false;
  if (options_.framing.bytes_per_second <= 0) last_credit_ = now.elapsed;
  CheckBacklog(now);
  if (InHole(now) || is_dead_) return false;
  if (is_closing_ && now.elapsed - closing_since_ > kLingerMax) {
    Die(end_kind_, now);
    return false;
  }
  int writes_left = kWritesPerPump;
  for (size_t budget = kBytesPerPump; budget > 0 && writes_left-- > 0;) {
    Fill(now);
    if (outbox_.empty()) break;
    uint64_t before = sent_bytes_;
    if (!Write(now)) return !is_dead_ && options_.framing.bytes_per_second <= 0;
    budget -= std::min<size_t>(budget, sent_bytes_ - before);
  }
  if (!is_closing_ && outbox_.empty() && now.elapsed - last_write_ >= keep_alive_) {
    AddData("\r\n");
    keep_alive_ = options_.keep_alive * (1 + options_.keep_alive_jitter * random_.Unit());
    if (!Write(now)) return !is_dead_ && options_.framing.bytes_per_second <= 0;
  }
  if (is_closing_ && outbox_.empty()) Finish(now);
  // What is left over is written in the next turn.
  return !outbox_.empty() && options_.framing.bytes_per_second <= 0;
}

void ClientStream::OnReadable(Moment now) {
  char buffer[4096];
  for (;;) {
    IoResult result = transport_->Read(buffer, sizeof(buffer));
    if (result.state == IoState::kBlocked) return;
    if (result.state == IoState::kClosed) {
      return Die(errno == ETIMEDOUT ? EndKind::kNetwork : EndKind::kClientClosed, now);
    }
  }
}

void ClientStream::BeginClosing(EndKind kind, Moment now) {
  is_closing_ = true;
  hole_until_ = absl::ZeroDuration();
  line_left_ = 0;
  end_kind_ = kind;
  closing_since_ = now.elapsed;
  feed_.Release();
}

void ClientStream::EndWithMessage(absl::string_view name, Moment now, EndKind kind) {
  if (is_closing_) return;
  EndFacts facts{allowed_connections_, identity_.address, options_.client_buffer_posts};
  AddData(EndMessage(identity_.family, name, facts, now.x_time));
  EndWithZeroChunk(now, kind);
}

void ClientStream::EndWithZeroChunk(Moment now, EndKind kind) {
  if (is_closing_) return;
  if (gzip_ != nullptr) {
    for (const LogRun& run : std::exchange(unflushed_, {})) outbox_.AddEncodedChunk("", run);
    outbox_.AddChunk(gzip_->Finish());
  }
  outbox_.AddLastChunk();
  BeginClosing(kind, now);
}

void ClientStream::EndWithTruncatedChunk(Moment now) {
  if (is_closing_) return;
  // A chunk of 64 KB of which only the beginning comes.
  std::string begun = "{\"data\":{\"id\":\"1";
  outbox_.AddRaw(absl::StrCat("10000\r\n", gzip_ == nullptr ? begun : gzip_->Encode(begun)));
  BeginClosing(EndKind::kTruncatedChunk, now);
}

void ClientStream::EndWithReset(Moment now) {
  if (is_dead_) return;
  transport_->ResetOnClose();
  Die(EndKind::kReset, now);
}

void ClientStream::BlackHole(absl::Duration length, Moment now) {
  if (!is_closing_) hole_until_ = now.elapsed + length;
}

void ClientStream::Finish(Moment now) {
  if (is_finished_) return;
  is_finished_ = true;
  transport_->FinishWriting();
  RecordEnd(now);
}

void ClientStream::RecordEnd(Moment now) {
  if (is_recorded_) return;
  is_recorded_ = true;
  for (uint64_t emission : outbox_.PartlyWritten()) {
    truth_->Maybe(identity_.number, emission, 1, now.x_time);
  }
  truth_->Ended(identity_.number, end_kind_, now.x_time);
}

void ClientStream::Die(EndKind kind, Moment now) {
  if (is_dead_) return;
  is_dead_ = true;
  if (!is_closing_) end_kind_ = kind;
  RecordEnd(now);
  outbox_.Clear();
  feed_.Release();
}

absl::Duration ClientStream::NextDeadline() const {
  if (is_dead_) return absl::InfiniteDuration();
  if (is_closing_) return closing_since_ + kLingerMax;
  if (is_black_hole()) return hole_until_;
  bool is_paced = options_.framing.bytes_per_second > 0 && !outbox_.empty();
  if (is_paced || (feed_.past() != nullptr && !feed_.past()->is_done())) {
    return last_credit_ + kPaceStep;
  }
  return last_write_ + keep_alive_;
}

}  // namespace braid::emulator
