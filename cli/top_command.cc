// braid top: the status screen, live. Repaints lines where the output is no
// terminal that can do more.

#include <clocale>
#include <string>
#include <thread>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "base/mutex.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/screen.h"
#include "proto/proto_time.h"
#include "proto/reason.h"

namespace braid {
namespace {

// The newest status, fetched on a thread of its own so that keys work while
// the server is slow.
class StatusFeed {
 public:
  StatusFeed(Client& client, Interrupt& interrupt, absl::Duration interval)
      : client_(client), interrupt_(interrupt), interval_(interval), thread_([this] { Run(); }) {}
  ~StatusFeed() { thread_.join(); }

  // Version 0: nothing yet.
  uint64_t Latest(v1::StreamStatus* status, absl::Status* error) const {
    MutexLock lock(&mu_);
    *status = status_;
    *error = error_;
    return version_;
  }

 private:
  void Run() {
    do {
      absl::StatusOr<v1::StreamStatus> status = client_.Status();
      MutexLock lock(&mu_);
      ++version_;
      error_ = status.status();
      if (status.ok()) status_ = *std::move(status);
    } while (interrupt_.Sleep(interval_));
  }

  Client& client_;
  Interrupt& interrupt_;
  const absl::Duration interval_;
  mutable Mutex mu_;
  uint64_t version_ ABSL_GUARDED_BY(mu_) = 0;
  v1::StreamStatus status_ ABSL_GUARDED_BY(mu_);
  absl::Status error_ ABSL_GUARDED_BY(mu_);
  std::thread thread_;
};

int RunPlain(Client& client, const CommandLine& line, const Terminal& terminal,
             Interrupt& interrupt) {
  do {
    absl::StatusOr<v1::StreamStatus> status = client.Status();
    if (!status.ok()) {
      std::fprintf(terminal.err, "%s\n", RenderError(status.status(), client.address()).c_str());
      return ExitCodeOf(status.status());
    }
    std::string text = RenderStatus(*status, false) + "\n";
    if (std::fwrite(text.data(), 1, text.size(), terminal.out) != text.size() ||
        std::fflush(terminal.out) != 0) {
      return kExitFailed;
    }
  } while (interrupt.Sleep(absl::Seconds(line.interval_seconds)));
  return kExitOk;
}

int RunScreen(Client& client, const CommandLine& line, Interrupt& interrupt) {
  Screen screen(line.color_allowed);
  StatusFeed feed(client, interrupt, absl::Seconds(line.interval_seconds));
  uint64_t painted = 0;
  while (!interrupt.triggered()) {
    v1::StreamStatus status;
    absl::Status error;
    uint64_t version = feed.Latest(&status, &error);
    if (version != painted || screen.resized()) {
      painted = version;
      std::string text = status.stream().empty() ? "" : RenderStatus(status, false);
      if (!error.ok()) text = RenderError(error, client.address()) + "\n\n" + text;
      screen.Paint(text + "\nq quits", static_cast<int>(error.ok() ? status.health() : 3));
    }
    // Waits for a key for a moment, so that quitting is at once.
    if (screen.ReadKey() == 'q') interrupt.Trigger();
  }
  return kExitOk;
}

}  // namespace

int RunTop(Client& client, const CommandLine& line, const Terminal& terminal,
           Interrupt& interrupt) {
  // A wrong address is told in plain text, before the screen is taken.
  absl::StatusOr<v1::StreamStatus> first = client.Status();
  if (!first.ok()) {
    std::fprintf(terminal.err, "%s\n", RenderError(first.status(), client.address()).c_str());
    return ExitCodeOf(first.status());
  }
  if (!terminal.interactive) return RunPlain(client, line, terminal, interrupt);
  return RunScreen(client, line, interrupt);
}

}  // namespace braid
