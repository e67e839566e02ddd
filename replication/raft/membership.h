// Which configuration is in force, and what it was before.
//
// A configuration counts from the moment its entry is appended (Raft, §6), so
// it must be possible to take it back when the entry is truncated.

#ifndef QUORATE_REPLICATION_RAFT_MEMBERSHIP_H_
#define QUORATE_REPLICATION_RAFT_MEMBERSHIP_H_

#include <memory>
#include <vector>

#include "absl/status/status.h"

#include "replication/raft/raft.h"
#include "replication/raft/types.h"

namespace quorate::raft {

// True where `id` votes, in either half of a joint membership.
bool IsVoter(const Membership& membership, MemberId id);

// True where `id` is a member at all: voter in either half, or learner.
bool IsMember(const Membership& membership, MemberId id);

// The address of `id` among `addresses`; null where it is not there. The
// pointer is into `addresses`.
const MemberAddress* FindAddress(const std::vector<MemberAddress>& addresses,
                                 MemberId id);

// All members but `except`, each once, sorted by id.
std::vector<MemberId> MembersExcept(const Membership& membership,
                                    MemberId except);

// OK, or INVALID_ARGUMENT with the rule that is broken: lists are sorted and
// without repetition, somebody votes, nobody is both learner and voter in
// either half, learners to come are outgoing voters that do not stay, and only
// a joint membership has learners to come or leaves by itself.
absl::Status ValidateMembership(const Membership& membership);

// The configurations of the log that can still be in force. Confined to the
// consensus thread. Never empty.
class ConfigurationStack {
 public:
  // `restored` is not empty and in log order.
  explicit ConfigurationStack(std::vector<RestoredState::AtIndex> restored);

  const Configuration& current() const { return *stack_.back().configuration; }

  const Membership& membership() const { return current().membership; }

  // The index of the entry that holds the configuration in force.
  Index index() const { return stack_.back().index; }

  // An entry with a configuration was appended at `index`.
  void Append(Index index, std::shared_ptr<const Configuration> configuration);

  // The entries from `index` on are gone; so are their configurations. The
  // first configuration of a log is committed and stays.
  void TruncateFrom(Index index);

  // The log begins after a snapshot: its configuration takes the place of all,
  // also of one that is of a later entry, since that entry is gone.
  void Replace(Index index, std::shared_ptr<const Configuration> configuration);

  // Entries up to `commit` can no longer be truncated: forgets configurations
  // that can never be in force again.
  void ForgetBefore(Index commit);

  const std::vector<RestoredState::AtIndex>& stack() const { return stack_; }

 private:
  // Invariant: configurations stand in log order, at least one.
  std::vector<RestoredState::AtIndex> stack_;
};

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_MEMBERSHIP_H_
