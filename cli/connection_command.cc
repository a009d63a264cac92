// braid connection: the connections to X, side by side.

#include "absl/strings/str_cat.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/render.h"

namespace braid {
namespace {

int RunList(CommandContext& context) {
  absl::StatusOr<v1::ListConnectionsResponse> all = context.client.Connections();
  if (!all.ok()) return context.Fail(all.status());
  if (context.wants_table()) return context.Finish(RenderConnections(all->connections()));
  if (context.line.output == CommandLine::Output::kJson) return context.Finish(context.Json(*all));
  std::string text;
  for (const v1::Connection& connection : all->connections()) {
    absl::StrAppend(&text, context.Json(connection));
  }
  return context.Finish(text);
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
}

}  // namespace braid
