#include "deploy/demo_run.h"

#include <algorithm>
#include <cstdio>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "base/dir_lock.h"
#include "deploy/demo_dir.h"
#include "deploy/gap_counts.h"
#include "deploy/json_text.h"
#include "deploy/screen.h"
#include "deploy/supervisor.h"
#include "proto/enum_word.h"
#include "tests/harness/cluster.h"
#include "tests/harness/files.h"

namespace braid::demo {
namespace {

// A connector streams a second after its start.
constexpr absl::Duration kSettleTime = absl::Seconds(5);

// From the end of an outage until its gap is known, and until it is recovered:
// half a minute each on a quiet machine.
constexpr absl::Duration kGapTime = absl::Seconds(30);
constexpr absl::Duration kRecoveryTime = absl::Minutes(3);
// Of the deduper, for what is shown once a second.
constexpr absl::Duration kAnswerTime = absl::Seconds(2);

class Demo {
 public:
  explicit Demo(const DemoOptions& options) : options_(options), screen_(options.is_terminal) {}

  absl::Status Start();
  // Until the length is over or the user stops it.
  absl::Status Run();
  // Until what was missing is there; says so meanwhile.
  void AwaitRecovery();
  absl::StatusOr<DemoSummary> Finish();

 private:
  bool Vouches();
  void CutOne();
  absl::Duration CutInterval() const;
  void CutAll();
  std::string GapsLine(const v1::StreamStatus& status) const;
  std::string Hint() const;
  DemoView View();
  ConnectionView ViewOf(int index, const v1::StreamStatus& status);

