// Property: followers that see the leader's connection break elect another at
// once and do not duel; a connection that breaks alone moves nothing. Method:
// single cases, and many races of two to four followers over drawn delays of
// network and disks.

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/random.h"
#include "tests/replication/raft/test_cluster.h"
#include "tests/replication/raft/test_member.h"
#include "tests/support/seed.h"

namespace quorate::raft {
namespace {

constexpr MemberId kLeader = MemberId(1);

class FailoverTest : public testing::Test {
 protected:
  FailoverTest() : cluster_(3) { cluster_.Elect(1); }

  TestMember& member(uint64_t id) { return cluster_.member(id); }

  TestCluster cluster_;
};

TEST_F(FailoverTest, WhereBothSeeItNoTickPasses) {
  for (const uint64_t first : {2, 3}) {
    TestCluster cluster(3);
    cluster.Elect(1);
    cluster.Isolate(1);
    cluster.member(first).PeerLost(kLeader);
    cluster.member(5 - first).PeerLost(kLeader);
    cluster.Settle();
    EXPECT_EQ(cluster.member(2).raft().role(), Role::kLeader);
    EXPECT_TRUE(cluster.member(2).raft().HasCommittedInTerm());
  }
}

// The second answers the request that it had ignored.
TEST_F(FailoverTest, WhereTheSecondSeesItLaterNoTickPassesEither) {
  cluster_.Isolate(1);
  member(2).PeerLost(kLeader);
  cluster_.Settle();
  EXPECT_EQ(member(2).raft().role(), Role::kPreCandidate);
  EXPECT_EQ(member(3).raft().leader(), kLeader);
  member(3).PeerLost(kLeader);
  cluster_.Settle();
  EXPECT_EQ(member(2).raft().role(), Role::kLeader);
}

TEST_F(FailoverTest, WhoeverAskedFirstGoesFirst) {
  cluster_.Isolate(1);
  member(3).PeerLost(kLeader);
  for (int i = 0; i < 3 && member(3).raft().role() == Role::kFollower; ++i) {
    member(3).Tick();
    cluster_.Settle();
  }
  EXPECT_EQ(member(3).raft().role(), Role::kPreCandidate);
  member(2).PeerLost(kLeader);
  cluster_.Settle();
  EXPECT_EQ(member(3).raft().role(), Role::kLeader);
}

TEST_F(FailoverTest, WhereOneAloneSeesItTheTimerDecides) {
  int rehearsals = 0;
  cluster_.Drop([&rehearsals](const Message& message) {
    const auto* request = std::get_if<VoteRequest>(&message.body);
    rehearsals += request != nullptr && request->pre_vote &&
                  message.from == MemberId(2) && message.to == MemberId(3);
    return message.from == kLeader || message.to == kLeader;
  });
  member(2).PeerLost(kLeader);
  for (int i = 0; i < 10; ++i) {
    member(2).Tick();
    cluster_.Settle();
  }
  EXPECT_EQ(member(3).raft().leader(), kLeader);
  EXPECT_GT(rehearsals, 2);
  EXPECT_LE(rehearsals, 6) << "five, and that of the timer";
  cluster_.Tick(60);
  EXPECT_TRUE(member(2).raft().role() == Role::kLeader ||
              member(3).raft().role() == Role::kLeader);
}

TEST_F(FailoverTest, ALivingLeaderIsNotDeposedByOneFlappingConnection) {
  const Term term = member(1).raft().term();
  for (int i = 0; i < 200; ++i) {
    member(2).PeerLost(kLeader);
    if (i % 3 == 0) cluster_.Settle();
    if (i % 20 == 0) ASSERT_TRUE(member(1).Propose({"x"}).ok());
    cluster_.Tick();
  }
  EXPECT_EQ(member(1).raft().role(), Role::kLeader);
  EXPECT_EQ(member(1).raft().term(), term);
  EXPECT_EQ(member(1).raft().commit(), member(1).raft().last_index());
}

TEST_F(FailoverTest, ASignOfLifeEndsIt) {
  member(2).PeerLost(kLeader);
  EXPECT_EQ(member(2).raft().role(), Role::kPreCandidate);
  member(2).Step(
      MakeMessage(1, 2, member(1).raft().term().value(), Heartbeat{}));
  EXPECT_EQ(member(2).raft().role(), Role::kFollower);
  member(2).Settle();
  member(2).TakeOutbox();
  member(2).Tick(9);
  member(2).Settle();
  EXPECT_TRUE(member(2).Take<VoteRequest>().empty());
}

TEST_F(FailoverTest, OnlyTheLeaderIsMissed) {
  member(2).PeerLost(MemberId(3));
  EXPECT_EQ(member(2).raft().role(), Role::kFollower);
  EXPECT_EQ(member(2).raft().leader(), kLeader);
  member(1).PeerLost(MemberId(2));
  EXPECT_EQ(member(1).raft().role(), Role::kLeader);
}

TEST_F(FailoverTest, FiveWithTwoDead) {
  TestCluster five(5);
  five.Elect(1);
  five.Isolate(1);
  five.Isolate(2);  // The one whose turn it would be.
  for (const uint64_t id : {3, 4, 5})
    five.member(id).PeerLost(kLeader);
  int ticks = 0;
  const auto elected = [&five] {
    return five.member(3).raft().role() == Role::kLeader ||
           five.member(4).raft().role() == Role::kLeader ||
           five.member(5).raft().role() == Role::kLeader;
  };
  for (; ticks < 20 && !elected(); ++ticks) {
    for (const uint64_t id : {3, 4, 5})
      five.member(id).Tick();
    five.Settle();
  }
  EXPECT_LE(ticks, 3);
}

// Member 2 of three, in a real election that began with a lost connection.
class FastElectionTest : public testing::Test {
 protected:
  FastElectionTest() : member_({.id = MemberId(2)}, {1, 2, 3}) {
    member_.Step(MakeMessage(1, 2, 2, Heartbeat{}));
    member_.PeerLost(kLeader);
    member_.Step(
        MakeMessage(3, 2, 3, VoteReply{.pre_vote = true, .granted = true}));
    member_.Settle();
    member_.TakeOutbox();
    EXPECT_EQ(member_.raft().role(), Role::kCandidate);
  }

