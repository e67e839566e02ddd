// A proposal is applied at most once while its member promises so, and it ends
// in time and with an outcome that is true. Three loops exchange messages in
// one thread; the test loses what it likes and moves the clock.

#include "replication/node/consensus_loop.h"

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/replication/node/loop_cluster.h"
#include "tests/replication/node/loop_messages.h"

namespace quorate::replication {
namespace {

TEST(ConsensusLoopTest, AppliesWhatAnyMemberProposesOnce) {
  LoopCluster cluster(Checked());
  cluster.Elect();
  for (int member = 1; member <= 3; ++member) {
    for (uint64_t sequence = 1; sequence <= 5; ++sequence) {
      cluster.Propose(member, sequence);
    }
  }
  cluster.Ticks(3);
  for (int member = 1; member <= 3; ++member) {
    for (uint64_t sequence = 1; sequence <= 5; ++sequence) {
      EXPECT_EQ(cluster.Outcome(member, sequence), "applied");
      for (int where = 1; where <= 3; ++where) {
        EXPECT_EQ(cluster.TimesApplied(where, member, sequence), 1);
      }
    }
  }
}

TEST(ConsensusLoopTest, ForwardsAllThatWaitsInOneMessage) {
  LoopCluster cluster(Checked());
  const int follower = Follower(cluster.Elect());
  cluster.ForgetSent();
  for (uint64_t sequence = 1; sequence <= 100; ++sequence) {
    cluster.Propose(follower, sequence);
  }
  cluster.Settle();
  const auto forwards = SentBy<ForwardProposals>(cluster, follower);
  ASSERT_EQ(forwards.size(), 1u);
  EXPECT_EQ(forwards[0].proposals.size(), 100u);
  EXPECT_EQ(cluster.Outcome(follower, 100), "applied");
}

TEST(ConsensusLoopTest, SplitsWhatIsTooMuchForOneMessage) {
  LoopCluster cluster(Checked());
  const int follower = Follower(cluster.Elect());
  cluster.ForgetSent();
  for (uint64_t sequence = 1; sequence <= 2500; ++sequence) {
    cluster.Propose(follower, sequence);
  }
  cluster.Settle();
  const auto forwards = SentBy<ForwardProposals>(cluster, follower);
  EXPECT_EQ(forwards.size(), 3u);
  for (const ForwardProposals& forward : forwards) {
    EXPECT_LE(forward.proposals.size(), 1024u);
  }
  EXPECT_EQ(cluster.Outcome(follower, 2500), "applied");
}

TEST(ConsensusLoopTest, RejectsWhatIsMeantForAnotherTerm) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  const raft::Term term = cluster.loop(leader).raft().term();
  const raft::Index last = cluster.loop(leader).raft().last_index();
  for (const raft::Term other : {term.Previous(), term.Next()}) {
    cluster.ForgetSent();
    ForwardProposals forward{.term = other, .batch = 77, .proposals = {}};
    forward.proposals.push_back(
        {.id = {.run = 5, .sequence = 6},
         .payload = std::make_shared<const std::string>("x")});
    cluster.loop(leader).OnPeerMessage({.from = LoopCluster::Id(follower),
                                        .to = LoopCluster::Id(leader),
                                        .body = forward});
    cluster.Settle();
    const auto rejected = SentBy<RejectedProposals>(cluster, leader);
    ASSERT_EQ(rejected.size(), 1u);
    EXPECT_EQ(rejected[0].batch, 77u);
    EXPECT_FALSE(rejected[0].overloaded);
    ASSERT_EQ(rejected[0].proposals.size(), 1u);
    EXPECT_EQ(rejected[0].proposals[0].sequence, 6u);
  }
  EXPECT_EQ(cluster.loop(leader).raft().last_index(), last);
}

TEST(ConsensusLoopTest, AFollowerRejectsForwards) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  ForwardProposals forward{
      .term = cluster.loop(leader).raft().term(), .batch = 3, .proposals = {}};
  forward.proposals.push_back(
      {.id = {.run = 5, .sequence = 6},
       .payload = std::make_shared<const std::string>("x")});
  cluster.ForgetSent();
  cluster.loop(follower).OnPeerMessage(
      {.from = LoopCluster::Id(OtherFollower(leader)),
       .to = LoopCluster::Id(follower),
       .body = forward});
  cluster.Settle();
  EXPECT_EQ(SentBy<RejectedProposals>(cluster, follower).size(), 1u);
}

