#include "cli/command_table.h"

namespace braid {
namespace {

void (*const kCommands[])(CommandTree&) = {
    AddStatusCommands,     AddTopCommands,     AddTailCommands,  AddEventCommands,
    AddConnectionCommands, AddRulesCommands,   AddUsageCommands, AddStreamCommands,
    AddGapCommands,        AddRecoverCommands, AddJobCommands,   AddCertificateCommands,
    AddVersionCommands,
};

}  // namespace

void AddAllCommands(CommandTree& tree) {
  for (auto add : kCommands) add(tree);
}

}  // namespace braid
