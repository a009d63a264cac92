// What the control endpoint can do; `x-emulator --help` and kControlHelp list
// it. Every command answers JSON; one that names connections and finds none
// answers 404, so that a test knows that its fault did not fire.
//
// Threads: the emulator's loop.

#ifndef BRAID_TESTS_EMULATOR_CONTROL_API_H_
#define BRAID_TESTS_EMULATOR_CONTROL_API_H_

#include <functional>
#include <string>
#include <vector>

#include "tests/emulator/event_history.h"
#include "tests/emulator/event_maker.h"
#include "tests/emulator/http_text.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/stream_desk.h"
#include "tests/emulator/timeline.h"
#include "tests/emulator/x_server.h"

namespace braid::emulator {

extern const char kControlHelp[];

// What it commands; all outlive it.
struct ControlTargets {
  XServer* server = nullptr;
  StreamDesk* desk = nullptr;
  XSettings* settings = nullptr;
  EventMaker* maker = nullptr;
  const EventHistory* history = nullptr;
  RateSchedule* schedule = nullptr;
  const Moment* now = nullptr;
};

class ControlApi {
 public:
  explicit ControlApi(const ControlTargets& targets)
      : server_(targets.server),
        desk_(targets.desk),
        settings_(targets.settings),
        maker_(targets.maker),
        history_(targets.history),
        schedule_(targets.schedule),
        now_(targets.now) {}

  HttpAnswer Handle(const HttpRequest& request);

 private:
  HttpAnswer ForMatching(const HttpRequest& request,
                         const std::function<void(ClientStream*)>& action);
  HttpAnswer List() const;
  HttpAnswer Stats() const;
  HttpAnswer Close(const HttpRequest& request);
  HttpAnswer BlackHole(const HttpRequest& request);
  HttpAnswer Drop(const HttpRequest& request);
  HttpAnswer Delay(const HttpRequest& request);
  HttpAnswer Refuse(const HttpRequest& request);
  HttpAnswer Send(const HttpRequest& request);
  HttpAnswer Rate(const HttpRequest& request);

  HttpAnswer Set(const HttpRequest& request);
  HttpAnswer SetFraming(const HttpRequest& request);
  HttpAnswer Scramble(const HttpRequest& request);

  XServer* const server_;
  StreamDesk* const desk_;
  XSettings* const settings_;
  EventMaker* const maker_;
  const EventHistory* const history_;
  RateSchedule* const schedule_;
  const Moment* const now_;
};

// "RATE:SECONDS:EVERY", e.g. "20000:5:60". False: not of that form.
bool ParseBurst(const std::string& text, std::optional<Burst>* burst);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_CONTROL_API_H_
