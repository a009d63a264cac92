#include "tests/harness/wait.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace braid::harness {
namespace {

// Short against what is waited for (processes start in 100 ms and more), long
// against the cost of asking (a loopback HTTP request, well below 1 ms).
constexpr absl::Duration kInterval = absl::Milliseconds(20);

}  // namespace

absl::Status WaitUntil(absl::string_view what, absl::Duration timeout,
                       const std::function<bool()>& condition) {
  absl::Time deadline = absl::Now() + timeout;
  while (!condition()) {
    if (absl::Now() > deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("not within ", absl::FormatDuration(timeout), ": ", what));
    }
    LetPass(kInterval);
  }
  return absl::OkStatus();
}

void LetPass(absl::Duration span) { absl::SleepFor(span); }

}  // namespace braid::harness
