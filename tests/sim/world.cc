#include "tests/sim/world.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "tests/sim/checks.h"
#include "tests/sim/connector_process.h"
#include "tests/sim/deduper_process.h"
#include "tests/sim/gap_check.h"
#include "tests/sim/log_view.h"
#include "tests/sim/script.h"
#include "tests/sim/sim_loop.h"
#include "tests/sim/volume_world.h"

namespace braid {
namespace {

// After the faults end everything must drain within this: the longest back-off
// (320 s plus a fifth), the longest budget window that is drawn (30 s), a turn
// for each connection, and some.
constexpr absl::Duration kHeal = absl::Seconds(480);
// From the last post to the last acknowledgement: its lateness, one redial
// after a silence that began unseen, and some.
constexpr absl::Duration kSettle = absl::Seconds(60);
// What X handed over is merged and acknowledged within it.
constexpr absl::Duration kMerge = absl::Seconds(5);
constexpr int kRedialsMax = 100;

class World {
 public:
  World(uint64_t seed, const std::function<WorldOptions(Random& random)>& draw)
      : random_(seed),
        options_(draw(random_)),
        loop_(options_.start_time),
        x_(loop_, random_, options_.x),
        net_(loop_, random_, options_.net_delay_max) {
    for (int i = 0; i < options_.connectors; ++i) names_.push_back(absl::StrCat("leg-", i));
    for (int i = 0; i < options_.dedupers; ++i) AddDeduper(i);
    if (options_.one_process) AddConnector(0, options_.connectors);
    for (int i = 0; i < options_.connectors && !options_.one_process; ++i) AddConnector(i, 1);
    net_.SetAckObserver([this](int deduper, const std::string& source, uint64_t epoch,
                               uint64_t end) { dedupers_[deduper]->NoteAcknowledged(source, epoch, end); });
  }

  // Sessions end before the process they live in.
  ~World() {
    connectors_.clear();
    for (size_t i = 0; i < dedupers_.size(); ++i) net_.ServerDied(static_cast<int>(i));
  }

  WorldReport Run() {
    x_.Start();
    for (auto& deduper : dedupers_) deduper->Start();
    for (auto& connector : connectors_) connector->Start();
    PlanFault();
    Script script({loop_, x_, net_, dedupers_, connectors_, process_of_}, &report_.failures);
    script.Plan(options_.script);
    Supervise();
    RunFor(options_.trouble);
    healing_ = true;
    x_.SetRate(options_.heal_rate);
    x_.StopBadLines();
    x_.FreeZombies();
    RunFor(kHeal);
    x_.Stop();
    RunFor(kSettle);
    // A redial may have brought backfill just now; they come ever more rarely.
    for (int i = 0; i < kRedialsMax && HasJustDelivered(); ++i) RunFor(kMerge);
    clock_stepped_ = script.stepped_clocks();
    Check();
    return std::move(report_);
  }

 private:
  void AddDeduper(int number) {
    DeduperProcess::Options options;
    options.core = options_.core;
    options.core.window.memory_bytes_max = options_.window_bytes_max;
    options.connections = names_;
    options.wall_offset = absl::Milliseconds(random_.Below(60000)) - absl::Seconds(30);
    options.monotonic_offset = absl::Seconds(random_.Below(1000000));
    dedupers_.push_back(
        std::make_unique<DeduperProcess>(loop_, number, std::move(options), &report_.failures));
    net_.AddServer(dedupers_.back().get());
  }

