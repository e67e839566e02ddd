#include "tests/replication/raft/test_member.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"

namespace quorate::raft {

TestMember::TestMember(const RaftOptions& options,
                       const std::vector<uint64_t>& voters)
    : TestMember(options, MemoryLog(TestConfiguration(voters))) {}

TestMember::TestMember(const RaftOptions& options, MemoryLog disk)
    : options_(options), disk_(std::make_unique<MemoryLog>(std::move(disk))) {
  Start(Index(0));
}

void TestMember::Start(Index applied) {
  raft_ =
      std::make_unique<Raft>(options_, disk_.get(), disk_->Restore(applied));
  Check();
}

void TestMember::Crash(Index applied) {
  pending_.clear();
  to_apply_.clear();
  outbox_.clear();
  reads_.clear();
  applied_.clear();
  last_ready_ = Ready();
  Start(applied);
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
  outbox_.insert(outbox_.end(), work.messages.begin(), work.messages.end());
  raft_->OnAppended(work.receipt);
  Check();
  return true;
}

bool TestMember::ApplyAll() {
  if (to_apply_.empty()) return false;
  for (; !to_apply_.empty(); to_apply_.pop_front()) {
    const std::vector<Entry>& entries = to_apply_.front();
    for (const Entry& entry : entries) {
      // A member must not know by its state what its disk has forgotten.
      QUORATE_CHECK(entry.index <= disk_->LastIndex());
      QUORATE_CHECK(
          SameEntry(entry, disk_->entries()[entry.index.value() - 1]));
      QUORATE_CHECK(applied_.empty() ||
                    applied_.back().index.Next() == entry.index);
      applied_.push_back(entry);
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
