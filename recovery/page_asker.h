// Asks X for one page after the other, of whatever endpoint: within the account's
// share, at X's pace, and a page that failed for a moment again, so that what
// came before is not asked for twice.
//
// Threads: the loop.
// Ownership: loop, client and windows outlive it. Destroying it stops at once.
// Bounds: one request at a time; retries_max of one page in a row; RestCall's.

#ifndef BRAID_RECOVERY_PAGE_ASKER_H_
#define BRAID_RECOVERY_PAGE_ASKER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/http_client.h"
#include "base/loop.h"
#include "base/owner.h"
#include "ingest/rest_call.h"
#include "ingest/x_budget.h"
#include "ingest/x_clock.h"
#include "recovery/fetch.h"

namespace braid {

// What of the account's share requests take.
struct PageShare {
  AttemptWindow* window = nullptr;
  // The window changed.
  std::function<void()> save;
  // The next request's place is taken: the worker has begun it.
  bool has_place = true;
  // Nothing waits for its page: it is not asked for where there is no place, and
  // never twice.
  bool is_optional = false;
};

class PageAsker {
 public:
  struct Options {
    // Between an answer and the next request.
    absl::Duration interval;
    int retries_max = 5;
    // Doubling; X's own word comes before it.
    absl::Duration retry_min = absl::Seconds(5);
    // Where X limits and names no time.
    absl::Duration limited_wait = absl::Seconds(60);
    RestCall::Options call;
  };
  // Why there will be no page.
  struct End {
    FetchEvidence::Stop stop = FetchEvidence::Stop::kFailed;
    Verdict verdict;
    int http_status = 0;
    // X's words.
    std::string message;

    // Every page came.
    static End Clean();
    // An answer that is none of what was asked for.
    static End Unreadable(absl::string_view why);
  };
  // From what the Authorization header is made of.
  using RequestMaker = std::function<absl::StatusOr<HttpRequest>(const std::string& token)>;
  using OnPage = std::function<void(const std::string& body)>;
  // May destroy the asker, as OnPage may.
  using OnEnd = std::function<void(const End& end)>;

  PageAsker(Loop& loop, HttpClient& http, const Options& options, TokenSource token, OnEnd on_end);
  ~PageAsker();

  // The body of a 200 answer, or the end. `share`: nullptr where none is kept; else
  // it outlives the request. REQUIRES: nothing is asked.
  void Ask(RequestMaker maker, PageShare* share, OnPage on_page);

  // X time.
  absl::Time XNow() const { return clock_.At(loop_.Now()); }

 private:
  absl::Duration WaitForShare() const;
  void Begin();
  void OnAnswer(RestAnswer answer);
  void OnRefused(const RestAnswer& answer);
  void NoteReached();
  void Finish(End end);

  Loop& loop_;
  HttpClient& http_;
  const Options options_;
  const TokenSource token_;
  const OnEnd on_end_;

  XClock clock_;
  absl::Time not_before_ = absl::InfinitePast();
  // X has answered with a page that takes of a share.
  bool is_served_ = false;
  // 0: none of its own.
  uint64_t ticket_ = 0;

  // What is asked.
  RequestMaker maker_;
  PageShare* share_ = nullptr;
  OnPage on_page_;
  int failures_ = 0;
  std::unique_ptr<RestCall> call_;
  Owner owner_;
};

// How it ended. `message_bytes_max`: of X's words.
void FillEnd(const PageAsker::End& end, size_t message_bytes_max, absl::Time x_now,
             FetchEvidence* evidence);

}  // namespace braid

#endif  // BRAID_RECOVERY_PAGE_ASKER_H_
