// braid top: the status screen, live. Repaints lines where the output is no
// terminal that can do more.

#include <memory>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/screen.h"

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

int RunPlain(double interval_seconds, CommandContext& context) {
  do {
    absl::StatusOr<v1::StreamStatus> status = context.client.Status();
    if (!status.ok()) {
      return context.interrupt.triggered() ? kExitOk : context.Fail(status.status());
    }
    std::string text = context.wants_table() ? RenderStatus(*status, false) + "\n"
                                             : context.Json(*status);
    if (!context.Print(text)) return context.WriteFailure();
  } while (context.interrupt.Sleep(absl::Seconds(interval_seconds)));
  return kExitOk;
}

int RunScreen(double interval_seconds, CommandContext& context) {
  Screen screen(context.line.color_allowed);
  StatusFeed feed(context.client, context.interrupt, absl::Seconds(interval_seconds));
  bool tls = !context.line.ca_file.empty();
  uint64_t painted = 0;
  while (!context.interrupt.triggered()) {
    v1::StreamStatus status;
    absl::Status error;
    uint64_t version = feed.Latest(&status, &error);
    if (version != painted || screen.resized()) {
      painted = version;
      std::string text = status.stream().empty() ? "" : RenderStatus(status, false, screen.width());
      if (!error.ok()) {
        text = RenderError(error, context.line.server, tls) + "\n\nBefore that:\n" + text;
      }
      screen.Paint(text + "\nq quits", static_cast<int>(error.ok() ? status.health() : 3));
    }
    // Waits for a key for a moment, so that quitting is at once.
    if (screen.ReadKey() == 'q') context.interrupt.Trigger();
  }
  return kExitOk;
}

int RunTop(double interval_seconds, CommandContext& context) {
  // A wrong address is told in plain text, before the screen is taken.
  absl::StatusOr<v1::StreamStatus> first = context.client.Status();
  if (!first.ok()) return context.Fail(first.status());
  bool screen = context.terminal.interactive && context.wants_table();
  return screen ? RunScreen(interval_seconds, context) : RunPlain(interval_seconds, context);
}

}  // namespace

void AddTopCommands(CommandTree& tree) {
  auto interval_seconds = std::make_shared<double>(1);
  CLI::App* top = tree.Add(
      {"top",
       "Live view; q quits",
       {"braid top", "braid top --interval 5 | tee -a watch.log    # plain text, no screen"},
       "braid.v1.StreamStatus, again and again",
       ""},
      [interval_seconds](CommandContext& context) { return RunTop(*interval_seconds, context); });
  top->add_option("--interval", *interval_seconds, "Seconds between two repaints")
      ->check(CLI::Range(0.1, 3600.0));
}

}  // namespace braid
