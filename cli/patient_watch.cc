#include "cli/patient_watch.h"

#include "absl/time/clock.h"

namespace braid {
namespace {

// A deduper restarts within seconds, a machine within a minute.
constexpr absl::Duration kPatience = absl::Minutes(1);
constexpr absl::Duration kRetryInterval = absl::Seconds(1);

}  // namespace

absl::Status WatchPatiently(CommandContext& context, const WatchOnce& once) {
  absl::Time last_answer = absl::Now();
  for (;;) {
    absl::StatusOr<bool> ended = once(&last_answer);
    if (ended.ok() && *ended) return absl::OkStatus();
    if (context.interrupt.triggered()) return absl::CancelledError("interrupted");
    // A deduper that stops ends its calls without an error.
    const bool may_pass = ended.ok() || absl::IsUnavailable(ended.status());
    if (!may_pass || absl::Now() > last_answer + kPatience) {
      return ended.ok() ? absl::UnavailableError("the watch ends again and again") : ended.status();
    }
    if (!context.interrupt.Sleep(kRetryInterval)) return absl::CancelledError("interrupted");
  }
}

}  // namespace braid
