#include "tests/sim/connector_process.h"

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
      x_(x),
      net_(net),
      random_(random),
      options_(std::move(options)),
      failures_(failures),
      disk_(std::make_unique<MemFileSystem>(world_, options_.disk)) {
  options_.spool.dir = kSpoolDir;
  options_.spool.deduper_count = options_.dedupers;
  options_.connection.request.url = "http://127.0.0.1/2/tweets/search/stream";
  options_.connection.request.connection = options_.name;
}

ConnectorProcess::~ConnectorProcess() {
  if (running()) Stop(ProcessLife::End::kAlive);
}

void ConnectorProcess::Start() {
  BRAID_CHECK(!running());
  stopped_itself_ = false;
  ProcessLife life;
  life.start = world_.WallNow();
  lives_.push_back(life);
  host_ = std::make_unique<SimHost>(world_, options_.wall_offset, options_.monotonic_offset);
  http_ = x_.MakeClient(*host_, options_.number, static_cast<int>(lives_.size()) - 1);
  auto spool = Spool::Open(*host_, *disk_, random_, options_.spool,
                           [this](const absl::Status&) { stopped_itself_ = true; });
  if (!spool.ok()) {
    failures_->push_back(absl::StrCat(name(), ": spool does not open: ", spool.status().ToString()));
    stopped_itself_ = true;
    return;
  }
  spool_ = *std::move(spool);
  connection_ = std::make_unique<Connection>(*host_, *http_, *spool_, random_, options_.connection,
                                             [] { return std::string("token"); });
  MakeSlotKeeper();
  for (int i = 0; i < options_.dedupers; ++i) {
    dialers_.push_back(net_.MakeDialer(*host_, options_.number, name(), i));
    OfferClient::Options client;
    client.deduper = i;
    client.name = absl::StrCat("deduper-", i);
    client.identity.set_stream("streams/main");
    client.identity.set_source_id(name());
    clients_.push_back(std::make_unique<OfferClient>(*host_, random_, *dialers_.back(), *spool_,
                                                     client,
                                                     [this] { return connection_->Report(); }));
    clients_.back()->SetDirectiveHandler(
        [this](const v1::OfferResponse::Directive& directive) { OnDirective(directive); });
    clients_.back()->Start();
  }
  connection_->Start();
}

void ConnectorProcess::MakeSlotKeeper() {
  BRAID_CHECK(disk_->CreateDir(kSlotsDir).ok());
  SlotKeeper::Options options;
  options.request = options_.connection.request;
  options.file = absl::StrCat(kSlotsDir, "/connects");
  slot_keeper_ = std::make_unique<SlotKeeper>(
      *host_, *http_, *disk_, options, [] { return std::string("token"); },
      [this](absl::string_view cause, absl::string_view detail) {
        connection_->Note(cause, detail);
      });
  connection_->SetObserver(slot_keeper_.get());
}

// As Connector does.
void ConnectorProcess::OnDirective(const v1::OfferResponse::Directive& directive) {
  if (draining()) return;
  bool receives = connection_->Report().state() == v1::ConnectionReport::STATE_RECEIVING;
  if (directive.action() == v1::OfferResponse::ACTION_RECONNECT) {
    if (receives) options_.on_let_go(/*for_good=*/false);
    connection_->Reconnect();
  } else if (directive.action() == v1::OfferResponse::ACTION_DRAIN) {
    options_.on_let_go(/*for_good=*/true);
    Drain();
  }
}

void ConnectorProcess::Stop(ProcessLife::End how) {
  if (spool_ != nullptr) epoch_raises_ += spool_->metrics().epoch_raises.value();
  clients_.clear();
  dialers_.clear();
  slot_keeper_ = nullptr;
  connection_ = nullptr;
  spool_ = nullptr;
  http_ = nullptr;
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
}

void ConnectorProcess::Drain() {
  uint64_t incarnation = lives_.size();
  // What arrives from now on is not taken.
  lives_.back().end = world_.WallNow();
  lives_.back().end_kind = ProcessLife::End::kDrained;
  connection_->Drain([] {});
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
  uint64_t total = 0;
  auto sessions = disk_->List(kSpoolDir);
  if (!sessions.ok()) return 0;
  for (const std::string& session : *sessions) {
    std::string dir = absl::StrCat(kSpoolDir, "/", session);
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