  // With so many connections, the first of them this one.
  void AddConnector(int first, int count) {
    ConnectorProcess::Options options;
    for (int number = first; number < first + count; ++number) {
      options.legs.push_back({number, names_[number]});
      process_of_.push_back(connectors_.size());
    }
    options.share = options_.connect_share;
    options.connection.backfill.minutes_max = options_.backfill_minutes;
    options.connection.reconnect_on_data_silence = options_.reconnect_on_data_silence;
    options.dedupers = options_.dedupers;
    options.connection.reader.line_bytes_max = options_.line_bytes_max;
    options.connection.reader.in_flight_bytes_max = options_.ring_bytes_max;
    options.spool.disk_bytes_max = options_.spool_bytes_max;
    options.spool.segment_bytes = options_.segment_bytes;
    options.spool.tail_bytes_max = options_.tail_bytes_max;
    options.disk.sync_delay = options_.sync_delay_max * random_.Unit();
    options.disk.garble = random_.Unit();
    options.wall_offset = absl::Milliseconds(random_.Below(60000)) - absl::Seconds(30);
    options.monotonic_offset = absl::Seconds(random_.Below(1000000));
    options.on_let_go = [this](int number, bool for_good) { OnLetGo(number, for_good); };
    connectors_.push_back(std::make_unique<ConnectorProcess>(
        loop_, x_, net_, random_, std::move(options), &report_.failures));
  }

  ConnectorProcess& ConnectorOf(int number) {
    return *connectors_[process_of_[static_cast<size_t>(number)]];
  }

  void RunFor(absl::Duration duration) {
    absl::Time until = loop_.Now() + duration;
    while (loop_.NextTurnTime() <= until) {
      loop_.Step();
      ++report_.turns;
      absl::Duration skip = std::exchange(skip_, absl::ZeroDuration());
      if (skip > absl::ZeroDuration()) {
        x_.OnSleep();
        sleeps_.push_back({loop_.WallNow(), skip});
      }
      loop_.Skip(skip);
      if (skip > absl::ZeroDuration()) wake_time_ = loop_.Now();
      until += skip;
    }
    loop_.RunUntil(until);
  }

  bool HasJustDelivered() const {
    return !x_.deliveries().empty() && loop_.WallNow() - x_.deliveries().back().time < kMerge;
  }

  // A process that is down comes back after a while, as under systemd.
  void Supervise() {
    for (size_t i = 0; i < dedupers_.size(); ++i) {
      if (dedupers_[i]->stopped_itself() && dedupers_[i]->running()) KillDeduper(static_cast<int>(i));
    }
    for (auto& deduper : dedupers_) deduper->reader().Read();
    for (auto& deduper : dedupers_) deduper->creation_reader().Read();
    for (auto& connector : connectors_) {
      if (connector->stopped_itself() && connector->running()) {
        connector->Kill(ProcessLife::End::kKilled);
        RestartConnector(connector.get());
      }
      uint64_t bytes = connector->DiskBytes();
      if (bytes > options_.spool_bytes_max + options_.segment_bytes && !cap_broken_) {
        cap_broken_ = true;
        report_.failures.push_back(
            absl::StrCat("spool of ", connector->name(), " holds ", bytes, " bytes"));
      }
    }
    loop_.After(absl::Milliseconds(500), [this] { Supervise(); });
  }

  void KillDeduper(int number) {
    net_.ServerDied(number);
    dedupers_[number]->Kill();
    loop_.After(absl::Milliseconds(100 + random_.Below(30000)),
                [this, number] { dedupers_[number]->Start(); });
  }

  void RestartConnector(ConnectorProcess* connector) {
    loop_.After(absl::Milliseconds(100 + random_.Below(20000)), [connector] {
      if (!connector->running()) connector->Start();
    });
  }

  void PlanFault() {
    if (options_.faults.empty()) return;
    double seconds = -std::log(1.0 - random_.Unit()) * absl::ToDoubleSeconds(options_.fault_interval);
    // Down to the microsecond, so that any two turns can be parted.
    loop_.After(absl::Microseconds(seconds * 1e6), [this] {
      if (healing_) return;
      Fault fault = options_.faults[random_.Below(options_.faults.size())];
      if (Inject(fault)) ++report_.fired[static_cast<int>(fault)];
      PlanFault();
    });
  }

  absl::Duration Seconds(uint64_t from, uint64_t until) {
    return absl::Seconds(from + random_.Below(until - from)) + absl::Milliseconds(random_.Below(1000));
  }

