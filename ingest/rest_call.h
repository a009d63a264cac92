// One short call of X's JSON endpoints: a request out, a whole answer in, or why
// there is none.
//
// Threads: constructed and destroyed on the loop, `done` runs on it; the HTTP
// client's thread only collects.
// Bounds: Options::body_bytes_max of the answer, Options::timeout in all.

#ifndef BRAID_INGEST_REST_CALL_H_
#define BRAID_INGEST_REST_CALL_H_

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "base/owner.h"

namespace braid {

struct RestAnswer {
  // 0: none came; `failure` says why. The request may have been executed.
  int status = 0;
  HttpHead head;
  std::string body;
  std::string failure;
};

class RestCall {
 public:
  struct Options {
    // X's own limit on what it takes is 5 MB; a list of 25,000 rules is as long
    // as that.
    size_t body_bytes_max = 16 << 20;
    // What X answers takes a second; a thousand rules take several.
    absl::Duration timeout = absl::Seconds(20);
  };
  using Done = absl::AnyInvocable<void(RestAnswer answer)>;

  // Starts at once. `done` may destroy this.
  RestCall(Loop& loop, HttpClient& client, HttpRequest request, const Options& options, Done done);
  // Closes the socket; `done` does not run.
  ~RestCall();

 private:
  class Handler;
  void Finish(RestAnswer answer);

  Loop& loop_;
  HttpClient& client_;
  Done done_;
  std::shared_ptr<Handler> handler_;
  HttpClient::RequestId request_ = 0;
  Loop::TimerId timer_ = 0;
  Owner owner_;
};

}  // namespace braid

#endif  // BRAID_INGEST_REST_CALL_H_
