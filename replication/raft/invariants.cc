#include "replication/raft/invariants.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "base/status.h"

namespace quorate::raft {

namespace {

// The tail of the log that is walked at each check: enough to see what one
// step can have broken, and the same cost however long the log is.
constexpr size_t kTailChecked = 64;

#define RAFT_INVARIANT(condition, rule)                    \
  do {                                                     \
    if (!(condition)) {                                    \
      return absl::InternalError("raft invariant: " rule); \
    }                                                      \
  } while (false)

absl::Status CheckProgressOfTime(const InvariantView& view,
                                 const InvariantWitness& before) {
  RAFT_INVARIANT(view.term >= before.term, "the term never goes down");
  RAFT_INVARIANT(view.term > before.term || before.vote == kNobody ||
                     view.vote == before.vote,
                 "a vote is never changed within a term");
  RAFT_INVARIANT(view.log.commit() >= before.commit,
                 "the commit index never goes down");
  RAFT_INVARIANT(view.log.handed_out() >= before.handed_out,
                 "an entry is handed out once");
  RAFT_INVARIANT(view.log.applied() >= before.applied,
                 "the applied index never goes down");
  const bool led_on = before.role == Role::kLeader &&
                      view.role == Role::kLeader && view.term == before.term;
  RAFT_INVARIANT(!led_on || view.log.last_index() >= before.last_index,
                 "a leader never truncates its log (Leader Append-Only)");
  RAFT_INVARIANT(view.durable.term >= before.durable.term,
                 "the term on disk never goes down");
  return absl::OkStatus();
}

absl::Status CheckHardState(const InvariantView& view) {
  RAFT_INVARIANT(view.handed_out.term <= view.term,
                 "no term is written before it is taken over");
  RAFT_INVARIANT(view.durable.term <= view.handed_out.term,
                 "no term is durable before it is written");
  RAFT_INVARIANT(view.handed_out.commit <= view.log.commit(),
                 "no commit index is written before it is reached");
  RAFT_INVARIANT(view.durable.term != view.term ||
                     view.durable.vote == kNobody ||
                     view.durable.vote == view.vote,
                 "a durable vote of this term is this term's vote");
  RAFT_INVARIANT(view.writes_done <= view.writes,
                 "no write is done before it is handed out");
  for (const Message& message : view.messages_when_durable) {
    const auto* vote = std::get_if<VoteReply>(&message.body);
    const bool pre_vote = vote != nullptr && vote->pre_vote;
    RAFT_INVARIANT(pre_vote || message.term == view.term,
                   "a promise that waits for the disk is of this term");
    RAFT_INVARIANT(pre_vote || vote == nullptr || !vote->granted ||
                       message.to == view.vote,
                   "a granted vote is the one that was given");
    const auto* reply = std::get_if<AppendReply>(&message.body);
    RAFT_INVARIANT(reply == nullptr || !reply->accepted ||
                       reply->match <= view.log.last_index(),
                   "only what is in the log is acknowledged");
  }
  return absl::OkStatus();
}

absl::Status CheckLogTail(const RaftLog& log) {
  const EntryWindow& window = log.window();
  if (window.empty()) return absl::OkStatus();
  RAFT_INVARIANT(window.back().index == log.last_index() &&
                     window.back().term == log.last_term() &&
                     window.back().stamp == log.last_stamp(),
                 "the window ends with the last entry");
  RAFT_INVARIANT(window.front().index >= log.first_index(),
                 "what is compacted is not in memory");
  RAFT_INVARIANT(std::max(log.durable_index().Next(), log.first_index()) >=
                     window.front().index,
                 "an entry that is not durable is in memory");
  Index index = window.back().index;
  for (size_t i = 1; i < std::min(window.size(), kTailChecked); ++i) {
    const Entry& later = window[index];
    const Entry& earlier = window[index.Previous()];
    RAFT_INVARIANT(earlier.index.Next() == later.index,
                   "entries are consecutive");
    RAFT_INVARIANT(earlier.term <= later.term,
                   "terms never go down along the log");
    RAFT_INVARIANT(earlier.stamp.cluster_ms <= later.stamp.cluster_ms &&
                       earlier.stamp.calendar_ms <= later.stamp.calendar_ms,
                   "stamps never go down along the log");
    RAFT_INVARIANT(
        later.type != EntryType::kCommand || later.payload != nullptr,
        "a command has a payload");
    RAFT_INVARIANT(later.type != EntryType::kConfiguration ||
                       later.configuration != nullptr,
                   "a configuration entry has a configuration");
    index = index.Previous();
  }
  return absl::OkStatus();
}

absl::Status CheckLog(const InvariantView& view) {
  const RaftLog& log = view.log;
  RAFT_INVARIANT(log.applied() <= log.handed_out(),
                 "only what was handed out is applied");
  RAFT_INVARIANT(
      log.installing()
          ? log.handed_out() == log.before_first().index
          : log.handed_out() <= std::min(log.commit(), log.durable_index()),
      "only what is committed and durable is handed out");
  RAFT_INVARIANT(
      log.handed_out() == log.before_first().index || log.snapshot_applied(),
      "nothing is handed out before the snapshot is applied");
  RAFT_INVARIANT(log.before_first().index <= log.handed_out(),
                 "only what was handed out is compacted");
  RAFT_INVARIANT(!log.installing() || view.role == Role::kFollower,
                 "who installs a snapshot only follows");
  RAFT_INVARIANT(log.commit() <= log.last_index(),
                 "only what is in the log is committed");
  RAFT_INVARIANT(log.durable_index() <= log.last_index(),
                 "only what is in the log is durable");
  RAFT_INVARIANT(log.last_term() <= view.term, "no entry is of a term to come");
  RAFT_INVARIANT(
      view.committed_in_term == (log.TermAt(log.commit()) == view.term),
      "committed_in_term tells of the entry at the commit index");
  return CheckLogTail(log);
}

absl::Status CheckConfigurations(const InvariantView& view) {
  const auto& stack = view.configurations.stack();
  for (size_t i = 0; i < stack.size(); ++i) {
    QUORATE_RETURN_IF_ERROR(
        ValidateMembership(stack[i].configuration->membership));
    RAFT_INVARIANT(i == 0 || stack[i - 1].index < stack[i].index,
                   "configurations stand in log order");
    RAFT_INVARIANT(i == 0 || stack[i].index <= view.log.last_index(),
                   "a configuration in force is in the log");
    RAFT_INVARIANT(i != 1 || stack[i].index > view.log.commit(),
                   "one committed configuration is remembered");
  }
  return absl::OkStatus();
}

// Thesis, §4.1: each change counts on the one before it being committed.
absl::Status CheckChanges(const InvariantView& view) {
  if (view.role != Role::kLeader || !view.committed_in_term) {
    return absl::OkStatus();
  }
  RAFT_INVARIANT(view.configurations.stack().size() <= 2,
                 "one change is under way at a time");
  if (view.configurations.index() > view.log.commit()) return absl::OkStatus();
  const Membership& membership = view.configurations.membership();
  RAFT_INVARIANT(!membership.auto_leave || view.transfer_to != kNobody,
                 "a joint configuration is left when it is committed");
  RAFT_INVARIANT(IsVoter(membership, view.id),
                 "who is no voter does not lead on");
  return absl::OkStatus();
}

absl::Status CheckHandingOver(const InvariantView& view) {
  RAFT_INVARIANT(
      view.transfer_to == kNobody ||
          (view.transfer_to != view.id &&
           IsVoter(view.configurations.membership(), view.transfer_to)),
      "leadership is handed to another voter");
  RAFT_INVARIANT(view.failover_tries >= 0 &&
                     (view.failover_tries == 0 || view.leader == kNobody),
                 "who knows a leader does not try to replace it");
  RAFT_INVARIANT(view.asked_to_lead <= view.term,
                 "a member is asked to lead by a leader of its time");
  return absl::OkStatus();
}

absl::Status CheckRole(const InvariantView& view) {
  switch (view.role) {
    case Role::kFollower:
      RAFT_INVARIANT(view.leader != view.id, "a follower is not the leader");
      break;
    case Role::kPreCandidate:
      RAFT_INVARIANT(view.leader == kNobody,
                     "who asks for votes knows no leader");
      break;
    case Role::kCandidate:
      RAFT_INVARIANT(view.leader == kNobody,
                     "who asks for votes knows no leader");
      RAFT_INVARIANT(view.vote == view.id, "a candidate has voted for itself");
      RAFT_INVARIANT(
          view.votes.count(view.id) == 0 ||
              (view.durable.term == view.term && view.durable.vote == view.id),
          "an own vote counts when it is durable");
      break;
    case Role::kLeader:
      RAFT_INVARIANT(view.leader == view.id, "a leader knows that it leads");
      RAFT_INVARIANT(
          view.durable.term == view.term && view.durable.vote == view.id,
          "a leader's vote for itself is durable");
      RAFT_INVARIANT(view.log.last_term() == view.term,
                     "a leader's log ends with an entry of its term");
      break;
  }
  RAFT_INVARIANT(view.election_elapsed < view.election_timeout,
                 "a timer that has run out has been acted upon");
  return absl::OkStatus();
}

absl::Status CheckPeers(const InvariantView& view) {
  const std::vector<MemberId> expected =
      view.role == Role::kLeader
          ? MembersExcept(view.configurations.membership(), view.id)
          : std::vector<MemberId>();
  RAFT_INVARIANT(view.peers.size() == expected.size(),
                 "a leader tracks every other member");
  RAFT_INVARIANT(view.role == Role::kLeader || view.snapshot_orders == 0,
                 "only a leader orders snapshots");
  for (size_t i = 0; i < view.peers.size(); ++i) {
    const Progress& progress = *view.peers[i].progress;
    RAFT_INVARIANT(view.peers[i].id == expected[i],
                   "a leader tracks every other member");
    RAFT_INVARIANT(progress.match() <= view.log.last_index(),
                   "a follower has acknowledged only what was sent");
    RAFT_INVARIANT(progress.match() < progress.next(),
                   "what is acknowledged is not sent again");
    RAFT_INVARIANT(progress.next() <= view.log.last_index().Next(),
                   "only what is in the log is sent");
    RAFT_INVARIANT(progress.told_commit() <= view.log.commit(),
                   "no commit index is told before it is reached");
    RAFT_INVARIANT(progress.state() == Progress::State::kReplicate ||
                       progress.inflights().count() == 0,
                   "a probe goes alone, and nothing beside a snapshot");
    RAFT_INVARIANT(progress.state() != Progress::State::kSnapshot ||
                       (progress.Paused() && !progress.poke &&
                        progress.match().Next() < view.log.first_index()),
                   "a snapshot goes to who needs one, and nothing beside it");
    RAFT_INVARIANT(progress.acknowledged_round <= view.read_round,
                   "only rounds that were sent are answered");
  }
  return absl::OkStatus();
}

absl::Status CheckReads(const InvariantView& view) {
  RAFT_INVARIANT(
      std::is_sorted(view.read_rounds.begin(), view.read_rounds.end()),
      "reads wait in the order of their rounds");
  RAFT_INVARIANT(view.read_rounds.empty() ||
                     view.read_rounds.back() <= view.read_round + 1,
                 "no read waits for more than the next round");
  RAFT_INVARIANT(view.early_reads == 0 || !view.committed_in_term,
                 "reads wait for the first commit of the term only");
  RAFT_INVARIANT(view.read_rounds.empty() || view.committed_in_term,
                 "no read has an index before the first commit of the term");
  for (const Index index : view.read_indexes) {
    RAFT_INVARIANT(index <= view.log.commit(), "a read index is committed");
  }
  return absl::OkStatus();
}

#undef RAFT_INVARIANT

absl::Status CheckAll(const InvariantView& view,
                      const InvariantWitness& before) {
  QUORATE_RETURN_IF_ERROR(CheckProgressOfTime(view, before));
  QUORATE_RETURN_IF_ERROR(CheckHardState(view));
  QUORATE_RETURN_IF_ERROR(CheckLog(view));
  QUORATE_RETURN_IF_ERROR(CheckConfigurations(view));
  QUORATE_RETURN_IF_ERROR(CheckChanges(view));
  QUORATE_RETURN_IF_ERROR(CheckHandingOver(view));
  QUORATE_RETURN_IF_ERROR(CheckRole(view));
  QUORATE_RETURN_IF_ERROR(CheckPeers(view));
  return CheckReads(view);
}

}  // namespace

absl::Status CheckInvariants(const InvariantView& view,
                             InvariantWitness& witness) {
  const absl::Status status = CheckAll(view, witness);
  witness = {.term = view.term,
             .vote = view.vote,
             .role = view.role,
             .commit = view.log.commit(),
             .handed_out = view.log.handed_out(),
             .applied = view.log.applied(),
             .last_index = view.log.last_index(),
             .durable = view.durable};
  if (status.ok()) return status;
  return absl::InternalError(absl::StrCat(
      status.message(), " (member ", view.id.value(), ", ", RoleName(view.role),
      ", term ", view.term.value(), ", last ", view.log.last_index().value(),
      ", commit ", view.log.commit().value(), ")"));
}

}  // namespace quorate::raft