  bool Inject(Fault fault) {
    // What was under way to the disk when the machines went to sleep gets there
    // first: the checks allow for a second before a power cut.
    if (loop_.Now() - wake_time_ < absl::Seconds(1)) return false;
    int number = static_cast<int>(random_.Below(names_.size()));
    int deduper = static_cast<int>(random_.Below(dedupers_.size()));
    switch (fault) {
      case Fault::kCutClean: return x_.CutConnection(number, SimX::Cut::kClean);
      case Fault::kCutMessage: return x_.CutConnection(number, SimX::Cut::kCleanWithMessage);
      case Fault::kCutTruncated: return x_.CutConnection(number, SimX::Cut::kTruncated);
      case Fault::kCutReset: return x_.CutConnection(number, SimX::Cut::kReset);
      case Fault::kBlackHole: return x_.BlackHole(number);
      case Fault::kStall: return x_.Stall(number, Seconds(1, 60));
      case Fault::kRefuse503: return Refuse(number, SimX::Refusal::kUnavailable503);
      case Fault::kRefuse429: return Refuse(number, SimX::Refusal::kRateLimited429);
      case Fault::kRefuseSlots: return Refuse(number, SimX::Refusal::kTooMany429);
      case Fault::kRefuseConnect: return Refuse(number, SimX::Refusal::kConnectFails);
      case Fault::kRefuseDns: return Refuse(number, SimX::Refusal::kDnsFails);
      case Fault::kKillConnector: return KillConnector(number, ProcessLife::End::kKilled);
      case Fault::kPowerCutConnector: return KillConnector(number, ProcessLife::End::kPowerCut);
      case Fault::kLoseSpool: return LoseSpool(number);
      case Fault::kKillDeduper:
        if (!dedupers_[deduper]->running()) return false;
        KillDeduper(deduper);
        return true;
      case Fault::kFailedCommit:
        if (!dedupers_[deduper]->running()) return false;
        dedupers_[deduper]->FailNextCommit(random_.Below(2) == 0);
        return true;
      case Fault::kCutOffer: return net_.Cut(number, deduper);
      case Fault::kPartitionOffer:
        net_.Partition(number, deduper, loop_.Now() + Seconds(1, 200));
        return true;
      case Fault::kStepWallClock: return StepClock(number, deduper);
      case Fault::kDrainConnector: return DrainConnector(number);
      case Fault::kLoseRecord: return net_.LoseNextRecord(number, deduper);
      case Fault::kRepeatRecord: return net_.RepeatNextRecord(number, deduper);
      case Fault::kOmitPosts: return x_.Omit(number);
      case Fault::kDamageSpool:
        return KillConnector(number, ProcessLife::End::kPowerCut) &&
               ConnectorOf(number).disk().Damage(random_, kSegmentSuffix);
      case Fault::kNoiseTail:
        ConnectorOf(number).disk().options().noise_tail = true;
        return KillConnector(number, ProcessLife::End::kPowerCut);
      case Fault::kReadError:
        // Fewer than a start tries at once.
        ConnectorOf(number).disk().FailReads(kSegmentSuffix, 1 + static_cast<int>(random_.Below(2)));
        return true;
      case Fault::kCutFullBuffer: return x_.CutConnection(number, SimX::Cut::kFullBuffer);
      case Fault::kRefuse401: return Refuse(number, SimX::Refusal::kUnauthorized401);
      case Fault::kRefuseUsageCap: return Refuse(number, SimX::Refusal::kUsageCap429);
      case Fault::kWeClose: return WeClose(number);
      case Fault::kAway: return Away(number, deduper);
      case Fault::kZombieSlot: return x_.LeaveZombie(number, Seconds(1, 1200));
      case Fault::kGrantDrain: return GrantDrain(number);
      case Fault::kFreezeConnector:
        return FreezeConnector(number);
      case Fault::kFreezeDeduper:
        return dedupers_[deduper]->Freeze(FreezeTime());
      case Fault::kCrashLoop: return CrashLoop(number, 2 + static_cast<int>(random_.Below(8)));
      case Fault::kStrayFlood: return x_.Flood(50 + static_cast<int>(random_.Below(250)));
      case Fault::kRestoreDeduper: return RestoreDeduper(deduper);
      case Fault::kDamageRecord:
        dedupers_[deduper]->reader().Damage(random_.Unit());
        return true;
    }
    return false;
  }

