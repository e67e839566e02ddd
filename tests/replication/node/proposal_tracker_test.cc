// A proposal ends with a certain no only where no attempt can have been
// appended. Cases are played by hand against the tracker.

#include "replication/node/proposal_tracker.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace quorate::replication {
namespace {

constexpr uint64_t kRun = 9;

raft::Payload Bytes(size_t size) {
  return std::make_shared<const std::string>(size, 'x');
}

absl::Duration At(int seconds) {
  return absl::Seconds(seconds);
}

class ProposalTrackerTest : public testing::Test {
 protected:
  void Add(uint64_t sequence) { tracker_.Add(sequence, Bytes(10), At(100)); }

  std::vector<uint64_t> Send(uint64_t term, uint64_t batch, int seconds = 1) {
    std::vector<uint64_t> sequences;
    for (const raft::Proposal& proposal :
         tracker_.TakeBatch(kRun, raft::Term(term), batch, At(seconds))) {
      EXPECT_EQ(proposal.id.run, kRun);
      sequences.push_back(proposal.id.sequence);
    }
    return sequences;
  }

  // How the only proposal would end now.
  ProposeOutcome End() {
    ProposalTracker::Failures failures;
    tracker_.FailAll(&failures);
    EXPECT_EQ(failures.size(), 1u);
    return failures.at(0).outcome;
  }

  using Sequences = std::vector<uint64_t>;

