// braid version: the command's and the server's.

#include "absl/strings/str_cat.h"
#include "base/version.h"
#include "cli/command_table.h"
#include "cli/commands.h"
#include "cli/text.h"

namespace braid {
namespace {

// The command's own version is known without a server.
int RunVersion(CommandContext& context) {
  absl::StatusOr<v1::ServerInfo> info = context.client.ServerInfo();
  if (!info.ok() && context.interrupt.triggered()) return kExitInterrupted;
  if (context.wants_table()) {
    return context.Finish(absl::StrCat(
        "braid   ", Version(), " ", Commit(), "\nserver  ",
        info.ok() ? EscapeForTerminal(absl::StrCat(info->version(), " ", info->commit()))
                  : absl::StrCat("not reachable at ", EscapeForTerminal(context.line.server)),
        "\n"));
  }
  return context.Finish(absl::StrCat("{\"version\":\"", Version(), "\",\"commit\":\"", Commit(),
                                     "\",\"server\":", info.ok() ? ToJson(*info, false) : "null",
                                     "}\n"));
}

}  // namespace

void AddVersionCommands(CommandTree& tree) {
  tree.Add({"version",
            "The command's version and the server's",
            {"braid version", "braid --version"},
            "{\"version\", \"commit\", \"server\": braid.v1.ServerInfo, or null: not reachable}",
            "0 also where the server is not reachable"},
           RunVersion);
}

}  // namespace braid