// The leader did not take it: it is proposed again, and the first attempt's
// batch is known not to have been appended.
TEST(ConsensusLoopTest, ProposesARejectedOneAgain) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  cluster.passes = [](const PeerMessage& message) {
    return !IsForward(message);
  };
  cluster.ForgetSent();
  cluster.Propose(follower, 1);
  cluster.Settle();
  const auto forwards = SentBy<ForwardProposals>(cluster, follower);
  ASSERT_EQ(forwards.size(), 1u);
  cluster.Heal();
  cluster.loop(follower).OnPeerMessage(
      {.from = LoopCluster::Id(leader),
       .to = LoopCluster::Id(follower),
       .body = RejectedProposals{.term = forwards[0].term,
                                 .batch = forwards[0].batch,
                                 .proposals = {forwards[0].proposals[0].id}}});
  cluster.Ticks(2);
  EXPECT_EQ(cluster.Outcome(follower, 1), "applied");
  EXPECT_EQ(cluster.TimesApplied(leader, follower, 1), 1);
}

// The leader dies with the forward, before it is appended anywhere.
TEST(ConsensusLoopTest, RepeatsWhatWasLostWithTheLeader) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  cluster.passes = [](const PeerMessage& message) {
    return !IsForward(message);
  };
  cluster.Propose(follower, 1);
  cluster.Settle();
  cluster.Kill(leader);
  cluster.Heal();
  const int next = cluster.Elect();
  cluster.Ticks(3);
  EXPECT_EQ(cluster.Outcome(follower, 1), "applied");
  EXPECT_EQ(cluster.TimesApplied(next, follower, 1), 1);
}

// The old leader has appended it and nobody else: it must not be lost, and
// once the old leader is back it must not be there twice.
TEST(ConsensusLoopTest, RepeatsWhatOnlyTheOldLeaderHas) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  cluster.passes = [](const PeerMessage& message) {
    return !IsAppend(message);
  };
  const raft::Index last = cluster.store(leader).LastIndex();
  cluster.Propose(follower, 1);
  cluster.Propose(leader, 1);
  cluster.Settle();
  EXPECT_EQ(cluster.store(leader).LastIndex(), last.Plus(2));
  cluster.Isolate(leader);
  cluster.Ticks(100);
  const int next = cluster.Leader();
  ASSERT_NE(next, 0);
  ASSERT_NE(next, leader);
  EXPECT_EQ(cluster.Outcome(follower, 1), "applied");
  cluster.Heal();
  cluster.Ticks(60);
  for (int where = 1; where <= 3; ++where) {
    EXPECT_EQ(cluster.TimesApplied(where, follower, 1), 1) << where;
  }
  // The old leader could not know, and said so.
  EXPECT_EQ(cluster.Outcome(leader, 1), "unknown");
}

// It was committed, but the proposer has not seen it when the leader dies.
TEST(ConsensusLoopTest, DoesNotRepeatWhatTheNextLeaderHas) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  const int other = OtherFollower(leader);
  cluster.passes = [&](const PeerMessage& message) {
    return message.to != LoopCluster::Id(follower);
  };
  cluster.Propose(follower, 1);
  cluster.Settle();
  EXPECT_EQ(cluster.TimesApplied(leader, follower, 1), 1);
  EXPECT_EQ(cluster.Outcome(follower, 1), "");
  cluster.Kill(leader);
  cluster.Heal();
  EXPECT_EQ(cluster.Elect(), other);
  cluster.Ticks(30);
  EXPECT_EQ(cluster.Outcome(follower, 1), "applied");
  EXPECT_EQ(cluster.TimesApplied(other, follower, 1), 1);
}

