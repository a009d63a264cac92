#include "dedupe/stream_monitor.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/utc_text.h"
#include "dedupe/keys.h"
#include "proto/proto_time.h"
#include "proto/recovery_terms.h"

namespace braid {
namespace {

GapSummary SummaryOf(const GapWatch& watch, const RecoveryJobs& recovery, absl::Time now) {
  GapSummary summary;
  summary.unsound = watch.Unsound(now);
  int64_t recoverable = absl::ToInt64Microseconds(watch.options().recoverable_for);
  summary.watermark_micros = watch.watermark_micros();
  summary.base_micros = watch.base_micros();
  for (const auto& [number, gap] : watch.ledger().gaps()) {
    if (!IsOpen(gap)) continue;
    ++summary.open[gap.kind()];
    if (!HoldsWatermark(gap)) continue;
    int64_t until = gap.from_micros() + recoverable;
    int64_t& first = summary.recoverable_until_micros;
    first = first == 0 ? until : std::min(first, until);
  }
  for (const auto& [number, job] : recovery.jobs()) {
    const v1::RecoveryJob::State state = job.job().state();
    if (!IsEnded(state)) ++summary.jobs[state];
    bool is_queued = state == v1::RecoveryJob::STATE_QUEUED;
    summary.waiting_jobs += is_queued && WaitsForRecoverer(job.job());
  }
  RecoveryJobs::Wait wait = recovery.LongestWait();
  summary.refused_until = wait.until;
  summary.refusal = std::move(wait.reason);
  summary.refetched_events = recovery.state().received_events();
  summary.recovered_events = recovery.state().new_events();
  return summary;
}

uint32_t JobsIn(const GapSummary& gaps, v1::RecoveryJob::State state) {
  auto found = gaps.jobs.find(state);
  return found == gaps.jobs.end() ? 0 : found->second;
}

// Jobs that nobody takes are told as such.
std::string JobsText(const GapSummary& gaps) {
  uint32_t running = JobsIn(gaps, v1::RecoveryJob::STATE_RUNNING);
  uint32_t planned = JobsIn(gaps, v1::RecoveryJob::STATE_PLANNED);
  std::string text;
  if (running > 0) absl::StrAppend(&text, "; recovery jobs that run: ", running);
  if (gaps.waiting_jobs > 0) {
    absl::StrAppend(&text, "; recovery jobs that wait for a recoverer: ", gaps.waiting_jobs,
                    running == 0 ? " (does braid-recoverer run?)" : "");
  }
  if (planned > 0) absl::StrAppend(&text, "; recovery jobs that start later: ", planned);
  return text;
}

void FillGaps(const GapSummary& gaps, absl::Time now, v1::StreamStatus* status) {
  if (gaps.watermark_micros > 0) {
    SetTime(absl::FromUnixMicros(gaps.watermark_micros), status->mutable_watermark_time());
    SetTime(absl::FromUnixMicros(gaps.base_micros), status->mutable_complete_from_time());
  }
  uint32_t all = 0, certain = 0;
  for (const auto& [kind, count] : gaps.open) {
    all += count;
    if (kind != v1::Gap::KIND_VOLUME_DROP && kind != v1::Gap::KIND_PAUSED) certain += count;
  }
  status->set_open_gaps(all);
  status->set_open_certain_gaps(certain);
  uint32_t jobs = 0;
  for (const auto& [state, count] : gaps.jobs) jobs += count;
  status->set_recovery_jobs(jobs);
  status->set_recovered_events(gaps.recovered_events);
  if (jobs > 0 && gaps.refused_until > now) {
    status->add_problems(absl::StrCat("recovery waits until ", UtcText(gaps.refused_until), ": ",
                                      gaps.refusal, ". See: braid job ls"));
  }
  if (certain == 0) return;
  status->add_problems(absl::StrCat(certain, certain == 1 ? " gap is" : " gaps are",
                                    " open: posts may be missing", JobsText(gaps),
                                    ". See: braid gap ls"));
}

}  // namespace

StreamMonitor::StreamMonitor(const SessionDirectory& directory, const Merger& merger,
                             Options options)
    : directory_(directory),
      merger_(merger),
      options_(std::move(options)),
      core_(merger.core().state()) {}

void StreamMonitor::OnCommit(const std::vector<CommittedRecord>& records) {
  for (const CommittedRecord& record : records) {
    live_.Add(record, merger_.core().now());
    if (!record.record->has_events()) continue;
    const v1::Frame& frame = record.record->events().frame();
    // By share: which lines were new does not matter for a rate.
    int events = std::max(1, FrameEventCount(frame));
    merged_bytes_ += uint64_t{frame.decompressed_bytes()} * record.sequence_count / events;
  }
  behind_.OnCommit(records);
}

void StreamMonitor::Sample(absl::Time loop_now) {
  const Core& core = merger_.core();
  RateWindow::Values values;
  values[kMergedCounter] = static_cast<double>(core.state().merged_events());
  values[kDuplicatesCounter] = static_cast<double>(core.state().duplicate_events());
  values[kLiveCopiesCounter] = static_cast<double>(live_.copies());
  values[kLiveEventsCounter] = static_cast<double>(live_.events());
  values[kMergedBytesCounter] = static_cast<double>(merged_bytes_);
  for (const SourceSnapshot& source : directory_.Snapshot()) {
    values[EventsCounter(source.source_id)] = static_cast<double>(source.events);
    values[FirstsCounter(source.source_id)] = static_cast<double>(source.new_events);
    values[BytesCounter(source.source_id)] = static_cast<double>(source.report.received_bytes());
  }
  WatchStatus watched = TakeWatchStatus(core.watch(), core.now());
  GapSummary gaps = SummaryOf(core.gaps(), core.recovery(), core.now());
  MutexLock lock(&mu_);
  watched_ = std::move(watched);
  gaps_ = std::move(gaps);
  core_ = core.state();
  loop_time_ = loop_now;
  taken_ = absl::Now();
  accepting_ = merger_.accepting();
  window_memory_bytes_ = core.window().memory_bytes();
  rates_.Sample(loop_now, std::move(values));
}

v1::StreamStatus StreamMonitor::Status() const {
  StreamFacts facts;
  facts.name = options_.name;
  facts.log_id = options_.log_id;
  for (SourceSnapshot& source : directory_.Snapshot()) {
    ConnectionFacts connection;
    auto network = options_.networks.find(source.source_id);
    connection.network = network != options_.networks.end() && !network->second.empty()
                             ? network->second
                             : source.network;
    auto partition = options_.partitions.find(source.source_id);
    if (partition != options_.partitions.end()) connection.partition = partition->second;
    connection.behind = behind_.Behind(source.source_id);
    connection.source = std::move(source);
    facts.connections.push_back(std::move(connection));
  }
  facts.partition_count = options_.partition_count;
  facts.tails = options_.tail_count();
  facts.disk_free_bytes = options_.disk_free_bytes();
  facts.window_disk_bytes = options_.window_disk_bytes();
  facts.window_entries = options_.window_entries();
  facts.commit_delay_p50 = merger_.metrics().commit_delay.Quantile(0.5);
  facts.commit_delay_p99 = merger_.metrics().commit_delay.Quantile(0.99);
  MutexLock lock(&mu_);
  absl::Duration age = std::max(absl::ZeroDuration(), absl::Now() - taken_);
  facts.core = core_;
  facts.now = absl::FromUnixMicros(core_.now_micros()) + age;
  facts.loop_now = loop_time_ + age;
  facts.accepting = accepting_;
  for (ConnectionFacts& connection : facts.connections) {
    auto unsound = gaps_.unsound.find(connection.source.source_id);
    if (unsound != gaps_.unsound.end()) connection.unsound = unsound->second;
  }
  facts.window_memory_bytes = window_memory_bytes_;
  v1::StreamStatus status = BuildStatus(facts, rates_);
  FillWatchStatus(watched_, &status);
  FillGaps(gaps_, facts.now, &status);
  return status;
}

GapSummary StreamMonitor::Gaps() const {
  MutexLock lock(&mu_);
  return gaps_;
}

store::v1::CoreState StreamMonitor::CoreState() const {
  MutexLock lock(&mu_);
  return core_;
}

WatchStatus StreamMonitor::Watched() const {
  MutexLock lock(&mu_);
  return watched_;
}

}  // namespace braid
