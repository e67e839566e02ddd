// Which of this member's requests about members, leadership and the calendar
// wait for what.

#ifndef QUORATE_REPLICATION_NODE_MEMBERSHIP_CALLS_H_
#define QUORATE_REPLICATION_NODE_MEMBERSHIP_CALLS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "replication/node/consensus_loop.h"
#include "replication/raft/types.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

// A request goes to whoever leads, and again to the next leader, or after some
// silence, until somebody says how it ended: one that is done already is
// answered with OK, so asking twice does no harm. A transfer has ended well
// when another leader is heard of.
//
// Thread rule: Confined to the consensus thread.
class MembershipCalls {
 public:
  using Ends = std::vector<LoopOutput::ChangeEnd>;

  // Administrators and their scripts; nobody needs more at once.
  static constexpr size_t kMaxCalls = 64;

  // Nonces are counted up from `first_nonce`, which is random.
  explicit MembershipCalls(uint64_t first_nonce) : next_nonce_(first_nonce) {}

  // `request`'s nonce is not looked at. Ends the call at once where too many
  // wait.
  void Add(uint64_t call, MembershipRequest request, absl::Duration deadline,
           Ends* ends);

  // What is to be asked of `leader` now, under new nonces.
  std::vector<MembershipRequest> TakePending(raft::MemberId leader,
                                             absl::Duration now, Ends* ends);

  // UNAVAILABLE: that member does not lead; asked again after the silence.
  void OnReply(uint64_t nonce, const absl::Status& status, Ends* ends);

  // Asks again what was asked of another leader.
  void OnLeader(raft::MemberId leader, Ends* ends);

  // Asks again what was asked at or before `until` and not answered.
  void AskAgain(absl::Duration until);

  void Expire(absl::Duration now, Ends* ends);
  void FailAll(Ends* ends);

  bool empty() const { return waiting_.empty(); }

 private:
  struct Waiting {
    MembershipRequest request;
    absl::Duration deadline;
    bool asked_ever = false;
    bool pending = true;
    raft::MemberId asked;  // Of whom, last.
    absl::Duration asked_at;
  };

  static absl::Status Unanswered(const Waiting& waiting);

  std::map<uint64_t, Waiting> waiting_;  // By call.
  uint64_t next_nonce_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_MEMBERSHIP_CALLS_H_