// The connection broke within a term: the repeat carries the same id, and the
// second apply of it resolves nothing.
TEST(ConsensusLoopTest, SendsWhatIsInDoubtAgainUnderTheSameId) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  // The leader gets the forward but the follower hears nothing of it.
  cluster.passes = [&](const PeerMessage& message) {
    return message.to != LoopCluster::Id(follower);
  };
  cluster.Propose(follower, 1);
  cluster.Settle();
  cluster.loop(follower).OnPeerUnreachable(LoopCluster::Id(leader));
  cluster.loop(follower).OnPeerReachable(LoopCluster::Id(leader));
  cluster.Settle();
  cluster.Heal();
  cluster.Ticks(5);
  EXPECT_EQ(cluster.Outcome(follower, 1), "applied");
  EXPECT_EQ(cluster.TimesApplied(leader, follower, 1), 2);
  cluster.Propose(follower, 2);
  cluster.Settle();
  EXPECT_EQ(cluster.Outcome(follower, 2), "applied");
}

TEST(ConsensusLoopTest, NoticesALossThatNobodyReports) {
  const NodeOptions options = Checked();
  LoopCluster cluster(options);
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  cluster.passes = [](const PeerMessage& message) {
    return !IsForward(message);
  };
  cluster.Propose(follower, 1);
  cluster.Settle();
  cluster.Heal();
  cluster.Ticks(2);
  EXPECT_EQ(cluster.Outcome(follower, 1), "");
  cluster.Ticks(TicksFor(absl::Seconds(1), options));
  EXPECT_EQ(cluster.Outcome(follower, 1), "applied");
  EXPECT_EQ(cluster.TimesApplied(leader, follower, 1), 1);
}

// The snapshot has what it proposed, and no entry is left that says so. A later
// leader's entries must not be taken for a sign that it was never appended.
TEST(ConsensusLoopTest, AnInstallationEndsWhatItMayHide) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const int follower = Follower(leader);
  cluster.passes = [&](const PeerMessage& message) {
    return message.to != LoopCluster::Id(follower);
  };
  cluster.Propose(follower, 1);
  cluster.Settle();
  ASSERT_EQ(cluster.TimesApplied(leader, follower, 1), 1);
  const raft::Raft& sender = cluster.loop(leader).raft();
  const raft::SnapshotPosition position = {
      .index = sender.last_index(),
      .term = sender.term(),
      .configuration =
          std::make_shared<const raft::Configuration>(sender.configuration()),
      .configuration_index = sender.configuration_index(),
      .stamp = sender.last_stamp()};
  ASSERT_TRUE(cluster.loop(follower).OnSnapshotReceived(
      LoopCluster::Id(leader), sender.term(), position));
  cluster.Settle();
  EXPECT_EQ(cluster.Outcome(follower, 1), "");
  cluster.Propose(follower, 2);
  cluster.loop(follower).OnInstalled(position.index);
  cluster.Settle();
  EXPECT_EQ(cluster.Outcome(follower, 1), "unknown");
  EXPECT_EQ(cluster.Outcome(follower, 2), "");

  cluster.Kill(leader);
  cluster.Heal();
  const int next = cluster.Elect();
  cluster.Ticks(3);
  EXPECT_EQ(cluster.TimesApplied(next, follower, 1), next == follower ? 0 : 1);
  EXPECT_EQ(cluster.Outcome(follower, 2), "applied");
}

TEST(ConsensusLoopTest, RefusesInTimeWithoutAQuorum) {
  const NodeOptions options = Checked();
  LoopCluster cluster(options);
  const int leader = cluster.Elect();
  const int alone = Follower(leader);
  cluster.Isolate(alone);
  cluster.Propose(alone, 1);  // Sent, and lost.
  cluster.Read(alone, 1);
  // Until the election timer has run out the leader counts as known.
  cluster.Ticks(2 * options.election_ticks + 2);
  ASSERT_EQ(cluster.loop(alone).raft().leader(), raft::kNobody);
  cluster.Propose(alone, 2);  // Never sent.
  cluster.Settle();
  EXPECT_EQ(cluster.Outcome(alone, 2), "");
  cluster.Ticks(TicksFor(options.leaderless_limit, options));
  EXPECT_EQ(cluster.Outcome(alone, 1), "unknown");
  EXPECT_EQ(cluster.Outcome(alone, 2), "no_quorum");
  EXPECT_EQ(cluster.ReadOutcomeOf(alone, 1), "no_quorum");

  cluster.Propose(alone, 3);
  cluster.Read(alone, 3);
  cluster.Settle();  // At once, without a tick.
  EXPECT_EQ(cluster.Outcome(alone, 3), "no_quorum");
  EXPECT_EQ(cluster.ReadOutcomeOf(alone, 3), "no_quorum");
  EXPECT_FALSE(cluster.loop(alone).Status().serving);

  cluster.Heal();
  cluster.Elect();
  cluster.Propose(alone, 4);
  cluster.Ticks(3);
  EXPECT_EQ(cluster.Outcome(alone, 4), "applied");
}

