#include "tests/emulator/emulator.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "tests/emulator/tls_transport.h"

namespace braid::emulator {
namespace {

// Posts are created in turns at least this far apart: at high rates many go
// out with one write, at low ones nobody notices a millisecond.
constexpr absl::Duration kTurnMin = absl::Milliseconds(1);
// Posts of one turn, so that sending gets its turn too when the machine was
// busy elsewhere and many are due.
constexpr uint64_t kPostsPerTurn = 2000;
// What is created is still sent when the emulator stops; a client that does not
// read by then gets no more.
constexpr absl::Duration kDrainMax = absl::Seconds(1);
constexpr absl::Duration kTruthFlushInterval = absl::Milliseconds(100);

absl::Duration Monotonic() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace

Emulator::Emulator(const EmulatorOptions& options)
    : options_(options),
      settings_(options.server),
      bodies_(options.generator, options.body_count),
      text_(&bodies_),
      history_(options.history_count_max),
      rules_(options.rules),
      powertrack_rules_(options.rules),
      replay_rules_(options.rules),
      topic_text_(&text_, {&rules_, &powertrack_rules_, &replay_rules_}),
      topics_(&topic_text_, &bodies_),
      maker_(options.mix, options.generator.seed, options.ids, options.body_count,
             {&history_, &topics_, &truth_}),
      desk_({&settings_, &state_, &topics_, &topic_text_, &maker_}),
      schedule_(options.rate, options.burst),
      stop_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  BRAID_CHECK(stop_fd_ >= 0);
}

Emulator::~Emulator() {
  poller_.Remove(stop_fd_);
  close(stop_fd_);
}

absl::Status Emulator::Start() {
  absl::StatusOr<std::unique_ptr<TransportFactory>> transports =
      options_.tls_certificate_path.empty()
          ? MakePlainFactory()
          : MakeTlsFactory(options_.tls_certificate_path, options_.tls_key_path);
  if (!transports.ok()) return transports.status();
  transports_ = std::move(*transports);
  if (!options_.truth_path.empty()) {
    absl::Status opened = truth_.Open(options_.truth_path, options_.generator.seed,
                                      absl::Now() + options_.clock_offset);
    if (!opened.ok()) return opened;
  }
  for (auto [listener, address] :
       {std::pair(&listener_, options_.listen), std::pair(&control_listener_, options_.control)}) {
    absl::Status status = listener->Open(address);
    if (!status.ok()) return status;
  }
  server_ = std::make_unique<XServer>(
      XServerParts{&settings_, &listener_, &poller_, transports_.get(), &desk_, &truth_, &now_});
  state_ = {&now_, &history_, &text_, &rules_, &powertrack_rules_, &replay_rules_, server_.get()};
  RestOptions rest = options_.rest;
  rest.bearer_token = options_.server.credentials.bearer_token;
  rest_ = std::make_unique<RestApi>(rest, &state_);
  rest_->AddRoutes(&server_->routes());
  truth_.SetObserver([this](uint64_t first, uint64_t count, absl::Time now) {
    rest_->usage().Streamed(first, count, now);
  });
  control_api_ = std::make_unique<ControlApi>(
      ControlTargets{server_.get(), &desk_, &settings_, &maker_, &history_, &schedule_, &now_});
  auto handle = [this](const HttpRequest& request) { return control_api_->Handle(request); };
  scenario_ = std::make_unique<Scenario>(options_.scenario, handle);
  control_server_ = std::make_unique<ControlServer>(&control_listener_, &poller_, handle);
  poller_.Add(stop_fd_, this);
  return absl::OkStatus();
}

void Emulator::OnEvent(int fd, uint32_t epoll_events) {
  uint64_t count = 0;
  [[maybe_unused]] ssize_t size = read(stop_fd_, &count, sizeof(count));
  is_stopping_ = true;
}

void Emulator::Stop() {
  uint64_t one = 1;
  is_stopping_ = true;
  [[maybe_unused]] ssize_t written = write(stop_fd_, &one, sizeof(one));
}

void Emulator::ReadClocks() {
  now_.elapsed = Monotonic() - origin_;
  now_.x_time = absl::Now() + options_.clock_offset;
}

void Emulator::CreatePosts() {
  uint64_t count = schedule_.Take(now_.elapsed, kPostsPerTurn);
  if (count > 0) maker_.Make(count, now_.x_time);
}

absl::Duration Emulator::UntilNextTurn() const {
  absl::Duration until = std::max(kTurnMin, schedule_.UntilNext(now_.elapsed));
  until = std::min(until, server_->NextDeadline() - now_.elapsed);
  until = std::min(until, scenario_->NextDue() - now_.elapsed);
  until = std::min(until, truth_flushed_ + kTruthFlushInterval - now_.elapsed);
  return std::min(until, options_.duration - now_.elapsed);
}

void Emulator::Run() {
  origin_ = Monotonic();
  ReadClocks();
  maker_.FillPast(now_.x_time - options_.past, now_.x_time, options_.rate);
  // Filling may take a while, which is no time of the stream.
  origin_ = Monotonic();
  ReadClocks();
  while (!is_stopping_ && now_.elapsed < options_.duration) {
    poller_.Turn(std::max(kTurnMin, UntilNextTurn()));
    ReadClocks();
    CreatePosts();
    scenario_->RunDue(now_.elapsed);
    Serve();
  }
  Drain();
  server_->AbandonAll();
  server_->Pump();
  truth_.Finished(now_.x_time);
}

void Emulator::Serve() {
  server_->Pump();
  control_server_->Pump();
  if (now_.elapsed - truth_flushed_ >= kTruthFlushInterval) {
    truth_.Flush();
    truth_flushed_ = now_.elapsed;
  }
}

void Emulator::Drain() {
  absl::Duration deadline = now_.elapsed + kDrainMax;
  while (server_->HasBacklog() && now_.elapsed < deadline) {
    poller_.Turn(kTurnMin);
    ReadClocks();
    Serve();
  }
}

}  // namespace braid::emulator
