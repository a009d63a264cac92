// One short request to X beside the stream: asked, answered or given up.
//
// Threads: made and destroyed on the loop, which `done` runs on; the handler
// collects on the client's thread.
// Ownership: destruction gives up; `done` is not run any more.
// Bounds: body_bytes_max of the answer, timeout for all of it.

#ifndef BRAID_INGEST_X_CALL_H_
#define BRAID_INGEST_X_CALL_H_

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "base/owner.h"

namespace braid {

struct XAnswer {
  HttpHead head;
  std::string body;
};

class XCall {
 public:
  struct Options {
    // A person would have given up.
    absl::Duration timeout = absl::Seconds(10);
    // 100 connections take 20 KB.
    uint64_t body_bytes_max = 1 << 20;
  };
  // Any status that arrived whole; DeadlineExceeded, or Unavailable with how
  // the exchange ended.
  using Done = absl::AnyInvocable<void(absl::StatusOr<XAnswer>)>;

  XCall(Loop& loop, HttpClient& http, const Options& options, HttpRequest request, Done done);
  ~XCall();

 private:
  class Collector;
  void Finish(absl::StatusOr<XAnswer> answer);

  Loop& loop_;
  HttpClient& http_;
  Done done_;
  HttpClient::RequestId request_id_ = 0;
  Loop::TimerId timer_ = 0;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_X_CALL_H_
