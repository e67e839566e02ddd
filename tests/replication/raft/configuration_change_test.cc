// Property: members come and go one change at a time, each counting from its
// append; learners never count; whoever is left out goes quietly. Method:
// single cases on one core and on small clusters.

#include "gtest/gtest.h"

#include "tests/replication/raft/test_cluster.h"
#include "tests/replication/raft/test_member.h"

namespace quorate::raft {
namespace {

using Kind = MemberChange::Kind;

ConfigurationChange Changes(std::vector<std::pair<Kind, uint64_t>> steps) {
  ConfigurationChange change;
  for (const auto& [kind, id] : steps) {
    change.changes.push_back({kind, MemberId(id)});
    if (kind == Kind::kRemove) continue;
    change.addresses.push_back(
        {.id = MemberId(id), .name = "n" + std::to_string(id)});
  }
  return change;
}

ConfigurationChange AddVoter(uint64_t id) {
  return Changes({{Kind::kAddVoter, id}});
}

ConfigurationChange AddLearner(uint64_t id) {
  return Changes({{Kind::kAddLearner, id}});
}

ConfigurationChange Remove(uint64_t id) {
  return Changes({{Kind::kRemove, id}});
}

std::vector<uint64_t> Voters(const TestMember& member) {
  std::vector<uint64_t> voters;
  for (const MemberId id : member.raft().configuration().membership.voters) {
    voters.push_back(id.value());
  }
  return voters;
}

using Numbers = std::vector<uint64_t>;

// Leader 1, elected by member 2, of as many as a test wants.
class LeaderTest : public testing::Test {
 protected:
  TestMember& Lead(const Numbers& voters) {
    leader_ =
        std::make_unique<TestMember>(RaftOptions{.id = MemberId(1)}, voters);
    if (voters.size() == 1) {
      leader_->Campaign();
      leader_->Settle();
    } else {
      leader_->WinElection({2, 3});
    }
    return *leader_;
  }

  void Acknowledge(uint64_t from) {
    leader_->Step(MakeMessage(
        from, 1, leader_->raft().term().value(),
        AppendReply{.accepted = true, .match = leader_->raft().last_index()}));
    leader_->Settle();
  }

