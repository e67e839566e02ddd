#include "tools/raft_script/script_cluster.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "replication/raft/membership.h"

namespace quorate::raft_script {

using raft::MemberId;
using raft::Message;
using raft::Role;

namespace {

// The longest way to rest that a known script takes has some thirty rounds.
constexpr int kMaxRounds = 10000;

}  // namespace

void ScriptCluster::Add(const ClusterOptions& options,
                        raft::SnapshotPosition start) {
  if (start.index == raft::Index(0)) start.configuration = Told();
  Place place{.options = options, .member = nullptr, .waiting = {}};
  const uint64_t id = places_.size() + 1;
  place.options.member.core.id = MemberId(id);
  place.options.member.core.random_seed = id;
  place.member =
      std::make_unique<ScriptMember>(place.options.member, std::move(start));
  places_.push_back(std::move(place));
}

std::shared_ptr<const raft::Configuration> ScriptCluster::Told() const {
  const raft::Raft* informed = nullptr;
  for (const Place& place : places_) {
    const raft::Raft& core = place.member->core();
    if (informed == nullptr || core.last_index() > informed->last_index()) {
      informed = &core;
    }
  }
  return informed == nullptr
             ? nullptr
             : std::make_shared<raft::Configuration>(informed->configuration());
}

// Without PreVote a member that wants an election is a candidate at once.
void ScriptCluster::GrantRehearsal(Place& place) {
  if (place.options.prevote) return;
  raft::Raft& core = place.member->core();
  const MemberId self = place.member->id();
  const raft::Membership voters = core.configuration().membership;
  for (const MemberId voter : raft::MembersExcept(voters, self)) {
    if (core.role() != Role::kPreCandidate) return;
    if (!raft::IsVoter(voters, voter)) continue;
    core.Step({voter, self, core.term().Next(),
               raft::VoteReply{.pre_vote = true, .granted = true}});
  }
}

void ScriptCluster::Begin() {
  for (Place& place : places_)
    place.member->Begin();
}

void ScriptCluster::Campaign(uint64_t id) {
  if (!Has(id)) return;
  Place& place = places_[id - 1];
  place.member->core().Campaign();
  GrantRehearsal(place);
}

void ScriptCluster::Tick(uint64_t id, int ticks) {
  if (!Has(id)) return;
  Place& place = places_[id - 1];
  raft::Raft& core = place.member->core();
  for (int i = 0; i < ticks; ++i) {
    core.Tick();
    ++place.election_elapsed;
    if (place.election_timeout.has_value() && core.role() != Role::kLeader &&
        place.election_elapsed >= *place.election_timeout) {
      place.election_timeout.reset();
      core.Campaign();
    }
    GrantRehearsal(place);
  }
}

void ScriptCluster::SetElectionTimeout(uint64_t id, int ticks) {
  if (Has(id)) places_[id - 1].election_timeout = ticks;
}

void ScriptCluster::ProcessReady(uint64_t id) {
  if (!Has(id)) return;
  Place& place = places_[id - 1];
  place.member->ProcessReady(network_);
  // What the core now takes, the scripts' core took before this Ready.
  if (OfferWaiting(place)) place.member->ProcessRest(network_);
}

void ScriptCluster::ProcessAppend(uint64_t id) {
  if (Has(id)) member(id).ProcessAppend(network_);
}

void ScriptCluster::ProcessApply(uint64_t id) {
  if (Has(id)) member(id).ProcessApply(network_);
}

void ScriptCluster::Deliver(uint64_t id, absl::string_view name, bool drop) {
  for (InFlight& item : network_.Take(MemberId(id), name, drop)) {
    const auto* transfer = std::get_if<SnapshotTransfer>(&item.content);
    if (transfer != nullptr && Has(transfer->message.from.value())) {
      // The sender's transport sees how the transfer ends.
      member(transfer->message.from.value())
          .core()
          .OnSnapshotEnded(MemberId(id), /*delivered=*/!drop);
    }
    if (!drop && Has(id)) Receive(places_[id - 1], std::move(item));
  }
}

bool ScriptCluster::Lost(const Place& place, const Message& message) const {
  if (const auto* ask = std::get_if<raft::VoteRequest>(&message.body)) {
    return ask->pre_vote && !place.options.prevote;
  }
  const uint64_t from = message.from.value();
  return std::holds_alternative<raft::TimeoutNow>(message.body) && Has(from) &&
         !places_[from - 1].transfers;
}

void ScriptCluster::Receive(Place& place, InFlight item) {
  if (auto* proposal = std::get_if<ScriptProposal>(&item.content)) {
    Offer(place, std::move(*proposal));
    return;
  }
  if (auto* message = std::get_if<Message>(&item.content)) {
    if (Lost(place, *message)) return;
    auto* ask = std::get_if<raft::VoteRequest>(&message->body);
    if (ask != nullptr && !place.options.checkquorum) ask->transfer = true;
    const bool answer =
        std::holds_alternative<raft::AppendReply>(message->body) ||
        std::holds_alternative<raft::HeartbeatReply>(message->body) ||
        std::holds_alternative<raft::VoteReply>(message->body);
    if (!answer) place.election_elapsed = 0;
  }
  place.member->Receive(item);
  GrantRehearsal(place);
  OfferWaiting(place);
}

bool ScriptCluster::Stabilize(absl::Span<const uint64_t> ids) {
  for (int round = 0; round < kMaxRounds; ++round) {
    bool busy = false;
    for (const uint64_t id : ids) {
      if (!Has(id) || !member(id).HasReady()) continue;
      ProcessReady(id);
      busy = true;
    }
    for (const uint64_t id : ids) {
      if (!Has(id) || !network_.HasFor(MemberId(id))) continue;
      Deliver(id, "", /*drop=*/false);
      busy = true;
    }
    for (const uint64_t id : ids) {
      while (Has(id) && member(id).HasAppendWork()) {
        ProcessAppend(id);
        busy = true;
      }
    }
    for (const uint64_t id : ids) {
      while (Has(id) && member(id).HasApplyWork()) {
        ProcessApply(id);
        busy = true;
      }
    }
    if (!busy) return true;
  }
  return false;
}

bool ScriptCluster::Propose(uint64_t id, const std::string& payload) {
  return Has(id) && Offer(places_[id - 1], payload);
}

bool ScriptCluster::ProposeChange(uint64_t id,
                                  const raft::ConfigurationChange& change) {
  return Has(id) && Offer(places_[id - 1], change);
}

bool ScriptCluster::Offer(Place& place, ScriptProposal proposal) {
  const raft::Raft& core = place.member->core();
  if (core.leader() == raft::kNobody) return false;
  if (core.role() != Role::kLeader) {
    network_.Add({.to = core.leader(), .content = std::move(proposal)});
    return true;
  }
  place.waiting.push_back(std::move(proposal));
  OfferWaiting(place);
  return true;
}

// True where the core took something.
bool ScriptCluster::OfferWaiting(Place& place) {
  ScriptMember& member = *place.member;
  if (member.core().role() != Role::kLeader) place.waiting.clear();
  bool any = false;
  while (!place.waiting.empty()) {
    const absl::Status status = Append(member, place.waiting.front());
    if (absl::IsUnavailable(status) && !member.core().HasCommittedInTerm()) {
      return any;
    }
    any = any || status.ok();
    // In the place of a change that is refused, the scripts' core appends an
    // entry without content.
    if (!status.ok()) any = Append(member, ScriptProposal("")).ok() || any;
    place.waiting.pop_front();
  }
  return any;
}

absl::Status ScriptCluster::Append(ScriptMember& member,
                                   const ScriptProposal& proposal) {
  if (const auto* change = std::get_if<raft::ConfigurationChange>(&proposal)) {
    return member.core().ProposeConfiguration(*change, {}).status();
  }
  const auto payload =
      std::make_shared<std::string>(std::get<std::string>(proposal));
  return member.core().Propose({{.id = {}, .payload = payload}}, {}).status();
}

void ScriptCluster::SendSnapshot(uint64_t from, uint64_t to) {
  if (!Has(from)) return;
  const MemberId target(to);
  network_.Add({.to = target,
                .content = member(from).MakeSnapshot(
                    target, member(from).core().term())});
}

void ScriptCluster::Unreachable(uint64_t id, uint64_t peer) {
  if (Has(id)) member(id).core().OnUnreachable(MemberId(peer));
}

void ScriptCluster::Transfer(uint64_t from, uint64_t to) {
  if (!Has(from)) return;
  places_[from - 1].transfers = true;
  // Where it is refused, the members' states tell.
  member(from).core().TransferLeadership(MemberId(to)).IgnoreError();
}

void ScriptCluster::ForgetLeader(uint64_t id) {
  if (!Has(id)) return;
  ScriptMember& forgetful = member(id);
  if (forgetful.core().role() != Role::kFollower || forgetful.HasAppendWork() ||
      forgetful.HasApplyWork()) {
    return;
  }
  forgetful.Restart();
}

// The one of the highest term, where a deposed one does not know it yet.
const ScriptMember* ScriptCluster::Leader() const {
  const ScriptMember* leader = nullptr;
  for (const Place& place : places_) {
    const raft::Raft& core = place.member->core();
    if (core.role() != Role::kLeader) continue;
    if (leader == nullptr || core.term() > leader->core().term()) {
      leader = place.member.get();
    }
  }
  return leader;
}

bool ScriptCluster::IsMember(uint64_t id) const {
  const ScriptMember* const leader = Leader();
  if (leader == nullptr) return true;
  const std::vector<MemberId> members = raft::MembersExcept(
      leader->core().configuration().membership, raft::kNobody);
  return std::binary_search(members.begin(), members.end(), MemberId(id));
}

bool ScriptCluster::MayBeBehind(uint64_t id) const {
  const ScriptMember* const leader = Leader();
  return leader != nullptr && (leader->ChangeUnderWay() || !IsMember(id));
}

absl::Status ScriptCluster::CheckInvariants() const {
  for (const Place& place : places_) {
    QUORATE_RETURN_IF_ERROR(place.member->core().CheckInvariants());
  }
  return absl::OkStatus();
}

}  // namespace quorate::raft_script
