// The call that fetches a backup.

#ifndef QUORATE_TOOLS_QUORATE_BACKUP_CALL_H_
#define QUORATE_TOOLS_QUORATE_BACKUP_CALL_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "client/client_options.h"

namespace quorate::cli {

// Takes the pieces of a backup file in their order; an error ends the call.
struct BackupSink {
  // A member begins to send: what another one sent before is void.
  std::function<absl::Status()> begin;
  std::function<absl::Status(absl::string_view piece)> piece;
};

// Fetches a backup from the first member that gives one, which takes as long
// as it takes: a member that is silent is found out by the connection's pings.
// INTERNAL where pieces are missing.
absl::Status FetchBackup(const ClientOptions& options, bool local,
                         const BackupSink& sink);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_BACKUP_CALL_H_
