// Every command there is, by group. To add one: write cli/NAME_command.cc with
// an AddNameCommands, name it here and in the table, test it in tests/cli.

#ifndef BRAID_CLI_COMMAND_TABLE_H_
#define BRAID_CLI_COMMAND_TABLE_H_

#include "cli/command_tree.h"

namespace braid {

void AddStatusCommands(CommandTree& tree);
void AddTopCommands(CommandTree& tree);
void AddTailCommands(CommandTree& tree);
void AddEventCommands(CommandTree& tree);
void AddConnectionCommands(CommandTree& tree);
void AddRulesCommands(CommandTree& tree);
void AddCertificateCommands(CommandTree& tree);
void AddUsageCommands(CommandTree& tree);
void AddStreamCommands(CommandTree& tree);
void AddGapCommands(CommandTree& tree);
void AddRecoverCommands(CommandTree& tree);
void AddJobCommands(CommandTree& tree);
void AddVersionCommands(CommandTree& tree);

// All of them, in the order of the help.
void AddAllCommands(CommandTree& tree);

}  // namespace braid

#endif  // BRAID_CLI_COMMAND_TABLE_H_
