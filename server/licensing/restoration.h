// How the records of a backup become the first records of a restored cluster.

#ifndef QUORATE_SERVER_LICENSING_RESTORATION_H_
#define QUORATE_SERVER_LICENSING_RESTORATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "server/licensing/ledger.h"

namespace quorate::licensing {

// Each epoch draws the ids of its sessions and seats from a range of its own,
// so that what a client holds of one cluster names nothing in another: 2^44 ids
// are five years at 100,000 a second, and 2^19 epochs are left.
inline constexpr int kEpochShift = 44;
inline constexpr uint32_t kMaxClusterEpoch = (uint32_t{1} << 19) - 1;

// The restored cluster.
struct RestoreTarget {
  uint32_t epoch = 0;  // Greater than the backup's, up to kMaxClusterEpoch.
  std::string restore_id;
  std::vector<std::string> old_clients;
};

// What becomes of one record: it stays (nothing), changes or goes. Licences,
// the policy, sessions and seats stay. Remembered answers go, since they would
// hand out what the old cluster granted, and so do join tokens. DATA_LOSS where
// the record is damaged; FAILED_PRECONDITION where the cluster was retired, or
// was restored itself and not released: its successor, or what it was restored
// from, is to be restored, not it.
absl::StatusOr<std::optional<RecordChange>> RestoreRecordFor(
    const RestoreTarget& target, absl::string_view key,
    absl::string_view value);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_RESTORATION_H_
