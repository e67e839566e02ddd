#include <cstddef>
#include <utility>
#include <variant>

#include "replication/node/consensus_loop_state.h"

namespace quorate::replication {
namespace {

// Read indexes under way for other members. Each of them keeps one question
// for all its reads under way, and asks again a few times a second.
constexpr size_t kMaxPeerReads = 4096;

// What another member may forward in one message; more was not sent by a
// ProposalTracker.
constexpr size_t kMaxForwardedProposals = 4096;

}  // namespace

void ConsensusLoop::State::OnPeerMessage(PeerMessage message) {
  if (message.to != id_ || message.from == id_) return;
  // The core hears requests of strangers too, since this member's configuration
  // may be out of date; nobody else has a use for them.
  if (IsMember(message.from)) {
    heard_[message.from] = clock_->SinceBoot();
  } else if (!std::holds_alternative<raft::Message>(message.body)) {
    return;
  }
  std::visit(
      [this, from = message.from](auto&& body) {
        Take(from, std::forward<decltype(body)>(body));
      },
      std::move(message.body));
  AfterEvent();
}

void ConsensusLoop::State::Take(raft::MemberId from, raft::Message&& message) {
  if (message.from != from || message.to != id_) return;
  raft_.Step(std::move(message));
}

void ConsensusLoop::State::Take(raft::MemberId from,
                                ForwardProposals&& forward) {
  if (forward.proposals.size() > kMaxForwardedProposals) return;
  std::vector<raft::ProposalId> ids;
  ids.reserve(forward.proposals.size());
  for (const raft::Proposal& proposal : forward.proposals) {
    if (proposal.payload == nullptr) return;
    ids.push_back(proposal.id);
  }
  if (ids.empty()) return;

  bool overloaded = false;
  if (Leads() && forward.term == raft_.term()) {
    const absl::Status status =
        ProposeTimed(std::move(forward.proposals), StampNow());
    if (status.ok()) return;
    overloaded = absl::IsResourceExhausted(status);
  }
  Send(from, RejectedProposals{.term = raft_.term(),
                               .batch = forward.batch,
                               .overloaded = overloaded,
                               .proposals = std::move(ids)});
}

void ConsensusLoop::State::Take(raft::MemberId /*from*/,
                                RejectedProposals&& rejected) {
  std::vector<uint64_t> sequences;
  sequences.reserve(rejected.proposals.size());
  for (const raft::ProposalId& id : rejected.proposals) {
    if (id.run == run_) sequences.push_back(id.sequence);
  }
  proposals_.OnRejected(rejected.batch, sequences, rejected.overloaded,
                        &output_.failures);
}

void ConsensusLoop::State::Take(raft::MemberId from,
                                ReadIndexRequest&& request) {
  const uint64_t nonce = run_ - ++peer_reads_begun_;
  if (Leads() && peer_reads_.size() < kMaxPeerReads &&
      raft_.ReadIndex(nonce).ok()) {
    peer_reads_.emplace(nonce, PeerRead{.peer = from, .nonce = request.nonce});
    return;
  }
  Send(from, ReadIndexReply{.nonce = request.nonce});
}

void ConsensusLoop::State::Take(raft::MemberId /*from*/,
                                ReadIndexReply&& reply) {
  // A no is believed only by the clock: asked again at once, a member that
  // does not lead yet would be asked as fast as it can answer.
  if (reply.index == raft::Index(0)) return;
  reads_.OnAnswer(reply.nonce, reply.index, &output_.reads);
}

void ConsensusLoop::State::Answer(const raft::ReadState& state) {
  const auto it = peer_reads_.find(state.nonce);
  if (it == peer_reads_.end()) {
    reads_.OnAnswer(state.nonce, state.index, &output_.reads);
    return;
  }
  Send(it->second.peer,
       ReadIndexReply{.nonce = it->second.nonce, .index = state.index});
  peer_reads_.erase(it);
}

}  // namespace quorate::replication
