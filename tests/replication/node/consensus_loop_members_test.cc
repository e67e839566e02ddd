// Members find each other although what they know of the cluster is of
// different ages. Loops in one thread; as between real members, nobody hears
// strangers.

#include "gtest/gtest.h"

#include "tests/replication/node/loop_cluster.h"

namespace quorate::replication {
namespace {

using Kind = raft::MemberChange::Kind;

raft::ConfigurationChange AddLearner(int number) {
  raft::MemberAddress address = LoopCluster::AddressOf(number);
  address.promote = true;
  return {.changes = {{.kind = Kind::kAddLearner, .id = address.id}},
          .addresses = {address}};
}

raft::ConfigurationChange Remove(int number) {
  return {.changes = {{.kind = Kind::kRemove, .id = LoopCluster::Id(number)}},
          .addresses = {}};
}

raft::ConfigurationChange Replace(int number, int by) {
  raft::ConfigurationChange change = AddLearner(by);
  change.changes.push_back(
      {.kind = Kind::kRemove, .id = LoopCluster::Id(number)});
  return change;
}

int Another(int member) {
  return member % LoopCluster::kMembers + 1;
}

// The configuration that a leader would tell a machine that is to join.
raft::Configuration Told(LoopCluster* cluster, int leader, int number) {
  raft::Configuration told = cluster->loop(leader).raft().configuration();
  told.membership.learners.push_back(LoopCluster::Id(number));
  told.addresses.push_back(LoopCluster::AddressOf(number));
  return told;
}

bool Votes(LoopCluster* cluster, int member, int number) {
  const auto& voters =
      cluster->loop(member).raft().configuration().membership.voters;
  return std::binary_search(voters.begin(), voters.end(),
                            LoopCluster::Id(number));
}

// A machine that takes the place of `number`, or stands beside it for 0, until
// it votes.
int Join(LoopCluster* cluster, int leader, int number) {
  const int next = cluster->AddMachine(Told(cluster, leader, 4));
  EXPECT_TRUE(cluster
                  ->Change(leader, number == 0 ? AddLearner(next)
                                               : Replace(number, next))
                  .ok());
  for (int tick = 0; tick < 400 && !Votes(cluster, leader, next); ++tick) {
    cluster->Tick();
  }
  EXPECT_TRUE(Votes(cluster, leader, next));
  cluster->Ticks(20);
  return next;
}

TEST(ConsensusLoopMembersTest, ALeaderThatCameMeanwhileIsLetIn) {
  LoopCluster cluster({});
  const int leader = cluster.Elect();
  const int away = Another(leader);
  const int stays = Another(away);
  cluster.Kill(away);
  const int next = Join(&cluster, leader, 0);
  cluster.loop(leader).Request(
      99, {.what = LeadershipTransfer{.to = LoopCluster::Id(next)}},
      absl::Seconds(5));
  cluster.Ticks(40);
  ASSERT_EQ(cluster.Leader(), next);
  // The one that was away has never heard of its leader.
  cluster.Kill(leader);
  cluster.Restart(away);
  cluster.Ticks(120);
  EXPECT_EQ(cluster.Leader(), next);
  EXPECT_EQ(cluster.loop(away).raft().leader(), LoopCluster::Id(next));
  cluster.Propose(away, 7);
  cluster.Ticks(20);
  EXPECT_EQ(cluster.Outcome(away, 7), "applied");
  EXPECT_EQ(cluster.TimesApplied(stays, away, 7), 1);
}

TEST(ConsensusLoopMembersTest, AMachineThatJoinsReadsOfMembersOfLongAgo) {
  LoopCluster cluster({});
  int leader = cluster.Elect();
  // All but one of the first three are replaced before it comes.
  const int first = Another(leader);
  cluster.Kill(first);
  const int fourth = Join(&cluster, leader, first);
  cluster.loop(leader).Request(
      99, {.what = LeadershipTransfer{.to = LoopCluster::Id(fourth)}},
      absl::Seconds(5));
  cluster.Ticks(40);
  ASSERT_EQ(cluster.Leader(), fourth);
  cluster.Kill(leader);
  cluster.Ticks(60);
  const int fifth = cluster.AddMachine([&] {
    raft::Configuration told = cluster.loop(fourth).raft().configuration();
    told.membership.learners.push_back(LoopCluster::Id(5));
    told.addresses.push_back(LoopCluster::AddressOf(5));
    return told;
  }());
  ASSERT_TRUE(cluster.Change(fourth, Replace(leader, fifth)).ok());
  cluster.Ticks(200);
  EXPECT_TRUE(Votes(&cluster, fourth, fifth));
  EXPECT_TRUE(Votes(&cluster, fifth, fifth));
}

// On its way to the leader it would be read as a transfer.
TEST(ConsensusLoopMembersTest, AChangeWithoutAMemberIsRefusedByAnyMember) {
  LoopCluster cluster({});
  const int leader = cluster.Elect();
  for (int member = 1; member <= LoopCluster::kMembers; ++member) {
    EXPECT_EQ(cluster.Change(member, {}).code(),
              absl::StatusCode::kInvalidArgument);
  }
  cluster.Ticks(40);
  EXPECT_EQ(cluster.Leader(), leader);
}

TEST(ConsensusLoopMembersTest, ARemovedMemberIsNotHeard) {
  LoopCluster cluster({});
  const int leader = cluster.Elect();
  const int removed = Another(leader);
  ASSERT_TRUE(cluster.Change(leader, Remove(removed)).ok());
  const raft::Term term = cluster.loop(leader).raft().term();
  cluster.Ticks(200);
  EXPECT_EQ(cluster.Leader(), leader);
  EXPECT_EQ(cluster.loop(leader).raft().term(), term);
  EXPECT_FALSE(Votes(&cluster, leader, removed));
}

}  // namespace
}  // namespace quorate::replication
