#include "ingest/rest_call.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace braid {

// Collects on the client's thread; the loop gets the whole.
class RestCall::Handler final : public HttpHandler {
 public:
  Handler(Loop& loop, size_t body_bytes_max, absl::AnyInvocable<void(RestAnswer)> done)
      : loop_(loop), body_bytes_max_(body_bytes_max), done_(std::move(done)) {}

  void OnConnected(absl::Time now) override {}
  void OnHead(const HttpHead& head, absl::Time now) override {
    answer_.head = head;
    has_head_ = true;
  }
  void OnBytes(absl::string_view bytes, absl::Time now) override {
    if (answer_.body.size() + bytes.size() > body_bytes_max_) {
      is_too_long_ = true;
      return;
    }
    answer_.body.append(bytes.data(), bytes.size());
  }
  void OnDrained(absl::Time now) override {}
  void OnDone(const HttpEnd& end, absl::Time now) override {
    if (is_too_long_) {
      answer_.failure = absl::StrCat("the answer is longer than ", body_bytes_max_, " bytes");
    } else if (end.kind != HttpEnd::Kind::kClean || !has_head_) {
      answer_.failure = absl::StrCat("no answer: ", end.detail);
    } else {
      answer_.status = answer_.head.status;
    }
    loop_.Post([done = std::move(done_), answer = std::move(answer_)]() mutable {
      done(std::move(answer));
    });
  }

 private:
  Loop& loop_;
  const size_t body_bytes_max_;
  absl::AnyInvocable<void(RestAnswer)> done_;
  RestAnswer answer_;
  bool has_head_ = false;
  bool is_too_long_ = false;
};

RestCall::RestCall(Loop& loop, HttpClient& client, HttpRequest request, const Options& options,
                   Done done)
    : loop_(loop), client_(client), done_(std::move(done)) {
  handler_ = std::make_shared<Handler>(
      loop, options.body_bytes_max,
      owner_.Wrap([this](RestAnswer answer) { Finish(std::move(answer)); }));
  timer_ = loop_.After(options.timeout, owner_.Wrap([this, timeout = options.timeout] {
    client_.Close(request_);
    RestAnswer answer;
    answer.failure = absl::StrCat("no answer within ", absl::FormatDuration(timeout));
    Finish(std::move(answer));
  }));
  request_ = client_.Open(std::move(request), handler_);
}

RestCall::~RestCall() {
  loop_.Cancel(timer_);
  client_.Close(request_);
}

void RestCall::Finish(RestAnswer answer) {
  if (!done_) return;
  loop_.Cancel(timer_);
  Done done = std::move(done_);
  done_ = nullptr;
  done(std::move(answer));
}

}  // namespace braid
