// Asks a cluster for what the layouts of other licence servers show.

#ifndef QUORATE_TOOLS_QUORATE_FOREIGN_SNAPSHOT_H_
#define QUORATE_TOOLS_QUORATE_FOREIGN_SNAPSHOT_H_

#include <string>

#include "absl/status/statusor.h"

#include "client/client_options.h"
#include "tools/foreign/snapshot.h"

namespace quorate::cli {

// How much of it.
struct SnapshotWish {
  bool pools = false;
  bool seats = false;
  std::string feature = {};  // Pools and seats of this one only.
};

// The members and the licences, and what `wish` says; where the cluster does
// not serve, the licences that the answering member knows, and nothing more.
// Takes the moment and the time zone from the system. Errors: nobody answers,
// or what the cluster refuses.
absl::StatusOr<foreign::Snapshot> TakeSnapshot(const ClientOptions& options,
                                               const SnapshotWish& wish);

}  // namespace quorate::cli

#endif  // QUORATE_TOOLS_QUORATE_FOREIGN_SNAPSHOT_H_
