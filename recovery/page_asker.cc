#include "recovery/page_asker.h"

#include <algorithm>
#include <utility>

namespace braid {
namespace {

using Stop = FetchEvidence::Stop;

// It may pass by itself.
bool IsPassing(Cause cause) {
  return cause == Cause::kNoAnswer || cause == Cause::kServerError || cause == Cause::kRateLimited;
}

}  // namespace

PageAsker::End PageAsker::End::Clean() {
  return {Stop::kClean, {RetryClass::kImmediate, Cause::kCleanEof}, 200, ""};
}

PageAsker::End PageAsker::End::Unreadable(absl::string_view why) {
  return {Stop::kBroken, {RetryClass::kHttp, Cause::kOtherMessage}, 200, std::string(why)};
}

PageAsker::PageAsker(Loop& loop, HttpClient& http, const Options& options, TokenSource token,
                     OnEnd on_end)
    : loop_(loop),
      http_(http),
      options_(options),
      token_(std::move(token)),
      on_end_(std::move(on_end)),
      clock_(loop.WallNow(), loop.Now()) {}

PageAsker::~PageAsker() { NoteReached(); }

void PageAsker::Ask(RequestMaker maker, PageShare* share, OnPage on_page) {
  maker_ = std::move(maker);
  share_ = share;
  on_page_ = std::move(on_page);
  failures_ = 0;
  Begin();
}

absl::Duration PageAsker::WaitForShare() const {
  bool takes_place = share_ != nullptr && !share_->has_place;
  return takes_place ? share_->window->Wait(loop_.Now()) : absl::ZeroDuration();
}

void PageAsker::Begin() {
  absl::Duration of_share = WaitForShare();
  if (of_share > absl::ZeroDuration() && share_->is_optional) {
    return loop_.Post(owner_.Wrap([this] { Finish({Stop::kStopped, {}, 0, "no place is free"}); }));
  }
  absl::Duration wait = std::max(not_before_ - loop_.Now(), of_share);
  if (wait > absl::ZeroDuration()) {
    loop_.After(wait, owner_.Wrap([this] { Begin(); }));
    return;
  }
  absl::StatusOr<std::string> token = token_();
  absl::StatusOr<HttpRequest> request =
      token.ok() ? maker_(*token) : absl::StatusOr<HttpRequest>(token.status());
  if (!request.ok()) {
    End end{Stop::kRefused, {RetryClass::kHttp, Cause::kToken}};
    end.message = std::string(request.status().message());
    return loop_.Post(
        owner_.Wrap([this, end = std::move(end)]() mutable { Finish(std::move(end)); }));
  }
  if (share_ != nullptr && !std::exchange(share_->has_place, false)) {
    ticket_ = share_->window->Begin(loop_.Now());
    share_->save();
  }
  call_ = std::make_unique<RestCall>(loop_, http_, *std::move(request), options_.call,
                                     [this](RestAnswer answer) {
                                       call_.reset();
                                       OnAnswer(std::move(answer));
                                     });
}

void PageAsker::NoteReached() {
  if (ticket_ == 0) return;
  share_->window->OnReached(std::exchange(ticket_, 0), loop_.Now());
  share_->save();
}

void PageAsker::OnAnswer(RestAnswer answer) {
  NoteReached();
  not_before_ = loop_.Now() + options_.interval;
  if (answer.status != 200) return OnRefused(answer);
  clock_.OnHead(DateOf(answer.head), loop_.Now());
  is_served_ = is_served_ || share_ != nullptr;
  // It may destroy us, or ask for the next one.
  OnPage on_page = std::exchange(on_page_, nullptr);
  on_page(answer.body);
}

void PageAsker::OnRefused(const RestAnswer& answer) {
  End end;
  end.http_status = answer.status;
  end.message = answer.status == 0 ? answer.failure : answer.body;
  end.stop = answer.status == 0 ? Stop::kFailed : Stop::kRefused;
  end.verdict = answer.status == 0 ? Verdict{RetryClass::kNetwork, Cause::kNoAnswer}
                                   : ClassifyAnswer(answer.head, answer.body, XNow());
  // Before the first page nothing is lost by leaving it to the worker.
  bool is_patient = share_ == nullptr || !share_->is_optional;
  bool again =
      is_patient && is_served_ && IsPassing(end.verdict.cause) && failures_ < options_.retries_max;
  if (!again) return Finish(std::move(end));
  absl::Duration delay = options_.retry_min * (1 << failures_++);
  if (end.verdict.cause == Cause::kRateLimited) {
    absl::Duration told = end.verdict.delay_min;
    delay = std::max(delay, told > absl::ZeroDuration() ? told : options_.limited_wait);
  }
  not_before_ = loop_.Now() + delay;
  Begin();
}

void PageAsker::Finish(End end) {
  OnEnd on_end = on_end_;
  on_end(end);
}

void FillEnd(const PageAsker::End& end, size_t message_bytes_max, absl::Time x_now,
             FetchEvidence* evidence) {
  evidence->stop = end.stop;
  evidence->verdict = end.verdict;
  evidence->http_status = end.http_status;
  evidence->message = BoundedText(end.message, message_bytes_max);
  evidence->end_time = x_now;
}

}  // namespace braid
