#include "tests/replication/raft/test_member.h"

#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"

#include "base/check.h"

namespace quorate::raft {

TestSnapshot AfterEntry(const TestSnapshot& state, const Entry& entry) {
  TestSnapshot next = state;
  next.position.index = entry.index;
  next.position.term = entry.term;
  next.position.stamp = entry.stamp;
  if (entry.type == EntryType::kConfiguration) {
    next.position.configuration = entry.configuration;
    next.position.configuration_index = entry.index;
  }
  next.digest =
      absl::HashOf(state.digest, entry.index.value(), entry.term.value(),
                   entry.payload == nullptr ? std::string() : *entry.payload);
  return next;
}

TestMember::TestMember(const RaftOptions& options,
                       const std::vector<uint64_t>& voters)
    : TestMember(options, MemoryLog(TestConfiguration(voters))) {}

TestMember::TestMember(const RaftOptions& options, MemoryLog disk)
    : options_(options), disk_(std::make_unique<MemoryLog>(std::move(disk))) {
  Start(Index(0));
}

void TestMember::Start(Index applied) {
  state_ = applied == Index(0) ? TestSnapshot() : states_.at(applied);
  raft_ =
      std::make_unique<Raft>(options_, disk_.get(), disk_->Restore(applied));
  Check();
}

void TestMember::Crash(Index applied) {
  pending_.clear();
  to_apply_.clear();
  outbox_.clear();
  reads_.clear();
  orders_.clear();
  applied_.clear();
  last_ready_ = Ready();
  Start(applied);
}

void TestMember::CrashAfterWrite(Index applied) {
  if (!pending_.empty()) disk_->Write(pending_.front());
  Crash(applied);
}

void TestMember::Check() const {
  QUORATE_CHECK_OK(raft_->CheckInvariants());
}

void TestMember::Tick(int count) {
  for (int i = 0; i < count; ++i) {
    raft_->Tick();
    Check();
  }
}

void TestMember::Step(const Message& message) {
  raft_->Step(message);
  Check();
}

void TestMember::Campaign() {
  raft_->Campaign();
  Check();
}

void TestMember::Unreachable(MemberId peer) {
  raft_->OnUnreachable(peer);
  Check();
}

absl::StatusOr<Index> TestMember::Propose(
    const std::vector<std::string>& payloads, Stamp stamp) {
  std::vector<Proposal> proposals;
  for (const std::string& payload : payloads) {
    proposals.push_back({.payload = std::make_shared<std::string>(payload)});
  }
  absl::StatusOr<Index> index = raft_->Propose(std::move(proposals), stamp);
  Check();
  return index;
}

absl::Status TestMember::Read(uint64_t nonce) {
  const absl::Status status = raft_->ReadIndex(nonce);
  Check();
  return status;
}

absl::StatusOr<Index> TestMember::Change(const ConfigurationChange& change) {
  absl::StatusOr<Index> index = raft_->ProposeConfiguration(change, {});
  Check();
  return index;
}

absl::Status TestMember::Transfer(MemberId to) {
  const absl::Status status = raft_->TransferLeadership(to);
  Check();
  return status;
}

void TestMember::PeerLost(MemberId peer) {
  raft_->OnPeerLost(peer);
  Check();
}

void TestMember::SnapshotEnded(MemberId peer, bool delivered) {
  raft_->OnSnapshotEnded(peer, delivered);
  Check();
}

void TestMember::Compact(Index to) {
  raft_->Compact(states_.at(to).position);
  Check();
}

void TestMember::Receive(MemberId from, Term term,
                         const TestSnapshot& snapshot) {
  states_[snapshot.position.index] = snapshot;
  Step({from, options_.id, term, InstallSnapshot{snapshot.position}});
}

void TestMember::WinElection(const std::vector<uint64_t>& supporters) {
  Campaign();
  for (const bool pre_vote : {true, false}) {
    Settle();
    const uint64_t term = raft_->term().value() + (pre_vote ? 1 : 0);
    for (const uint64_t from : supporters) {
      Step(MakeMessage(from, options_.id.value(), term,
                       VoteReply{.pre_vote = pre_vote, .granted = true}));
    }
  }
  Settle();
  QUORATE_CHECK(raft_->role() == Role::kLeader);
  outbox_.clear();
}

bool TestMember::TakeReady() {
  if (!raft_->HasReady()) return false;
  Ready ready = raft_->TakeReady();
  Check();
  QUORATE_CHECK(!ready.empty());
  last_ready_ = ready;
  outbox_.insert(outbox_.end(), ready.messages.begin(), ready.messages.end());
  reads_.insert(reads_.end(), ready.reads.begin(), ready.reads.end());
  orders_.insert(orders_.end(), ready.snapshots.begin(), ready.snapshots.end());
  if (!ready.append.empty()) pending_.push_back(std::move(ready.append));
  if (!ready.committed.empty()) {
    to_apply_.push_back(std::move(ready.committed));
  }
  return true;
}

bool TestMember::WriteOne() {
  if (pending_.empty()) return false;
  const AppendWork work = std::move(pending_.front());
  pending_.pop_front();
  disk_->Write(work);
  if (work.install.has_value()) {
    state_ = states_.at(work.install->index);
    to_apply_.clear();
  }
  outbox_.insert(outbox_.end(), work.messages.begin(), work.messages.end());
  raft_->OnAppended(work.receipt);
  Check();
  if (work.install.has_value()) {
    raft_->OnApplied(work.install->index);
    Check();
  }
  return true;
}

// The member died while it was replacing its state by a snapshot.
bool TestMember::FinishInstall() {
  const std::optional<SnapshotPosition>& snapshot = disk_->snapshot();
  if (!snapshot.has_value() || state_.position.index >= snapshot->index ||
      raft_->Status().first_index != snapshot->index.Next()) {
    return false;
  }
  state_ = states_.at(snapshot->index);
  raft_->OnApplied(snapshot->index);
  Check();
  return true;
}

bool TestMember::ApplyAll() {
  if (FinishInstall()) return true;
  if (to_apply_.empty()) return false;
  for (; !to_apply_.empty(); to_apply_.pop_front()) {
    const std::vector<Entry>& entries = to_apply_.front();
    for (const Entry& entry : entries) {
      // A member must not know by its state what its disk has forgotten.
      const Entry* on_disk = disk_->Find(entry.index);
      QUORATE_CHECK(on_disk != nullptr && SameEntry(entry, *on_disk));
      QUORATE_CHECK(state_.position.index.Next() == entry.index);
      applied_.push_back(entry);
      state_ = AfterEntry(state_, entry);
      states_[entry.index] = state_;
    }
    raft_->OnApplied(entries.back().index);
    Check();
  }
  return true;
}

void TestMember::Settle() {
  while (TakeReady() || WriteOne() || ApplyAll()) {
  }
}

std::vector<Message> TestMember::TakeOutbox() {
  return std::exchange(outbox_, {});
}

std::vector<SnapshotOrder> TestMember::TakeOrders() {
  return std::exchange(orders_, {});
}

std::vector<ReadState> TestMember::TakeReads() {
  return std::exchange(reads_, {});
}

std::string TestMember::LogTerms() const {
  std::string terms;
  for (size_t i = 1; i < disk_->entries().size(); ++i) {
    absl::StrAppend(&terms, i == 1 ? "" : " ",
                    disk_->entries()[i].term.value());
  }
  return terms;
}

Message MakeMessage(uint64_t from, uint64_t to, uint64_t term,
                    MessageBody body) {
  return {MemberId(from), MemberId(to), Term(term), std::move(body)};
}

Entry MakeEntry(uint64_t index, uint64_t term, absl::string_view payload) {
  return {.index = Index(index),
          .term = Term(term),
          .type = EntryType::kCommand,
          .payload = std::make_shared<std::string>(payload)};
}

Entry MakeConfigurationEntry(uint64_t index, uint64_t term,
                             const std::vector<uint64_t>& voters) {
  return {.index = Index(index),
          .term = Term(term),
          .type = EntryType::kConfiguration,
          .configuration = TestConfiguration(voters)};
}

}  // namespace quorate::raft
