// Facts about how X refuses, ends and complains, as tables: status, body, end
// of the socket or message in the stream → why (a cause from a fixed list,
// which labels metrics and events) and how soon to try again.
//
// Pure. Source: docs/X-API, 2.9 to 2.11 and 1.7 to 1.11.

#ifndef BRAID_INGEST_X_ERROR_H_
#define BRAID_INGEST_X_ERROR_H_

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/http_client.h"
#include "ingest/x_message.h"

namespace braid {

// Which delays apply before the next attempt (x_backoff.h).
enum class RetryClass {
  kOk,                  // no failure
  kImmediate,           // an established connection dropped
  kNetwork,             // no answer: 250 ms more each time, up to 16 s
  kDns,                 // no address: 1 s doubling to 32 s
  kHttp,                // refused: 5 s doubling to 320 s
  kRateLimited,         // 60 s doubling, never before the limit's reset
  kTooManyConnections,  // the slot is taken: 5 s doubling to 320 s
  kTerminal,            // somebody must act; 320 s, and an error in the log
};
inline constexpr int kRetryClassCount = static_cast<int>(RetryClass::kTerminal) + 1;
// Stable words, as events, reports and metrics show them.
absl::string_view RetryWord(RetryClass retry);

// Stable words; CauseWord names them.
enum class Cause {
  kConnected,
  // The socket's end.
  kCleanEof,
  kTruncated,
  kReset,
  kSilence,
  kDns,
  kConnect,
  kTls,
  kBadEncoding,
  kHttpFailed,
  kNoAnswer,
  // Refusals.
  kRateLimited,
  kTooManyConnections,
  kUsageCap,
  kPayment,
  kUnauthorized,
  kForbidden,
  kNotFound,
  kBadRequest,
  kRules,
  kProvisioning,
  kRedirect,
  kServerError,
  kUnexpectedStatus,
  kToken,
  // What X said in the stream before it closed.
  kOperationalDisconnect,
  kForceDisconnect,
  kFullBuffer,
  kSlowReader,
  kTooManyNotice,
  kInvalidRules,
  kInternalError,
  kStateDegraded,
  kOtherMessage,
  // Ours.
  kDataSilence,
  kRequested,
  kDrain,
};
inline constexpr int kCauseCount = static_cast<int>(Cause::kDrain) + 1;
absl::string_view CauseWord(Cause cause);

struct Verdict {
  RetryClass retry = RetryClass::kOk;
  Cause cause = Cause::kConnected;
  // Not earlier than this, whatever the class says.
  absl::Duration delay_min = absl::ZeroDuration();

  // Waiting alone will not mend it: an error in the log and a metric.
  bool needs_operator() const {
    return retry == RetryClass::kTerminal || cause == Cause::kProvisioning;
  }
  // X discarded what it had queued: no backfill brings it.
  bool queue_discarded() const {
    return cause == Cause::kFullBuffer || cause == Cause::kSlowReader;
  }
};

// Refusals are never waited for longer than a limit's window and a margin:
// a wrong header must not silence us for days.
inline constexpr absl::Duration kDelayMinMax = absl::Minutes(16);

// The answer to a request. `body`: what there is of it. `x_now` stands in
// where the answer has no Date.
Verdict ClassifyAnswer(const HttpHead& head, absl::string_view body, absl::Time x_now);

// The end of an exchange. `established`: a 200 had arrived.
Verdict ClassifyEnd(const HttpEnd& end, bool established);

// A control message: what it says about the end that will follow. nullopt for
// messages that announce none.
absl::optional<Verdict> ClassifyMessage(const ScannedMessage& message);

// The Date header.
absl::optional<absl::Time> DateOf(const HttpHead& head);

}  // namespace braid

#endif  // BRAID_INGEST_X_ERROR_H_
