// The commands of `quorate`, each in a file of its own.

#ifndef QUORATE_TOOLS_QUORATE_COMMANDS_H_
#define QUORATE_TOOLS_QUORATE_COMMANDS_H_

#include "CLI/CLI.hpp"

#include "tools/quorate/invocation.h"

namespace quorate::cli {

// Each adds its command to `app`; where the command line names it,
// invocation->run is set. Both outlive the parsing and the run.
void AddStatusCommand(CLI::App* app, Invocation* invocation);
void AddCheckoutCommand(CLI::App* app, Invocation* invocation);
void AddAttachCommand(CLI::App* app, Invocation* invocation);
void AddRunCommand(CLI::App* app, Invocation* invocation);
void AddAlertsCommand(CLI::App* app, Invocation* invocation);
void AddPoolsCommand(CLI::App* app, Invocation* invocation);
void AddSessionsCommand(CLI::App* app, Invocation* invocation);
void AddSeatsCommand(CLI::App* app, Invocation* invocation);
// `book` and `cancel-booking`; `borrow` and `return`; `borrows`.
void AddBookCommands(CLI::App* app, Invocation* invocation);
void AddBorrowCommands(CLI::App* app, Invocation* invocation);
void AddBorrowsCommand(CLI::App* app, Invocation* invocation);
void AddQueueCommand(CLI::App* app, Invocation* invocation);
void AddUsersCommand(CLI::App* app, Invocation* invocation);
void AddUsageCommand(CLI::App* app, Invocation* invocation);
void AddDenialsCommand(CLI::App* app, Invocation* invocation);
void AddLogsCommand(CLI::App* app, Invocation* invocation);
void AddLatencyCommand(CLI::App* app, Invocation* invocation);
void AddReplayCommand(CLI::App* app, Invocation* invocation);
void AddAdviseCommand(CLI::App* app, Invocation* invocation);
void AddLicenseCommand(CLI::App* app, Invocation* invocation);
void AddMembersCommand(CLI::App* app, Invocation* invocation);
void AddAccountsCommand(CLI::App* app, Invocation* invocation);
void AddWhoamiCommand(CLI::App* app, Invocation* invocation);
void AddBackupCommand(CLI::App* app, Invocation* invocation);
void AddClockCommand(CLI::App* app, Invocation* invocation);
void AddRulesCommand(CLI::App* app, Invocation* invocation);
void AddExplainCommand(CLI::App* app, Invocation* invocation);
void AddRestoreCommand(CLI::App* app, Invocation* invocation);
void AddLmstatCommand(CLI::App* app, Invocation* invocation);
void AddLmremoveCommand(CLI::App* app, Invocation* invocation);
void AddRlmstatCommand(CLI::App* app, Invocation* invocation);
void AddDslicsrvCommand(CLI::App* app, Invocation* invocation);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_COMMANDS_H_
