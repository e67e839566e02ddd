// What any member of three accepts happens once on all of them, also when the
// leader stops, and every call ends exactly once. Real threads, over a network
// and logs in memory.

#include "replication/node/node.h"

#include <atomic>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "tests/replication/node/node_cluster.h"

namespace quorate::replication {
namespace {

TEST(NodeTest, AppliesOnceWhatEachMemberProposes) {
  NodeCluster cluster;
  cluster.WaitForLeader();
  constexpr int kThreads = 4;
  constexpr int kEach = 100;
  std::atomic<int> applied = 0;
  std::vector<std::thread> writers;
  for (int member = 1; member <= NodeCluster::kMembers; ++member) {
    for (int thread = 0; thread < kThreads; ++thread) {
      writers.emplace_back([&, member, thread] {
        for (int i = 0; i < kEach; ++i) {
          const std::string key = absl::StrCat(member, "/", thread, "/", i);
          const ProposeResult result = cluster.Propose(member, key);
          if (result.outcome != ProposeOutcome::kApplied) continue;
          const auto* answer =
              dynamic_cast<const CountAnswer*>(result.answer.get());
          ASSERT_NE(answer, nullptr);
          EXPECT_EQ(answer->key, key);
          EXPECT_NE(result.index, raft::Index(0));
          ++applied;
        }
      });
    }
  }
  for (std::thread& writer : writers) {
    writer.join();
  }
  const int all = NodeCluster::kMembers * kThreads * kEach;
  EXPECT_EQ(applied, all);
  EXPECT_TRUE(cluster.WaitForEqual(all).ok()) << cluster.WaitForEqual(all);
  for (int member = 1; member <= NodeCluster::kMembers; ++member) {
    EXPECT_FALSE(cluster.machine(member).gap());
  }
}

// Writers on the members that stay see one slow call and no failure; the
// stopped one comes back and has everything.
TEST(NodeTest, SurvivesTheStopOfALeader) {
  NodeCluster cluster;
  const int leader = cluster.WaitForLeader();
  std::atomic<bool> enough = false;
  std::atomic<int> applied = 0;
  std::atomic<int> failed = 0;
  std::vector<std::thread> writers;
  for (int member = 1; member <= NodeCluster::kMembers; ++member) {
    if (member == leader) continue;
    for (int thread = 0; thread < 4; ++thread) {
      writers.emplace_back([&, member, thread] {
        for (int i = 0; !enough; ++i) {
          const std::string key = absl::StrCat(member, "/", thread, "/", i);
          const ProposeResult result = cluster.Propose(member, key);
          ++(result.outcome == ProposeOutcome::kApplied ? applied : failed);
        }
      });
    }
  }
  cluster.StopMember(leader);
  cluster.WaitForLeader();
  const int before = applied;
  while (applied < before + 200) {
    std::this_thread::yield();
  }
  enough = true;
  for (std::thread& writer : writers) {
    writer.join();
  }
  EXPECT_EQ(failed, 0);

  cluster.StartMember(leader);
  EXPECT_TRUE(cluster.WaitForEqual(applied).ok())
      << cluster.WaitForEqual(applied);
}

TEST(NodeTest, ReadsSeeWhatWasApplied) {
  NodeCluster cluster;
  cluster.WaitForLeader();
  for (int writer = 1; writer <= NodeCluster::kMembers; ++writer) {
    for (int reader = 1; reader <= NodeCluster::kMembers; ++reader) {
      const std::string key = absl::StrCat(writer, "/", reader);
      ASSERT_EQ(cluster.Propose(writer, key).outcome, ProposeOutcome::kApplied);
      std::promise<bool> seen;
      cluster.node(reader).Read(
          {.kind = ReadConsistency::Kind::kLinearizable, .at_least = {}},
          absl::Seconds(30), [&](ReadOutcome outcome) {
            seen.set_value(outcome == ReadOutcome::kOk &&
                           cluster.machine(reader).Has(key));
          });
      EXPECT_TRUE(seen.get_future().get()) << key;
    }
  }
}

TEST(NodeTest, ReadsAtLeastWaitForTheIndexOrTheirTime) {
  NodeCluster cluster;
  cluster.WaitForLeader();
  const ProposeResult result = cluster.Propose(1, "x");
  ASSERT_EQ(result.outcome, ProposeOutcome::kApplied);
  for (int member = 1; member <= NodeCluster::kMembers; ++member) {
    EXPECT_EQ(cluster.Read(member, {.kind = ReadConsistency::Kind::kAtLeast,
                                    .at_least = result.index}),
              ReadOutcome::kOk);
    EXPECT_TRUE(cluster.machine(member).Has("x"));
  }
  EXPECT_EQ(cluster.Read(1,
                         {.kind = ReadConsistency::Kind::kAtLeast,
                          .at_least = result.index.Plus(1'000'000)},
                         absl::Milliseconds(50)),
            ReadOutcome::kTimedOut);
}

TEST(NodeTest, ALoneMemberReadsLocallyAndRefusesTheRest) {
  NodeCluster cluster;
  const int leader = cluster.WaitForLeader();
  const int alone = leader == 1 ? 2 : 1;
  cluster.network().SetCutOff(raft::MemberId(alone), true);
  // It notices by its election timer, then waits for leaderless_limit.
  while (cluster.node(alone).Status().leaderless <
         QuickOptions().leaderless_limit) {
    std::this_thread::yield();
  }
  EXPECT_FALSE(cluster.node(alone).Status().serving);
  EXPECT_EQ(cluster.Propose(alone, "x").outcome, ProposeOutcome::kNoQuorum);
  EXPECT_EQ(cluster.Read(alone, {.kind = ReadConsistency::Kind::kLinearizable,
                                 .at_least = {}}),
            ReadOutcome::kNoQuorum);
  EXPECT_EQ(cluster.Read(
                alone, {.kind = ReadConsistency::Kind::kLocal, .at_least = {}}),
            ReadOutcome::kOk);
  cluster.network().SetCutOff(raft::MemberId(alone), false);
  // Its next call finds a leader again, sooner or later.
  while (cluster.Propose(alone, "y").outcome != ProposeOutcome::kApplied) {
    std::this_thread::yield();
  }
  EXPECT_TRUE(cluster.WaitForEqual(1).ok());
}

TEST(NodeTest, RefusesACommandThatIsTooLarge) {
  NodeCluster cluster;
  cluster.WaitForLeader();
  EXPECT_EQ(cluster.Propose(1, std::string(kMaxCommandBytes + 1, 'x')).outcome,
            ProposeOutcome::kOverloaded);
  EXPECT_EQ(cluster.Propose(1, std::string(kMaxCommandBytes, 'x')).outcome,
            ProposeOutcome::kApplied);
  EXPECT_EQ(cluster.Propose(2, std::string(kMaxCommandBytes, 'y')).outcome,
            ProposeOutcome::kApplied);
}

// Whatever is under way when Stop is called is ended, each call once, before
// Stop returns; and nothing is accepted or applied after it.
TEST(NodeTest, StopEndsEveryCallOnce) {
  NodeCluster cluster;
  const int leader = cluster.WaitForLeader();
  constexpr int kCalls = 200;
  std::vector<std::atomic<int>> proposals(kCalls);
  std::vector<std::atomic<int>> reads(kCalls);
  cluster.network().SetCutOff(raft::MemberId(leader), true);
  for (int i = 0; i < kCalls; ++i) {
    cluster.node(leader).Propose(
        absl::StrCat("k", i), absl::Seconds(60), [&, i](ProposeResult result) {
          EXPECT_NE(result.outcome, ProposeOutcome::kApplied);
          ++proposals[i];
        });
    const auto kind = i % 2 == 0 ? ReadConsistency::Kind::kLinearizable
                                 : ReadConsistency::Kind::kAtLeast;
    cluster.node(leader).Read(
        {.kind = kind, .at_least = raft::Index(1'000'000)}, absl::Seconds(60),
        [&, i](ReadOutcome outcome) {
          EXPECT_NE(outcome, ReadOutcome::kOk);
          ++reads[i];
        });
  }
  Node& node = cluster.node(leader);
  std::thread other([&node] { node.Stop(); });
  node.Stop();
  for (int i = 0; i < kCalls; ++i) {
    EXPECT_EQ(proposals[i], 1) << i;
    EXPECT_EQ(reads[i], 1) << i;
  }
  other.join();
  const raft::Index applied = cluster.machine(leader).AppliedIndex();
  EXPECT_EQ(cluster.Propose(leader, "late").outcome, ProposeOutcome::kStopping);
  for (const auto kind :
       {ReadConsistency::Kind::kLinearizable, ReadConsistency::Kind::kLocal}) {
    EXPECT_EQ(cluster.Read(leader, {.kind = kind, .at_least = {}}),
              ReadOutcome::kStopping);
  }
  EXPECT_EQ(cluster.machine(leader).AppliedIndex(), applied);
}

TEST(NodeTest, StopUnderLoadLosesNoCall) {
  NodeCluster cluster;
  const int leader = cluster.WaitForLeader();
  std::atomic<int> ended = 0;
  std::vector<std::thread> writers;
  constexpr int kEach = 500;
  for (int thread = 0; thread < 4; ++thread) {
    writers.emplace_back([&, thread] {
      for (int i = 0; i < kEach; ++i) {
        cluster.node(leader).Propose(absl::StrCat(thread, "/", i),
                                     absl::Seconds(60),
                                     [&](ProposeResult) { ++ended; });
      }
    });
  }
  cluster.node(leader).Stop();
  for (std::thread& writer : writers) {
    writer.join();
  }
  EXPECT_EQ(ended, 4 * kEach);
}

// What a transport sees of a node's life.
class RecordingTransport : public Transport {
 public:
  void Start(PeerMessageSink* /*sink*/, SnapshotSink* /*snapshots*/) override {
    EXPECT_TRUE(configured_) << "peers must be known before they may connect";
    started_ = true;
  }

