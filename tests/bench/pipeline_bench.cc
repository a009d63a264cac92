#include "tests/bench/pipeline_bench.h"

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "tests/bench/rate_search.h"
#include "tests/bench/subscriber.h"
#include "tests/harness/binaries.h"
#include "tests/harness/cluster.h"
#include "tests/harness/files.h"
#include "tests/harness/wait.h"

namespace braid::bench {
namespace {

using harness::Process;
using harness::ProcessUsage;

// A rate is sustained when what is created and not yet at the subscriber is
// less than this many seconds of it, and does not grow by more than a fifth of
// that over the trial.
constexpr double kLagSecondsMax = 0.5;
// What the emulator and the subscriber may fall short of the rate by: the grain
// of the two clocks over a trial.
constexpr double kShortfallMax = 0.03;
// No recovered post for so long: the fetch has ended. Another proves it, and what
// the connections took to come back is a gap of its own.
constexpr absl::Duration kRecoveryPause = absl::Seconds(1);

struct Snapshot {
  absl::Time time;
  harness::EmulatorStatus emulator;
  SubscriberSample subscriber;
  std::map<std::string, ProcessUsage> usage;
  std::map<std::string, absl::Duration> threads;
  double frame_bytes = 0;
  // Created so far and given up by all connections: X cut us for being slow, or
  // the ring was full. Happens in trials far above what is sustained.
  double lost = 0;

  double Lag() const {
    return static_cast<double>(emulator.created) - static_cast<double>(subscriber.events) - lost;
  }
};

struct Measurement {
  Snapshot from;
  Snapshot until;

  double Seconds() const { return absl::ToDoubleSeconds(until.time - from.time); }
  double Created() const {
    return static_cast<double>(until.emulator.created - from.emulator.created);
  }
  double Sent() const { return static_cast<double>(until.emulator.sent - from.emulator.sent); }
  double Seen() const {
    return static_cast<double>(until.subscriber.events - from.subscriber.events);
  }
  double Recovered() const {
    return static_cast<double>(until.subscriber.recovered_events -
                               from.subscriber.recovered_events);
  }
};

class JsonObject {
 public:
  void Add(absl::string_view name, double value, int digits) {
    members_.push_back(absl::StrFormat("\"%s\":%.*f", name, digits, value));
  }
  void AddText(absl::string_view name, absl::string_view value) {
    members_.push_back(absl::StrCat("\"", name, "\":\"", value, "\""));
  }
  void AddObject(absl::string_view name, const JsonObject& object) {
    members_.push_back(absl::StrCat("\"", name, "\":", object.Render()));
  }
  std::string Render() const { return absl::StrCat("{", absl::StrJoin(members_, ","), "}"); }

 private:
  std::vector<std::string> members_;
};

class Pipeline {
 public:
  explicit Pipeline(const PipelineOptions& options) : options_(options) {}

  absl::Status Start();
  Snapshot Take();
  // Nobody receives for so long, and what is missing is known.
  absl::Status Outage(absl::Duration length);
  // Until nothing is missing; of the fetch that brought most, from its first post to
  // the last before a pause.
  absl::StatusOr<Measurement> MeasureRecovery();
  absl::StatusOr<Measurement> MeasureFetch();
  bool IsWhole();
  void SetRate(double rate) { (void)cluster_->emulator().SetRate(rate); }
  Measurement Measure(double rate, absl::Duration length);
  bool Held(const Measurement& measurement, double rate) const;
  // Stops the load and waits until the subscriber has everything that the log
  // gets; what then is missing is lost. True when nothing new was.
  absl::StatusOr<bool> CatchUp();
  absl::StatusOr<double> FindRate();

  v1::StreamStatus Status() {
    return harness::GetStatus(cluster_->log_address()).value_or(v1::StreamStatus());
  }
  // Before the first cover nothing is known to be missing.
  absl::Status AwaitFirstCover() {
    return harness::WaitUntil("it vouches", absl::Minutes(2),
                              [this] { return Status().has_watermark_time(); });
  }
  uint64_t DataBytes() { return harness::DiskBytes(cluster_->data_dir()); }
  uint64_t SpoolBytes() {
    uint64_t bytes = 0;
    for (int i = 0; i < options_.connection_count; ++i) {
      bytes += harness::DiskBytes(cluster_->spool_dir(i));
    }
    return bytes;
  }

 private:
  absl::Status StartSubscriber(const std::string& dir);
  std::map<std::string, Process*> Processes();

