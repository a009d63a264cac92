#include "dedupe/stream_runtime.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "base/random.h"
#include "base/utc_text.h"
#include "dedupe/hold.h"
#include "dedupe/offer_session.h"
#include "dedupe/recovery_jobs.h"
#include "dedupe/resume_turns.h"
#include "dedupe/rollback.h"
#include "dedupe/usage_report.h"
#include "dedupe/watch_options.h"
#include "proto/enum_word.h"
#include "proto/proto_time.h"
#include "recovery/route_table.h"

namespace braid {
namespace {

// Resolution of the rates.
constexpr absl::Duration kWatchInterval = absl::Seconds(1);

// One sync in a thousand. What a power cut takes of the mark is at most this:
// a log that lost less than that, beyond a power cut, is not found out.
constexpr absl::Duration kMarkSyncInterval = absl::Seconds(5);

// Beside the database.
constexpr char kBallastName[] = "ballast";

std::vector<std::string> ConnectionIds(const config::v1::StreamConfig& config) {
  std::vector<std::string> ids;
  for (const auto& connection : config.connections()) ids.push_back(connection.id());
  return ids;
}

// What the names of its gaps and jobs begin with.
std::string ParentOf(const config::v1::StreamConfig& config) {
  return absl::StrCat("streams/", config.name(), "/");
}

GapWatch::Options GapOptions(const config::v1::StreamConfig& config, const Core::Options& core) {
  GapWatch::Options options;
  options.parent = ParentOf(config);
  const config::v1::GapsConfig& gaps = config.gaps();
  if (gaps.recoverable_for_ms() > 0) {
    options.recoverable_for = absl::Milliseconds(gaps.recoverable_for_ms());
  }
  if (core.recovery.policy) {
    SetGapRoutes(*core.recovery.policy, core.window_span + core.hold_max, &options);
  }
  options.hold_max =
      gaps.hold_max_ms() > 0 ? absl::Milliseconds(gaps.hold_max_ms()) : core.log_retention / 2;
  options.hold_max = std::min(options.hold_max, options.recoverable_for);
  return options;
}

absl::StatusOr<Core::Options> CoreOptions(const config::v1::StreamConfig& config) {
  Core::Options options;
  if (config.window().span_ms() > 0) {
    options.window_span = absl::Milliseconds(config.window().span_ms());
  }
  if (config.window().memory_bytes() > 0) {
    options.window.memory_bytes_max = config.window().memory_bytes();
  }
  if (config.retention().log_ms() > 0) {
    options.log_retention = absl::Milliseconds(config.retention().log_ms());
  }
  options.watch = WatchOptions(config);
  options.recovery.parent = ParentOf(config);
  if (config.has_recovery()) {
    absl::StatusOr<RecoveryPolicy> policy = PolicyOf(config.recovery());
    if (!policy.ok()) return policy.status();
    options.recovery.policy = *std::move(policy);
  }
  options.gaps = GapOptions(config, options);
  return options;
}

}  // namespace

absl::StatusOr<std::unique_ptr<StreamRuntime>> StreamRuntime::Open(Options options) {
  auto ballast = std::make_unique<Ballast>(options.dir + "/" + kBallastName, BallastOptions());
  absl::StatusOr<DiskSpace> space = ReadDiskSpace(options.dir);
  if (space.ok()) ballast->PrepareOpen(*space);
  RocksStore::Options store_options;
  store_options.memory = options.memory;
  store_options.on_fatal = options.on_fatal;
  absl::StatusOr<std::unique_ptr<RocksStore>> store =
      RocksStore::Open(options.dir, options.config.name(), store_options);
  if (!store.ok()) return store.status();
  absl::StatusOr<Core::Options> core_options = CoreOptions(options.config);
  if (!core_options.ok()) return core_options.status();
  absl::StatusOr<std::unique_ptr<Core>> core = Core::Load(**store, *std::move(core_options));
  if (!core.ok()) return core.status();
  Opened opened{std::move(ballast), *std::move(store), *std::move(core), nullptr, {}};
  absl::Status marked = OpenMark(options, &opened);
  if (!marked.ok()) return marked;
  return std::unique_ptr<StreamRuntime>(new StreamRuntime(std::move(options), std::move(opened)));
}

absl::Status StreamRuntime::OpenMark(const Options& options, Opened* opened) {
  auto mark = LogMarkFile::Open(LogMarkFile::PathFor(options.dir));
  if (!mark.ok()) return mark.status();
  opened->mark = *std::move(mark);
  if (!opened->mark->found().has_value() && opened->core->state().next_sequence() > 1) {
    Log(LogLevel::kWarn, "log_mark_missing",
        "nothing tells how far the log had come: should it have lost its end, only readers notice",
        {{"stream", options.config.name()}, {"file", LogMarkFile::PathFor(options.dir)}});
  }
  opened->identity = opened->store->identity();
  const std::string old_log_id = opened->identity.log_id();
  auto lost = MendRollback(*opened->store, opened->core->state(), opened->mark->found(),
                           options.new_log_id, &opened->identity);
  if (!lost.ok()) return lost.status();
  if (lost->has_value()) {
    Log(LogLevel::kError, "log_rolled_back",
        "the log lost what it had served: it goes on as another log, and sources are asked again",
        {{"stream", options.config.name()},
         {"lost_log_id", (*lost)->log_id()},
         {"database_log_id", old_log_id},
         {"log_id", opened->identity.log_id()},
         {"lost_from_sequence", (*lost)->kept_until_sequence()},
         {"lost_until_sequence", (*lost)->lost_until_sequence()},
         {"lost_from_time", UtcText(absl::FromUnixMicros((*lost)->lost_from_micros()))},
         {"lost_until_time", UtcText(absl::FromUnixMicros((*lost)->lost_until_micros()))}});
  }
  absl::Status written =
      opened->mark->Write(MarkOf(opened->identity.log_id(), opened->core->state()));
  return written.ok() ? opened->mark->Sync() : written;
}

StreamRuntime::StreamRuntime(Options options, Opened opened)
    : options_(std::move(options)),
      ballast_(std::move(opened.ballast)),
      store_(std::move(opened.store)),
      core_(std::move(opened.core)),
      mark_(std::move(opened.mark)),
      identity_(std::move(opened.identity)),
      directory_(ConnectionIds(options_.config)),
      loop_("merge-" + options_.config.name()),
      drains_(loop_, options_.config.name(), directory_, DrainGrants::Options(),
              SeededRandom(OsSeed()).Next()) {
  Merger::Options merger;
  merger.sources = connections();
  for (const auto& connection : options_.config.connections()) {
    merger.source_partitions.push_back(connection.partition());
  }
  merger.attention = [this] { return AttentionOf(directory_.Snapshot(), loop_.Now()); };
  merger.listening = [this] { return ListeningSources(directory_.Snapshot(), loop_.Now()); };
  merger_ = std::make_unique<Merger>(loop_, *store_, *core_, std::move(merger),
                                     [this](absl::Status status) { options_.on_fatal(status); });
  WorkDesk::Options work;
  work.stream = name();
  work_desk_ = std::make_unique<WorkDesk>(loop_, *merger_, *store_, std::move(work));
  if (options_.config.has_recovery()) MakeReconnectWorker();
  const store::v1::CoreState& state = core_->state();
  readable_ = std::make_unique<ReadableStream>(
      ReadableStream::Start{name(), identity_, state.next_sequence(), ReadBounds()}, *store_,
      HotTail::Options());
  StreamMonitor::Options monitor;
  monitor.name = name();
  monitor.log_id = identity_.log_id();
  for (const auto& connection : options_.config.connections()) {
    monitor.networks[connection.id()] = connection.network();
  }
  monitor.partitions = partitions();
  monitor.partition_count = options_.config.partitions();
  monitor.disk_free_bytes = [this] { return disk_free_bytes(); };
  monitor.window_disk_bytes = [this] {
    return store_->statistics().tables[static_cast<int>(Table::kIds)].file_bytes;
  };
  monitor.window_entries = [this] {
    return store_->statistics().tables[static_cast<int>(Table::kIds)].keys_estimate;
  };
  monitor.tail_count = [this] { return options_.tail_count(*readable_); };
  monitor_ = std::make_unique<StreamMonitor>(directory_, *merger_, std::move(monitor));
  merger_->SetCommitObserver(
      [this](const std::vector<CommittedRecord>& records) { OnCommit(records); });
}

StreamRuntime::~StreamRuntime() { Stop(); }

void StreamRuntime::MakeReconnectWorker() {
  own_work_ = std::make_unique<DeskWorkClient>(loop_, *work_desk_);
  ReconnectWorker::Options options;
  options.stream = absl::StrCat("streams/", name());
  reconnects_ = std::make_unique<ReconnectWorker>(
      loop_, *own_work_, options, [this] { return directory_.Snapshot(); },
      [this](const DrainRequest& request) { return drains_.Ask(request); });
}

std::vector<std::string> StreamRuntime::connections() const {
  return ConnectionIds(options_.config);
}

void StreamRuntime::AskDrain(DrainRequest request, std::function<void(DrainDecision)> done) {
  loop_.Post(
      [this, request = std::move(request), done = std::move(done)] { done(drains_.Ask(request)); });
}

std::map<std::string, uint32_t> StreamRuntime::partitions() const {
  std::map<std::string, uint32_t> partitions;
  for (const auto& connection : options_.config.connections()) {
    if (connection.partition() > 0) partitions[connection.id()] = connection.partition();
  }
  return partitions;
}

void StreamRuntime::Start() {
  loop_.Start();
  loop_.Post([this] {
    disk_guard_ = std::make_unique<DiskGuard>(
        loop_, [this] { return ProbeDisk(); }, DiskGuard::Options(),
        [this](bool accepting) { OnDisk(accepting); });
    disk_guard_started_ = true;
    merger_->Start();
    if (reconnects_ != nullptr) reconnects_->Start();
    loop_.After(kWatchInterval, [this] { Watch(); });
  });
}

void StreamRuntime::Stop() {
  if (std::exchange(stopped_, true)) return;
  loop_.Stop();
  SyncMark();
}

absl::StatusOr<DiskSpace> StreamRuntime::ProbeDisk() {
  absl::StatusOr<DiskSpace> space = ReadDiskSpace(options_.dir);
  return space.ok() ? ballast_->Keep(*space) : space;
}

ReadableStream::Bounds StreamRuntime::ReadBounds() const {
  return {core_->state().earliest_sequence(), core_->gaps().watermark_micros(),
          core_->state().floor_micros()};
}

void StreamRuntime::OnCommit(const std::vector<CommittedRecord>& records) {
  // Before anybody is told of what it covers.
  absl::Status marked = mark_->Write(MarkOf(identity_.log_id(), core_->state()));
  if (!marked.ok()) return options_.on_fatal(marked);
  monitor_->OnCommit(records);
  readable_->OnCommit(records, ReadBounds());
  for (const CommittedRecord& record : records) {
    if (record.record->has_notice()) OnNotice(record.record->notice());
  }
  // Before the first tick is committed the core has no time and no floor.
  if (!std::exchange(sampled_, true)) monitor_->Sample(loop_.Now());
}

// Durable before anybody acts on it.
void StreamRuntime::OnNotice(const v1::StreamNotice& notice) {
  using Notice = v1::StreamNotice;
  std::string type = absl::AsciiStrToLower(Notice::Type_Name(notice.type()));
  bool good =
      notice.type() == Notice::TYPE_RULE_SET_CHANGED || notice.type() == Notice::TYPE_RESUMED ||
      notice.type() == Notice::TYPE_RULES_REMOVED ||
      notice.type() == Notice::TYPE_VOLUME_DROP_ENDED ||
      notice.type() == Notice::TYPE_VOLUME_SURGE_ENDED ||
      notice.type() == Notice::TYPE_VOLUME_UNCAPPED || notice.type() == Notice::TYPE_LAG_ENDED ||
      notice.type() == Notice::TYPE_REDUNDANCY_RESTORED ||
      notice.type() == Notice::TYPE_LEAK_ENDED || notice.type() == Notice::TYPE_GAP_RECOVERED ||
      notice.type() == Notice::TYPE_GAP_NARROWED || notice.type() == Notice::TYPE_GAP_MERGED ||
      notice.type() == Notice::TYPE_GAP_CLEARED || notice.type() == Notice::TYPE_RECOVERY_STARTED ||
      notice.type() == Notice::TYPE_RECOVERY_FINISHED;
  Log(good ? LogLevel::kInfo : LogLevel::kWarn, type, notice.message(), {{"stream", name()}});
  ++notice_counts_[notice.type()];
  if (notice.type() == Notice::TYPE_PAUSED || notice.type() == Notice::TYPE_RESUMED) TellPause();
}

// A pause at once, its end by turns.
void StreamRuntime::TellPause() {
  std::vector<SourceSnapshot> sources = directory_.Snapshot();
  for (const std::string& connection : connections()) {
    auto tell = [this, connection] {
      OfferSession* session = directory_.SessionOf(connection);
      if (session != nullptr) session->TellPause();
    };
    absl::Duration turn =
        core_->watch().paused() ? absl::ZeroDuration() : ResumeTurn(connection, sources);
    if (turn == absl::ZeroDuration()) {
      tell();
    } else {
      loop_.After(turn, tell);
    }
  }
}

absl::StatusOr<v1::Usage> StreamRuntime::Usage(const v1::GetUsageRequest& request) const {
  UsageFacts facts;
  facts.stream = name();
  facts.now = absl::FromUnixMicros(monitor_->CoreState().now_micros());
  facts.limits = core_->watch().options().limits;
  facts.reset_day = core_->watch().options().usage_reset_day;
  facts.first_day = UtcDay(absl::FromUnixMicros(identity_.created_wall_micros()));
  return ReportUsage(*store_, facts, request);
}

void StreamRuntime::Admit(store::v1::InputRecord input,
                          std::function<void(const ApplyResult&)> done) {
  loop_.Post([this, input = std::move(input), done = std::move(done)]() mutable {
    merger_->Admit(std::move(input), 0, std::move(done));
  });
}

void StreamRuntime::Command(store::v1::Command command, std::function<void()> done) {
  store::v1::InputRecord input;
  *input.mutable_command() = std::move(command);
  Admit(std::move(input), [done = std::move(done)](const ApplyResult&) { done(); });
}

GapStream StreamRuntime::Gaps() {
  GapStream stream;
  stream.store = store_.get();
  stream.log_id = readable_->log_id();
  const GapWatch::Options& gaps = core_->gaps().options();
  stream.routes = gaps.routes;
  for (const auto& connection : options_.config.connections()) {
    stream.connections.emplace_back(connection.id(), connection.partition());
  }
  stream.now = [this] { return absl::FromUnixMicros(monitor_->CoreState().now_micros()); };
  stream.waive = [this](store::v1::Command command, std::function<void(bool)> done) {
    store::v1::InputRecord input;
    *input.mutable_command() = std::move(command);
    Admit(std::move(input),
          [done = std::move(done)](const ApplyResult& result) { done(result.waived); });
  };
  return stream;
}

RecoveryStream StreamRuntime::Recovery() {
  RecoveryStream stream;
  stream.store = store_.get();
  stream.apply = [this](store::v1::RecoveryInput asked, std::function<void(RecoveryAnswer)> done) {
    store::v1::InputRecord input;
    *input.mutable_recovery() = std::move(asked);
    Admit(std::move(input),
          [done = std::move(done)](const ApplyResult& result) { done(result.recovery); });
  };
  stream.preview = [this](store::v1::RecoveryInput::Create asked,
                          std::function<void(RecoveryStream::Plan)> done) {
    loop_.Post([this, asked = std::move(asked), done = std::move(done)] {
      done(core_->recovery().Preview(asked, core_->RecoveryFacts()));
    });
  };
  stream.quota = [this](std::function<void(v1::RecoveryQuota)> done) {
    loop_.Post([this, done = std::move(done)] { done(core_->recovery().Quota(core_->now())); });
  };
  return stream;
}

void StreamRuntime::CollectGaps(MetricSink& sink) const {
  GapSummary gaps = monitor_->Gaps();
  for (v1::Gap::Kind kind :
       {v1::Gap::KIND_TOTAL_OUTAGE, v1::Gap::KIND_ONE_SIDED, v1::Gap::KIND_VOLUME_DROP,
        v1::Gap::KIND_BUFFER_DISCARDED, v1::Gap::KIND_FORWARDING_LOSS, v1::Gap::KIND_PAUSED}) {
    std::string word = absl::AsciiStrToLower(v1::Gap::Kind_Name(kind).substr(sizeof("KIND_") - 1));
    sink.AddGauge("braid_open_gaps", "Gaps that are neither filled nor given up.",
                  {{"stream", name()}, {"kind", word}}, gaps.open[kind]);
  }
  for (int i = v1::RecoveryJob::STATE_PLANNED; i <= v1::RecoveryJob::STATE_CANCELLING; ++i) {
    auto state = static_cast<v1::RecoveryJob::State>(i);
    sink.AddGauge(
        "braid_recovery_jobs", "Recovery jobs that have not ended.",
        {{"stream", name()}, {"state", EnumWords(v1::RecoveryJob::State_Name(state), "STATE_")}},
        gaps.jobs[state]);
  }
  const char* help = "Events that recovery fetched, since the log began.";
  sink.AddCounter("braid_recovery_events_total", help, {{"stream", name()}, {"result", "new"}},
                  static_cast<double>(gaps.recovered_events));
  sink.AddCounter("braid_recovery_events_total", help,
                  {{"stream", name()}, {"result", "duplicate"}},
                  static_cast<double>(gaps.refetched_events - gaps.recovered_events));
  sink.AddGauge("braid_gap_recoverable_until_timestamp_seconds",
                "When X forgets the first open gap; 0: none is open.", {{"stream", name()}},
                static_cast<double>(gaps.recoverable_until_micros) / 1e6);
  sink.AddGauge("braid_watermark_timestamp_seconds",
                "Everything created before it is here or in a gap; 0: no cover yet.",
                {{"stream", name()}}, static_cast<double>(gaps.watermark_micros) / 1e6);
}

void StreamRuntime::WatchHold() {
  absl::Duration held = core_->held_back();
  held_seconds_.Set(absl::ToDoubleSeconds(held));
  std::vector<std::string> beyond = core_->SourcesBeyondHold();
  beyond_hold_count_.Set(static_cast<double>(beyond.size()));
  for (const std::string& source_id : beyond) {
    if (std::count(beyond_hold_.begin(), beyond_hold_.end(), source_id) > 0) continue;
    Log(LogLevel::kWarn, "hold_exceeded",
        "a connection is away for longer than its keys are kept: older posts that it brings "
        "may stand twice, marked late",
        {{"stream", name()}, {"connection", source_id}});
  }
  beyond_hold_ = std::move(beyond);
  bool is_short = DiskIsShort(disk_free_bytes(), disk_total_bytes());
  merger_->SetLetGo(is_short);
  bool letting_go = is_short && held > absl::ZeroDuration();
  if (letting_go && !letting_go_) {
    Log(LogLevel::kWarn, "hold_let_go",
        "the disk is short: keys kept for connections that are away are let go",
        {{"stream", name()}, {"held_seconds", absl::ToInt64Seconds(held)}});
  }
  letting_go_ = letting_go;
}

void StreamRuntime::SyncMark() {
  absl::Status synced = mark_->Sync();
  if (!synced.ok()) options_.on_fatal(synced);
}

void StreamRuntime::Watch() {
  monitor_->Sample(loop_.Now());
  WatchHold();
  WarnOfContests();
  WarnOfResetDay();
  if (loop_.Now() - mark_synced_ >= kMarkSyncInterval) {
    mark_synced_ = loop_.Now();
    SyncMark();
  }
  loop_.After(kWatchInterval, [this] { Watch(); });
}

// Once, and again where X says another day.
void StreamRuntime::WarnOfResetDay() {
  std::string problem = core_->watch().ResetDayProblem();
  if (problem.empty() || problem == warned_reset_day_) return;
  Log(LogLevel::kWarn, "usage_reset_day_differs", problem, {{"stream", name()}});
  warned_reset_day_ = std::move(problem);
}

void StreamRuntime::WarnOfContests() {
  for (const SourceSnapshot& source : directory_.Snapshot()) {
    uint64_t warned = std::exchange(warned_takeovers_[source.source_id], source.takeovers);
    if (source.takeovers == warned || !IsContested(source, loop_.Now())) continue;
    Log(LogLevel::kWarn, "connection_contested",
        "two processes run under one connection name and take it from one another: stop one, or "
        "give each its own",
        {{"stream", name()},
         {"connection", source.source_id},
         {"network", source.network},
         {"takeovers", source.takeovers}});
  }
}

void StreamRuntime::OnDisk(bool accepting) {
  merger_->SetAccepting(accepting);
  options_.on_accepting(accepting);
  Log(accepting ? LogLevel::kInfo : LogLevel::kError, accepting ? "disk_has_room" : "disk_full",
      accepting ? "input is taken again" : "input is refused until there is room",
      {{"stream", name()}, {"free_bytes", disk_free_bytes()}});
}

uint64_t StreamRuntime::disk_total_bytes() const {
  return disk_guard_started_ ? static_cast<uint64_t>(disk_guard_->total_bytes().value()) : 0;
}

uint64_t StreamRuntime::disk_free_bytes() const {
  return disk_guard_started_ ? static_cast<uint64_t>(disk_guard_->free_bytes().value()) : 0;
}

void StreamRuntime::CollectMetrics(MetricSink& sink) const {
  MetricLabels stream = {{"stream", name()}};
  store::v1::CoreState core = monitor_->CoreState();
  CollectGaps(sink);
  sink.AddCounter("braid_events_merged_total", "Distinct events in the log.", stream,
                  core.merged_events());
  sink.AddCounter("braid_events_duplicate_total", "Further copies of events.", stream,
                  core.duplicate_events());
  sink.AddCounter("braid_events_late_total", "Events outside the window when they arrived.", stream,
                  core.late_events());
  sink.AddCounter("braid_events_unheld_total",
                  "Late events from before what was kept for their connection: may stand twice.",
                  stream, core.unheld_events());
  sink.AddGauge("braid_strays", "Keys outside the window that are remembered.", stream,
                core.stray_count());
  sink.AddGauge("braid_window_held_seconds",
                "By how much the floor waits for connections and gaps.", stream,
                held_seconds_.value());
  sink.AddGauge("braid_window_hold_exceeded", "Connections that are away for longer than that.",
                stream, beyond_hold_count_.value());
  sink.AddGauge("braid_rule_set_version", "Of the stream's rules at X; 0: not known.", stream,
                static_cast<double>(core.rule_set().version()));
  sink.AddGauge("braid_rule_set_rules", "Rules of the stream at X, as last listed.", stream,
                core.rule_set().count());
  sink.AddGauge("braid_rule_set_observed_timestamp_seconds", "When they were last listed.", stream,
                static_cast<double>(core.rule_set().observe_time().seconds()));
  sink.AddCounter("braid_lost_lines_total", "Lines that a connector had to drop.", stream,
                  core.lost_lines());
  sink.AddGauge("braid_log_last_sequence", "Newest sequence in the log.", stream,
                static_cast<double>(core.next_sequence()) - 1);
  sink.AddGauge("braid_log_earliest_sequence", "Oldest sequence served.", stream,
                core.earliest_sequence());
  sink.AddGauge("braid_log_rollbacks", "Times the log lost what it had served.", stream,
                identity_.ancestors_size());
  sink.AddCounter("braid_log_damaged_passed_total",
                  "Damaged log entries without events that reads went past.", stream,
                  static_cast<double>(readable_->reader().damaged_passed().value()));
  sink.AddGauge("braid_window_floor_timestamp_seconds", "Creation time of the oldest key kept.",
                stream, static_cast<double>(core.floor_micros()) / 1e6);
  sink.AddGauge("braid_disk_free_bytes", "Free on the data directory's disk.", stream,
                static_cast<double>(disk_free_bytes()));
  sink.AddGauge("braid_disk_size_bytes", "Size of the data directory's disk.", stream,
                static_cast<double>(disk_total_bytes()));
  sink.AddGauge("braid_hot_tail_bytes", "Newest records kept in memory for readers.", stream,
                static_cast<double>(readable_->hot_tail().bytes()));
  sink.AddGauge("braid_record_cache_bytes", "Unpacked records kept for readers in creation order.",
                stream, static_cast<double>(readable_->cache().bytes()));
  sink.AddGauge("braid_tail_streams", "TailEvents calls being served.", stream,
                options_.tail_count(*readable_));
  const Merger::Metrics& merger = merger_->metrics();
  sink.AddHistogram("braid_commit_delay_seconds", "From admission to durable.", stream,
                    merger.commit_delay);
  sink.AddCounter("braid_commit_groups_total", "Synced commits.", stream,
                  static_cast<double>(merger.groups.value()));
  sink.AddCounter("braid_commit_inputs_total", "Records committed.", stream,
                  static_cast<double>(merger.inputs.value()));
  sink.AddGauge("braid_commit_waiting_bytes", "Input that waits for a commit.", stream,
                merger.waiting_bytes.value());
  RocksStore::Statistics store = store_->statistics();
  sink.AddGauge("braid_store_file_bytes", "Size of the store's files.", stream,
                static_cast<double>(store.file_bytes));
  sink.AddGauge("braid_store_cache_bytes", "Memory of the store.", stream,
                static_cast<double>(store.cache_bytes));
  sink.AddGauge("braid_store_pending_compaction_bytes", "Work compaction is behind.", stream,
                static_cast<double>(store.pending_compaction_bytes));
  CollectWatched(sink);
  v1::StreamStatus status = monitor_->Status();
  sink.AddGauge("braid_stream_health", "1 redundant, 2 exposed, 3 dark.", stream, status.health());
  drains_.Collect(sink, stream);
  for (const SourceSnapshot& source : directory_.Snapshot()) {
    MetricLabels labels = {{"stream", name()}, {"connection", source.source_id}};
    sink.AddGauge("braid_connection_connected", "Whether it has an open call.", labels,
                  source.connected ? 1 : 0);
    sink.AddGauge(
        "braid_connection_receiving", "Whether it says that it receives.", labels,
        source.connected && source.report.state() == v1::ConnectionReport::STATE_RECEIVING ? 1 : 0);
    sink.AddCounter("braid_events_received_total", "Events offered by the connection.", labels,
                    static_cast<double>(source.events));
    sink.AddCounter("braid_events_first_total", "Events it delivered first.", labels,
                    static_cast<double>(source.new_events));
    sink.AddCounter("braid_connection_takeovers_total",
                    "Calls that another process of the same name replaced.", labels,
                    static_cast<double>(source.takeovers));
    sink.AddCounter("braid_offer_nacks_total", "Holes that were asked for again.", labels,
                    static_cast<double>(source.nacks));
  }
}

void StreamRuntime::CollectWatched(MetricSink& sink) const {
  MetricLabels stream = {{"stream", name()}};
  WatchStatus watched = monitor_->Watched();
  sink.AddGauge("braid_usage_posts_today", "Posts that X bills today (UTC).", stream,
                static_cast<double>(watched.posts_today));
  sink.AddGauge("braid_stream_paused", "Whether the stream is paused.", stream,
                watched.paused ? 1 : 0);
  sink.AddGauge("braid_volume_state", "1 learning, 2 usual, 3 drop, 4 surge.", stream,
                watched.volume.state());
  sink.AddGauge("braid_volume_expected_rate", "Usual events per second now.", stream,
                watched.volume.expected_per_second());
  sink.AddGauge("braid_volume_observed_rate", "Events per second, over a minute.", stream,
                watched.volume.observed_per_second());
  sink.AddGauge("braid_volume_capped", "Whether the rate is flat at the contract's cap.", stream,
                watched.volume.capped() ? 1 : 0);
  for (const auto& [source_id, lag] : watched.lags) {
    MetricLabels labels = stream;
    if (source_id != StreamWatch::kStreamLag) labels.push_back({"connection", source_id});
    const char* prefix =
        source_id == StreamWatch::kStreamLag ? "braid_lag" : "braid_connection_lag";
    sink.AddGauge(absl::StrCat(prefix, "_p50_seconds"), "Creation to receipt, last minute.", labels,
                  absl::ToDoubleSeconds(ToDuration(lag.p50())));
    sink.AddGauge(absl::StrCat(prefix, "_p99_seconds"), "Creation to receipt, last minute.", labels,
                  absl::ToDoubleSeconds(ToDuration(lag.p99())));
  }
  for (size_t type = 0; type < notice_counts_.size(); ++type) {
    if (notice_counts_[type] == 0) continue;
    MetricLabels labels = stream;
    labels.push_back({"type", absl::AsciiStrToLower(v1::StreamNotice::Type_Name(
                                  static_cast<v1::StreamNotice::Type>(type)))});
    sink.AddCounter("braid_notices_total", "Notices about the stream.", labels,
                    static_cast<double>(notice_counts_[type]));
  }
}

}  // namespace braid
