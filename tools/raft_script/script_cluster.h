// The members of a script, what is on its way between them, and the steps that
// scripts take with them.
//
// The scripts were written for a core that may run without PreVote and without
// CheckQuorum, and where a change of the members may be proposed before the
// leader's first entry is committed. Ours has both always and puts the change
// off. The cluster closes the gap from outside, never inside the core:
//
//   - without prevote, a rehearsal is granted in the name of all voters as soon
//     as it starts, and its requests reach nobody;
//   - without checkquorum, requests for votes are marked as asked for by the
//     leader, so that who hears a leader votes all the same;
//   - proposals that follow a change which was put off wait with it, and are
//     made in their order as soon as the core takes them;
//   - a leader that removes itself asks another to campaign at once; theirs
//   does
//     not, so that request is lost on its way.

#ifndef QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_CLUSTER_H_
#define QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_CLUSTER_H_

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "tools/raft_script/script_member.h"
#include "tools/raft_script/script_network.h"

namespace quorate::raft_script {

// How the scripts' core was configured.
struct ClusterOptions {
  MemberOptions member;
  bool prevote = false;
  bool checkquorum = false;
};

// Thread-compatible. Members are named by numbers from 1; those that are not
// there are ignored by all functions but the two getters.
class ScriptCluster {
 public:
  // Adds a member, with the next number. Where its log begins at index 0 it is
  // told the configuration by the member that knows most, if there is any.
  void Add(const ClusterOptions& options, raft::SnapshotPosition start);

  bool Has(uint64_t id) const { return id >= 1 && id <= places_.size(); }

  size_t size() const { return places_.size(); }

  ScriptMember& member(uint64_t id) { return *places_[id - 1].member; }

  const ScriptMember& member(uint64_t id) const {
    return *places_[id - 1].member;
  }

  // A command begins (ScriptMember::Begin).
  void Begin();

  void Campaign(uint64_t id);
  void Tick(uint64_t id, int ticks);
  void SetElectionTimeout(uint64_t id, int ticks);
  void ProcessReady(uint64_t id);
  void ProcessAppend(uint64_t id);
  void ProcessApply(uint64_t id);

  // Delivers what is on its way to `id`, or loses it: all of it, or what
  // scripts call `name`.
  void Deliver(uint64_t id, absl::string_view name, bool drop);

  // Everything, until these members have nothing left to do. False where that
  // does not come to an end.
  bool Stabilize(absl::Span<const uint64_t> ids);

  // A follower passes them on. False where nobody leads.
  bool Propose(uint64_t id, const std::string& payload);
  bool ProposeChange(uint64_t id, const raft::ConfigurationChange& change);

  void SendSnapshot(uint64_t from, uint64_t to);
  void Unreachable(uint64_t id, uint64_t peer);
  void Transfer(uint64_t from, uint64_t to);

  // A follower's process starts again: it knows no leader. Others go on.
  void ForgetLeader(uint64_t id);

  // True where `id` may have less than a script says: a change of the members
  // is under way, which ours commit by the new majority and theirs by the old
  // one, or it is a member no more and our leader tells it nothing.
  bool MayBeBehind(uint64_t id) const;

  // True where the configuration of the leader, if there is one, has `id`.
  bool IsMember(uint64_t id) const;

  // The rule of the core that is broken, if any.
  absl::Status CheckInvariants() const;

 private:
  struct Place {
    ClusterOptions options;
    std::unique_ptr<ScriptMember> member;
    std::deque<ScriptProposal> waiting;

    // Set where the script dictates when this member campaigns: in ticks since
    // it last heard a leader or voted.
    std::optional<int> election_timeout;
    int election_elapsed = 0;

    bool transfers = false;  // The script has told it to hand over.
  };

  std::shared_ptr<const raft::Configuration> Told() const;
  void GrantRehearsal(Place& place);
  bool OfferWaiting(Place& place);
  bool Offer(Place& place, ScriptProposal proposal);
  absl::Status Append(ScriptMember& member, const ScriptProposal& proposal);
  void Receive(Place& place, InFlight item);
  bool Lost(const Place& place, const raft::Message& message) const;
  const ScriptMember* Leader() const;

  std::vector<Place> places_;
  ScriptNetwork network_;
};

}  // namespace quorate::raft_script

#endif  // QUORATE_TOOLS_RAFT_SCRIPT_SCRIPT_CLUSTER_H_
