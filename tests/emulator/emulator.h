// The whole emulator: creates posts, serves the stream and the control
// endpoint, on one thread.
//
// Threads: Start and Run on one; Stop from any (also from a signal handler).

#ifndef BRAID_TESTS_EMULATOR_EMULATOR_H_
#define BRAID_TESTS_EMULATOR_EMULATOR_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "tests/emulator/control_api.h"
#include "tests/emulator/control_server.h"
#include "tests/emulator/event_maker.h"
#include "tests/emulator/listener.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/poller.h"
#include "tests/emulator/post_generator.h"
#include "tests/emulator/rest_api.h"
#include "tests/emulator/scenario.h"
#include "tests/emulator/stream_desk.h"
#include "tests/emulator/timeline.h"
#include "tests/emulator/topic.h"
#include "tests/emulator/transport.h"
#include "tests/emulator/truth_writer.h"
#include "tests/emulator/x_server.h"
#include "tests/emulator/x_state.h"

namespace braid::emulator {

struct EmulatorOptions {
  std::string listen = "127.0.0.1:0";
  std::string control = "127.0.0.1:0";
  std::string truth_path;  // empty: none
  std::string tls_certificate_path;
  std::string tls_key_path;
  GeneratorOptions generator;
  // 100,000 distinct bodies are 200 MB: rendered when first needed, or at the
  // start for high rates.
  size_t body_count = 100000;
  IdOptions ids;
  EventMix mix;
  double rate = 100;
  // 2 million: half an hour at 1,000/s, 64 MB.
  size_t history_count_max = 2000000;
  RuleLimits rules;
  std::optional<Burst> burst;
  // Infinite: until Stop.
  absl::Duration duration = absl::InfiniteDuration();
  // X's clock minus this host's.
  absl::Duration clock_offset;
  // X has created posts at the rate for this long when it starts, which nobody
  // received.
  absl::Duration past;
  // Steps of a test (scenario.h).
  std::vector<ScenarioStep> scenario;
  XSettings server;
  // Its bearer token is the server's.
  RestOptions rest;
};

class Emulator final : private PollHandler {
 public:
  explicit Emulator(const EmulatorOptions& options);
  ~Emulator() override;

  // Opens files and ports. Afterwards the ports are known.
  absl::Status Start();
  // Serves until Stop or the end of the duration, hands over what is created,
  // closes all connections and completes the truth file.
  void Run();
  void Stop();

  int port() const { return listener_.port(); }
  int control_port() const { return control_listener_.port(); }
  // REQUIRES: not running.
  BodyPool& bodies() { return bodies_; }

 private:
  void OnEvent(int fd, uint32_t epoll_events) override;
  void ReadClocks();
  void CreatePosts();
  absl::Duration UntilNextTurn() const;
  void Serve();
  void Drain();

  const EmulatorOptions options_;
  XSettings settings_;
  XState state_;
  absl::Duration origin_;  // the monotonic clock when Run began
  Moment now_;
  BodyPool bodies_;
  EventText text_;
  EventHistory history_;
  RuleSet rules_;
  RuleSet powertrack_rules_;
  RuleSet replay_rules_;
  TopicText topic_text_;
  TopicBook topics_;
  TruthWriter truth_;
  EventMaker maker_;
  StreamDesk desk_;
  RateSchedule schedule_;
  absl::Duration truth_flushed_;
  int stop_fd_;
  std::atomic<bool> is_stopping_{false};

  Poller poller_;
  Listener listener_;
  Listener control_listener_;
  std::unique_ptr<TransportFactory> transports_;
  std::unique_ptr<RestApi> rest_;
  std::unique_ptr<XServer> server_;
  std::unique_ptr<ControlApi> control_api_;
  std::unique_ptr<ControlServer> control_server_;
  std::unique_ptr<Scenario> scenario_;
};

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_EMULATOR_H_
