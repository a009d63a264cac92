#include "recovery/past_fetch.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/log.h"

namespace braid {
namespace {

// What has an id may come from a minute that X still fills; beyond it was not
// asked for.
constexpr absl::Duration kBeyond = absl::Minutes(1);

}  // namespace

PastFetch::PastFetch(Loop& loop, HttpClient& http, RecordSink& sink, Options options,
                     const TokenSource& token, Done done)
    : loop_(loop),
      http_(http),
      options_(std::move(options)),
      done_(std::move(done)),
      clock_(loop.WallNow(), loop.Now()),
      events_(sink, options_.framer, options_.witnesses, &evidence_),
      feed_(options_.past.request.dialect->unknown),
      open_time_(loop.Now()) {
  evidence_.asked = options_.past.asked;
  evidence_.has_final_record = options_.past.has_final_record;
  if (options_.counted_max > 0) evidence_.minutes.emplace();
  Open(token);
}

PastFetch::~PastFetch() {
  if (reader_ != nullptr) reader_->Detach();
  http_.Close(request_id_);
  events_.Close();
}

void PastFetch::Open(const TokenSource& token) {
  absl::StatusOr<std::string> text = token();
  absl::StatusOr<HttpRequest> request = text.ok() ? BuildRequest(options_.past.request, *text, 0)
                                                  : absl::StatusOr<HttpRequest>(text.status());
  if (!request.ok()) {
    return loop_.Post(owner_.Wrap([this, status = request.status()] {
      Finish(FetchEvidence::Stop::kRefused, {RetryClass::kHttp, Cause::kToken},
             std::string(status.message()));
    }));
  }
  reader_ =
      std::make_shared<StreamReader>(loop_, static_cast<StreamConsumer*>(this), options_.reader);
  request_id_ = http_.Open(*std::move(request), reader_);
  Watch();
}

// Any byte is a sign of life, seen ahead of the blocks under way.
void PastFetch::Watch() {
  absl::Time alive = open_time_;
  if (auto last = reader_->last_byte_time()) alive = std::max(alive, *last);
  bool is_busy = reader_->in_flight_bytes() > 0;
  if (!is_busy && loop_.Now() - alive >= options_.stall_after) {
    bool established = head_.status == 200;
    return Finish(established ? FetchEvidence::Stop::kBroken : FetchEvidence::Stop::kFailed,
                  established ? Verdict{RetryClass::kImmediate, Cause::kSilence}
                              : Verdict{RetryClass::kNetwork, Cause::kNoAnswer},
                  absl::StrCat("nothing came for ", absl::FormatDuration(options_.stall_after)));
  }
  events_.CloseOld(options_.frame_age_max, loop_.Now());
  loop_.After(options_.watch_interval, owner_.Wrap([this] {
    if (done_) Watch();
  }));
}

void PastFetch::OnStreamHead(const HttpHead& head, absl::Time now) {
  head_ = head;
  clock_.OnHead(DateOf(head), now);
  evidence_.http_status = head.status;
  evidence_.begin_time = evidence_.last_request_time = XNow();
}

void PastFetch::OnStreamBlock(LineBlock block) {
  if (!done_) return;
  evidence_.bytes += block.received_bytes;
  feed_.Take(block, this);
  if (outside_ <= options_.outside_max) return;
  Finish(FetchEvidence::Stop::kBroken, {RetryClass::kTerminal, Cause::kOtherMessage},
         "X sends what is newer than the range: it does not know the parameters");
}

void PastFetch::OnEvent(absl::string_view line, const ScannedMessage& message, absl::Time now) {
  NoteTime(message.create_time);
  Count(message);
  events_.Add(line, message, clock_.At(now), loop_.Now());
}

void PastFetch::NoteTime(absl::Time create_time) {
  int64_t micros = absl::ToUnixMicros(create_time);
  if (micros < evidence_.asked.from) return;
  if (micros >= evidence_.asked.until) {
    bool is_beyond = create_time >= absl::FromUnixMicros(evidence_.asked.until) + kBeyond;
    outside_ += is_beyond ? 1 : 0;
    return;
  }
  int64_t minute = MinuteOf(micros);
  std::set<int64_t>& seen = evidence_.seen_minutes;
  if (!seen.empty() && minute < *seen.rbegin()) evidence_.is_in_order = false;
  seen.insert(minute);
  reached_ = std::max(reached_, create_time);
}

void PastFetch::Count(const ScannedMessage& message) {
  if (!evidence_.minutes || message.kind != ScannedMessage::Kind::kPost) return;
  int64_t micros = absl::ToUnixMicros(message.create_time);
  bool is_asked = evidence_.asked.from <= micros && micros < evidence_.asked.until;
  if (!is_asked || !counted_ids_.insert(message.post_id).second) return;
  ++(*evidence_.minutes)[MinuteOf(micros)];
  if (counted_ids_.size() > options_.counted_max) evidence_.minutes.reset();
}

void PastFetch::OnControl(absl::string_view line, const ScannedMessage& message, absl::Time) {
  last_words_ = BoundedText(line, options_.message_bytes_max);
  if (message.control == ControlKind::kInfo) {
    if (auto record = ParseFinalRecord(line)) evidence_.final_record = std::move(record);
  }
  if (auto verdict = ClassifyMessage(message)) announced_ = verdict;
  Log(LogLevel::kInfo, "recovery_message", "a message of X that is no post",
      {{"kind", ControlWord(message.control)}, {"text", last_words_}});
}

void PastFetch::OnUnparsable(absl::string_view line, UnparsableReason reason, absl::Time) {
  Log(LogLevel::kWarn, "line_unparsable", "a line could not be read",
      {{"reason", UnparsableWord(reason)}, {"bytes", static_cast<uint64_t>(line.size())}});
}

void PastFetch::OnDropped(const LineBlock::Dropped& dropped) {
  evidence_.lost_lines += std::max<uint64_t>(dropped.lines, 1);
}

// What the end cut in two belongs to the last minute, which is asked for again.
void PastFetch::OnStreamEnd(const HttpEnd& end, const std::string& body) {
  using Stop = FetchEvidence::Stop;
  if (!done_) return;
  if (head_.status == 0) return Finish(Stop::kFailed, ClassifyEnd(end, false), end.detail);
  if (head_.status != 200) {
    bool is_readable = end.kind != HttpEnd::Kind::kBadEncoding;
    return Finish(Stop::kRefused, ClassifyAnswer(head_, is_readable ? body : "", XNow()), body);
  }
  if (announced_) return Finish(Stop::kBroken, *announced_, last_words_);
  bool is_clean = end.kind == HttpEnd::Kind::kClean && !is_cut_;
  Finish(is_clean ? Stop::kClean : Stop::kBroken, ClassifyEnd(end, true),
         last_words_.empty() ? end.detail : last_words_);
}

void PastFetch::Finish(FetchEvidence::Stop stop, const Verdict& verdict,
                       absl::string_view message) {
  if (reader_ != nullptr) reader_->Detach();
  http_.Close(request_id_);
  events_.Close();
  evidence_.stop = stop;
  evidence_.verdict = verdict;
  evidence_.message = BoundedText(message, options_.message_bytes_max);
  evidence_.end_time = XNow();
  // It may destroy us.
  Done done = std::exchange(done_, nullptr);
  done(std::move(evidence_));
}

FetchProgress PastFetch::Progress() const { return {evidence_.events, evidence_.bytes, reached_}; }

}  // namespace braid
