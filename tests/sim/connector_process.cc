#include "tests/sim/connector_process.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace braid {
namespace {

constexpr char kSpoolDir[] = "/spool";

}  // namespace

ConnectorProcess::ConnectorProcess(SimLoop& world, SimX& x, SimNet& net, Random& random,
                                   Options options, std::vector<std::string>* failures)
    : world_(world),
      x_(x),
      net_(net),
      random_(random),
      options_(std::move(options)),
      failures_(failures),
      disk_(std::make_unique<MemFileSystem>(world_, options_.disk)) {
  options_.spool.deduper_count = options_.dedupers;
  options_.connection.request.url = "http://127.0.0.1/2/tweets/search/stream";
  for (const Leg& leg : options_.legs) x_.SetProcess(leg.number, name(), options_.share);
}

ConnectorProcess::~ConnectorProcess() {
  if (running()) Stop(ProcessLife::End::kAlive);
}

void ConnectorProcess::Fail(const Leg& leg, const absl::Status& status) {
  failures_->push_back(absl::StrCat(leg.name, ": does not start: ", status.ToString()));
  stopped_itself_ = true;
}

void ConnectorProcess::Start() {
  BRAID_CHECK(!running());
  stopped_itself_ = false;
  ProcessLife life;
  life.start = world_.WallNow();
  lives_.push_back(life);
  host_ = std::make_unique<SimHost>(world_, options_.wall_offset, options_.monotonic_offset);
  absl::Status status = disk_->CreateDir(kSpoolDir);
  ledger_ = std::make_unique<AttemptLedger>(*host_, *disk_,
                                            absl::StrCat(kSpoolDir, "/", kLedgerFile),
                                            [this](absl::Status) { stopped_itself_ = true; });
  if (status.ok()) status = ledger_->Load();
  if (!status.ok()) return Fail(options_.legs[0], status);
  turns_ = PartitionTurns();
  for (const Leg& leg : options_.legs) {
    running_.emplace_back();
    if (!StartLeg(leg, &running_.back())) return;
  }
  for (Running& running : running_) running.connection->Start();
}

bool ConnectorProcess::StartLeg(const Leg& leg, Running* running) {
  AttemptWindow& window = ledger_->WindowOf({"", "x-v2-filtered"}, options_.share);
  running->gate = std::make_unique<SharedGate>(
      *ledger_, window, turns_, [this, number = leg.number] { return OtherReceives(number); });
  running->http = x_.MakeClient(*host_, leg.number, static_cast<int>(lives_.size()) - 1);
  Spool::Options spool_options = options_.spool;
  spool_options.dir = SpoolDir(leg);
  auto spool = Spool::Open(*host_, *disk_, random_, spool_options,
                           [this](const absl::Status&) { stopped_itself_ = true; });
  if (!spool.ok()) {
    Fail(leg, spool.status());
    return false;
  }
  running->spool = *std::move(spool);
  Connection::Options connection = options_.connection;
  connection.request.connection = leg.name;
  running->connection = std::make_unique<Connection>(
      *host_, *running->http, *running->spool, random_, connection,
      [] { return std::string("token"); }, running->gate.get());
  StartClients(leg, running);
  return true;
}

void ConnectorProcess::StartClients(const Leg& leg, Running* running) {
  for (int i = 0; i < options_.dedupers; ++i) {
    running->dialers.push_back(net_.MakeDialer(*host_, leg.number, leg.name, i));
    OfferClient::Options client;
    client.deduper = i;
    client.name = absl::StrCat("deduper-", i);
    client.identity.set_stream("streams/main");
    client.identity.set_source_id(leg.name);
    running->clients.push_back(std::make_unique<OfferClient>(
        *host_, random_, *running->dialers.back(), *running->spool, client,
        [connection = running->connection.get()] { return connection->Report(); }));
    running->clients.back()->Start();
  }
}

bool ConnectorProcess::OtherReceives(int number) const {
  for (size_t i = 0; i < running_.size(); ++i) {
    if (options_.legs[i].number == number || running_[i].connection == nullptr) continue;
    auto state = running_[i].connection->Report().state();
    if (state == v1::ConnectionReport::STATE_RECEIVING) return true;
  }
  return false;
}

ConnectorProcess::Running& ConnectorProcess::RunningOf(int number) {
  size_t i = 0;
  while (options_.legs[i].number != number) ++i;
  return running_[i];
}

std::string ConnectorProcess::SpoolDir(const Leg& leg) const {
  return options_.legs.size() == 1 ? kSpoolDir : absl::StrCat(kSpoolDir, "/", leg.name);
}

void ConnectorProcess::Stop(ProcessLife::End how) {
  for (Running& running : running_) {
    if (running.spool != nullptr) {
      epoch_raises_ += running.spool->metrics().epoch_raises.value();
    }
    running.clients.clear();
    running.dialers.clear();
    running.connection = nullptr;
    running.spool = nullptr;
    running.http = nullptr;
  }
  running_.clear();
  ledger_ = nullptr;
  host_ = nullptr;
  lives_.back().end = world_.WallNow();
  lives_.back().end_kind = how;
}

void ConnectorProcess::Kill(ProcessLife::End how) {
  BRAID_CHECK(running());
  // The disk first: what a destructor might still write is not what a dead
  // process writes.
  if (how == ProcessLife::End::kPowerCut) {
    disk_->PowerCut(random_);
  } else {
    disk_->ProcessKilled();
  }
  Stop(how);
  if (how != ProcessLife::End::kSpoolLost) return;
  disk_ = std::make_unique<MemFileSystem>(world_, options_.disk);
  spool_losses_.push_back(world_.WallNow());
  // What was on it about the budget is gone too.
  x_.ForgetBudget(name());
}

void ConnectorProcess::Drain() {
  uint64_t incarnation = lives_.size();
  // What arrives from now on is not taken.
  lives_.back().end = world_.WallNow();
  lives_.back().end_kind = ProcessLife::End::kDrained;
  for (Running& running : running_) running.connection->Drain([] {});
  world_.After(absl::Seconds(5), [this, incarnation] {
    if (!running() || lives_.size() != incarnation) return;
    absl::Time drained = lives_.back().end;
    disk_->ProcessKilled();
    Stop(ProcessLife::End::kDrained);
    lives_.back().end = drained;
  });
}

void ConnectorProcess::StepWallClock(absl::Duration step) {
  options_.wall_offset += step;
  if (running()) host_->StepWallClock(step);
}

uint64_t ConnectorProcess::DiskBytes() {
  uint64_t most = 0;
  for (const Leg& leg : options_.legs) most = std::max(most, SpoolBytes(SpoolDir(leg)));
  return most;
}

uint64_t ConnectorProcess::SpoolBytes(const std::string& spool) {
  uint64_t total = 0;
  auto sessions = disk_->List(spool);
  if (!sessions.ok()) return 0;
  for (const std::string& session : *sessions) {
    std::string dir = absl::StrCat(spool, "/", session);
    auto segments = disk_->List(dir);
    if (!segments.ok()) continue;
    for (const std::string& segment : *segments) {
      // Marks have a bound of their own.
      if (!ParseSpoolNumber(segment, kSegmentSuffix).has_value()) continue;
      total += disk_->Size(absl::StrCat(dir, "/", segment)).value_or(0);
    }
  }
  return total;
}

}  // namespace braid