  const PipelineOptions options_;
  std::unique_ptr<harness::TempDir> temp_dir_;
  std::unique_ptr<harness::Cluster> cluster_;
  std::unique_ptr<Process> subscriber_;
  SubscriberCounters* counters_ = nullptr;
  double lost_ = 0;
};

absl::Status Pipeline::Start() {
  harness::ClusterOptions cluster;
  cluster.dir = options_.dir;
  if (cluster.dir.empty()) {
    temp_dir_ = std::make_unique<harness::TempDir>("pipeline");
    cluster.dir = temp_dir_->path();
  }
  cluster.connector_count = options_.connection_count;
  cluster.has_recoverer = options_.outage > absl::ZeroDuration();
  cluster.emulator.rate = 0;
  cluster.emulator.post_bytes = options_.post_bytes;
  // So that what is created is what is unique.
  cluster.emulator.duplicate_fraction = 0;
  // More bodies than caches hold, as at X.
  cluster.emulator.body_count = 100000;
  cluster.emulator.is_rendered_ahead = true;
  // The truth of a hundred million posts would cost time and disk of its own.
  cluster.emulator.has_truth = false;
  auto made = harness::Cluster::Make(cluster);
  if (!made.ok()) return made.status();
  cluster_ = *std::move(made);
  absl::Status started = cluster_->Start();
  return started.ok() ? StartSubscriber(cluster.dir) : started;
}

absl::Status Pipeline::StartSubscriber(const std::string& dir) {
  std::string file = dir + "/subscriber.counters";
  counters_ = SubscriberCounters::Map(file);
  harness::ProcessOptions options;
  options.name = "subscriber";
  options.command = {"/proc/self/exe", "--subscribe", cluster_->log_address().deduper, "--counters",
                     file};
  options.output_file = dir + "/subscriber.log";
  auto process = Process::Start(options);
  if (!process.ok()) return process.status();
  subscriber_ = *std::move(process);
  return absl::OkStatus();
}

std::map<std::string, Process*> Pipeline::Processes() {
  std::map<std::string, Process*> processes = {{"emulator", &cluster_->emulator().process()},
                                               {"deduper", &cluster_->deduper().process()},
                                               {"subscriber", subscriber_.get()}};
  if (options_.outage > absl::ZeroDuration()) {
    processes["recoverer"] = &cluster_->recoverer().process();
  }
  for (int i = 0; i < options_.connection_count; ++i) {
    processes[cluster_->connector(i).name()] = &cluster_->connector(i).process();
  }
  return processes;
}

Snapshot Pipeline::Take() {
  Snapshot snapshot;
  snapshot.time = absl::Now();
  snapshot.lost = lost_;
  snapshot.subscriber = counters_->Read();
  snapshot.emulator = cluster_->emulator().Status().value_or(harness::EmulatorStatus());
  for (const auto& [name, process] : Processes()) {
    snapshot.usage[name] = process->Usage().value_or(ProcessUsage());
    auto threads = process->ThreadCpu();
    if (!threads.ok()) continue;
    for (const auto& [thread, cpu] : *threads) {
      snapshot.threads[absl::StrCat(name, "/", thread)] += cpu;
    }
  }
  for (int i = 0; i < options_.connection_count; ++i) {
    snapshot.frame_bytes += cluster_->connector(i).Metric("braid_frame_bytes_total", 0);
  }
  return snapshot;
}

Measurement Pipeline::Measure(double rate, absl::Duration length) {
  SetRate(rate);
  // Until queues are as full as this rate keeps them.
  harness::LetPass(std::max(absl::Seconds(2), length / 4));
  Measurement measurement;
  measurement.from = Take();
  harness::LetPass(length);
  measurement.until = Take();
  return measurement;
}

absl::Status Pipeline::Outage(absl::Duration length) {
  absl::Status away = cluster_->Outage(length);
  if (!away.ok()) return away;
  return harness::WaitUntil("a gap is open", length + absl::Minutes(3),
                            [this] { return Status().open_certain_gaps() > 0; });
}

bool Pipeline::IsWhole() {
  v1::StreamStatus status = Status();
  return status.open_certain_gaps() == 0 && status.recovery_jobs() == 0;
}

absl::StatusOr<Measurement> Pipeline::MeasureFetch() {
  const uint64_t had = counters_->Read().recovered_events;
  absl::Status begun =
      harness::WaitUntil("the recoverer brings posts, or all is there", absl::Minutes(5),
                         [&] { return counters_->Read().recovered_events > had || IsWhole(); });
  if (!begun.ok()) return begun;
  Measurement fetch;
  fetch.from = fetch.until = Take();
  absl::Status ended = harness::WaitUntil("the fetch has ended", absl::Minutes(5), [&] {
    const absl::Time now = absl::Now();
    SubscriberSample sample = counters_->Read();
    if (sample.recovered_events == fetch.until.subscriber.recovered_events) {
      return now - fetch.until.time > kRecoveryPause;
    }
    fetch.until.time = now;
    fetch.until.subscriber = sample;
    return false;
  });
  if (!ended.ok()) return ended;
  Snapshot end = Take();
  fetch.until.usage = end.usage;
  fetch.until.threads = end.threads;
  return fetch;
}

absl::StatusOr<Measurement> Pipeline::MeasureRecovery() {
  Measurement largest;
  while (!IsWhole()) {
    absl::StatusOr<Measurement> fetch = MeasureFetch();
    if (!fetch.ok()) return fetch.status();
    if (fetch->Recovered() > largest.Recovered()) largest = *std::move(fetch);
  }
  if (largest.Recovered() == 0) return absl::NotFoundError("nothing was recovered");
  return largest;
}

bool Pipeline::Held(const Measurement& m, double rate) const {
  bool created = m.Created() >= (1 - kShortfallMax) * rate * m.Seconds();
  bool seen = m.Seen() >= (1 - kShortfallMax) * m.Created();
  double lag_max = kLagSecondsMax * rate;
  bool near = m.until.Lag() <= lag_max;
  bool flat = m.until.Lag() - m.from.Lag() <= lag_max / 5;
  bool connected = m.until.emulator.streams_begun == m.from.emulator.streams_begun;
  std::fprintf(stderr,
               "  %7.0f/s: created %7.0f/s, at the subscriber %7.0f/s, lag %6.0f -> %6.0f%s%s%s\n",
               rate, m.Created() / m.Seconds(), m.Seen() / m.Seconds(), m.from.Lag(), m.until.Lag(),
               created ? "" : ", X behind", near && flat ? "" : ", lag grows",
               connected ? "" : ", reconnects");
  return created && seen && near && flat && connected;
}

absl::StatusOr<bool> Pipeline::CatchUp() {
  absl::Status drained = cluster_->Drain(absl::Minutes(3));
  if (!drained.ok()) return drained;
  absl::Status read = harness::WaitUntil("the subscriber is at the end", absl::Minutes(3), [this] {
    absl::StatusOr<v1::StreamStatus> status = harness::GetStatus(cluster_->log_address());
    return status.ok() && counters_->Read().next_sequence > status->last_sequence();
  });
  if (!read.ok()) return read;
  double lost_before = std::exchange(lost_, 0);
  lost_ = Take().Lag();
  if (lost_ > lost_before) {
    std::fprintf(stderr, "           %.0f posts lost by all connections\n", lost_ - lost_before);
  }
  return lost_ <= lost_before;
}

absl::StatusOr<double> Pipeline::FindRate() {
  if (options_.fixed_rate > 0) return options_.fixed_rate;
  std::fprintf(stderr, "pipeline: searching the highest sustained rate\n");
  RateSearch search({});
  while (std::optional<double> rate = search.Next()) {
    bool held = Held(Measure(*rate, options_.measure / 3), *rate);
    search.Report(held);
    if (held) continue;
    absl::StatusOr<bool> caught_up = CatchUp();
    if (!caught_up.ok()) return caught_up.status();
  }
  if (search.best() == 0) return absl::ResourceExhaustedError("no rate was sustained");
  return search.best();
}

JsonObject PerProcess(const Measurement& m) {
  JsonObject processes;
  for (const auto& [name, usage] : m.until.usage) {
    const ProcessUsage& before = m.from.usage.at(name);
    JsonObject process;
    process.Add("cpu_seconds", absl::ToDoubleSeconds(usage.cpu - before.cpu), 2);
    process.Add("cpu_cores", absl::ToDoubleSeconds(usage.cpu - before.cpu) / m.Seconds(), 3);
    process.Add("rss_mb", static_cast<double>(usage.rss_bytes) / 1e6, 1);
    process.Add("rss_max_mb", static_cast<double>(usage.rss_bytes_max) / 1e6, 1);
    process.Add(
        "disk_written_bytes_per_event",
        static_cast<double>(usage.written_bytes - before.written_bytes) / std::max(1.0, m.Seen()),
        1);
    processes.AddObject(name, process);
  }
  return processes;
}

// Microseconds of CPU per unique event and thread, largest first.
void PrintThreads(const Measurement& m) {
  std::vector<std::pair<double, std::string>> costs;
  for (const auto& [thread, cpu] : m.until.threads) {
    auto before = m.from.threads.find(thread);
    absl::Duration spent =
        cpu - (before == m.from.threads.end() ? absl::ZeroDuration() : before->second);
    costs.emplace_back(absl::ToDoubleMicroseconds(spent) / std::max(1.0, m.Seen()), thread);
  }
  std::sort(costs.rbegin(), costs.rend());
  std::fprintf(stderr, "CPU per unique event, by thread:\n");
  for (const auto& [micros, thread] : costs) {
    if (micros >= 0.1) std::fprintf(stderr, "  %6.2f us  %s\n", micros, thread.c_str());
  }
}

void AddBytes(const Measurement& m, JsonObject* json) {
  double events = std::max(1.0, m.Seen());
  double from_x = static_cast<double>(m.until.emulator.sent_bytes - m.from.emulator.sent_bytes);
  json->Add("x_to_connector_bytes_per_event", from_x / std::max(1.0, m.Sent()), 1);
  json->Add("connector_frame_bytes_per_event",
            (m.until.frame_bytes - m.from.frame_bytes) / std::max(1.0, m.Sent()), 1);
  json->Add(
      "subscriber_bytes_per_event",
      static_cast<double>(m.until.subscriber.response_bytes - m.from.subscriber.response_bytes) /
          events,
      1);
  json->Add(
      "payload_bytes_per_event",
      static_cast<double>(m.until.subscriber.payload_bytes - m.from.subscriber.payload_bytes) /
          events,
      1);
}

void AddLatency(const Measurement& m, JsonObject* json, absl::string_view prefix = "") {
  for (auto [name, quantile] : {std::pair("latency_p50_ms", 0.5),
                                {"latency_p90_ms", 0.9},
                                {"latency_p99_ms", 0.99},
                                {"latency_p999_ms", 0.999}}) {
    json->Add(absl::StrCat(prefix, name),
              absl::ToDoubleMilliseconds(m.until.subscriber.Latency(m.from.subscriber, quantile)),
              3);
  }
}

}  // namespace

absl::StatusOr<std::string> RunPipeline(const PipelineOptions& options) {
  Pipeline pipeline(options);
  absl::Status started = pipeline.Start();
  if (!started.ok()) return started;
  absl::StatusOr<double> rate = pipeline.FindRate();
  if (!rate.ok()) return rate.status();

  // The whole length may show what a third of it did not: go down until it holds.
  Measurement highest;
  for (int attempt = 0;; ++attempt) {
    highest = pipeline.Measure(*rate, options.measure);
    bool held = pipeline.Held(highest, *rate);
    absl::StatusOr<bool> complete = pipeline.CatchUp();
    if (!complete.ok()) return complete.status();
    if ((held && *complete) || options.fixed_rate > 0) break;
    if (attempt == 8) return absl::ResourceExhaustedError("no rate was sustained for long");
    *rate *= 0.95;
  }
  PrintThreads(highest);
  Snapshot end = pipeline.Take();
  double events = std::max<double>(1, static_cast<double>(end.subscriber.events));

  Measurement usual = pipeline.Measure(options.latency_rate, options.measure);
  pipeline.Held(usual, options.latency_rate);

  JsonObject json;
  json.Add("unique_per_second", highest.Seen() / highest.Seconds(), 0);
  json.Add("offered_per_second", highest.Sent() / highest.Seconds(), 0);
  json.Add("connections", options.connection_count, 0);
  json.Add("seconds", highest.Seconds(), 1);
  json.Add("latency_rate", options.latency_rate, 0);
  AddLatency(usual, &json);
  AddBytes(highest, &json);
  json.Add("log_disk_bytes_per_event", static_cast<double>(pipeline.DataBytes()) / events, 1);
  json.Add("spool_disk_bytes_per_event", static_cast<double>(pipeline.SpoolBytes()) / events, 1);
  json.Add("broken_frames", static_cast<double>(end.subscriber.broken_frames), 0);
  json.AddObject("processes", PerProcess(highest));
  json.AddObject("processes_at_latency_rate", PerProcess(usual));
  return json.Render();
}

absl::StatusOr<std::string> RunRecovery(const PipelineOptions& options) {
  Pipeline pipeline(options);
  absl::Status status = pipeline.Start();
  if (!status.ok()) return status;
  pipeline.SetRate(options.latency_rate);
  status = pipeline.AwaitFirstCover();
  if (!status.ok()) return status;
  Measurement alone = pipeline.Measure(options.latency_rate, options.measure);
  pipeline.Held(alone, options.latency_rate);
  status = pipeline.Outage(options.outage);
  if (!status.ok()) return status;
  absl::StatusOr<Measurement> recovery = pipeline.MeasureRecovery();
  if (!recovery.ok()) return recovery.status();
  PrintThreads(*recovery);
  absl::StatusOr<bool> complete = pipeline.CatchUp();
  if (!complete.ok()) return complete.status();
  if (!*complete) return absl::DataLossError("posts are missing after recovery");

  JsonObject json;
  json.Add("recovered_per_second", recovery->Recovered() / recovery->Seconds(), 0);
  json.Add("recovered", recovery->Recovered(), 0);
  json.Add("seconds", recovery->Seconds(), 1);
  json.Add("live_per_second", (recovery->Seen() - recovery->Recovered()) / recovery->Seconds(), 0);
  AddLatency(*recovery, &json, "live_");
  AddLatency(alone, &json, "alone_");
  json.AddObject("processes", PerProcess(*recovery));
  return json.Render();
}

}  // namespace braid::bench
