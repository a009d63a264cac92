// braid status: one screen, once or again and again.

#include <memory>

#include "absl/strings/str_cat.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "cli/text.h"
#include "proto/proto_time.h"

namespace braid {
namespace {

struct StatusOptions {
  bool watch = false;
  bool check = false;
  double interval_seconds = 1;
};

int HealthCode(v1::StreamStatus::Health health) {
  if (health == v1::StreamStatus::HEALTH_REDUNDANT) return 0;
  return health == v1::StreamStatus::HEALTH_EXPOSED ? 1 : 2;
}

// An operator's pause is what somebody wanted; a limit's is not.
bool IsPausedByOperator(const v1::StreamStatus& status) {
  return status.has_pause() && !status.pause().has_end_time();
}

int Check(const v1::StreamStatus& status, const CommandContext& context) {
  if (!IsPausedByOperator(status)) return HealthCode(status.health());
  context.Tell(absl::StrCat(
      "warning: an operator paused the stream at ", TimeText(ToTime(status.pause().start_time())),
      " UTC (", EscapeForTerminal(status.pause().reason()), "); `braid stream resume` ends it"));
  return kExitOk;
}

int RunStatus(const StatusOptions& options, CommandContext& context) {
  bool color = context.terminal.interactive && context.line.color_allowed;
  while (true) {
    absl::StatusOr<v1::StreamStatus> status = context.client.Status();
    if (!status.ok()) return context.Fail(status.status());
    std::string text = context.wants_table()
                           ? RenderStatus(*status, color, context.terminal.text_width())
                           : context.Json(*status);
    if (options.watch && context.wants_table()) text += "\n";
    if (!context.Print(text)) return context.WriteFailure();
    if (!options.watch) return options.check ? Check(*status, context) : kExitOk;
    if (!context.interrupt.Sleep(absl::Seconds(options.interval_seconds))) return kExitOk;
  }
}

}  // namespace

void AddStatusCommands(CommandTree& tree) {
  auto options = std::make_shared<StatusOptions>();
  CLI::App* status =
      tree.Add({"status",
                "Health, connections, log: one screen",
                {"braid status", "braid status --check -o json    # for scripts and monitoring",
                 "braid status --watch --interval 10"},
                "braid.v1.StreamStatus, e.g. .health, .problems[], .connections[].presence",
                "with --check: 0 redundant, or paused by an operator; 1 exposed (or failed); 2 "
                "dark, also by a "
                "limit (or usage); 4 unreachable"},
               [options](CommandContext& context) { return RunStatus(*options, context); });
  status->add_flag("-w,--watch", options->watch, "Print it again and again");
  status->add_flag("--check", options->check,
                   "Exit 0 redundant or paused by an operator, 1 exposed, 2 dark");
  status->add_option("--interval", options->interval_seconds, "Seconds between two prints")
      ->check(CLI::Range(0.1, 3600.0));
}

}  // namespace braid
