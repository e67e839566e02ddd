// Members that were away come back by a snapshot, new ones become voters, and
// leadership moves, while every command takes effect once. Real threads, over
// a network, logs and snapshots in memory.

#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "replication/node/node.h"
#include "tests/replication/node/node_cluster.h"

namespace quorate::replication {
namespace {

using Kind = raft::MemberChange::Kind;

constexpr absl::Duration kPatience = absl::Seconds(60);

// Snapshots after a few entries, so that a test sees many.
NodeOptions SnapshotOften() {
  NodeOptions options = QuickOptions();
  options.snapshot_entries = 40;
  return options;
}

absl::Status Change(NodeCluster* cluster, int member,
                    raft::ConfigurationChange change) {
  std::promise<absl::Status> done;
  cluster->node(member).ChangeMembers(
      std::move(change), kPatience,
      [&done](const absl::Status& status) { done.set_value(status); });
  return done.get_future().get();
}

absl::Status Transfer(NodeCluster* cluster, int member, uint64_t to) {
  std::promise<absl::Status> done;
  cluster->node(member).TransferLeadership(
      raft::MemberId(to), kPatience,
      [&done](const absl::Status& status) { done.set_value(status); });
  return done.get_future().get();
}

raft::ConfigurationChange AddLearner(int number, bool promote) {
  raft::MemberAddress address = AddressOf(number);
  address.promote = promote;
  return {.changes = {{.kind = Kind::kAddLearner, .id = address.id}},
          .addresses = {address}};
}

// How long ago `member` heard of `other`.
absl::Duration SilenceOf(NodeCluster* cluster, int member, int other) {
  for (const auto& contact : cluster->node(member).Status().contacts) {
    if (contact.id == raft::MemberId(other)) return contact.age;
  }
  return absl::ZeroDuration();
}

int Another(int member) {
  return member % NodeCluster::kMembers + 1;
}

bool Votes(NodeCluster* cluster, int member, int number) {
  const raft::Membership membership =
      cluster->node(member).Status().raft.membership;
  return std::binary_search(membership.voters.begin(), membership.voters.end(),
                            raft::MemberId(number));
}

// Proposes `count` commands at `member`, each with a key of its own.
void ProposeMany(NodeCluster* cluster, int member, const std::string& prefix,
                 int count) {
  for (int i = 0; i < count; ++i) {
    const ProposeResult result =
        cluster->Propose(member, absl::StrCat(prefix, i), kPatience);
    ASSERT_EQ(result.outcome, ProposeOutcome::kApplied);
  }
}

// Proposes until the log does not begin with the first entry any more; returns
// how many.
int ProposeUntilCompacted(NodeCluster* cluster, int leader) {
  const absl::Duration until = SystemClock().SinceBoot() + kPatience;
  int count = 0;
  while (cluster->node(leader).Status().raft.first_index <= raft::Index(20) &&
         SystemClock().SinceBoot() < until) {
    ProposeMany(cluster, leader, absl::StrCat("many/", count, "/"), 10);
    count += 10;
  }
  return count;
}

TEST(NodeMembersTest, AMemberThatWasAwayComesBackByASnapshot) {
  NodeCluster cluster(SnapshotOften());
  const int leader = cluster.WaitForLeader();
  const int away = Another(leader);
  ProposeMany(&cluster, leader, "before/", 10);
  cluster.StopMember(away);
  const int meanwhile = ProposeUntilCompacted(&cluster, leader);
  cluster.StartMember(away);
  const absl::Status equal = cluster.WaitForEqual(10 + meanwhile);
  EXPECT_TRUE(equal.ok()) << equal;
  EXPECT_GE(cluster.machine(away).installed(), 1);
  EXPECT_FALSE(cluster.machine(away).gap());
  // It takes part again: the other follower is not needed.
  cluster.StopMember(Another(away) == leader ? Another(leader) : Another(away));
  ProposeMany(&cluster, away, "after/", 50);
}

TEST(NodeMembersTest, ANewMachineBecomesAVoterOnceItHasCaughtUp) {
  NodeCluster cluster(SnapshotOften());
  const int leader = cluster.WaitForLeader();
  const int before = ProposeUntilCompacted(&cluster, leader);
  const int number = cluster.AddMachine();
  // Asked of a follower, which passes it on.
  ASSERT_TRUE(
      Change(&cluster, Another(leader), AddLearner(number, /*promote=*/true))
          .ok());
  const absl::Duration until = SystemClock().SinceBoot() + kPatience;
  int keys = 0;
  while (!Votes(&cluster, number, number)) {
    ASSERT_LT(SystemClock().SinceBoot(), until);
    ProposeMany(&cluster, leader, absl::StrCat("during/", keys++, "/"), 1);
  }
  EXPECT_TRUE(cluster.WaitForEqual(before + keys).ok());
  EXPECT_GE(cluster.machine(number).installed(), 1);
  // Asking again is no error.
  EXPECT_TRUE(Change(&cluster, leader, AddLearner(number, true)).ok());
}

TEST(NodeMembersTest, ALeaderThatRemovesItselfLeavesAWorkingCluster) {
  NodeCluster cluster;
  const int leader = cluster.WaitForLeader();
  ProposeMany(&cluster, leader, "before/", 10);
  const absl::Status removed = Change(
      &cluster, Another(leader),
      {.changes = {{.kind = Kind::kRemove, .id = raft::MemberId(leader)}}});
  EXPECT_TRUE(removed.ok()) << removed;
  cluster.StopMember(leader);
  const int next = cluster.WaitForLeader();
  EXPECT_NE(next, leader);
  EXPECT_FALSE(Votes(&cluster, next, leader));
  ProposeMany(&cluster, next, "after/", 10);
}

TEST(NodeMembersTest, LeadershipGoesWhereItIsSent) {
  NodeCluster cluster;
  int leader = cluster.WaitForLeader();
  for (int round = 0; round < 6; ++round) {
    const int to = Another(leader);
    // Asked of every member in turn.
    const int asked = round % NodeCluster::kMembers + 1;
    // A machine that is busy may not give the next leader the fifth of a second
    // that it has here; then it is sent there again.
    const absl::Duration until = SystemClock().SinceBoot() + kPatience;
    do {
      ASSERT_LT(SystemClock().SinceBoot(), until);
      const absl::Status moved = Transfer(&cluster, asked, to);
      EXPECT_TRUE(moved.ok() || absl::IsFailedPrecondition(moved)) << moved;
      leader = cluster.WaitForLeader();
    } while (leader != to);
    ProposeMany(&cluster, asked, absl::StrCat(round, "/"), 5);
  }
  EXPECT_TRUE(cluster.WaitForEqual(30).ok());
}

TEST(NodeMembersTest, RefusesWhatWouldStopTheCluster) {
  NodeCluster cluster;
  const int leader = cluster.WaitForLeader();
  const int away = Another(leader);
  const int stays = Another(away);
  cluster.StopMember(away);
  // Its silence counts after an election timeout.
  const NodeOptions options = QuickOptions();
  const absl::Duration silence = 2 * options.tick * options.election_ticks;
  const absl::Duration until = SystemClock().SinceBoot() + kPatience;
  while (SilenceOf(&cluster, leader, away) < silence) {
    ASSERT_LT(SystemClock().SinceBoot(), until);
    std::this_thread::yield();
  }
  absl::Status status =
      Change(&cluster, leader,
             {.changes = {{.kind = Kind::kRemove, .id = raft::MemberId(99)},
                          {.kind = Kind::kRemove, .id = raft::MemberId(0)}}});
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  status = Transfer(&cluster, leader, away);
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  status = Change(
      &cluster, leader,
      {.changes = {{.kind = Kind::kRemove, .id = raft::MemberId(stays)}}});
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
  // The silent one may go.
  status = Change(
      &cluster, stays,
      {.changes = {{.kind = Kind::kRemove, .id = raft::MemberId(away)}}});
  EXPECT_TRUE(status.ok()) << status;
}

TEST(NodeMembersTest, ASnapshotCanBeTakenAtAnyTime) {
  NodeCluster cluster;
  const int leader = cluster.WaitForLeader();
  ProposeMany(&cluster, leader, "k/", 5);
  const raft::Index applied = cluster.node(leader).Status().applied;
  std::promise<absl::StatusOr<std::unique_ptr<SnapshotSource>>> done;
  cluster.node(leader).TakeSnapshot(
      kPatience, [&done](absl::StatusOr<std::unique_ptr<SnapshotSource>> s) {
        done.set_value(std::move(s));
      });
  const auto snapshot = done.get_future().get();
  ASSERT_TRUE(snapshot.ok()) << snapshot.status();
  EXPECT_GE((*snapshot)->header().position.index, applied);
  EXPECT_GT((*snapshot)->header().total_bytes, 0u);
}

}  // namespace
}  // namespace quorate::replication