  void Send(PeerMessage /*message*/) override {
    EXPECT_TRUE(configured_);
    ++sent_;
  }

  void SendSnapshot(raft::MemberId /*to*/, raft::Term /*term*/,
                    std::unique_ptr<SnapshotSource> /*snapshot*/) override {
    ADD_FAILURE() << "nobody asked for a snapshot";
  }

  void SetConfiguration(const raft::Configuration& /*configuration*/) override {
    configured_ = true;
  }

  void Stop() override { stopped_ = true; }

  bool started() const { return started_; }

  bool stopped() const { return stopped_; }

 private:
  std::atomic<bool> configured_ = false;
  std::atomic<bool> started_ = false;
  std::atomic<bool> stopped_ = false;
  std::atomic<int> sent_ = 0;
};

TEST(NodeTest, ConfiguresStartsAndStopsItsTransport) {
  MemoryLogStore store(
      {.cluster_id = std::string(32, 'a'), .member_id = raft::MemberId(1)},
      ThreeNodes());
  RecordingTransport transport;
  MemorySnapshotFiles snapshots(nullptr, "m1");
  CountingMachine machine;
  auto node = Node::Start({.log = &store,
                           .transport = &transport,
                           .state_machine = &machine,
                           .snapshots = &snapshots,
                           .clock = &SystemClock()},
                          QuickOptions());
  ASSERT_TRUE(node.ok()) << node.status();
  EXPECT_TRUE(transport.started());
  EXPECT_FALSE(transport.stopped());
  node->reset();
  EXPECT_TRUE(transport.stopped());
}

// A disk that takes its time: the first write waits until it is let through.
class SlowStore : public MemoryLogStore {
 public:
  using MemoryLogStore::MemoryLogStore;