  bool FreezeConnector(int number) {
    if (loop_.Now() < sleep_time_) return false;
    absl::Duration duration = FreezeTime();
    if (!ConnectorOf(number).Freeze(duration)) return false;
    standstills_.push_back({loop_.WallNow(), duration});
    for (const auto& leg : ConnectorOf(number).legs()) {
      loop_.After(duration, [this, leg] { x_.OnThaw(leg.number); });
    }
    return true;
  }

  // Mostly below what anybody's patience is, sometimes beyond it.
  absl::Duration FreezeTime() { return random_.Below(4) > 0 ? Seconds(0, 20) : Seconds(20, 200); }

  bool Refuse(int number, SimX::Refusal refusal) {
    x_.Refuse(number, refusal, Seconds(1, 40));
    // A refusal needs a reconnect to be noticed.
    return x_.CutConnection(number, SimX::Cut::kReset);
  }

  bool KillConnector(int number, ProcessLife::End how) {
    if (!ConnectorOf(number).running()) return false;
    ConnectorOf(number).Kill(how);
    RestartConnector(&ConnectorOf(number));
    return true;
  }

  // Each start lives long enough to ask X.
  bool CrashLoop(int number, int times) {
    ConnectorProcess& connector = ConnectorOf(number);
    if (!connector.running() || connector.draining()) return false;
    connector.Kill(ProcessLife::End::kKilled);
    if (times == 0) {
      RestartConnector(&connector);
      return true;
    }
    connector.Start();
    loop_.After(absl::Milliseconds(200 + random_.Below(2000)),
                [this, number, times] { CrashLoop(number, times - 1); });
    return true;
  }

  // Half of the spools are lost soon after a start, and their successors grow
  // unseen: what the dedupers know of the epoch is then less than what stands
  // under it, and only the session's id tells them apart.
  bool LoseSpool(int number) {
    ConnectorProcess& connector = ConnectorOf(number);
    if (!connector.running()) return false;
    if (random_.Below(2) == 0) return LoseSpoolNow(number);
    connector.Kill(ProcessLife::End::kKilled);
    connector.Start();
    loop_.After(Seconds(2, 8), [this, number] {
      if (!LoseSpoolNow(number)) return;
      absl::Time until = loop_.Now() + Seconds(30, 90);
      for (size_t i = 0; i < dedupers_.size(); ++i) {
        net_.Partition(number, static_cast<int>(i), until);
      }
    });
    return true;
  }

  // A new disk counts epochs from one. Often it is restarted until it claims
  // the very epoch that the dedupers know with other content.
  bool LoseSpoolNow(int number) {
    ConnectorProcess& connector = ConnectorOf(number);
    if (!connector.running()) return false;
    uint64_t restarts = random_.Below(4) > 0 ? std::min<uint64_t>(connector.epoch() - 1, 8) : 0;
    connector.Kill(ProcessLife::End::kSpoolLost);
    for (auto& deduper : dedupers_) {
      for (const auto& leg : connector.legs()) deduper->ForgetAcknowledged(leg.name);
    }
    for (; restarts > 0; --restarts) {
      connector.Start();
      connector.Kill(ProcessLife::End::kKilled);
    }
    RestartConnector(&connector);
    return true;
  }

