// Property: the checker of invariants sees each rule's breach. Method: a sound
// view of a leader, a candidate and a follower, broken in one place at a time.

#include "replication/raft/invariants.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/memory_log.h"

namespace quorate::raft {
namespace {

using testing::HasSubstr;

// A member of term 3 whose log is 1 | 1 3, all durable, the last committed.
class InvariantsTest : public testing::Test {
 protected:
  InvariantsTest()
      : disk_(Prepare()),
        log_(&disk_, {.commit = Index(3),
                      .applied = Index(2),
                      .max_cached_bytes = 1 << 20,
                      .max_committed_bytes = 1 << 20}),
        configurations_({{Index(1), TestConfiguration({1, 2, 3})}}),
        two_(Index(4), {}),
        three_(Index(4), {}),
        view_(View()) {}

  InvariantView View() {
    const HardState state{
        .term = Term(3), .vote = MemberId(1), .commit = Index(2)};
    return {.id = MemberId(1),
            .role = Role::kLeader,
            .term = Term(3),
            .vote = MemberId(1),
            .leader = MemberId(1),
            .handed_out = state,
            .durable = state,
            .writes = 5,
            .writes_done = 5,
            .election_elapsed = 3,
            .election_timeout = 12,
            .committed_in_term = true,
            .log = log_,
            .configurations = configurations_,
            .messages_when_durable = messages_,
            .votes = {},
            .peers = {{MemberId(2), &two_}, {MemberId(3), &three_}},
            .read_rounds = {1, 2},
            .read_indexes = {Index(3), Index(3)},
            .read_round = 1};
  }

  void BecomeCandidate() {
    view_.role = Role::kCandidate;
    view_.leader = kNobody;
    view_.peers.clear();
    view_.read_rounds.clear();
    view_.read_indexes.clear();
  }

  std::string Broken() {
    return std::string(CheckInvariants(view_, witness_).message());
  }

  static MemoryLog Prepare() {
    MemoryLog disk(TestConfiguration({1, 2, 3}));
    disk.AppendTerms({1, 3});
    return disk;
  }

