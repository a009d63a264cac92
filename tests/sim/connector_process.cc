#include "tests/sim/connector_process.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"

namespace braid {
namespace {

constexpr char kSpoolDir[] = "/spool";
constexpr char kSlotsDir[] = "/slots";

}  // namespace

ConnectorProcess::ConnectorProcess(SimLoop& world, SimX& x, SimNet& net, Random& random,
                                   Options options, std::vector<std::string>* failures)
    : world_(world),
      loop_(world),
      x_(x),
      net_(net),
      random_(random),
      options_(std::move(options)),
      failures_(failures),
      disk_(std::make_unique<MemFileSystem>(loop_, options_.disk)) {
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
  host_ = std::make_unique<SimHost>(loop_, options_.wall_offset, options_.monotonic_offset);
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
  MakeSlotKeeper(leg, connection.request, running);
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
    running->clients.back()->SetDirectiveHandler(
        [this, number = leg.number](const v1::OfferResponse::Directive& directive) {
          OnDirective(number, directive);
        });
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

void ConnectorProcess::MakeSlotKeeper(const Leg& leg, const RequestOptions& request,
                                      Running* running) {
  BRAID_CHECK(disk_->CreateDir(kSlotsDir).ok());
  SlotKeeper::Options options;
  options.request = request;
  options.file = absl::StrCat(kSlotsDir, "/", leg.name);
  Connection* connection = running->connection.get();
  running->slot_keeper = std::make_unique<SlotKeeper>(
      *host_, *running->http, *disk_, options, [] { return std::string("token"); },
      [connection](absl::string_view cause, absl::string_view detail) {
        connection->Note(cause, detail);
      });
  connection->SetObserver(running->slot_keeper.get());
}

// As Connector does.
void ConnectorProcess::OnDirective(int number, const v1::OfferResponse::Directive& directive) {
  Running& leg = RunningOf(number);
  if (draining() || leg.has_left) return;
  if (directive.action() == v1::OfferResponse::ACTION_PAUSE) leg.connection->Pause();
  if (directive.action() == v1::OfferResponse::ACTION_RESUME) leg.connection->Resume();
  bool receives = leg.connection->Report().state() == v1::ConnectionReport::STATE_RECEIVING;
  if (directive.action() == v1::OfferResponse::ACTION_RECONNECT) {
    if (receives) options_.on_let_go(number, /*for_good=*/false);
    leg.connection->Reconnect();
  } else if (directive.action() == v1::OfferResponse::ACTION_DRAIN) {
    options_.on_let_go(number, /*for_good=*/true);
    leg.has_left = true;
    bool is_last = std::all_of(running_.begin(), running_.end(),
                               [](const Running& other) { return other.has_left; });
    left_[{number, lives_.size() - 1}] = world_.WallNow();
    leg.connection->Drain([] {});
    if (is_last) Drain();
  }
}

std::vector<ProcessLife> ConnectorProcess::LivesOf(int number) const {
  std::vector<ProcessLife> lives = lives_;
  for (const auto& [number_and_life, time] : left_) {
    if (number_and_life.first != number) continue;
    ProcessLife& life = lives[number_and_life.second];
    life.end = time;
    if (life.end_kind == ProcessLife::End::kAlive) life.end_kind = ProcessLife::End::kDrained;
  }
  return lives;
}

void ConnectorProcess::Stop(ProcessLife::End how) {
  for (Running& running : running_) {
    if (running.spool != nullptr) {
      epoch_raises_ += running.spool->metrics().epoch_raises.value();
    }
    running.clients.clear();
    running.dialers.clear();
    running.slot_keeper = nullptr;
    running.connection = nullptr;
    running.spool = nullptr;
    running.http = nullptr;
  }
  running_.clear();
  ledger_ = nullptr;
  host_ = nullptr;
  // What came while it stood still it never read.
  lives_.back().end = std::min(world_.WallNow(), loop_.frozen_since());
  lives_.back().end_kind = how;
  loop_.Thaw();
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
  disk_ = std::make_unique<MemFileSystem>(loop_, options_.disk);
  spool_losses_.push_back(world_.WallNow());
  // What was on it about the budget is gone too.
  x_.ForgetBudget(name());
}

bool ConnectorProcess::Freeze(absl::Duration duration) {
  if (!running() || frozen() || draining()) return false;
  loop_.Freeze(duration);
  return true;
}

void ConnectorProcess::Drain() {
  uint64_t incarnation = lives_.size();
  // What arrives from now on is not taken.
  lives_.back().end = world_.WallNow();
  lives_.back().end_kind = ProcessLife::End::kDrained;
  for (Running& running : running_) {
    if (!std::exchange(running.has_left, true)) running.connection->Drain([] {});
  }
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
