// Whose disk is nearly full, by what the members say of themselves.

#ifndef QUORATE_REPLICATION_NODE_DISK_REPORTS_H_
#define QUORATE_REPLICATION_NODE_DISK_REPORTS_H_

#include <map>
#include <optional>

#include "absl/time/time.h"

#include "replication/raft/types.h"

namespace quorate::replication {

// A member that is short of room says so once a second, and once more when it
// has room again. So silence means room: of a member that is short and cannot
// be heard nobody expects anything anyway. Confined to the consensus thread.
class DiskReports {
 public:
  // What the disk of this member is like, by its own look.
  void SetOwn(bool low);

  bool own_low() const { return own_low_; }

  void OnReport(raft::MemberId from, bool low, absl::Duration now);

  // False where the member has not said so lately.
  bool PeerIsLow(raft::MemberId id, absl::Duration now) const;

  // What this member is to tell all others now, if anything.
  std::optional<bool> TakeOwnReport(absl::Duration now);

 private:
  bool own_low_ = false;
  std::optional<absl::Duration> next_report_;  // Set while there is one due.
  std::map<raft::MemberId, absl::Duration> low_since_heard_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_DISK_REPORTS_H_
