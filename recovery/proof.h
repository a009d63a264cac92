// What one fetch of a past range is worth: from what was received and how it
// ended to the spans that may be vouched for, what X could not send, and the
// outcome that dedupers are told. The table of docs/OPERATIONS.md, Recovery.
//
//   X's final record, its count equal to ours     the range less what X names
//   no loss, clean end, the same keys as the last
//     clean attempt, repeat_after before          the range
//   clean end, and in no minute of any query
//     fewer than X counts                         the range
//   clean end                                     nothing yet: half a proof
//   end before the final record where X sends
//     the oldest minute first                     each minute before the last of
//                                                 which something came
//   all that search can be asked for, and not
//     every rule                                  nothing: the route is used up
//   an answer for each id that was looked up      nothing: it is done all the same
//   anything else, any line lost                  nothing
//
// Of all this, nothing that was older than X's memory when it was asked last: the
// padding may begin there.
//
// And nothing is vouched for that lacks more than a fifth of the posts that
// connections brought of it, whatever X says.
//
// Pure; any thread. Bounds: those of the final record.

#ifndef BRAID_RECOVERY_PROOF_H_
#define BRAID_RECOVERY_PROOF_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "base/interval_set.h"
#include "braid/v1/recovery.pb.h"
#include "braid/v1/work_service.pb.h"
#include "ingest/x_error.h"
#include "recovery/final_record.h"

namespace braid {

// RecoveryResult.proof; half a proof is kProofCleanEnd (proto/recovery_terms.h).
inline constexpr absl::string_view kProofFinalRecord = "final_record";
inline constexpr absl::string_view kProofSameTwice = "same_twice";
inline constexpr absl::string_view kProofCounts = "counts";
// Of what is known by its ids alone.
inline constexpr absl::string_view kProofAnswered = "answered";

// Start of the minute; Unix microseconds.
int64_t MinuteOf(int64_t micros);
// By that.
using MinuteCounts = std::map<int64_t, uint64_t>;

// Of a part of one minute: what X counts and what came.
struct CountedSpan {
  Interval span;
  uint64_t counted = 0;
  uint64_t received = 0;
};

struct FetchEvidence {
  enum class Stop {
    kClean,    // the answer ended as HTTP says, and X announced no trouble
    kBroken,   // the stream ended otherwise, or we gave it up as silent
    kRefused,  // an answer that is no stream
    kFailed,   // no answer
    kStopped,  // nobody wants it any more
    kLost,     // complete or not, what was received is no longer all there
  };
  Stop stop = Stop::kFailed;
  // Why; of kRefused it decides what is told.
  Verdict verdict;
  int http_status = 0;
  // X's last words, or what there is to say; at most 2 KiB.
  std::string message;

  // What was asked of X: Unix microseconds.
  Interval asked;
  // X sends the oldest minute first and a final record.
  bool has_final_record = false;

  uint64_t events = 0;
  uint64_t bytes = 0;
  // Of the set of keys that came: DigestOfNothing() and the sum of their Hash64.
  uint64_t keys_digest = 0;
  // Lines dropped, cut or not understood.
  uint64_t lost_lines = 0;
  // Starts of the minutes of the range of which something came, and whether they
  // came in order.
  std::set<int64_t> seen_minutes;
  bool is_in_order = true;
  absl::optional<FinalRecord> final_record;
  // What belongs to the range and this source can not be asked for; empty:
  // nothing.
  std::string unasked;
  // Distinct posts of the range that came; nullopt: nobody counted them.
  absl::optional<MinuteCounts> minutes;
  // X's own counts, of each query; empty: there are none.
  std::vector<std::vector<CountedSpan>> counts;
  // When the first post was asked for. X time.
  absl::Time begin_time = absl::InfinitePast();
  // When X was asked for posts last: what it had forgotten by then did not come.
  // X time.
  absl::Time last_request_time = absl::InfinitePast();
  // Where ids were asked for, not a range.
  struct Lookup {
    uint64_t asked_ids = 0;
    uint64_t unanswered_ids = 0;
    // X has them no more, or shows them to nobody.
    std::vector<uint64_t> not_had;
  };
  absl::optional<Lookup> lookup;
  // Of the step's witnesses: those that came.
  std::vector<uint64_t> seen_witnesses;
  // X time.
  absl::Time end_time;
};

struct FetchOutcome {
  v1::CompleteRequest::Outcome outcome = v1::CompleteRequest::OUTCOME_INCOMPLETE;
  std::string error;
  // Without cover and session: those are the caller's.
  v1::RecoveryResult result;
  // To be vouched for: ascending, inside `asked`.
  std::vector<Interval> covers;
};

// `steps`: everybody that waits for this fetch; the first one's witnesses were
// looked for, an earlier attempt of any of them counts. REQUIRES: at least one.
FetchOutcome Judge(const FetchEvidence& evidence, const std::vector<v1::RecoveryStep>& steps);

// That nothing came is a set too, told from none by its digest.
uint64_t DigestOfNothing();

// What came is no longer all there: nothing of it is vouched for after all.
void GiveUp(FetchOutcome* outcome);

// "too_many_jobs", "rate_limited", …: RecoveryResult.refusal.
absl::string_view RefusalOf(Cause cause);

}  // namespace braid

#endif  // BRAID_RECOVERY_PROOF_H_
