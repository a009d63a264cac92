#include "ingest/attempt_ledger.h"

#include <algorithm>
#include <cstdint>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace braid {
namespace {

// First line; then one attempt a line: account, dialect, "open" or "done",
// monotonic and wall time in microseconds, with tabs between.
constexpr char kHeader[] = "braid connect budget 1";
// 100,000 attempts take less.
constexpr uint64_t kFileBytesMax = 16 << 20;
// The longest window that can be configured.
constexpr absl::Duration kWindowMax = absl::Hours(24);

struct Line {
  AttemptLedger::Key key;
  bool under_way;
  HostTime time;
};

bool ParseLine(absl::string_view text, Line* out) {
  std::vector<std::string> parts = absl::StrSplit(text, '\t');
  int64_t monotonic, wall;
  if (parts.size() != 5 || !absl::SimpleAtoi(parts[3], &monotonic) ||
      !absl::SimpleAtoi(parts[4], &wall)) {
    return false;
  }
  out->key = {parts[0], parts[1]};
  out->under_way = parts[2] == "open";
  out->time = {absl::FromUnixMicros(monotonic), absl::FromUnixMicros(wall)};
  return true;
}

std::string FormatLine(const AttemptLedger::Key& key, bool under_way, const HostTime& time) {
  return absl::StrCat(key.account, "\t", key.dialect, "\t", under_way ? "open" : "done", "\t",
                      absl::ToUnixMicros(time.monotonic), "\t", absl::ToUnixMicros(time.wall),
                      "\n");
}

}  // namespace

AttemptLedger::AttemptLedger(Loop& loop, FileSystem& files, std::string path,
                             absl::AnyInvocable<void(absl::Status)> on_fatal)
    : loop_(loop), files_(files), path_(std::move(path)), on_fatal_(std::move(on_fatal)) {}

absl::Status AttemptLedger::Load() {
  absl::StatusOr<uint64_t> size = files_.Size(path_);
  if (absl::IsNotFound(size.status())) return absl::OkStatus();
  if (!size.ok()) return size.status();
  absl::StatusOr<std::string> text = files_.Read(path_, 0, std::min(*size, kFileBytesMax));
  if (!text.ok()) return text.status();
  absl::Status status = Decode(*text);
  if (!status.ok()) return status;
  // What was under way counts from now on, also if this start ends at once.
  return loaded_.empty() ? absl::OkStatus() : files_.Replace(path_, Encode());
}

absl::Status AttemptLedger::Decode(absl::string_view text) {
  std::vector<std::string> lines = absl::StrSplit(std::string(text), '\n', absl::SkipEmpty());
  bool known = !lines.empty() && lines[0] == kHeader;
  for (size_t i = 1; i < lines.size() && known; ++i) {
    Line line;
    known = ParseLine(lines[i], &line);
    absl::Duration age = line.under_way ? absl::ZeroDuration() : AgeOf(line.time, Now());
    if (known) loaded_[line.key].push_back(loop_.Now() - age);
  }
  if (known) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      path_, ": is damaged or not ours. It says how often X was asked lately: wait 15 minutes, "
             "then move it away"));
}

AttemptWindow& AttemptLedger::WindowOf(const Key& key, const ConnectBudget& share) {
  auto [it, added] = windows_.try_emplace(key, share);
  if (!added) return it->second.window;
  for (absl::Time time : loaded_[key]) it->second.window.Restore(time);
  loaded_.erase(key);
  return it->second.window;
}

std::string AttemptLedger::Encode() const {
  HostTime now = Now();
  auto at = [&](absl::Time time) { return HostTime{time, now.wall - (now.monotonic - time)}; };
  std::string text = absl::StrCat(kHeader, "\n");
  for (const auto& [key, counted] : windows_) {
    for (const AttemptWindow::Attempt& attempt : counted.window.attempts()) {
      absl::StrAppend(&text, FormatLine(key, attempt.under_way, at(attempt.time)));
    }
  }
  for (const auto& [key, times] : loaded_) {
    for (absl::Time time : times) {
      bool counts = time + kWindowMax > now.monotonic;
      if (counts) absl::StrAppend(&text, FormatLine(key, false, at(time)));
    }
  }
  return text;
}

void AttemptLedger::Save() {
  UpdateMetrics();
  if (on_fatal_ == nullptr) return;
  absl::Status status = files_.Replace(path_, Encode());
  if (!status.ok()) std::exchange(on_fatal_, nullptr)(status);
}

void AttemptLedger::UpdateMetrics() {
  for (auto& [key, counted] : windows_) counted.used.Set(counted.window.used(loop_.Now()));
}

void AttemptLedger::CollectMetrics(MetricSink& sink) const {
  for (const auto& [key, counted] : windows_) {
    MetricLabels labels = {{"account", key.account}, {"dialect", key.dialect}};
    sink.AddGauge("braid_connect_budget", "Attempts per window that this process may make.",
                  labels, counted.window.share().attempts);
    sink.AddGauge("braid_connect_budget_used", "Attempts of the current window.", labels,
                  counted.used.value());
  }
}

SharedGate::Answer SharedGate::Ask(absl::Time now) {
  absl::Duration wait = window_.Wait(now);
  if (wait > absl::ZeroDuration()) return {wait, "budget"};
  wait = turns_.Ask(member_, now, peer_receives_());
  if (wait > absl::ZeroDuration()) return {wait, "peer"};
  ticket_ = window_.Begin(now);
  ledger_.Save();
  return {absl::ZeroDuration(), ""};
}

void SharedGate::OnReached(absl::Time now) {
  window_.OnReached(ticket_, now);
  ledger_.Save();
}

// Saved with the next attempt: until then the file says rather too much.
void SharedGate::OnUnreached() { window_.OnUnreached(ticket_); }

}  // namespace braid
