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

#include "tests/emulator/http_text.h"
#include "tests/emulator/moment.h"
#include "tests/emulator/post_log.h"
#include "tests/emulator/timeline.h"
#include "tests/emulator/x_server.h"

namespace braid::emulator {

extern const char kControlHelp[];

class ControlApi {
 public:
  // All outlive it.
  ControlApi(XServer* server, RateSchedule* schedule, const PostLog* log, const Moment* now)
      : server_(server), schedule_(schedule), log_(log), now_(now) {}

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

  XServer* const server_;
  RateSchedule* const schedule_;
  const PostLog* const log_;
  const Moment* const now_;
};

// "RATE:SECONDS:EVERY", e.g. "20000:5:60". False: not of that form.
bool ParseBurst(const std::string& text, std::optional<Burst>* burst);

}  // namespace braid::emulator

#endif  // BRAID_TESTS_EMULATOR_CONTROL_API_H_
