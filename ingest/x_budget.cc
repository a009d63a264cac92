#include "ingest/x_budget.h"

#include <algorithm>

#include "base/check.h"

namespace braid {
namespace {

// An attempt under way may turn out never to have reached X: asked again soon.
// As long as a connection may take to stand.
constexpr absl::Duration kAskAgain = absl::Seconds(10);

}  // namespace

absl::Duration AgeOf(const HostTime& then, const HostTime& now) {
  absl::Duration wall = std::max(absl::ZeroDuration(), now.wall - then.wall);
  absl::Duration monotonic = now.monotonic - then.monotonic;
  // Negative: the machine was restarted since, and only the wall clock knows.
  return monotonic < absl::ZeroDuration() ? wall : std::min(wall, monotonic);
}

absl::Duration AttemptWindow::Wait(absl::Time now) {
  Forget(now);
  size_t max = static_cast<size_t>(share_.attempts);
  if (attempts_.size() < max) return absl::ZeroDuration();
  std::vector<absl::Time> ends;
  bool under_way = false;
  for (const Attempt& attempt : attempts_) {
    under_way = under_way || attempt.under_way;
    ends.push_back((attempt.under_way ? now : attempt.time) + share_.window);
  }
  std::sort(ends.begin(), ends.end());
  // So many must leave before there is room for one.
  absl::Duration wait = ends[attempts_.size() - max] - now;
  return under_way ? std::min(wait, kAskAgain) : wait;
}

uint64_t AttemptWindow::Begin(absl::Time now) {
  BRAID_CHECK(Wait(now) == absl::ZeroDuration());
  attempts_.push_back({next_ticket_, now, true});
  return next_ticket_++;
}

void AttemptWindow::OnReached(uint64_t ticket, absl::Time now) {
  auto attempt = Find(ticket);
  if (attempt == attempts_.end()) return;
  attempt->time = now;
  attempt->under_way = false;
}

void AttemptWindow::OnUnreached(uint64_t ticket) {
  auto attempt = Find(ticket);
  if (attempt != attempts_.end()) attempts_.erase(attempt);
}

void AttemptWindow::Restore(absl::Time time) {
  attempts_.push_back({next_ticket_++, time, false});
}

int AttemptWindow::used(absl::Time now) {
  Forget(now);
  return static_cast<int>(attempts_.size());
}

void AttemptWindow::Forget(absl::Time now) {
  attempts_.erase(std::remove_if(attempts_.begin(), attempts_.end(),
                                 [&](const Attempt& attempt) {
                                   return !attempt.under_way &&
                                          attempt.time + share_.window <= now;
                                 }),
                  attempts_.end());
}

std::vector<AttemptWindow::Attempt>::iterator AttemptWindow::Find(uint64_t ticket) {
  return std::find_if(attempts_.begin(), attempts_.end(),
                      [&](const Attempt& attempt) { return attempt.ticket == ticket; });
}

}  // namespace braid
