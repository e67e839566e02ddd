#include "replication/raft/raft.h"

#include <utility>

#include "replication/raft/raft_core.h"

namespace quorate::raft {

Raft::Raft(const RaftOptions& options, const LogReader* log,
           const RestoredState& restored)
    : core_(std::make_unique<Core>(options, log, restored)) {}

Raft::~Raft() = default;

void Raft::Tick() {
  core_->Tick();
}

void Raft::Step(Message message) {
  core_->Step(std::move(message));
}

absl::StatusOr<Index> Raft::Propose(std::vector<Proposal> proposals,
                                    Stamp stamp) {
  return core_->Propose(std::move(proposals), stamp);
}

absl::StatusOr<Index> Raft::ProposeStamp(Stamp stamp) {
  return core_->ProposeStamp(stamp);
}

absl::StatusOr<Index> Raft::ProposeConfiguration(
    const ConfigurationChange& change, Stamp stamp) {
  return core_->ProposeConfiguration(change, stamp);
}

absl::Status Raft::TransferLeadership(MemberId to) {
  return core_->TransferLeadership(to);
}

void Raft::Compact(const SnapshotPosition& position) {
  core_->Compact(position);
}

void Raft::OnSnapshotEnded(MemberId peer, bool delivered) {
  core_->OnSnapshotEnded(peer, delivered);
}

void Raft::OnPeerLost(MemberId peer) {
  core_->OnPeerLost(peer);
}

absl::Status Raft::ReadIndex(uint64_t nonce) {
  return core_->ReadIndex(nonce);
}

void Raft::Campaign() {
  core_->Campaign();
}

void Raft::OnUnreachable(MemberId peer) {
  core_->OnUnreachable(peer);
}

void Raft::OnAppended(const AppendReceipt& receipt) {
  core_->OnAppended(receipt);
}

void Raft::OnApplied(Index index) {
  core_->OnApplied(index);
}

bool Raft::HasReady() const {
  return core_->HasReady();
}

Ready Raft::TakeReady() {
  return core_->TakeReady();
}

Role Raft::role() const {
  return core_->role();
}

Term Raft::term() const {
  return core_->term();
}

MemberId Raft::leader() const {
  return core_->leader();
}

Index Raft::commit() const {
  return core_->log().commit();
}

Index Raft::last_index() const {
  return core_->log().last_index();
}

Stamp Raft::last_stamp() const {
  return core_->log().last_stamp();
}

Index Raft::configuration_index() const {
  return core_->configuration_index();
}

const Configuration& Raft::configuration() const {
  return core_->configuration();
}

bool Raft::HasCommittedInTerm() const {
  return core_->HasCommittedInTerm();
}

RaftStatus Raft::Status() const {
  return core_->Status();
}

absl::Status Raft::CheckInvariants() const {
  return core_->CheckInvariants();
}

}  // namespace quorate::raft