  ProposalTracker tracker_;
  ProposalTracker::Failures failures_;
};

TEST_F(ProposalTrackerTest, SendsEachOnceInOrder) {
  for (const uint64_t sequence : {3, 1, 2}) {
    Add(sequence);
  }
  EXPECT_EQ(Send(1, 1), (Sequences{1, 2, 3}));
  EXPECT_EQ(Send(1, 2), Sequences());
}

TEST_F(ProposalTrackerTest, WhatWasNeverSentEndsWithACertainNo) {
  Add(1);
  EXPECT_EQ(End(), ProposeOutcome::kNoQuorum);
}

TEST_F(ProposalTrackerTest, WhatIsSentEndsAsUnknown) {
  Add(1);
  Send(1, 1);
  EXPECT_EQ(End(), ProposeOutcome::kUnknown);
}

TEST_F(ProposalTrackerTest, ARejectionMakesItCertainAgain) {
  Add(1);
  Send(1, 1);
  tracker_.OnRejected(1, {1}, /*overloaded=*/false, &failures_);
  EXPECT_TRUE(tracker_.held());
  EXPECT_EQ(End(), ProposeOutcome::kNoQuorum);
}

// The answer to the first attempt comes late, when the second is under way.
TEST_F(ProposalTrackerTest, ARejectionOfAnEarlierBatchMeansNothing) {
  Add(1);
  Send(1, 1);
  tracker_.OnAppliedTerm(raft::Term(2));
  EXPECT_EQ(Send(2, 2), Sequences{1});
  tracker_.OnRejected(1, {1}, /*overloaded=*/false, &failures_);
  EXPECT_FALSE(tracker_.held());
  EXPECT_EQ(Send(2, 3), Sequences());
  EXPECT_EQ(End(), ProposeOutcome::kUnknown);
}

// The first attempt was lost sight of; that the second was refused says
// nothing of it.
TEST_F(ProposalTrackerTest, DoubtOutlivesTheRejectionOfARepeat) {
  Add(1);
  Send(1, 1);
  tracker_.Doubt(raft::Term(1), absl::InfiniteDuration());
  EXPECT_EQ(Send(1, 2), Sequences{1});
  tracker_.OnRejected(2, {1}, /*overloaded=*/true, &failures_);
  EXPECT_TRUE(failures_.empty());
  EXPECT_EQ(End(), ProposeOutcome::kUnknown);
}

TEST_F(ProposalTrackerTest, AnEntryOfALaterTermEndsTheDoubt) {
  Add(1);
  Send(1, 1);
  tracker_.Doubt(raft::Term(1), absl::InfiniteDuration());
  tracker_.OnAppliedTerm(raft::Term(1));
  ProposalTracker before = tracker_;
  ProposalTracker::Failures failures;
  before.FailAll(&failures);
  EXPECT_EQ(failures.at(0).outcome, ProposeOutcome::kUnknown);
  tracker_.OnAppliedTerm(raft::Term(2));
  EXPECT_EQ(End(), ProposeOutcome::kNoQuorum);
}

TEST_F(ProposalTrackerTest, AnOverloadedLeaderEndsWhatIsCertain) {
  Add(1);
  Add(2);
  Send(1, 1);
  tracker_.OnRejected(1, {2}, /*overloaded=*/true, &failures_);
  ASSERT_EQ(failures_.size(), 1u);
  EXPECT_EQ(failures_[0].sequence, 2u);
  EXPECT_EQ(failures_[0].outcome, ProposeOutcome::kOverloaded);
  EXPECT_EQ(tracker_.size(), 1u);
}

TEST_F(ProposalTrackerTest, DoubtsOnlyWhatIsSilentForLong) {
  Add(1);
  Send(1, 1, /*seconds=*/5);
  Add(2);
  Send(1, 2, /*seconds=*/7);
  tracker_.Doubt(raft::Term(1), At(6));
  EXPECT_EQ(Send(1, 3), Sequences{1});
  tracker_.Doubt(raft::Term(2), absl::InfiniteDuration());
  EXPECT_EQ(Send(2, 4), Sequences());
}

TEST_F(ProposalTrackerTest, EndsByDeadline) {
  tracker_.Add(1, Bytes(1), At(5));
  tracker_.Add(2, Bytes(1), At(4));
  tracker_.Add(3, Bytes(1), At(6));
  tracker_.Expire(At(5), &failures_);
  ASSERT_EQ(failures_.size(), 2u);
  EXPECT_EQ(failures_[0].sequence, 2u);
  EXPECT_EQ(failures_[1].sequence, 1u);
  EXPECT_EQ(Send(1, 1), Sequences{3});
}

TEST_F(ProposalTrackerTest, AppliedIsOver) {
  Add(1);
  Send(1, 1);
  tracker_.OnApplied({1, 7});
  EXPECT_EQ(tracker_.size(), 0u);
  tracker_.OnApplied({1});
}

TEST_F(ProposalTrackerTest, KeepsMessagesAndWhatIsUnderWayBounded) {
  constexpr size_t kMiB = size_t{1024} * 1024;
  for (uint64_t sequence = 1; sequence <= 20; ++sequence) {
    tracker_.Add(sequence, Bytes(kMiB / 2), At(100));
  }
  size_t sent = 0;
  for (uint64_t batch = 1;; ++batch) {
    const Sequences sequences = Send(1, batch);
    if (sequences.empty()) break;
    EXPECT_LE(sequences.size(), 2u);
    sent += sequences.size();
  }
  EXPECT_EQ(sent, 16u);  // 8 MiB; the rest waits for answers.
  tracker_.OnApplied({1});
  EXPECT_EQ(Send(1, 100), Sequences{17});
}

// After a snapshot took the place of entries, what was sent may be in it.
TEST_F(ProposalTrackerTest, ASnapshotLeavesDoubtAboutWhatWasSent) {
  Add(1);
  Add(2);
  EXPECT_EQ(Send(1, 1), (Sequences{1, 2}));
  tracker_.Doubt(raft::Term(1), At(1));
  EXPECT_EQ(Send(1, 2, /*seconds=*/2), (Sequences{1, 2}));
  Add(3);
  tracker_.FailDoubtful(&failures_);
  ASSERT_EQ(failures_.size(), 2u);
  for (const auto& failure : failures_) {
    EXPECT_EQ(failure.outcome, ProposeOutcome::kUnknown);
  }
  // The third goes on as if nothing had been.
  EXPECT_EQ(Send(1, 3), Sequences{3});
  EXPECT_EQ(tracker_.size(), 1u);
}

}  // namespace
}  // namespace quorate::replication
