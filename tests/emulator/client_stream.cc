#include "tests/emulator/client_stream.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"

namespace braid::emulator {
namespace {

// After our end the client may still read what the kernel holds.
constexpr absl::Duration kLingerMax = absl::Seconds(5);
// One connection may not keep the loop from the other for longer than this.
constexpr size_t kBytesPerPump = 4 << 20;
// A write of 1 MiB keeps the kernel busy for about 0.3 ms.
constexpr size_t kBytesPerWrite = 1 << 20;
constexpr size_t kPiecesPerWrite = 128;
constexpr size_t kLinePieceBytes = 256 << 10;
constexpr int kLinePiecesPerTurn = 16;

}  // namespace

std::string DisconnectMessage(absl::string_view disconnect_type) {
  static const std::map<std::string, std::pair<const char*, const char*>> kTexts = {
      {"OperationalDisconnect",
       {"operational-disconnect", "This stream has been disconnected for operational reasons."}},
      {"UpstreamOperationalDisconnect",
       {"operational-disconnect",
        "This stream has been disconnected upstream for operational reasons."}},
      {"SlowReader",
       {"slow-reader",
        "This stream has been disconnected because your client was unable to keep up with us."}},
  };
  std::string type(disconnect_type);
  auto known = kTexts.find(type);
  std::string title = known == kTexts.end() ? "disconnect" : known->second.first;
  std::string detail =
      known == kTexts.end() ? "This stream has been disconnected." : known->second.second;
  return absl::StrCat("{\"errors\":[{\"title\":\"", title, "\",\"disconnect_type\":\"", type,
                      "\",\"detail\":\"", detail, "\",\"type\":\"https://api.x.com/2/problems/",
                      title, "\"}]}\r\n");
}

ClientStream::ClientStream(const StreamOptions& options, StreamIdentity identity,
                           Transport* transport, const PostLog* log, TruthWriter* truth, Moment now)
    : options_(options),
      identity_(std::move(identity)),
      transport_(transport),
      log_(log),
      truth_(truth),
      feed_(*log, identity_.number),
      last_write_(now.elapsed) {
  if (identity_.gzip) gzip_ = std::make_unique<GzipEncoder>();
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
    std::optional<LogRun> run = feed_.Take(options_.chunk_bytes_max, now.x_time, &dropped);
    if (!run) break;
    if (gzip_ == nullptr) {
      outbox_.AddChunk(*run);
    } else {
      absl::string_view plain(run->block->bytes.get() + run->from, run->until - run->from);
      outbox_.AddEncodedChunk(gzip_->Encode(plain), *run);
    }
  }
  dropped_posts_ += dropped.size();
  for (uint64_t emission : dropped) {
    truth_->Dropped(identity_.number, emission, 1, now.x_time);
  }
}

bool ClientStream::Write(Moment now) {
  uint64_t first = 0;
  uint64_t count = 0;
  auto flush = [&] {
    if (count > 0) truth_->Sent(identity_.number, first, count, now.x_time);
    sent_posts_ += count;
    count = 0;
  };
  IoResult result = transport_->Write(outbox_.Gather(kBytesPerWrite, kPiecesPerWrite));
  if (result.state == IoState::kClosed) {
    Die(errno == ETIMEDOUT ? EndKind::kNetwork : EndKind::kClientClosed, now);
    return false;
  }
  if (result.state == IoState::kBlocked) return false;
  last_write_ = now.elapsed;
  sent_bytes_ += result.bytes;
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
  if (is_closing_ || is_dead_ || backlog_bytes() <= options_.client_buffer_bytes) return;
  feed_.SkipToEnd(*log_);
  if (is_black_hole()) {
    is_hopeless_ = true;
    return;
  }
  if (options_.slow_cut_has_message) AddData(DisconnectMessage("SlowReader"));
  EndWithZeroChunk(now);
  end_kind_ = EndKind::kSlowClient;
}

bool ClientStream::Pump(Moment now) {
  if (is_dead_) return false;
  CheckBacklog(now);
  if (InHole(now) || is_dead_) return false;
  if (is_closing_ && now.elapsed - closing_since_ > kLingerMax) {
    Die(end_kind_, now);
    return false;
  }
  for (size_t budget = kBytesPerPump; budget > 0;) {
    Fill(now);
    if (outbox_.empty()) break;
    uint64_t before = sent_bytes_;
    if (!Write(now)) return !is_dead_;
    budget -= std::min<size_t>(budget, sent_bytes_ - before);
  }
  if (!is_closing_ && outbox_.empty() && now.elapsed - last_write_ >= options_.keep_alive) {
    AddData("\r\n");
    if (!Write(now)) return !is_dead_;
  }
  if (is_closing_ && outbox_.empty()) Finish(now);
  // What is left over is written in the next turn.
  return !outbox_.empty();
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

void ClientStream::EndWithMessage(absl::string_view disconnect_type, Moment now) {
  if (is_closing_) return;
  AddData(DisconnectMessage(disconnect_type));
  EndWithZeroChunk(now);
  end_kind_ = EndKind::kDisconnectMessage;
}

void ClientStream::EndWithZeroChunk(Moment now) {
  if (is_closing_) return;
  if (gzip_ != nullptr) outbox_.AddChunk(gzip_->Finish());
  outbox_.AddLastChunk();
  BeginClosing(EndKind::kZeroChunk, now);
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
  return last_write_ + options_.keep_alive;
}

}  // namespace braid::emulator