  // Ticks until the next rehearsal, at most `limit`.
  int TicksToRehearsal(int limit) {
    int ticks = 0;
    while (ticks < limit && member_.raft().role() != Role::kPreCandidate) {
      member_.Tick();
      ++ticks;
    }
    return ticks;
  }

  TestMember member_;
};

TEST_F(FastElectionTest, ASplitVoteIsTriedAgainSoon) {
  member_.Step(MakeMessage(3, 2, 3, VoteReply{.granted = false}));
  EXPECT_LE(TicksToRehearsal(10), 3);
}

TEST_F(FastElectionTest, SlowDisksAreGivenTime) {
  EXPECT_GE(TicksToRehearsal(10), 5);
}

// Followers of a leader that has died, in milliseconds of 50 to a tick.
class Race {
 public:
  Race(uint64_t seed, uint64_t size, uint64_t dead, uint64_t seen_within_ms)
      : random_(seed) {
    std::vector<uint64_t> voters;
    for (uint64_t id = 1; id <= size; ++id)
      voters.push_back(id);
    for (uint64_t id = dead + 1; id <= size; ++id) {
      members_[id] = std::make_unique<TestMember>(
          RaftOptions{.id = MemberId(id), .random_seed = random_.Next()},
          voters);
      TestMember* member = members_[id].get();
      member->Step(MakeMessage(1, id, 2, Heartbeat{}));
      member->Settle();
      member->TakeOutbox();
      At(random_.Below(seen_within_ms + 1),
         [member] { member->PeerLost(kLeader); });
      Tick(member, random_.Below(kTick));
    }
  }

  // Milliseconds until somebody has committed in a term of its own.
  uint64_t Run() {
    while (!events_.empty() && now_ < 5000) {
      const auto next = events_.begin();
      now_ = next->first.first;
      const std::function<void()> action = std::move(next->second);
      events_.erase(next);
      action();
      for (auto& [id, member] : members_) {
        Work(*member);
        if (member->raft().role() == Role::kLeader &&
            member->raft().HasCommittedInTerm()) {
          return now_;
        }
      }
    }
    return now_;
  }

 private:
  static constexpr uint64_t kTick = 50;

  void At(uint64_t when, std::function<void()> action) {
    events_[{when, ++sequence_}] = std::move(action);
  }

  void Tick(TestMember* member, uint64_t in) {
    At(now_ + in, [this, member] {
      member->Tick();
      Tick(member, kTick);
    });
  }

  void Work(TestMember& member) {
    while (member.TakeReady()) {
    }
    member.ApplyAll();
    // One write at a time, of 2 to 15 ms.
    if (!member.pending().empty() && !writing_[member.id()]) {
      writing_[member.id()] = true;
      At(now_ + random_.Between(2, 15), [this, &member] {
        writing_[member.id()] = false;
        member.WriteOne();
      });
    }
    for (const Message& message : member.TakeOutbox()) {
      const auto to = members_.find(message.to.value());
      if (to == members_.end()) continue;
      TestMember* receiver = to->second.get();
      At(now_ + random_.Between(0, 2),
         [receiver, message] { receiver->Step(message); });
    }
  }

  Random random_;
  std::map<uint64_t, std::unique_ptr<TestMember>> members_;
  std::map<MemberId, bool> writing_;
  std::map<std::pair<uint64_t, uint64_t>, std::function<void()>> events_;
  uint64_t now_ = 0;
  uint64_t sequence_ = 0;
};

struct Circumstances {
  const char* name;
  uint64_t size;
  uint64_t dead;
  uint64_t seen_within_ms;
  uint64_t median_ms;
  uint64_t worst_ms;
};

TEST(FailoverRaceTest, SomebodyLeadsSoon) {
  const std::vector<uint64_t> seeds = TestSeeds(1, 400);
  for (const Circumstances& it :
       {Circumstances{"three, seen at once", 3, 1, 1, 40, 400},
        Circumstances{"three, seen within 30 ms", 3, 1, 30, 60, 400},
        Circumstances{"three, seen within 100 ms", 3, 1, 100, 130, 500},
        Circumstances{"five, seen within 5 ms", 5, 1, 5, 40, 500},
        Circumstances{"five, two dead", 5, 2, 5, 150, 600}}) {
    std::vector<uint64_t> times;
    for (const uint64_t seed : seeds) {
      times.push_back(Race(seed, it.size, it.dead, it.seen_within_ms).Run());
    }
    std::sort(times.begin(), times.end());
    std::printf("%s\n",
                absl::StrCat(it.name, ": median ", times[times.size() / 2],
                             " ms, 99 % ", times[times.size() * 99 / 100],
                             " ms, worst ", times.back(), " ms")
                    .c_str());
    EXPECT_LE(times[times.size() / 2], it.median_ms) << it.name;
    EXPECT_LE(times.back(), it.worst_ms) << it.name;
  }
}

}  // namespace
}  // namespace quorate::raft