  // Between two posts the machines sleep for days: nothing is missed, and only
  // what the connector has not delivered yet is that old afterwards.
  bool Away(int number, int deduper) {
    absl::Duration away = absl::Hours(24 + random_.Below(72));
    // Longer than the floor waits nothing is promised.
    if (away_ + away > Core::Options().hold_max - absl::Hours(24)) return false;
    // Nobody reads days later what X sent before.
    for (const auto& [start, duration] : standstills_) {
      if (loop_.WallNow() < start + duration + absl::Minutes(1)) return false;
    }
    away_ += away;
    absl::Duration until_sleep = Seconds(5, 40);
    sleep_time_ = loop_.Now() + until_sleep;
    net_.Partition(number, deduper, loop_.Now() + until_sleep + away + Seconds(1, 60));
    loop_.After(until_sleep, [this, away] {
      for (size_t i = 0; i < names_.size(); ++i) {
        x_.CutConnection(static_cast<int>(i), SimX::Cut::kReset);
      }
      skip_ += away;
    });
    return true;
  }

  // It would hear of it.
  bool IsAtWork(int number) {
    ConnectorProcess& connector = ConnectorOf(number);
    return connector.running() && !connector.draining() && !connector.frozen();
  }

  bool DrainConnector(int number) {
    if (!IsAtWork(number)) return false;
    ConnectorOf(number).Drain();
    // As systemd: SIGKILL if it does not end by itself.
    loop_.After(absl::Seconds(6), [this, number] {
      if (!ConnectorOf(number).running()) RestartConnector(&ConnectorOf(number));
    });
    return true;
  }

  // Operators ask one deduper, again and again; most ask for the next one too
  // soon.
  bool GrantDrain(int number) {
    if (!dedupers_[0]->running() || dedupers_[0]->frozen()) return false;
    AskDrain(number, 40);
    if (random_.Below(4) == 0) return true;
    int next = (number + 1) % static_cast<int>(names_.size());
    loop_.After(absl::Milliseconds(random_.Below(1000)), [this, next] { AskDrain(next, 40); });
    return true;
  }

  void AskDrain(int number, int times) {
    if (healing_ || times == 0) return;
    if (dedupers_[0]->running() && !dedupers_[0]->frozen()) {
      DrainRequest request{names_[number], random_.Below(2) == 0, false};
      if (dedupers_[0]->AskDrain(request).outcome == DrainDecision::Outcome::kGranted) {
        ++report_.grants;
        grant_times_[number] = loop_.Now();
        return;
      }
    }
    loop_.After(absl::Seconds(1), [this, number, times] { AskDrain(number, times - 1); });
  }

  // I22: who was let go is back before the next one goes, or counts as gone.
  void OnLetGo(int number, bool for_good) {
    for (const auto& [other, accepts] : let_go_) {
      if (other == number || x_.accepts(other) > accepts) continue;
      absl::Duration between = grant_times_[number] - grant_times_[other];
      if (between >= DrainGrants::Options().grant_max) continue;
      report_.failures.push_back(
          absl::StrCat("drains: ", number, " was let go while ", other, " was not back"));
    }
    let_go_[number] = x_.accepts(number);
    if (!for_good) return;
    loop_.After(absl::Seconds(6), [this, number] {
      if (!ConnectorOf(number).running()) return RestartConnector(&ConnectorOf(number));
      // The others of its process stay until somebody starts it again.
      loop_.After(Seconds(1, 60), [this, number] { DrainConnector(number); });
    });
  }

  // While lines are between X and the spool.
  bool WeClose(int number) {
    if (!IsAtWork(number)) return false;
    if (!x_.Burst(number, 1 + static_cast<int>(random_.Below(8)))) return false;
    if (random_.Below(4) == 0) return DrainConnector(number);
    ConnectorOf(number).Reconnect(number);
    return true;
  }

  // Its disk is copied, and after a while it gets the copy.
  bool RestoreDeduper(int number) {
    if (!dedupers_[number]->running() || dedupers_[number]->has_copy()) return false;
    dedupers_[number]->CopyDisk();
    loop_.After(Seconds(1, 60), [this, number] {
      if (dedupers_[number]->running()) KillDeduper(number);
      dedupers_[number]->RestoreCopy();
    });
    return true;
  }