  std::unique_ptr<TestMember> leader_;
};

TEST_F(LeaderTest, OnlyTheLeaderTakesAChange) {
  TestMember member({.id = MemberId(1)}, {1, 2, 3});
  EXPECT_TRUE(absl::IsFailedPrecondition(member.Change(AddVoter(4)).status()));
}

// Pitfall 14.
TEST_F(LeaderTest, NoChangeBeforeTheFirstCommitOfTheTerm) {
  TestMember& leader = Lead({1, 2, 3});
  EXPECT_TRUE(absl::IsUnavailable(leader.Change(AddVoter(4)).status()));
  Acknowledge(2);
  EXPECT_TRUE(leader.Change(AddVoter(4)).ok());
}

TEST_F(LeaderTest, OneChangeAtATime) {
  TestMember& leader = Lead({1, 2, 3});
  Acknowledge(2);
  ASSERT_TRUE(leader.Change(AddVoter(4)).ok());
  EXPECT_TRUE(absl::IsUnavailable(leader.Change(AddVoter(5)).status()));
  leader.Settle();
  Acknowledge(2);
  EXPECT_TRUE(absl::IsUnavailable(leader.Change(AddVoter(5)).status()));
  Acknowledge(3);
  EXPECT_TRUE(leader.Change(AddVoter(5)).ok());
}

TEST_F(LeaderTest, AChangeAgainstTheRulesIsRefused) {
  TestMember& leader = Lead({1});
  const Index last = leader.raft().last_index();
  ConfigurationChange no_address = AddVoter(2);
  no_address.addresses.clear();
  ConfigurationChange strange_address = Remove(1);
  strange_address.addresses.push_back({.id = MemberId(9), .name = "n9"});
  for (const ConfigurationChange& change :
       {Remove(1), no_address, strange_address, ConfigurationChange(),
        Changes({{Kind::kAddLearner, 1}})}) {
    EXPECT_TRUE(absl::IsInvalidArgument(leader.Change(change).status()));
  }
  EXPECT_EQ(leader.raft().last_index(), last) << "nothing was appended";
}

TEST_F(LeaderTest, TooManyMembersAreRefused) {
  TestMember& leader = Lead({1});
  ConfigurationChange change;
  for (uint64_t id = 2; id <= kMaxMembers + 1; ++id) {
    change.changes.push_back({Kind::kAddLearner, MemberId(id)});
    change.addresses.push_back(
        {.id = MemberId(id), .name = "n" + std::to_string(id)});
  }
  EXPECT_TRUE(absl::IsInvalidArgument(leader.Change(change).status()));
  change.changes.pop_back();
  change.addresses.pop_back();
  EXPECT_TRUE(leader.Change(change).ok());
}

TEST_F(LeaderTest, AnAddressChangesAlone) {
  TestMember& leader = Lead({1});
  ConfigurationChange change = Changes({{Kind::kUpdate, 1}});
  change.addresses[0].peer_endpoint = "elsewhere:1";
  ASSERT_TRUE(leader.Change(change).ok());
  EXPECT_EQ(leader.raft().configuration().addresses[0].peer_endpoint,
            "elsewhere:1");
  EXPECT_EQ(Voters(leader), Numbers({1}));
}

TEST_F(LeaderTest, CountsFromItsAppend) {
  TestMember& leader = Lead({1, 2, 3});
  Acknowledge(2);
  ASSERT_TRUE(leader.Change(AddVoter(4)).ok());
  leader.Settle();
  Acknowledge(2);
  EXPECT_LT(leader.raft().commit(), leader.raft().last_index())
      << "two of four are no majority";
  Acknowledge(4);
  EXPECT_EQ(leader.raft().commit(), leader.raft().last_index());
}

TEST_F(LeaderTest, OneBecomesTwo) {
  TestMember& leader = Lead({1});
  ASSERT_TRUE(leader.Change(AddVoter(2)).ok());
  leader.Settle();
  EXPECT_LT(leader.raft().commit(), leader.raft().last_index());
  EXPECT_EQ(leader.raft().role(), Role::kLeader);
  Acknowledge(2);
  EXPECT_EQ(leader.raft().commit(), leader.raft().last_index());
}

// What was waiting for the member that goes is enough without it.
TEST_F(LeaderTest, ASmallerQuorumCommitsAndReadsAtOnce) {
  TestMember& leader = Lead({1, 2});
  Acknowledge(2);
  ASSERT_TRUE(leader.Propose({"x"}).ok());
  ASSERT_TRUE(leader.Read(7).ok());
  leader.Settle();
  ASSERT_TRUE(leader.TakeReads().empty());
  ASSERT_TRUE(leader.Change(Remove(2)).ok());
  leader.Settle();
  EXPECT_EQ(leader.raft().commit(), leader.raft().last_index());
  EXPECT_EQ(leader.TakeReads().size(), 1u);
}

TEST_F(LeaderTest, ALearnerGetsTheLogAndNeverCounts) {
  TestMember& leader = Lead({1, 2, 3});
  Acknowledge(2);
  ASSERT_TRUE(leader.Change(AddLearner(4)).ok());
  leader.Settle();
  bool sent = false;
  for (const Message& message : leader.Take<AppendRequest>()) {
    sent |= message.to == MemberId(4);
  }
  EXPECT_TRUE(sent);
  Acknowledge(4);
  EXPECT_LT(leader.raft().commit(), leader.raft().last_index());
  Acknowledge(3);
  EXPECT_EQ(leader.raft().commit(), leader.raft().last_index());
}

TEST_F(LeaderTest, SeveralVotersChangeThroughAJointConfiguration) {
  TestMember& leader = Lead({1, 2, 3});
  Acknowledge(2);
  ASSERT_TRUE(leader
                  .Change(Changes({{Kind::kAddVoter, 4},
                                   {Kind::kAddVoter, 5},
                                   {Kind::kRemove, 2},
                                   {Kind::kRemove, 3}}))
                  .ok());
  const Membership joint = leader.raft().configuration().membership;
  EXPECT_EQ(joint.voters_outgoing.size(), 3u);
  EXPECT_TRUE(joint.auto_leave);
  leader.Settle();
  Acknowledge(4);
  EXPECT_LT(leader.raft().commit(), leader.raft().last_index())
      << "a majority of the incoming half only";
  Acknowledge(2);
  // Committed, and left by itself.
  EXPECT_EQ(Voters(leader), Numbers({1, 4, 5}));
  EXPECT_TRUE(leader.raft().configuration().membership.voters_outgoing.empty());
  EXPECT_LT(leader.raft().commit(), leader.raft().last_index());
  EXPECT_EQ(leader.raft().Status().peers.size(), 2u);
  Acknowledge(5);
  EXPECT_EQ(leader.raft().commit(), leader.raft().last_index());
}

TEST_F(LeaderTest, AJointConfigurationCanBeLeftByHand) {
  TestMember& leader = Lead({1, 2, 3});
  Acknowledge(2);
  ConfigurationChange change = Changes({{Kind::kAddLearner, 3}});
  change.force_joint = true;
  change.auto_leave = false;
  ASSERT_TRUE(leader.Change(change).ok());
  leader.Settle();
  Acknowledge(2);
  EXPECT_EQ(leader.raft().configuration().membership.learners_next.size(), 1u);
  EXPECT_TRUE(absl::IsUnavailable(leader.Change(AddVoter(4)).status()));
  ASSERT_TRUE(leader.Change(ConfigurationChange()).ok());
  EXPECT_EQ(Voters(leader), Numbers({1, 2}));
  EXPECT_EQ(leader.raft().configuration().membership.learners.size(), 1u);
}

TEST_F(LeaderTest, ARemovedLeaderGoesOnUntilThatIsCommitted) {
  TestMember& leader = Lead({1, 2, 3});
  Acknowledge(2);
  ASSERT_TRUE(leader.Change(Remove(1)).ok());
  leader.Settle();
  leader.TakeOutbox();
  Acknowledge(2);
  EXPECT_EQ(leader.raft().role(), Role::kLeader)
      << "it does not count itself, and one of two is no majority";
  leader.TakeOutbox();
  Acknowledge(3);
  EXPECT_EQ(leader.raft().role(), Role::kFollower);
  EXPECT_EQ(leader.Take<TimeoutNow>().size(), 1u);
  leader.Tick(100);
  EXPECT_EQ(leader.raft().role(), Role::kFollower) << "it is no member";
}

TEST(ConfigurationChangeTest, AJoinerCatchesUpAndVotes) {
  TestCluster cluster(1);
  cluster.member(1).Campaign();
  cluster.Settle();
  for (const uint64_t id : {2, 3}) {
    cluster.AddJoiner();
    cluster.Tick(30);
    EXPECT_EQ(cluster.member(id).raft().role(), Role::kFollower);
    ASSERT_TRUE(cluster.member(1).Change(AddLearner(id)).ok());
    cluster.Tick(5);
    ASSERT_TRUE(cluster.member(1).Change(AddVoter(id)).ok());
    cluster.Tick(5);
    EXPECT_EQ(Voters(cluster.member(id)).size(), id);
  }
  cluster.Isolate(1);
  cluster.Tick(60);
  EXPECT_NE(cluster.AwaitLeader(), 1u);
}

TEST(ConfigurationChangeTest, AJoinerBehindTheLogGetsASnapshot) {
  TestCluster cluster(1);
  cluster.member(1).Campaign();
  cluster.Settle();
  ASSERT_TRUE(cluster.member(1).Propose({"a", "b"}).ok());
  cluster.Settle();
  cluster.member(1).Compact(cluster.member(1).raft().commit());
  cluster.AddJoiner();
  ASSERT_TRUE(cluster.member(1).Change(AddVoter(2)).ok());
  cluster.Tick(10);
  EXPECT_EQ(cluster.member(2).state().digest, cluster.member(1).state().digest);
  EXPECT_EQ(cluster.member(1).raft().commit(),
            cluster.member(1).raft().last_index());
}

TEST(ConfigurationChangeTest, ANewVoterHasTimeToShowItself) {
  TestCluster cluster(1);
  cluster.member(1).Campaign();
  cluster.Settle();
  cluster.AddJoiner();
  ASSERT_TRUE(cluster.member(1).Change(AddVoter(2)).ok());
  cluster.Isolate(2);
  cluster.Tick(9);
  EXPECT_EQ(cluster.member(1).raft().role(), Role::kLeader);
  cluster.Tick(30);
  EXPECT_TRUE(cluster.Leaders().empty()) << "one of two leads nobody";
  cluster.Heal();
  EXPECT_EQ(cluster.AwaitLeader(), 1u);
}

TEST(ConfigurationChangeTest, ALearnerNeitherCampaignsNorCounts) {
  TestCluster cluster(2);
  cluster.Elect(1);
  cluster.AddJoiner();
  ASSERT_TRUE(cluster.member(1).Change(AddLearner(3)).ok());
  cluster.Tick(5);
  cluster.Isolate(1);
  cluster.member(3).PeerLost(MemberId(1));
  cluster.Tick(100);
  EXPECT_TRUE(cluster.Leaders().empty() ||
              cluster.Leaders() == std::vector<uint64_t>({1}));
  EXPECT_EQ(cluster.member(3).raft().role(), Role::kFollower);
}

// Pitfall 16: its own configuration may be out of date.
TEST(ConfigurationChangeTest, AMemberVotesWhateverItBelievesOfItself) {
  TestMember joiner({.id = MemberId(4)},
                    MemoryLog::Joiner(TestConfiguration({1, 2, 3})));
  joiner.Step(MakeMessage(
      2, 4, 5, VoteRequest{.last_index = Index(9), .last_term = Term(3)}));
  joiner.Settle();
  const std::vector<Message> replies = joiner.Take<VoteReply>();
  ASSERT_EQ(replies.size(), 1u);
  EXPECT_TRUE(std::get<VoteReply>(replies[0].body).granted);
}

// Pitfall 16: also one that the new leader does not know to be committed.
TEST(ConfigurationChangeTest, ANewLeaderLeavesTheJointConfigurationItFinds) {
  for (const bool committed : {false, true}) {
    TestCluster cluster(3);
    cluster.Elect(1);
    cluster.AddJoiner();
    ConfigurationChange change = AddVoter(4);
    change.force_joint = true;
    if (!committed) {
      cluster.Drop([](const Message& message) {
        return std::holds_alternative<AppendReply>(message.body);
      });
    } else {
      // All learn of the joint configuration, none that it is left.
      cluster.Drop([](const Message& message) {
        const auto* append = std::get_if<AppendRequest>(&message.body);
        if (append == nullptr || append->entries.empty()) return false;
        const Entry& last = append->entries.back();
        return last.type == EntryType::kConfiguration &&
               last.configuration->membership.voters_outgoing.empty() &&
               last.index > Index(1);
      });
    }
    ASSERT_TRUE(cluster.member(1).Change(change).ok());
    cluster.Settle();
    ASSERT_FALSE(cluster.member(2)
                     .raft()
                     .configuration()
                     .membership.voters_outgoing.empty());
    cluster.Isolate(1);
    cluster.Drop(nullptr);
    cluster.Elect(2);
    cluster.Tick(20);
    ASSERT_EQ(cluster.member(2).raft().role(), Role::kLeader);
    EXPECT_EQ(Voters(cluster.member(2)), Numbers({1, 2, 3, 4}));
    EXPECT_TRUE(cluster.member(2)
                    .raft()
                    .configuration()
                    .membership.voters_outgoing.empty());
  }
}

TEST(ConfigurationChangeTest, AnotherLeadsAtOnceWhereTheLeaderIsRemoved) {
  TestCluster cluster(3);
  cluster.Elect(1);
  ASSERT_TRUE(cluster.member(1).Change(Remove(1)).ok());
  cluster.Settle();
  EXPECT_EQ(cluster.Leaders().size(), 1u);
  EXPECT_NE(cluster.Leaders(), std::vector<uint64_t>({1}));
  const uint64_t leader = cluster.Leaders().front();
  EXPECT_TRUE(cluster.member(leader).raft().HasCommittedInTerm());
  const Term term = cluster.member(leader).raft().term();
  cluster.Tick(200);
  EXPECT_EQ(cluster.member(leader).raft().term(), term);
}

TEST(ConfigurationChangeTest, ARemovedMemberDoesNotDisturb) {
  TestCluster cluster(3);
  cluster.Elect(1);
  ASSERT_TRUE(cluster.member(1).Change(Remove(3)).ok());
  cluster.Settle();
  EXPECT_EQ(Voters(cluster.member(3)).size(), 3u) << "it was not told";
  const Term term = cluster.member(1).raft().term();
  cluster.Tick(300);
  EXPECT_EQ(cluster.Leaders(), std::vector<uint64_t>({1}));
  EXPECT_EQ(cluster.member(1).raft().term(), term);
}

// Thesis, §4.2.2. Without it nobody could win: the others have shorter logs.
TEST(ConfigurationChangeTest, AnUncommittedRemovalDoesNotSilenceAMember) {
  TestCluster cluster(2);
  cluster.Elect(1);
  cluster.Isolate(1);
  ASSERT_TRUE(cluster.member(1).Change(Remove(1)).ok());
  cluster.member(1).Settle();
  cluster.member(1).Crash();
  cluster.Heal();
  cluster.Tick(100);
  EXPECT_EQ(cluster.Leaders(), std::vector<uint64_t>({2}));
  EXPECT_EQ(Voters(cluster.member(2)), Numbers({2}));
}

TEST(ConfigurationChangeTest, ARestartKeepsAnUncommittedConfiguration) {
  TestCluster cluster(3);
  cluster.Elect(1);
  cluster.Isolate(1);
  ASSERT_TRUE(cluster.member(1).Change(AddVoter(4)).ok());
  cluster.member(1).Settle();
  cluster.member(1).Crash();
  EXPECT_EQ(Voters(cluster.member(1)), Numbers({1, 2, 3, 4}));
  cluster.Heal();
  cluster.Elect(2);
  cluster.Tick(10);
  EXPECT_EQ(Voters(cluster.member(1)), Numbers({1, 2, 3})) << "taken back";
}

}  // namespace
}  // namespace quorate::raft