  void Append(const LogWrite& write) override {
    if (writes_++ == 0) {
      writing_.set_value();
      let_through_.get_future().wait();
    }
    MemoryLogStore::Append(write);
  }

  void WaitForWrite() { writing_.get_future().wait(); }

  void LetThrough() { let_through_.set_value(); }

 private:
  std::atomic<int> writes_ = 0;
  std::promise<void> writing_;
  std::promise<void> let_through_;
};

// Lets the test speak as the other members.
class SpokenTransport : public RecordingTransport {
 public:
  void Start(PeerMessageSink* sink, SnapshotSink* snapshots) override {
    RecordingTransport::Start(sink, snapshots);
    sink_ = sink;
  }

  void Send(PeerMessage message) override {
    const auto* raft = std::get_if<raft::Message>(&message.body);
    const auto* reply =
        raft == nullptr ? nullptr : std::get_if<raft::VoteReply>(&raft->body);
    if (reply == nullptr || reply->pre_vote) return;
    if (votes_++ == 0) voted_.set_value();
  }

  void Say(PeerMessage message) {
    EXPECT_TRUE(sink_->OnPeerMessage(std::move(message)));
  }

  int votes() const { return votes_; }

  void WaitForVote() { voted_.get_future().wait(); }

 private:
  PeerMessageSink* sink_ = nullptr;
  std::atomic<int> votes_ = 0;
  std::promise<void> voted_;
};

// Raft, Figure 2: a vote is on disk before anyone hears of it.
TEST(NodeTest, VotesOnlyWhenTheVoteIsDurable) {
  SlowStore store(
      {.cluster_id = std::string(32, 'a'), .member_id = raft::MemberId(1)},
      ThreeNodes());
  SpokenTransport transport;
  MemorySnapshotFiles snapshots(nullptr, "m1");
  CountingMachine machine;
  NodeOptions options = QuickOptions();
  options.tick = absl::Hours(1);  // It never campaigns by itself.
  auto node = Node::Start({.log = &store,
                           .transport = &transport,
                           .state_machine = &machine,
                           .snapshots = &snapshots,
                           .clock = &SystemClock()},
                          options);
  ASSERT_TRUE(node.ok()) << node.status();
  transport.Say({.from = raft::MemberId(2),
                 .to = raft::MemberId(1),
                 .body = raft::Message{
                     .from = raft::MemberId(2),
                     .to = raft::MemberId(1),
                     .term = raft::Term(7),
                     .body = raft::VoteRequest{.pre_vote = false,
                                               .last_index = raft::Index(100),
                                               .last_term = raft::Term(6)}}});
  store.WaitForWrite();
  EXPECT_EQ(transport.votes(), 0);
  EXPECT_EQ(store.RestoredHardState().vote, raft::kNobody);
  store.LetThrough();
  transport.WaitForVote();
  EXPECT_EQ(store.RestoredHardState().vote, raft::MemberId(2));
}

class MachineAt : public CountingMachine {
 public:
  explicit MachineAt(raft::Index applied) : applied_(applied) {}