TEST(ConsensusLoopTest, ALeaderThatLostItsQuorumRefusesToo) {
  const NodeOptions options = Checked();
  LoopCluster cluster(options);
  const int leader = cluster.Elect();
  cluster.Isolate(leader);
  cluster.Propose(leader, 1);
  cluster.Read(leader, 1);
  cluster.Ticks(3 * options.election_ticks +
                TicksFor(options.leaderless_limit, options));
  EXPECT_FALSE(cluster.loop(leader).Leads());
  EXPECT_EQ(cluster.Outcome(leader, 1), "unknown");
  EXPECT_EQ(cluster.ReadOutcomeOf(leader, 1), "no_quorum");
  cluster.Propose(leader, 2);
  cluster.Settle();
  EXPECT_EQ(cluster.Outcome(leader, 2), "no_quorum");
}

TEST(ConsensusLoopTest, EndsWhatIsOutOfTime) {
  const NodeOptions options = Checked();
  LoopCluster cluster(options);
  const int follower = Follower(cluster.Elect());
  cluster.passes = [](const PeerMessage& message) {
    return !IsForward(message) && !IsReadRequest(message);
  };
  cluster.Propose(follower, 1, absl::Milliseconds(300));
  cluster.Read(follower, 1, absl::Milliseconds(300));
  cluster.Ticks(5);
  EXPECT_EQ(cluster.Outcome(follower, 1), "");
  cluster.Ticks(2);
  EXPECT_EQ(cluster.Outcome(follower, 1), "unknown");
  EXPECT_EQ(cluster.ReadOutcomeOf(follower, 1), "no_quorum");
}

TEST(ConsensusLoopTest, RefusesMoreThanItsLimits) {
  NodeOptions options = Checked();
  options.max_proposals = 2;
  options.max_reads = 2;
  LoopCluster cluster(options);
  for (uint64_t number = 1; number <= 3; ++number) {
    cluster.Propose(1, number);
    cluster.Read(1, number);
  }
  cluster.Settle();
  EXPECT_EQ(cluster.Outcome(1, 2), "");
  EXPECT_EQ(cluster.Outcome(1, 3), "overloaded");
  EXPECT_EQ(cluster.ReadOutcomeOf(1, 2), "");
  EXPECT_EQ(cluster.ReadOutcomeOf(1, 3), "overloaded");
}

TEST(ConsensusLoopTest, TellsWhoWasHeardAndTheConfiguration) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  const NodeStatus status = cluster.loop(leader).Status();
  EXPECT_TRUE(status.serving);
  EXPECT_EQ(status.configuration.membership.voters.size(), 3u);
  ASSERT_EQ(status.contacts.size(), 2u);
  EXPECT_LT(status.contacts[0].age, absl::Seconds(1));
  EXPECT_EQ(status.leaderless, absl::ZeroDuration());

  const int follower = Follower(leader);
  cluster.Kill(leader);
  cluster.Ticks(5);
  for (const auto& contact : cluster.loop(follower).Status().contacts) {
    if (contact.id == LoopCluster::Id(leader)) {
      EXPECT_GE(contact.age, absl::Milliseconds(250));
    }
  }
}

// A member that starts again takes up where its disk was.
TEST(ConsensusLoopTest, ARestartedMemberForwardsAgain) {
  LoopCluster cluster(Checked());
  const int leader = cluster.Elect();
  cluster.Propose(leader, 1);
  cluster.Settle();
  cluster.Kill(leader);
  cluster.Elect();
  cluster.Restart(leader);
  cluster.Ticks(10);
  cluster.Propose(leader, 1);
  cluster.Ticks(3);
  EXPECT_EQ(cluster.TimesApplied(leader, leader, 1), 1);
}

}  // namespace
}  // namespace quorate::replication
