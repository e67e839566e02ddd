// Lines in the log about members that are not heard.

#ifndef QUORATE_REPLICATION_NODE_CONTACT_LOG_H_
#define QUORATE_REPLICATION_NODE_CONTACT_LOG_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "replication/node/node.h"
#include "replication/raft/types.h"

namespace quorate::replication {

// Says once that a member is not heard any more, and once that it is again.
//
// Thread rule: Confined to the consensus thread.
class ContactLog {
 public:
  // Every member tells every other one something each two seconds.
  static constexpr absl::Duration kSilence = absl::Seconds(5);

  // What was lost or came back, for the tests.
  struct Line {
    raft::MemberId member;
    bool lost = false;
  };

  // `status` is this member's at `now` (SinceBoot). Who was never heard counts
  // from the first call. Returns the lines it wrote.
  std::vector<Line> Follow(const NodeStatus& status, absl::Duration now);

 private:
  std::optional<absl::Duration> begun_;
  std::map<raft::MemberId, absl::Duration> lost_;  // And when that was seen.
};

// The name of a member, as the log shows it; its id where it has none.
std::string NameForLog(const raft::Configuration& configuration,
                       raft::MemberId member);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_CONTACT_LOG_H_