  raft::Index AppliedIndex() const override { return applied_; }

 private:
  const raft::Index applied_;
};

TEST(NodeTest, DoesNotStartWithALogThatIsTooShort) {
  MemoryLogStore store(
      {.cluster_id = std::string(32, 'a'), .member_id = raft::MemberId(1)},
      ThreeNodes());
  RecordingTransport transport;
  MemorySnapshotFiles snapshots(nullptr, "m1");
  MachineAt ahead(store.LastIndex().Next());
  const Node::Deps deps{.log = &store,
                        .transport = &transport,
                        .state_machine = &ahead,
                        .snapshots = &snapshots,
                        .clock = &SystemClock()};
  EXPECT_EQ(Node::Start(deps, QuickOptions()).status().code(),
            absl::StatusCode::kDataLoss);

  store.Append({.hard_state = raft::HardState{.term = raft::Term(1),
                                              .vote = raft::kNobody,
                                              .commit = raft::Index(9)},
                .entries = {},
                .must_sync = true});
  CountingMachine machine;
  EXPECT_EQ(Node::Start({.log = &store,
                         .transport = &transport,
                         .state_machine = &machine,
                         .snapshots = &snapshots,
                         .clock = &SystemClock()},
                        QuickOptions())
                .status()
                .code(),
            absl::StatusCode::kDataLoss);
  EXPECT_FALSE(transport.started());
}

}  // namespace
}  // namespace quorate::replication
