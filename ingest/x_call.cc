#include "ingest/x_call.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace braid {

// Lives as long as the exchange does; whoever asked may be gone.
class XCall::Collector final : public HttpHandler {
 public:
  Collector(Loop& loop, uint64_t body_bytes_max, Done done)
      : loop_(loop), body_bytes_max_(body_bytes_max), done_(std::move(done)) {}

  void OnConnected(absl::Time) override {}
  void OnHead(const HttpHead& head, absl::Time) override { answer_.head = head; }
  void OnBytes(absl::string_view bytes, absl::Time) override {
    is_too_long_ = is_too_long_ || answer_.body.size() + bytes.size() > body_bytes_max_;
    if (!is_too_long_) answer_.body.append(bytes.data(), bytes.size());
  }
  void OnDrained(absl::Time) override {}
  void OnDone(const HttpEnd& end, absl::Time) override {
    loop_.Post([done = std::move(done_), result = Result(end)]() mutable {
      done(std::move(result));
    });
  }

 private:
  absl::StatusOr<XAnswer> Result(const HttpEnd& end) {
    if (is_too_long_) return absl::UnavailableError("the answer is too long");
    if (end.kind == HttpEnd::Kind::kClean && answer_.head.status != 0) return std::move(answer_);
    return absl::UnavailableError(absl::StrCat("no whole answer: ", end.detail));
  }

  Loop& loop_;
  const uint64_t body_bytes_max_;
  Done done_;
  XAnswer answer_;
  bool is_too_long_ = false;
};

XCall::XCall(Loop& loop, HttpClient& http, const Options& options, HttpRequest request, Done done)
    : loop_(loop), http_(http), done_(std::move(done)) {
  request_id_ = http_.Open(
      std::move(request),
      std::make_shared<Collector>(loop, options.body_bytes_max,
                                  owner_.Wrap([this](absl::StatusOr<XAnswer> answer) {
                                    Finish(std::move(answer));
                                  })));
  timer_ = loop_.After(options.timeout, owner_.Wrap([this] {
    timer_ = 0;
    http_.Close(request_id_);
    Finish(absl::DeadlineExceededError("no answer in time"));
  }));
}

XCall::~XCall() {
  if (!done_) return;
  if (timer_ != 0) loop_.Cancel(timer_);
  http_.Close(request_id_);
}

void XCall::Finish(absl::StatusOr<XAnswer> answer) {
  if (!done_) return;
  if (timer_ != 0) loop_.Cancel(timer_);
  // It may destroy us.
  Done done = std::move(done_);
  done_ = nullptr;
  done(std::move(answer));
}

}  // namespace braid