  bool StepClock(int number, int deduper) {
    absl::Duration step = absl::Minutes(random_.Below(120)) - absl::Hours(1);
    if (random_.Below(2) == 0) {
      ConnectorOf(number).StepWallClock(step);
    } else {
      dedupers_[deduper]->StepWallClock(step);
    }
    return true;
  }

  void Check();
  bool KeepsWhatIsAcknowledged(const Truth& truth) const;
  void CheckLog(DeduperProcess& deduper, const Truth& truth, std::set<uint64_t>* ids);

  SeededRandom random_;
  const WorldOptions options_;
  SimLoop loop_;
  WorldReport report_;
  std::vector<std::string> names_;
  SimX x_;
  SimNet net_;
  std::vector<std::unique_ptr<DeduperProcess>> dedupers_;
  // Processes; by a connection's number: which.
  std::vector<std::unique_ptr<ConnectorProcess>> connectors_;
  std::vector<size_t> process_of_;
  bool healing_ = false;
  // Answers with 200 that each had been given when it was let go last.
  std::map<int, uint64_t> let_go_;
  // When the deduper let each go last.
  std::map<int, absl::Time> grant_times_;
  // Time to let pass after this turn, and how much has been in all.
  absl::Duration skip_;
  std::vector<std::pair<absl::Time, absl::Duration>> sleeps_;
  std::vector<std::pair<absl::Time, absl::Duration>> standstills_;
  absl::Duration away_;
  // When it is to begin.
  absl::Time sleep_time_ = absl::InfinitePast();
  absl::Time wake_time_ = absl::InfinitePast();
  bool cap_broken_ = false;
  bool clock_stepped_ = false;
};

// Then what a restored deduper lost is offered to it again. Otherwise a whole
// session may be gone that it never heard of.
bool World::KeepsWhatIsAcknowledged(const Truth& truth) const {
  if (away_ > absl::ZeroDuration()) return false;
  for (const auto& connector : truth.lives) {
    for (const ProcessLife& life : connector) {
      if (life.end_kind == ProcessLife::End::kPowerCut ||
          life.end_kind == ProcessLife::End::kSpoolLost) {
        return false;
      }
    }
  }
  return options_.spool_bytes_max >= (1 << 20);
}

void World::CheckLog(DeduperProcess& deduper, const Truth& truth, std::set<uint64_t>* ids) {
  absl::StatusOr<LogView> log = ReadLog(deduper.disk());
  if (!log.ok()) {
    report_.failures.push_back(std::string(log.status().message()));
    return;
  }
  if (!deduper.was_restored() || KeepsWhatIsAcknowledged(truth)) {
    CheckDelivered(truth, *log, &report_.failures, &report_.excused);
    CheckLosses(truth, *log, &report_.failures);
  }
  CheckGenuine(truth, *log, &report_.failures);
  CheckCovers(truth, *log, &report_.failures, &report_.covers, &report_.backfill_covers);
  bool clock_behind = report_.fired[static_cast<int>(Fault::kStepWallClock)] > 0 ||
                      clock_stepped_ ||
                      away_ > absl::ZeroDuration();
  CheckMetering(deduper.disk(), *log, clock_behind, &report_.failures);
  GapFigures gaps;
  CheckGaps(truth, deduper.disk(), *log, loop_.WallNow(), &report_.failures, &gaps);
  CheckReopened(*log, &report_.failures);
  // By a wrong clock, or of what a disk forgot, they say nothing.
  if (!clock_behind && !deduper.was_restored()) {
    CheckTolds(*log, &report_.failures, &report_.bounds);
    CheckReportedTime(truth, *log, gaps.ledger, &report_.failures, &report_.bounds);
  }
  report_.gaps += gaps.opened;
  report_.gaps_recovered += gaps.recovered;
  report_.gap_posts += gaps.reported_posts;
  report_.gap_seconds += absl::ToInt64Seconds(gaps.reported_time);
  report_.silent_posts += gaps.silent_posts;
  bool is_first = &deduper == dedupers_[0].get();
  if (is_first) report_.watermark_lag = gaps.watermark_lag;
  if (is_first) report_.ledger = std::move(gaps.ledger);
  std::vector<std::pair<uint64_t, uint64_t>> sequence_and_id;
  for (const LogView::Event& event : log->events) {
    sequence_and_id.emplace_back(event.sequence, event.id);
    ids->insert(event.id);
  }
  deduper.CheckNothingRewritten(sequence_and_id);
  CheckDamage(truth, *log, &report_.failures);
  deduper.reader().CheckAgainst(sequence_and_id);
  deduper.creation_reader().CheckAgainst(sequence_and_id);
  for (const LogView::Record& other : log->others) {
    report_.losses += other.record.has_loss();
    if (is_first && other.record.has_notice()) report_.notices.push_back(other.record.notice());
  }
  if (is_first) report_.late = deduper.creation_reader().late();
  report_.trace = Hash128(report_.trace, log->chain, "");
}

void World::Check() {
  report_.posts = x_.posts().size();
  report_.start = options_.start_time;
  report_.length = options_.trouble + kHeal + kSettle;
  report_.deliveries = x_.deliveries().size();
  if (x_.overlapped()) report_.failures.push_back("a connector held two sockets at once");
  for (const std::string& kill : x_.wrong_kills()) report_.failures.push_back(kill);
  report_.freed = x_.freed();
  report_.backfilled = x_.backfilled();
  for (const std::string& failure : x_.pace().failures()) report_.failures.push_back(failure);
  for (const std::string& failure : x_.budget().failures()) report_.failures.push_back(failure);
  // A ring that is full may drop X's word.
  if (x_.useless_backfills() > 0 && options_.ring_bytes_max > 1000) {
    report_.failures.push_back("backfill was asked for after a full buffer");
  }
  std::vector<std::vector<ProcessLife>> lives;
  std::vector<std::vector<absl::Time>> spool_losses;
  for (size_t i = 0; i < names_.size(); ++i) {
    lives.push_back(ConnectorOf(static_cast<int>(i)).LivesOf(static_cast<int>(i)));
    spool_losses.push_back(ConnectorOf(static_cast<int>(i)).spool_losses());
  }
  Truth truth{x_, lives, names_, spool_losses, sleeps_, standstills_};
  std::vector<std::set<uint64_t>> ids(dedupers_.size());
  for (size_t i = 0; i < dedupers_.size(); ++i) CheckLog(*dedupers_[i], truth, &ids[i]);
  report_.merged = ids[0].size();
  bool lossless = report_.losses == 0;
  for (const auto& losses : spool_losses) lossless = lossless && losses.empty();
  for (const auto& connector : lives) {
    for (const ProcessLife& life : connector) {
      lossless = lossless && life.end_kind != ProcessLife::End::kPowerCut;
    }
  }
  for (const auto& deduper : dedupers_) {
    lossless = lossless && (!deduper->was_restored() || KeepsWhatIsAcknowledged(truth));
  }
  // What one deduper was given before a disk forgot it, the other may lack.
  if (lossless && ids.size() == 2 && ids[0] != ids[1]) {
    report_.failures.push_back(
        absl::StrCat("two dedupers hold ", ids[0].size(), " and ", ids[1].size(), " events"));
  }
  report_.trace = Hash128(report_.trace, absl::StrCat(report_.turns, "/", report_.deliveries), "");
}

}  // namespace

WorldReport RunWorld(uint64_t seed) {
  // They take as long as a hundred others.
  return seed % 400 == 1 ? RunVolumeWorld(seed) : World(seed, DrawWorldOptions).Run();
}

WorldReport RunNamedWorld(const NamedWorld& world, uint64_t seed) {
  return World(seed, world.make).Run();
}

WorldReport RunWorldOf(const WorldOptions& options, uint64_t seed) {
  return World(seed, [&](Random&) { return options; }).Run();
}

}  // namespace braid
