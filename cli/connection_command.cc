// braid connection: the connections to X, side by side.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/render.h"
#include "proto/reason.h"

namespace braid {
namespace {

int RunList(CommandContext& context) {
  absl::StatusOr<v1::ListConnectionsResponse> all = context.client.Connections();
  if (!all.ok()) return context.Fail(all.status());
  if (context.wants_table()) {
    return context.Finish(RenderConnections(all->connections(), context.terminal.text_width()));
  }
  if (context.line.output == CommandLine::Output::kJson) return context.Finish(context.Json(*all));
  std::string text;
  for (const v1::Connection& connection : all->connections()) {
    absl::StrAppend(&text, context.Json(connection));
  }
  return context.Finish(text);
}

struct DrainOptions {
  std::string connection;
  v1::DrainConnectionRequest request;
  bool wait = false;
};

// What passes by itself: another drain, or a peer that is on its way.
bool PassesByItself(const absl::Status& status) {
  std::string reason = ReasonOf(status).reason;
  return reason == "DRAIN_GRANTED" || reason == "PEER_NOT_RECEIVING" ||
         reason == "PEER_NOT_SETTLED" || reason == "CONNECTION_AWAY";
}

int RunDrain(const DrainOptions& options, CommandContext& context) {
  constexpr absl::Duration kAskAgain = absl::Seconds(1);
  // A grant lasts at most five minutes, and a peer takes its while to settle.
  constexpr absl::Duration kWaitMax = absl::Minutes(6);
  absl::Time until = absl::Now() + kWaitMax;
  absl::StatusOr<v1::DrainConnectionResponse> answer =
      context.client.Drain(options.connection, options.request);
  if (options.wait && PassesByItself(answer.status())) {
    context.Tell(absl::StrCat("waiting: ", answer.status().message()));
  }
  while (options.wait && PassesByItself(answer.status()) && absl::Now() < until) {
    if (!context.interrupt.Sleep(kAskAgain)) return kExitInterrupted;
    answer = context.client.Drain(options.connection, options.request);
  }
  if (!answer.ok()) return context.Fail(answer.status());
  if (!context.wants_table()) return context.Finish(context.Json(*answer));
  return context.Finish(absl::StrCat(options.connection,
                                     options.request.reconnect()
                                         ? " reconnects\n"
                                         : " leaves X and ends its process\n"));
}

void AddDrain(CommandTree& tree, CLI::App* group) {
  auto options = std::make_shared<DrainOptions>();
  CLI::App* app = tree.Add(
      {"drain",
       "Lets one leave X, for a restart",
       {"braid connection drain fra-a --wait", "braid connection drain fra-a --reconnect"},
       "braid.v1.DrainConnectionResponse",
       ""},
      [options](CommandContext& context) { return RunDrain(*options, context); }, group);
  app->add_option("NAME", options->connection, "Connection, as `braid connection ls` shows it")
      ->required()
      ->check(RefuseEmpty);
  app->add_flag_callback(
      "--reconnect", [options] { options->request.set_reconnect(true); },
      "It connects again at once instead of ending its process");
  app->add_flag_callback(
      "--force", [options] { options->request.set_force(true); }, "Whatever the others do");
  app->add_flag("--wait", options->wait, "Asks again while it is refused, for 6 min at most");
}

}  // namespace

void AddConnectionCommands(CommandTree& tree) {
  CLI::App* group = tree.AddGroup("connection", "The connections to X");
  group->alias("conn");
  tree.Add({"ls",
            "Lists them side by side",
            {"braid connection ls",
             "braid connection ls -o jsonl | jq 'select(.presence == \"PRESENCE_GONE\")'"},
            "-o json {\"connections\": [braid.v1.Connection]}; -o jsonl one braid.v1.Connection "
            "a line",
            ""},
           RunList, group);
  AddDrain(tree, group);
}

}  // namespace braid