  const DemoOptions options_;
  Screen screen_;
  Supervisor supervisor_{screen_};
  harness::TempDir dir_{"demo"};
  // Tells other demos that somebody is at work here.
  std::unique_ptr<DirLock> lock_;
  std::unique_ptr<harness::Cluster> cluster_;
  absl::Time start_time_;
  absl::Time next_cut_time_;
  absl::Time next_outage_time_;
  absl::Time outage_end_time_ = absl::InfinitePast();
  bool vouches_ = false;
  // The deduper's newest answer.
  v1::StreamStatus status_;
  uint64_t cuts_ = 0;
  // Of the newest cut.
  absl::Time cut_time_ = absl::InfinitePast();
  int cut_index_ = 0;
  harness::CutKind cut_kind_ = harness::CutKind::kReset;
};

absl::Status Demo::Start() {
  RemoveLeftOvers("/tmp", absl::Now() - absl::Minutes(1));
  absl::StatusOr<std::unique_ptr<DirLock>> lock = DirLock::Acquire(dir_.path());
  if (!lock.ok()) return lock.status();
  lock_ = *std::move(lock);
  harness::ClusterOptions cluster;
  cluster.dir = dir_.path();
  cluster.emulator.rate = options_.rate;
  cluster.has_recoverer = true;
  auto made = harness::Cluster::Make(cluster);
  if (!made.ok()) return made.status();
  cluster_ = *std::move(made);
  absl::Status started = cluster_->Start();
  supervisor_.Watch(cluster_->deduper());
  for (int i = 0; i < cluster_->connector_count(); ++i) supervisor_.Watch(cluster_->connector(i));
  supervisor_.Watch(cluster_->recoverer());
  start_time_ = absl::Now();
  next_outage_time_ = start_time_ + options_.first_outage;
  next_cut_time_ = start_time_ + options_.cut_interval;
  return started;
}

absl::Status Demo::Run() {
  // Lines have no room for it each time.
  if (!options_.is_terminal) screen_.Say(Hint());
  while (absl::Now() < start_time_ + options_.length) {
    if (Screen::WaitForTick()) return absl::OkStatus();
    if (!cluster_->emulator().process().IsRunning()) {
      auto exit = cluster_->emulator().process().Wait(absl::ZeroDuration());
      return absl::InternalError(absl::StrCat("x-emulator: ", exit->ToString(),
                                              ": without X's record there is nothing to compare"));
    }
    absl::Status looked = supervisor_.Look();
    if (!looked.ok()) return looked;
    if (!supervisor_.faults().empty()) return absl::OkStatus();
    if (Vouches()) {
      if (absl::Now() >= next_outage_time_) CutAll();
      if (absl::Now() >= next_cut_time_) CutOne();
    }
    screen_.Show(View());
  }
  return absl::OkStatus();
}

// Before the stream's first cover nothing tells what is missing.
bool Demo::Vouches() {
  if (vouches_) return true;
  absl::StatusOr<v1::StreamStatus> status = harness::GetStatus(cluster_->log_address());
  vouches_ = status.ok() && status->has_watermark_time();
  next_cut_time_ = std::max(next_cut_time_, absl::Now());
  next_outage_time_ = std::max(next_outage_time_, absl::Now());
  return vouches_;
}

// Nobody is sent anything, and X keeps nothing for a reconnect.
void Demo::CutAll() {
  next_outage_time_ += options_.outage_interval;
  // Its gap is to be seen recovered before the end.
  if (absl::Now() + kGapTime > start_time_ + options_.length) return;
  // One that is not connected is refused all the same.
  (void)cluster_->Outage(options_.outage);
  outage_end_time_ = absl::Now() + options_.outage;
  next_cut_time_ = outage_end_time_ + CutInterval();
}

std::string Demo::GapsLine(const v1::StreamStatus& status) const {
  if (outage_end_time_ == absl::InfinitePast()) return "";
  uint32_t open = status.open_certain_gaps();
  std::string text = absl::Now() < outage_end_time_ ? "both connections are down; "
                     : open > 0                     ? absl::StrCat(open, " open, ")
                                                    : "none open, ";
  if (status.recovery_jobs() > 0) absl::StrAppend(&text, "being recovered, ");
  return absl::StrCat(text, WithCommas(status.recovered_events()), " posts fetched again");
}

void Demo::AwaitRecovery() {
  absl::Time until = absl::Now() + kRecoveryTime;
  bool is_told = false;
  while (absl::Now() < until) {
    bool is_known = absl::Now() > outage_end_time_ + kGapTime;
    absl::StatusOr<std::vector<v1::Gap>> gaps = harness::ListGaps(cluster_->log_address());
    if (is_known && gaps.ok()) {
      GapCounts counts = CountGaps(*gaps);
      if (counts.opened == counts.recovered) return;
    }
    if (!is_told) {
      screen_.Say(
          "waiting, 3 min at most, until what was missed is fetched again (Ctrl-C: no longer)");
      is_told = true;
    }
    if (Screen::WaitForTick() || !supervisor_.Look().ok()) return;
    screen_.Show(View());
  }
}

void Demo::CutOne() {
  // Both away at once, and X's posts would have no way to us.
  if (absl::Now() < supervisor_.restart_time() + kSettleTime) return;
  int index = static_cast<int>(cuts_) % cluster_->connector_count();
  harness::CutKind kind = harness::kAllCutKinds[cuts_ % std::size(harness::kAllCutKinds)];
  // Not connected just now: at the next tick.
  if (!cluster_->emulator().Cut(harness::Cluster::ConnectionName(index), kind).ok()) return;
  ++cuts_;
  cut_time_ = absl::Now();
  cut_index_ = index;
  cut_kind_ = kind;
  next_cut_time_ += CutInterval();
}

absl::Duration Demo::CutInterval() const {
  if (absl::Now() < start_time_ + options_.busy) return options_.cut_interval;
  return std::max(options_.cut_interval, options_.calm_cut_interval);
}

DemoView Demo::View() {
  DemoView view;
  view.elapsed = absl::Now() - start_time_;
  view.title = absl::StrCat("two connections to an emulated X, one is cut every ",
                            absl::FormatDuration(CutInterval()));
  absl::StatusOr<v1::StreamStatus> answer =
      harness::GetStatus(cluster_->log_address(), kAnswerTime);
  if (answer.ok()) status_ = *answer;
  const v1::StreamStatus& status = status_;
  view.merged = status.merged_events();
  view.merged_per_second = status.merged().events_per_second();
  view.duplicates = status.duplicate_events();
  view.health = !answer.ok() ? "the deduper does not answer"
                             : EnumWords(v1::StreamStatus::Health_Name(status.health()), "HEALTH_");
  for (int i = 0; i < cluster_->connector_count(); ++i) {
    view.connections.push_back(ViewOf(i, status));
  }
  view.gaps = answer.ok() ? GapsLine(status) : "";
  view.hint = Hint();
  return view;
}

std::string Demo::Hint() const {
  return absl::StrCat("Look: bazel-bin/cli/braid top --server ", cluster_->log_address().deduper,
                      "    Stop: Ctrl-C");
}

ConnectionView Demo::ViewOf(int index, const v1::StreamStatus& status) {
  ConnectionView view;
  view.name = harness::Cluster::ConnectionName(index);
  for (const v1::Connection& connection : status.connections()) {
    if (!absl::EndsWith(connection.name(), "/" + view.name)) continue;
    const v1::ConnectionReport::State state = connection.report().state();
    view.state = state == v1::ConnectionReport::STATE_UNSPECIFIED
                     ? "starting"
                     : EnumWords(v1::ConnectionReport::State_Name(state), "STATE_");
    view.events_per_second = connection.rates().events_per_second();
    view.first_share = connection.first_share();
    view.reconnects = connection.reconnects();
  }
  absl::Duration since_cut = absl::Now() - cut_time_;
  if (absl::Now() < outage_end_time_) {
    view.note = "<- X ended it, its buffer is gone";
  } else if (index == cut_index_ && since_cut < absl::Seconds(5)) {
    view.note = absl::StrFormat("<- cut %.0f s ago (%s)", absl::ToDoubleSeconds(since_cut),
                                harness::CutName(cut_kind_));
  }
  return view;
}

absl::StatusOr<DemoSummary> Demo::Finish() {
  std::printf("braid: stopping, then comparing the log with what X sent (Ctrl-C: at once)\n");
  std::fflush(stdout);
  Screen::UnblockSignals();
  DemoSummary summary;
  absl::StatusOr<std::vector<v1::Gap>> gaps = harness::ListGaps(cluster_->log_address());
  if (!gaps.ok()) return gaps.status();
  GapCounts counts = CountGaps(*gaps);
  summary.gaps_opened = counts.opened;
  summary.gaps_recovered = counts.recovered;
  absl::StatusOr<v1::StreamStatus> status = harness::GetStatus(cluster_->log_address());
  if (status.ok()) summary.recovered_events = status->recovered_events();
  absl::Status drained = cluster_->Drain(absl::Minutes(1));
  if (!drained.ok()) return drained;
  // What no connection was sent was fetched, so everything must be there.
  absl::StatusOr<harness::Verdict> verdict = cluster_->CompareCreated();
  if (!verdict.ok()) return verdict.status();
  absl::StatusOr<emulator::Truth> truth = cluster_->emulator().ReadTruth();
  if (!truth.ok()) return truth.status();
  absl::Status stopped;
  for (int i = 0; i < cluster_->connector_count(); ++i) {
    stopped.Update(cluster_->connector(i).Stop(absl::Seconds(5)));
  }
  stopped.Update(cluster_->recoverer().Stop(absl::Seconds(5)));
  stopped.Update(cluster_->deduper().Stop(absl::Seconds(5)));
  if (!stopped.ok()) return stopped;
  summary.sent = verdict->required;
  summary.merged = verdict->events;
  summary.lost = verdict->missing.count;
  summary.duplicates = verdict->doubled.count;
  summary.other_faults = verdict->strange.count + verdict->sparse.count;
  summary.cuts = cuts_;
  summary.restarts = supervisor_.restarts();
  summary.process_faults = supervisor_.faults();
  for (int i = 0; i < cluster_->connector_count(); ++i) {
    std::string tag = harness::Cluster::ConnectionName(i);
    auto streams = std::count_if(truth->connections.begin(), truth->connections.end(),
                                 [&](const auto& connection) { return connection.tag == tag; });
    summary.reconnects += static_cast<uint64_t>(std::max<int64_t>(0, streams - 1));
  }
  if (!verdict->ok()) std::printf("braid: %s\n", verdict->ToString().c_str());
  return summary;
}

}  // namespace

std::string DemoSummary::ToJson() const {
  return absl::StrCat("{\"sent\":", sent, ",\"merged\":", merged, ",\"lost\":", lost,
                      ",\"duplicates\":", duplicates, ",\"cuts\":", cuts,
                      ",\"reconnects\":", reconnects, ",\"gaps_opened\":", gaps_opened,
                      ",\"gaps_recovered\":", gaps_recovered,
                      ",\"recovered_events\":", recovered_events, ",\"restarts\":", restarts,
                      ",\"process_faults\":", JsonStrings(process_faults), "}");
}

absl::StatusOr<DemoSummary> RunDemo(const DemoOptions& options) {
  Demo demo(options);
  absl::Status status = demo.Start();
  if (status.ok()) status = demo.Run();
  if (status.ok()) demo.AwaitRecovery();
  if (!status.ok()) return status;
  return demo.Finish();
}

}  // namespace braid::demo
