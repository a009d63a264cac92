#include "tests/sim/recovery_world.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/hash.h"
#include "base/utc_text.h"
#include "dedupe/gap_ledger.h"
#include "dedupe/recovery_step_parts.h"
#include "proto/proto_time.h"
#include "proto/recovery_terms.h"
#include "tests/dedupe/core_inputs.h"
#include "tests/sim/lossy_work_client.h"

namespace braid {
namespace {

using v1::RecoveryJob;

constexpr absl::Duration kFaultSpan = absl::Minutes(80);
// How often connections deliver and vouch, and the core decides.
constexpr absl::Duration kStep = absl::Seconds(10);
constexpr absl::Duration kTick = absl::Seconds(10);
constexpr absl::Duration kSlack = absl::Seconds(10);
// Both rules of docs/INVARIANTS: from the first live event on.
constexpr absl::Duration kBackfillSettle = absl::Seconds(30);
// Headers to the first instant that is vouched for.
constexpr absl::Duration kHead = absl::Seconds(2);

// By what its configuration says.
void SetPolicy(RecoverySetup* setup) {
  setup->policy = *PolicyOf(setup->config);
  setup->x.policy = setup->policy;
  setup->core.recovery.parent = "streams/main/";
  setup->core.gaps.parent = "streams/main/";
  setup->core.recovery.policy = setup->policy;
  SetGapRoutes(setup->policy, setup->core.window_span + setup->core.hold_max, &setup->core.gaps);
}

RecoverySetup Draw(uint64_t seed) {
  // Other draws than the run's.
  SeededRandom random(~seed);
  auto below = [&random](uint64_t bound) { return random.Below(bound); };
  RecoverySetup setup;
  // In a third of the runs midnight passes.
  setup.start +=
      below(3) == 0 ? absl::Hours(22) + absl::Minutes(below(110)) : absl::Hours(below(18));
  setup.dedupers = 1 + static_cast<int>(below(2));
  setup.recoverers = 1 + static_cast<int>(below(3));
  setup.partitions = below(3) == 0 ? 2 : 0;
  setup.x.has_final_record = below(2) == 0;
  config::v1::RecoveryConfig& config = setup.config;
  config.set_dialect(setup.x.has_final_record ? "gnip-powertrack" : "x-v2-filtered");
  if (below(8) == 0) config.set_automatic(false);
  if (below(4) == 0) config.set_posts_per_day(100 + below(600));
  config.set_step_max_ms((5 + below(40)) * 60'000);
  if (below(2) == 0) config.set_pad_before_ms(below(90) * 1000);
  if (below(2) == 0) config.set_pad_after_ms(below(60) * 1000);
  // Of each method every recoverer has a share.
  uint32_t share = static_cast<uint32_t>(setup.recoverers);
  auto route = [&](const char* method, bool off) {
    config::v1::RouteConfig* one = config.add_routes();
    one->set_method(method);
    one->set_off(off);
    one->set_jobs(share + static_cast<uint32_t>(below(2)));
    one->set_requests(share * (2 + static_cast<uint32_t>(below(4))));
    one->set_request_window_ms((3 + below(12)) * 60'000);
    return one;
  };
  config::v1::RouteConfig* first = route("recovery", false);
  first->set_window_ms((below(3) == 0 ? 40 + below(60) : 120 + below(1300)) * 60'000);
  first->set_min_age_ms((1 + below(4)) * 60'000);
  const bool has_second = below(2) == 0;
  route(setup.x.has_final_record ? "replay" : "search", !has_second);
  // Backfill is all there is for what is young.
  first->set_off(has_second && below(3) == 0);
  if (setup.x.has_final_record) {
    config::v1::RouteConfig* search = config.add_routes();
    search->set_method("search");
    search->set_off(true);
  }
  setup.x.faulty = true;
  setup.x.partitions = setup.partitions;
  setup.x.rate = 0.03 + 0.2 * random.Unit();
  setup.x.speed = 4 + static_cast<double>(below(30));
  setup.x.single_deduper = setup.dedupers == 1;
  setup.fault_interval = absl::Seconds(30 + below(150));
  setup.small_spool = below(4) == 0;
  if (below(3) == 0) {
    // Dedupers forget sooner than X does; what is forgotten would stand twice.
    setup.core.window_span = absl::Minutes(40 + below(80));
    if (below(3) == 0) setup.core.hold_max = absl::Minutes(below(10));
  }
  SetPolicy(&setup);
  return setup;
}

}  // namespace

RecoverySetup SetupOf(const config::v1::RecoveryConfig& config) {
  RecoverySetup setup;
  setup.config = config;
  SetPolicy(&setup);
  return setup;
}

RecoveryWorld::RecoveryWorld(uint64_t seed, const Options& options)
    : RecoveryWorld(seed, Draw(seed), options) {}

RecoveryWorld::RecoveryWorld(uint64_t seed, RecoverySetup setup, const Options& options)
    : keep_log_(options.keep_log),
      random_(seed),
      setup_(std::move(setup)),
      faulty_(setup_.x.faulty),
      world_(setup_.start),
      x_(
          world_, random_, setup_.x, [this](const std::string& what) { Trace(what); },
          &run_.failures) {
  MakeConnections();
  dedupers_.resize(static_cast<size_t>(setup_.dedupers));
  recoverers_.resize(static_cast<size_t>(setup_.recoverers));
  cut_until_.assign(recoverers_.size(),
                    std::vector<absl::Time>(dedupers_.size(), absl::InfinitePast()));
  for (size_t i = 0; i < dedupers_.size(); ++i) {
    dedupers_[i].disk->KeepLog();
    dedupers_[i].wall_offset = Between(-absl::Seconds(1), absl::Seconds(1));
    RecoveryCheck::Options check;
    check.name = absl::StrCat("deduper ", i);
    check.policy = setup_.policy;
    check.window = setup_.core.window_span;
    check.hold_max = setup_.core.hold_max;
    for (const Connection& each : connections_) check.partitions[each.name] = each.partition;
    dedupers_[i].check = std::make_unique<RecoveryCheck>(std::move(check), &run_.failures);
  }
  for (size_t i = 0; i < recoverers_.size(); ++i) {
    RecovererSide& side = recoverers_[i];
    side.files = std::make_unique<MemFileSystem>(world_);
    side.jobs = 1;
    for (const RouteLimits& route : setup_.policy.routes) {
      bool asks = !IsPassive(route.method) && route.jobs > 0 && route.requests > 0;
      if (route.off || !asks) continue;
      side.shares[route.method] = {route.requests / setup_.recoverers, route.request_window};
    }
  }
}

RecoveryWorld::~RecoveryWorld() {
  for (int i = 0; i < setup_.recoverers; ++i) KillRecoverer(i);
  for (int i = 0; i < setup_.dedupers; ++i) KillDeduper(i);
}

void RecoveryWorld::Trace(const std::string& what) {
  std::string line = absl::StrCat(UtcText(world_.WallNow()), " ", what);
  run_.digest = Hash64(absl::StrCat(run_.digest, line));
  if (keep_log_) run_.log.push_back(std::move(line));
}

void RecoveryWorld::MakeConnections() {
  uint32_t partitions = std::max(1u, setup_.partitions);
  for (uint32_t partition = 1; partition <= partitions; ++partition) {
    for (const char* leg : {"a", "b"}) {
      Connection& connection = connections_.emplace_back();
      connection.name = absl::StrCat(leg, partition);
      connection.partition = setup_.partitions == 0 ? 0 : partition;
      connection.from = world_.WallNow();
      connection.connected = world_.Now();
    }
  }
}

// --- dedupers ---

std::vector<store::v1::Tick::Attention> RecoveryWorld::Attention(const DeduperSide& side) const {
  std::vector<store::v1::Tick::Attention> all;
  for (size_t i = 0; i < connections_.size(); ++i) {
    if (i >= side.couriers.size() || !side.couriers[i]->is_open()) continue;
    store::v1::Tick::Attention& one = all.emplace_back();
    one.set_source_id(connections_[i].name);
    one.set_receiving(connections_[i].is_up);
    one.set_drained(side.couriers[i]->is_drained());
  }
  return all;
}

Merger::Options RecoveryWorld::MergerOptions(int index) {
  Merger::Options options;
  options.tick_interval = kTick;
  for (const Connection& connection : connections_) {
    options.sources.push_back(connection.name);
    if (setup_.partitions > 0) options.source_partitions.push_back(connection.partition);
  }
  options.attention = [this, index] { return Attention(dedupers_[index]); };
  return options;
}

void RecoveryWorld::StartDeduper(int index) {
  DeduperSide& side = dedupers_[index];
  Trace(absl::StrCat("deduper ", index, " starts"));
  side.host = std::make_unique<SimHost>(world_, side.wall_offset, absl::Hours(index + 1));
  auto core = Core::Load(*side.disk, setup_.core);
  BRAID_CHECK(core.ok());
  side.core = *std::move(core);
  side.merger = std::make_unique<Merger>(*side.host, *side.disk, *side.core, MergerOptions(index),
                                         [this](const absl::Status&) { Fail("a commit failed"); });
  side.merger->SetCommitObserver([this, &side, index](const std::vector<CommittedRecord>& records) {
    for (const CommittedRecord& record : records) {
      if (record.record->has_cover() && IsRecoverySource(record.record->source_id())) {
        const v1::TimeRange& range = record.record->cover().create_time_range();
        Trace(absl::StrCat("deduper ", index, ": ", record.record->source_id(),
                           " vouches for partition ", record.record->cover().partition(), " ",
                           UtcText(ToTime(range.start_time())), " to ",
                           UtcText(ToTime(range.end_time()))));
      }
      if (!record.record->has_notice()) continue;
      Trace(absl::StrCat("deduper ", index, ": ", record.record->notice().message()));
    }
    side.check->OnCommit(records, *side.core);
  });
  side.desk =
      std::make_unique<WorkDesk>(*side.host, *side.merger, *side.disk, WorkDesk::Options{"main"});
  side.merger->Start();
  MakeReconnectWorker(&side);
  for (Connection& connection : connections_) {
    side.couriers.push_back(std::make_unique<RecoveryCourier>(
        world_, connection.feed, *side.merger, connection.name,
        [this] { return Between(absl::ZeroDuration(), absl::Milliseconds(300)); }));
    side.couriers.back()->Wake();
  }
  for (int i = 0; i < setup_.recoverers; ++i) Connect(i, index);
}

void RecoveryWorld::KillDeduper(int index) {
  DeduperSide& side = dedupers_[index];
  for (RecovererSide& recoverer : recoverers_) {
    if (!recoverer.couriers.empty()) recoverer.couriers[index] = nullptr;
  }
  side.couriers.clear();
  side.reconnects = nullptr;
  side.own_work = nullptr;
  side.grants = nullptr;
  side.desk = nullptr;
  side.merger = nullptr;
  side.core = nullptr;
  side.host = nullptr;
}

// --- recoverers ---

std::unique_ptr<WorkClient> RecoveryWorld::MakeWorkClient(int recoverer, int deduper) {
  auto key = [deduper](const std::string& name) { return absl::StrCat(deduper, "/", name); };
  LossyWorkClient::Way way;
  way.desk = [this, deduper] { return dedupers_[deduper].desk.get(); };
  way.is_lost = [this, recoverer, deduper] {
    if (world_.Now() < cut_until_[recoverer][deduper]) return true;
    return faulty_ && random_.Below(100) < 5;
  };
  way.is_repeated = [this] { return faulty_ && random_.Below(100) < 5; };
  way.delay = [this] {
    return Between(absl::Milliseconds(1), absl::Milliseconds(faulty_ ? 1500 : 50));
  };
  way.on_leased = [this, key, process = recoverers_[recoverer].process](const v1::Work& work) {
    ++run_.leases;
    holders_[key(work.name())] = {work.fence(), process};
  };
  way.on_word = [this, key](const std::string& name, uint64_t fence, bool accepted) {
    bool is_stale = fence < holders_[key(name)].fence;
    run_.stale_words += is_stale ? 1 : 0;
    if (is_stale && accepted) Fail(absl::StrCat("a stale fence of ", key(name), " was accepted"));
  };
  return std::make_unique<LossyWorkClient>(world_, std::move(way));
}

void RecoveryWorld::StartRecoverer(int index) {
  RecovererSide& side = recoverers_[index];
  Trace(absl::StrCat("recoverer ", index, " starts"));
  side.process = ++last_process_;
  side.host = std::make_unique<SimHost>(world_, Between(-absl::Seconds(1), absl::Seconds(1)),
                                        absl::Hours(10 + index));
  auto on_fatal = [this](const absl::Status& status) { Fail(status.ToString()); };
  BRAID_CHECK(side.files->CreateDir("/spool").ok());
  Spool::Options options;
  options.dir = "/spool";
  options.deduper_count = setup_.dedupers;
  options.upkeep_interval = absl::Seconds(20);
  options.sync_interval = absl::Seconds(1);
  if (setup_.small_spool) {
    options.segment_bytes = 4096;
    options.disk_bytes_max = 4 * options.segment_bytes;
  }
  auto spool = Spool::Open(*side.host, *side.files, random_, options, on_fatal);
  BRAID_CHECK(spool.ok());
  side.spool = *std::move(spool);
  side.ledger =
      std::make_unique<AttemptLedger>(*side.host, *side.files, "/spool/connect-budget", on_fatal);
  BRAID_CHECK(side.ledger->Load().ok());
  side.bell = std::make_unique<Bell>([&side] {
    for (auto& courier : side.couriers) {
      if (courier != nullptr) courier->Wake();
    }
  });
  side.spool->AddObserver(side.bell.get());
  side.couriers.resize(dedupers_.size());
  for (int deduper = 0; deduper < setup_.dedupers; ++deduper) {
    side.clients.push_back(MakeWorkClient(index, deduper));
    side.feeds.push_back(std::make_unique<SpoolFeed>(*side.spool, deduper));
    Connect(index, deduper);
  }
  MakeWorker(index);
}

void RecoveryWorld::MakeWorker(int index) {
  RecovererSide& side = recoverers_[index];
  RecoveryWorker::Options options;
  options.worker_id = absl::StrCat("r", index);
  options.stream = "streams/main";
  options.jobs = side.jobs;
  options.lease_wait = absl::Seconds(30);
  options.ask_interval = absl::Seconds(3);
  options.tick_interval = absl::Seconds(1);
  options.report_interval = absl::Seconds(20);
  RecoveryWorker::Windows windows;
  for (const auto& [method, share] : side.shares) {
    windows[method] = &side.ledger->WindowOf({"account", MethodWord(method)}, share);
  }
  std::vector<WorkClient*> clients;
  for (auto& client : side.clients) clients.push_back(client.get());
  side.worker = std::make_unique<RecoveryWorker>(
      *side.host, random_, *side.spool, clients, options,
      [this, index](const v1::RecoveryStep& step, RecordSink& sink, Fetch::Done done) {
        return x_.Ask(index, step, sink, std::move(done));
      },
      windows, [&side] { side.ledger->Save(); });
  side.worker->Start();
}

void RecoveryWorld::Connect(int recoverer, int deduper) {
  RecovererSide& side = recoverers_[recoverer];
  if (side.spool == nullptr || dedupers_[deduper].merger == nullptr) return;
  auto delay = [this, &side] {
    absl::Duration slow = std::max(absl::ZeroDuration(), side.slow_until - world_.Now());
    return slow + Between(absl::ZeroDuration(), faulty_ ? absl::Seconds(4) : absl::Seconds(1));
  };
  side.couriers[deduper] =
      std::make_unique<RecoveryCourier>(world_, *side.feeds[deduper], *dedupers_[deduper].merger,
                                        absl::StrCat(kRecoveryPrefix, "r", recoverer), delay);
  side.couriers[deduper]->Wake();
}

void RecoveryWorld::KillRecoverer(int index) {
  RecovererSide& side = recoverers_[index];
  if (side.host == nullptr) return;
  side.worker = nullptr;
  side.couriers.clear();
  side.feeds.clear();
  side.clients.clear();
  side.spool->RemoveObserver(side.bell.get());
  side.spool = nullptr;
  side.ledger = nullptr;
  side.host = nullptr;
  side.files->ProcessKilled();
}

// --- connections ---

void RecoveryWorld::WakeConnections() {
  for (DeduperSide& side : dedupers_) {
    for (auto& courier : side.couriers) courier->Wake();
  }
}

void RecoveryWorld::Step() {
  x_.Publish();
  for (Connection& connection : connections_) StepConnection(&connection);
  WakeConnections();
}

// It has what was created a slack ago, and says so.
void RecoveryWorld::StepConnection(Connection* connection) {
  absl::Time now = world_.WallNow();
  if (!connection->is_up) {
    if (now < connection->up_again) return;
    connection->is_up = true;
    connection->from = now + kHead;
    connection->connected = world_.Now();
    ++connection->connects;
    Say(connection, v1::ConnectionReport::STATE_RECEIVING, "connected");
    if (std::exchange(connection->wants_backfill, false)) {
      connection->backfill_due = now + kBackfillSettle;
    }
  }
  if (now < connection->loses_until) return;
  if (connection->loses_until != absl::InfinitePast()) {
    v1::SessionRecord record;
    record.mutable_loss()->set_reason(v1::Loss::REASON_RING_FULL);
    record.mutable_loss()->set_lines(1);
    SetTime(connection->from, record.mutable_loss()->mutable_first_receive_time());
    SetTime(now, record.mutable_loss()->mutable_last_receive_time());
    connection->feed.Append(std::move(record));
    connection->loses_until = absl::InfinitePast();
    connection->backfill_due = absl::InfiniteFuture();
    connection->from = now + absl::Milliseconds(1);
  }
  if (now >= connection->backfill_due) DeliverBackfill(connection);
  absl::Time until = now - kSlack;
  if (until <= connection->from) return;
  Deliver(connection, connection->from, until, v1::EVENT_ORIGIN_LIVE);
  connection->from = until;
}

// What was created then, and the word that it is all.
void RecoveryWorld::Deliver(Connection* connection, absl::Time from, absl::Time until,
                            v1::EventOrigin origin) {
  absl::Time now = world_.WallNow();
  std::vector<uint64_t> ids;
  for (const RecoveryX::Post* post : x_.PostsIn(connection->partition, from, until)) {
    bool is_gone = origin == v1::EVENT_ORIGIN_BACKFILL && post->deleted <= now;
    if (!is_gone) ids.push_back(post->id);
  }
  if (!ids.empty()) {
    v1::SessionRecord record;
    *record.mutable_frame() = MakeFrame(ids, now);
    record.mutable_frame()->set_origin(origin);
    connection->feed.Append(std::move(record));
  }
  v1::SessionRecord record;
  SetTime(from, record.mutable_cover()->mutable_create_time_range()->mutable_start_time());
  SetTime(until, record.mutable_cover()->mutable_create_time_range()->mutable_end_time());
  record.mutable_cover()->set_origin(origin);
  SetDuration(kSlack, record.mutable_cover()->mutable_slack());
  connection->feed.Append(std::move(record));
}

// X counts five minutes back from the connect; the first slack of it is not
// vouched for.
void RecoveryWorld::DeliverBackfill(Connection* connection) {
  absl::Time begin = connection->backfill_due - kBackfillSettle;
  connection->backfill_due = absl::InfiniteFuture();
  Trace(absl::StrCat("connection ", connection->name, " has its backfill"));
  Deliver(connection, begin - absl::Minutes(5) + kSlack, begin + kHead, v1::EVENT_ORIGIN_BACKFILL);
}

void RecoveryWorld::Say(Connection* connection, v1::ConnectionReport::State state,
                        const std::string& cause) {
  v1::SessionRecord record;
  record.mutable_event()->set_state(state);
  record.mutable_event()->set_cause(cause);
  SetTime(world_.WallNow(), record.mutable_event()->mutable_event_time());
  connection->feed.Append(std::move(record));
}

void RecoveryWorld::Silence(Connection* connection, absl::Duration length,
                            const std::string& cause) {
  absl::Time now = world_.WallNow();
  connection->up_again = std::max(connection->up_again, now + length);
  if (!connection->is_up) return;
  connection->is_up = false;
  connection->silenced = world_.Now();
  connection->backfill_due = absl::InfiniteFuture();
  Trace(absl::StrCat("connection ", connection->name, " ends: ", cause));
  Say(connection, v1::ConnectionReport::STATE_BACKING_OFF, cause);
  WakeConnections();
}

void RecoveryWorld::LoseLines(uint32_t partition, absl::Duration length) {
  for (Connection& connection : connections_) {
    if (connection.partition != partition || !connection.is_up) continue;
    Trace(absl::StrCat("connection ", connection.name, " loses what it receives for ",
                       absl::FormatDuration(length)));
    connection.loses_until = world_.WallNow() + length;
  }
}

void RecoveryWorld::LoseAll(absl::Duration length) {
  for (uint32_t partition = 0; partition <= setup_.partitions; ++partition) {
    LoseLines(partition, length);
  }
}

std::vector<SourceSnapshot> RecoveryWorld::Sources(const DeduperSide& side) const {
  std::vector<SourceSnapshot> sources;
  for (size_t i = 0; i < connections_.size(); ++i) {
    const Connection& connection = connections_[i];
    SourceSnapshot& source = sources.emplace_back();
    source.source_id = connection.name;
    source.connected = i < side.couriers.size() && side.couriers[i]->is_open();
    source.session_epoch = 1;
    source.all_partitions = setup_.partitions == 0;
    if (setup_.partitions > 0) source.partitions = {connection.partition};
    // By the process' clock.
    absl::Duration up = world_.Now() - connection.connected;
    source.report_time = side.host->Now();
    source.receiving_since = connection.is_up ? side.host->Now() - up : absl::InfiniteFuture();
    source.has_received = connection.is_up || connection.silenced >= side.started;
    source.report.set_connects(connection.connects);
    auto obeyed = side.obeyed.find(connection.name);
    if (obeyed != side.obeyed.end()) source.report.set_obeyed_directive(obeyed->second);
    source.report.set_state(connection.is_up ? v1::ConnectionReport::STATE_RECEIVING
                                             : v1::ConnectionReport::STATE_BACKING_OFF);
    SetTime(world_.WallNow(), source.report.mutable_report_time());
    SetTime(world_.WallNow(), source.report.mutable_last_byte_time());
  }
  return sources;
}

DrainDecision RecoveryWorld::Reconnect(DeduperSide* side, const DrainRequest& request) {
  DrainDecision decision = side->grants->Decide(request, Sources(*side), side->host->Now());
  if (decision.outcome != DrainDecision::Outcome::kGranted) return decision;
  ++run_.reconnects;
  side->obeyed[request.connection] = decision.number;
  for (Connection& connection : connections_) {
    if (connection.name != request.connection) continue;
    Silence(&connection, Between(absl::Seconds(1), absl::Seconds(5)), "requested");
    connection.wants_backfill = true;
  }
  return decision;
}

void RecoveryWorld::MakeReconnectWorker(DeduperSide* side) {
  side->started = world_.Now();
  side->grants = std::make_unique<DrainGrants>(DrainGrants::Options(), side->host->Now(),
                                               ++side->starts << 32);
  side->own_work = std::make_unique<DeskWorkClient>(*side->host, *side->desk);
  ReconnectWorker::Options options;
  options.stream = "streams/main";
  options.lease_wait = absl::Seconds(30);
  side->reconnects = std::make_unique<ReconnectWorker>(
      *side->host, *side->own_work, options, [this, side] { return Sources(*side); },
      [this, side](const DrainRequest& request) { return Reconnect(side, request); });
  side->reconnects->Start();
}

// --- faults ---

void RecoveryWorld::ScheduleFault() {
  world_.After(Between(absl::Seconds(5), 2 * setup_.fault_interval), [this] {
    if (!faulty_) return;
    OneFault();
    ScheduleFault();
  });
}

void RecoveryWorld::OneFault() {
  int recoverer = Dice(setup_.recoverers), deduper = Dice(setup_.dedupers);
  switch (Dice(14)) {
    case 0:
    case 1:
      return KillAgainAndAgain(recoverer, Dice(6) == 0 ? 20 : 1);
    case 2:
      if (dedupers_[deduper].host == nullptr) return;
      ++run_.kills;
      Trace(absl::StrCat("deduper ", deduper, " is killed"));
      KillDeduper(deduper);
      world_.After(Between(absl::Milliseconds(500), absl::Minutes(2)),
                   [this, deduper] { StartDeduper(deduper); });
      return;
    case 3:
      cut_until_[recoverer][deduper] = world_.Now() + Between(absl::Seconds(1), absl::Minutes(6));
      return;
    case 4:
      recoverers_[recoverer].slow_until =
          world_.Now() + Between(absl::Seconds(5), absl::Minutes(3));
      return;
    case 5:
      return StepClock();
    case 6:
      return Dice(3) == 0 ? CancelByHand() : AskByHand();
    case 7:
    case 8:
      return Outage();
    case 9: {
      Connection& connection = connections_[random_.Below(connections_.size())];
      if (Dice(3) == 0) connection.feed.NextSession();
      return Silence(&connection, Between(absl::Seconds(5), absl::Minutes(15)), "reset");
    }
    case 10:
      return TakeRightsAway();
    case 11:
    case 12:
      return LoseLines(connections_[random_.Below(connections_.size())].partition,
                       Between(absl::Seconds(5), absl::Seconds(100)));
    default:
      return AskByHand();
  }
}

// Of the account, or of one way; or nobody receives meanwhile.
void RecoveryWorld::TakeRightsAway() {
  const int what = Dice(6);
  if (what > 1) return Outage();
  const absl::Time until =
      world_.WallNow() + Between(absl::Minutes(1), absl::Minutes(what == 0 ? 10 : 50));
  if (what == 0) return x_.RefuseCredentials(until);
  const std::vector<const RouteLimits*> routes = RangeRoutes(setup_.policy);
  x_.Forbid(routes[random_.Below(routes.size())]->method, until);
}

// Nobody receives the partition.
void RecoveryWorld::Outage() {
  uint32_t partition = connections_[random_.Below(connections_.size())].partition;
  bool full_buffer = Dice(4) == 0;
  absl::Duration length = Between(absl::Seconds(20), absl::Minutes(Dice(4) == 0 ? 25 : 8));
  for (Connection& connection : connections_) {
    if (connection.partition != partition) continue;
    Silence(&connection, length, full_buffer ? "full_buffer" : "reset");
  }
}

void RecoveryWorld::KillAgainAndAgain(int recoverer, int times) {
  if (times == 0 || !faulty_ || recoverers_[recoverer].host == nullptr) return;
  ++run_.kills;
  Trace(absl::StrCat("recoverer ", recoverer, " is killed"));
  KillRecoverer(recoverer);
  absl::Duration away = Between(absl::Milliseconds(200), absl::Seconds(times > 1 ? 5 : 90));
  world_.After(away, [this, recoverer, times] {
    StartRecoverer(recoverer);
    world_.After(Between(absl::Seconds(1), absl::Seconds(90)),
                 [this, recoverer, times] { KillAgainAndAgain(recoverer, times - 1); });
  });
}

void RecoveryWorld::StepClock() {
  DeduperSide& side = dedupers_[random_.Below(dedupers_.size())];
  absl::Duration step = Between(-absl::Seconds(2), absl::Seconds(2));
  side.wall_offset = std::clamp(side.wall_offset + step, -absl::Seconds(2), absl::Seconds(2));
  if (side.host == nullptr) return;
  side.host->StepWallClock(step);
}

void RecoveryWorld::AskByHand() {
  DeduperSide& side = dedupers_[random_.Below(dedupers_.size())];
  if (side.merger == nullptr) return;
  absl::Time now = world_.WallNow();
  store::v1::InputRecord input;
  store::v1::RecoveryInput::Create* create = input.mutable_recovery()->mutable_create();
  create->set_request_id(absl::StrCat("request-", ++last_request_));
  create->set_requester("op");
  const auto& gaps = side.core->gaps().ledger().gaps();
  if (!gaps.empty() && Dice(2) == 0) {
    auto gap = gaps.begin();
    std::advance(gap, Dice(static_cast<int>(gaps.size())));
    create->set_gap(gap->first);
  } else {
    absl::Time from = now - Between(absl::Minutes(3), absl::Minutes(100));
    create->set_from_micros(absl::ToUnixMicros(from));
    create->set_until_micros(absl::ToUnixMicros(
        std::min(now - absl::Seconds(40), from + Between(absl::Seconds(20), absl::Minutes(30)))));
    create->set_partition(connections_[random_.Below(connections_.size())].partition);
  }
  if (Dice(6) == 0) create->set_method(RecoveryJob::METHOD_BACKFILL);
  create->set_margin_micros(Dice(2) == 0 ? -1 : 30'000'000);
  Trace(absl::StrCat("by hand: ", create->ShortDebugString()));
  int times = Dice(4) == 0 ? 2 : 1;
  auto first = std::make_shared<uint64_t>(0);
  for (int i = 0; i < times; ++i) {
    side.merger->Admit(input, 100, [this, first](const ApplyResult& result) {
      if (!result.recovery.status.ok()) return;
      if (*first != 0 && *first != result.recovery.number) Fail("one request made two jobs");
      *first = result.recovery.number;
    });
  }
}

void RecoveryWorld::CancelByHand() {
  DeduperSide& side = dedupers_[random_.Below(dedupers_.size())];
  if (side.merger == nullptr) return;
  std::vector<uint64_t> numbers;
  for (const auto& [number, job] : side.core->recovery().jobs()) {
    if (!IsEnded(job.job().state())) numbers.push_back(number);
  }
  if (numbers.empty()) return;
  store::v1::InputRecord input;
  input.mutable_recovery()->set_cancel(numbers[random_.Below(numbers.size())]);
  Trace(absl::StrCat("job ", input.recovery().cancel(), " is cancelled"));
  side.merger->Admit(std::move(input), 100, nullptr);
}

void RecoveryWorld::EndFaults() {
  faulty_ = false;
  x_.EndFaults();
  Trace("the faults end");
  for (int i = 0; i < setup_.dedupers; ++i) {
    if (dedupers_[i].host == nullptr) continue;
    dedupers_[i].wall_offset = absl::ZeroDuration();
  }
  for (Connection& connection : connections_) {
    connection.up_again = std::min(connection.up_again, world_.WallNow() + kStep);
  }
}

// --- the end ---

absl::Duration RecoveryWorld::Bound() const {
  const Core::Options& core = setup_.core;
  int64_t attempts = core.recovery.attempts_max;
  absl::Duration longest = setup_.policy.step_max + setup_.policy.pad_before +
                           setup_.policy.pad_after + absl::Minutes(2);
  absl::Duration fetch = longest / setup_.x.speed + absl::Minutes(1);
  // Two routes, each tried so often, one step after the other.
  absl::Duration one = 2 * attempts * fetch;
  absl::Duration waits = 2 * attempts * std::max(setup_.policy.repeat_after, absl::Minutes(16));
  absl::Duration bound;
  for (const DeduperSide& side : dedupers_) {
    int pieces = 0;
    absl::Duration left = side.check->LeftToDo(*side.core, &pieces);
    pieces += static_cast<int>(absl::FDivDuration(left, setup_.policy.step_max));
    absl::Duration windows;
    for (const RouteLimits& route : setup_.policy.routes) {
      if (route.off || route.requests == 0 || IsPassive(route.method)) continue;
      int64_t requests = (pieces + 1) * attempts;
      windows += route.request_window * (requests / (route.requests / setup_.recoverers) + 1);
    }
    bound += (pieces + 1) * one + windows;
  }
  absl::Duration settle = core.recovery.settle + absl::Minutes(1) + core.work.lease;
  // X's word and an operator's absence of before, and data that is too young.
  return bound + waits + settle + core.recovery.operator_wait + absl::Minutes(31);
}

bool RecoveryWorld::IsSettled(std::string* why) const {
  for (const DeduperSide& side : dedupers_) {
    *why = side.check->WhyNotSettled(*side.core);
    if (!why->empty()) return false;
  }
  return true;
}

// --- scripts ---

void RecoveryWorld::Start() {
  Trace(setup_.config.ShortDebugString());
  Trace(absl::StrCat(setup_.dedupers, " dedupers, ", setup_.recoverers, " recoverers, ",
                     setup_.partitions, " partitions, ", setup_.x.rate, " posts/s, speed ",
                     setup_.x.speed));
  for (int i = 0; i < setup_.dedupers; ++i) StartDeduper(i);
  for (int i = 0; i < setup_.recoverers; ++i) StartRecoverer(i);
}

void RecoveryWorld::Pass(absl::Duration time) {
  absl::Time end = world_.Now() + time;
  for (; world_.Now() < end; world_.RunFor(kStep)) Step();
}

void RecoveryWorld::SilenceAll(absl::Duration length, const std::string& cause) {
  for (Connection& connection : connections_) Silence(&connection, length, cause);
}

void RecoveryWorld::Ask(int deduper, const store::v1::RecoveryInput& asked) {
  store::v1::InputRecord input;
  *input.mutable_recovery() = asked;
  dedupers_[deduper].merger->Admit(std::move(input), 100, [this](const ApplyResult& result) {
    if (!result.recovery.status.ok()) Fail(result.recovery.status.ToString());
  });
}

bool RecoveryWorld::Settle(absl::Duration bound) {
  absl::Time end = world_.Now() + bound;
  std::string why;
  for (; !IsSettled(&why) && world_.Now() < end; world_.RunFor(kStep)) Step();
  if (!why.empty()) Trace(why);
  return why.empty();
}

RecoveryRun RecoveryWorld::End() {
  CheckEnd();
  run_.x = x_.counts();
  return std::move(run_);
}

void RecoveryWorld::CheckEnd() {
  for (DeduperSide& side : dedupers_) {
    side.check->CheckEnd(*side.disk, *side.core, x_, &run_.figures);
    Trace(absl::StrCat("chain ", Hash64(side.core->state().chain()), " at ",
                       side.core->last_sequence()));
  }
}

RecoveryRun RecoveryWorld::Run() {
  Start();
  ScheduleFault();
  Pass(kFaultSpan);
  EndFaults();
  // Killed ones come back. Then one more outage, of which nothing stays lost.
  absl::Time healed = world_.Now();
  Pass(absl::Minutes(3));
  for (DeduperSide& side : dedupers_) side.check->NoteHealed(world_.WallNow());
  SilenceAll(absl::Minutes(2), "reset");
  Pass(absl::Minutes(4));
  absl::Duration bound = Bound();
  std::string why;
  if (!Settle(bound - (world_.Now() - healed)) && !IsSettled(&why)) {
    Fail(absl::StrCat("after ", absl::FormatDuration(bound), " without faults: ", why));
  }
  run_.settled_in = world_.Now() - healed;
  run_.slack = bound - run_.settled_in;
  return End();
}

}  // namespace braid