  MemoryLog disk_;
  RaftLog log_;
  ConfigurationStack configurations_;
  Progress two_;
  Progress three_;
  std::vector<Message> messages_;
  InvariantWitness witness_;
  InvariantView view_;
};

TEST_F(InvariantsTest, ASoundLeaderPasses) {
  EXPECT_EQ(Broken(), "");
}

TEST_F(InvariantsTest, ASoundCandidatePasses) {
  BecomeCandidate();
  view_.votes[MemberId(1)] = true;
  EXPECT_EQ(Broken(), "");
}

TEST_F(InvariantsTest, RulesOfTime) {
  ASSERT_EQ(Broken(), "");
  witness_.term = Term(4);
  EXPECT_THAT(Broken(), HasSubstr("the term never goes down"));
  witness_.vote = MemberId(2);
  EXPECT_THAT(Broken(), HasSubstr("a vote is never changed"));
  witness_.commit = Index(9);
  EXPECT_THAT(Broken(), HasSubstr("the commit index never goes down"));
  witness_.handed_out = Index(9);
  EXPECT_THAT(Broken(), HasSubstr("handed out once"));
  witness_.applied = Index(9);
  EXPECT_THAT(Broken(), HasSubstr("the applied index never goes down"));
  witness_.last_index = Index(9);
  EXPECT_THAT(Broken(), HasSubstr("Leader Append-Only"));
  EXPECT_EQ(Broken(), "") << "each check brings the witness up to date";
}

// Breaks a fresh view with `damage` and expects the rule to be named.
struct Case {
  const char* rule;
  std::function<void(InvariantView&)> damage;
};

TEST_F(InvariantsTest, RulesOfState) {
  const std::vector<Case> cases = {
      {"before it is taken over",
       [](InvariantView& v) { v.handed_out.term = Term(4); }},
      {"durable before it is written",
       [](InvariantView& v) { v.handed_out.term = Term(2); }},
      {"written before it is reached",
       [](InvariantView& v) { v.handed_out.commit = Index(4); }},
      {"is this term's vote",
       [](InvariantView& v) { v.durable.vote = MemberId(2); }},
      {"before it is handed out", [](InvariantView& v) { v.writes_done = 6; }},
      {"no entry is of a term to come",
       [](InvariantView& v) {
         v.term = Term(2);
         v.handed_out.term = v.durable.term = Term(2);
       }},
      {"committed_in_term",
       [](InvariantView& v) { v.committed_in_term = false; }},
      {"a leader knows that it leads",
       [](InvariantView& v) { v.leader = MemberId(2); }},
      {"a leader's vote for itself is durable",
       [](InvariantView& v) { v.durable.term = Term(2); }},
      {"a timer that has run out",
       [](InvariantView& v) { v.election_elapsed = 12; }},
      {"tracks every other member",
       [](InvariantView& v) { v.peers.pop_back(); }},
      {"tracks every other member",
       [](InvariantView& v) { v.peers[0].id = MemberId(9); }},
      {"in the order of their rounds",
       [](InvariantView& v) {
         v.read_rounds = {2, 1};
       }},
      {"more than the next round",
       [](InvariantView& v) { v.read_rounds = {3}; }},
      {"first commit of the term only",
       [](InvariantView& v) { v.early_reads = 1; }},
      {"a read index is committed",
       [](InvariantView& v) { v.read_indexes = {Index(4)}; }},
      {"a follower is not the leader",
       [](InvariantView& v) { v.role = Role::kFollower; }},
      {"who asks for votes knows no leader",
       [](InvariantView& v) { v.role = Role::kCandidate; }},
  };
  for (const Case& c : cases) {
    InvariantView view = View();
    c.damage(view);
    InvariantWitness witness;
    const absl::Status status = CheckInvariants(view, witness);
    EXPECT_EQ(status.code(), absl::StatusCode::kInternal) << c.rule;
    EXPECT_THAT(std::string(status.message()), HasSubstr(c.rule));
  }
}

TEST_F(InvariantsTest, RulesOfCandidates) {
  BecomeCandidate();
  view_.vote = MemberId(2);
  view_.durable.vote = kNobody;
  EXPECT_THAT(Broken(), HasSubstr("has voted for itself"));
  view_.vote = MemberId(1);
  view_.votes[MemberId(1)] = true;
  witness_ = InvariantWitness();
  EXPECT_THAT(Broken(), HasSubstr("counts when it is durable"));
}

TEST_F(InvariantsTest, RulesOfFollowersProgress) {
  two_.OnAccepted(Index(4), Index(1));
  EXPECT_THAT(Broken(), HasSubstr("only what was sent"));
  three_.OnSent(Index(3), 1, Index(4));
  two_ = Progress(Index(4), {});
  EXPECT_THAT(Broken(), HasSubstr("no commit index is told"));
  three_ = Progress(Index(5), {});
  EXPECT_THAT(Broken(), HasSubstr("only what is in the log is sent"));
  three_ = Progress(Index(4), {});
  three_.acknowledged_round = 2;
  EXPECT_THAT(Broken(), HasSubstr("only rounds that were sent"));
}

TEST_F(InvariantsTest, RulesOfConfigurations) {
  configurations_.Append(Index(5), TestConfiguration({1, 2, 3}));
  EXPECT_THAT(Broken(), HasSubstr("a configuration in force is in the log"));
  configurations_.TruncateFrom(Index(5));
  configurations_.Append(Index(2), TestConfiguration({1, 2, 3}));
  EXPECT_THAT(Broken(), HasSubstr("one committed configuration"));
}

TEST_F(InvariantsTest, RulesOfChanges) {
  auto joint = std::make_shared<Configuration>(*TestConfiguration({1, 2, 3}));
  joint->membership.voters_outgoing = {MemberId(1)};
  joint->membership.auto_leave = true;
  configurations_.Replace(Index(3), joint);
  EXPECT_THAT(Broken(), HasSubstr("left when it is committed"));
  configurations_.Replace(Index(3), TestConfiguration({2, 3}));
  EXPECT_THAT(Broken(), HasSubstr("who is no voter"));
}

TEST_F(InvariantsTest, OneChangeIsUnderWay) {
  for (const uint64_t index : {4, 5}) {
    const auto configuration = TestConfiguration({1, 2, 3});
    log_.Append({.index = Index(index),
                 .term = Term(3),
                 .type = EntryType::kConfiguration,
                 .configuration = configuration});
    configurations_.Append(Index(index), configuration);
    EXPECT_EQ(Broken().empty(), index == 4);
  }
  EXPECT_THAT(Broken(), HasSubstr("one change is under way"));
}

TEST_F(InvariantsTest, RulesOfHandingOver) {
  view_.transfer_to = MemberId(2);
  EXPECT_EQ(Broken(), "");
  view_.transfer_to = MemberId(4);
  EXPECT_THAT(Broken(), HasSubstr("handed to another voter"));
  view_.transfer_to = kNobody;
  view_.failover_tries = 1;
  EXPECT_THAT(Broken(), HasSubstr("who knows a leader"));
  view_.failover_tries = 0;
  view_.asked_to_lead = Term(4);
  EXPECT_THAT(Broken(), HasSubstr("a leader of its time"));
}

TEST_F(InvariantsTest, RulesOfSnapshots) {
  three_.BecomeSnapshot(Index(3));
  EXPECT_THAT(Broken(), HasSubstr("goes to who needs one"));
  log_.TakeCommitted();
  log_.OnApplied(Index(3));
  log_.Compact({.index = Index(3), .term = Term(3)});
  EXPECT_EQ(Broken(), "");
  three_.poke = true;
  EXPECT_THAT(Broken(), HasSubstr("nothing beside it"));
}

TEST_F(InvariantsTest, WhoInstallsFollows) {
  log_.Install({.index = Index(9), .term = Term(3)});
  two_ = three_ = Progress(Index(10), {});
  EXPECT_THAT(Broken(), HasSubstr("only follows"));
  BecomeCandidate();
  view_.role = Role::kFollower;
  EXPECT_EQ(Broken(), "");
  view_.snapshot_orders = 1;
  EXPECT_THAT(Broken(), HasSubstr("only a leader orders"));
}

TEST_F(InvariantsTest, StampsNeverGoDown) {
  Entry entry{.index = Index(4), .term = Term(3), .stamp = {.cluster_ms = 9}};
  log_.Append(entry);
  EXPECT_EQ(Broken(), "");
  entry.index = Index(5);
  entry.stamp.cluster_ms = 8;
  log_.Append(entry);
  EXPECT_THAT(Broken(), HasSubstr("stamps never go down"));
}

TEST_F(InvariantsTest, RulesOfPromises) {
  messages_ = {{MemberId(1), MemberId(2), Term(2),
                AppendReply{.accepted = true, .match = Index(3)}}};
  EXPECT_THAT(Broken(), HasSubstr("is of this term"));
  messages_ = {{MemberId(1), MemberId(2), Term(3),
                AppendReply{.accepted = true, .match = Index(4)}}};
  EXPECT_THAT(Broken(), HasSubstr("only what is in the log is acknowledged"));
  messages_ = {{MemberId(1), MemberId(2), Term(3), VoteReply{.granted = true}}};
  EXPECT_THAT(Broken(), HasSubstr("the one that was given"));
}

}  // namespace
}  // namespace quorate::raft
