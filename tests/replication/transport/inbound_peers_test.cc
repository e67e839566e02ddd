// One process of each member is heard, the latest, and it is lost when its
// last stream ends. Every order of starts, copies and breaks that matters is
// played on the table that decides it.

#include "replication/transport/inbound_peers.h"

#include "gtest/gtest.h"

namespace quorate::replication {
namespace {

class CountingCall : public InboundCall {
 public:
  void Cancel() override { ++cancelled; }

  int cancelled = 0;
};

constexpr raft::MemberId kPeer(22);
constexpr raft::MemberId kThird(33);

class InboundPeersTest : public testing::Test {
 protected:
  // Whether the process is admitted; `replaced_` tells the rest.
  bool Admit(const Speaker& speaker) {
    const absl::Status status = peers_.Admit(speaker, &replaced_);
    EXPECT_TRUE(status.ok() ||
                status.code() == absl::StatusCode::kFailedPrecondition);
    return status.ok();
  }

  void Enter(const Speaker& speaker, Lane lane, InboundCall* call) {
    EXPECT_TRUE(Admit(speaker));
    EXPECT_TRUE(peers_.Enter(speaker, lane, call));
  }

  InboundPeers peers_;
  bool replaced_ = false;
};

TEST_F(InboundPeersTest, LosesAPeerWithItsLastStreamOnce) {
  const Speaker peer{.id = kPeer, .run = 1};
  CountingCall control;
  CountingCall bulk;
  Enter(peer, Lane::kControl, &control);
  Enter(peer, Lane::kBulk, &bulk);
  EXPECT_FALSE(peers_.Leave(peer, Lane::kControl, &control));
  EXPECT_TRUE(peers_.Leave(peer, Lane::kBulk, &bulk));
  EXPECT_FALSE(peers_.Leave(peer, Lane::kBulk, &bulk));
}

TEST_F(InboundPeersTest, OneLaneThatFlapsIsNoLoss) {
  const Speaker peer{.id = kPeer, .run = 1};
  CountingCall control;
  Enter(peer, Lane::kControl, &control);
  for (int i = 0; i < 10; ++i) {
    CountingCall bulk;
    Enter(peer, Lane::kBulk, &bulk);
    EXPECT_FALSE(replaced_);
    EXPECT_FALSE(peers_.Leave(peer, Lane::kBulk, &bulk));
  }
  EXPECT_EQ(control.cancelled, 0);
  EXPECT_TRUE(peers_.Leave(peer, Lane::kControl, &control));
}

TEST_F(InboundPeersTest, AStreamThatIsReplacedIsNoLoss) {
  const Speaker peer{.id = kPeer, .run = 1};
  CountingCall first;
  CountingCall second;
  Enter(peer, Lane::kControl, &first);
  Enter(peer, Lane::kControl, &second);
  EXPECT_EQ(first.cancelled, 1);
  EXPECT_FALSE(peers_.Leave(peer, Lane::kControl, &first));
  EXPECT_TRUE(peers_.Leave(peer, Lane::kControl, &second));
}

TEST_F(InboundPeersTest, ANewProcessEndsTheStreamsOfTheOneBefore) {
  const Speaker before{.id = kPeer, .run = 1};
  const Speaker after{.id = kPeer, .run = 2};
  CountingCall control;
  CountingCall bulk;
  CountingCall fresh;
  Enter(before, Lane::kControl, &control);
  Enter(before, Lane::kBulk, &bulk);
  Enter(after, Lane::kControl, &fresh);
  EXPECT_TRUE(replaced_);
  EXPECT_EQ(control.cancelled, 1);
  EXPECT_EQ(bulk.cancelled, 1);
  // The loss was told already.
  EXPECT_FALSE(peers_.Leave(before, Lane::kControl, &control));
  EXPECT_FALSE(peers_.Leave(before, Lane::kBulk, &bulk));
  EXPECT_TRUE(peers_.Leave(after, Lane::kControl, &fresh));
}

TEST_F(InboundPeersTest, ANewProcessAfterALossReplacesNobody) {
  const Speaker before{.id = kPeer, .run = 1};
  CountingCall call;
  Enter(before, Lane::kControl, &call);
  EXPECT_TRUE(peers_.Leave(before, Lane::kControl, &call));
  EXPECT_TRUE(Admit({.id = kPeer, .run = 2}));
  EXPECT_FALSE(replaced_);
}

TEST_F(InboundPeersTest, AnOldProcessIsNeverHeardAgain) {
  const Speaker after{.id = kPeer, .run = 2};
  CountingCall call;
  EXPECT_TRUE(Admit({.id = kPeer, .run = 1}));
  Enter(after, Lane::kControl, &call);
  EXPECT_FALSE(Admit({.id = kPeer, .run = 1}));
  EXPECT_FALSE(peers_.Enter({.id = kPeer, .run = 1}, Lane::kBulk, &call));
  EXPECT_EQ(call.cancelled, 0);
  EXPECT_TRUE(Admit(after));
}

TEST_F(InboundPeersTest, ALowerIncarnationIsRefused) {
  EXPECT_TRUE(Admit({.id = kPeer, .run = 1, .incarnation = 5}));
  EXPECT_FALSE(Admit({.id = kPeer, .run = 2, .incarnation = 4}));
  EXPECT_FALSE(Admit({.id = kPeer, .run = 3, .incarnation = 0}));
  EXPECT_TRUE(Admit({.id = kPeer, .run = 4, .incarnation = 6}));
  EXPECT_FALSE(Admit({.id = kPeer, .run = 1, .incarnation = 5}));
}

// A data directory that was copied, and both copies started.
TEST_F(InboundPeersTest, TheSameIncarnationInAnotherProcessIsRefused) {
  CountingCall call;
  Enter({.id = kPeer, .run = 1, .incarnation = 5}, Lane::kControl, &call);
  EXPECT_FALSE(Admit({.id = kPeer, .run = 2, .incarnation = 5}));
  EXPECT_EQ(call.cancelled, 0);
}

TEST_F(InboundPeersTest, ForgetsThoseWhoAreNoMembers) {
  EXPECT_TRUE(Admit({.id = kPeer, .run = 1, .incarnation = 5}));
  EXPECT_TRUE(Admit({.id = kThird, .run = 1, .incarnation = 5}));
  peers_.Retain({kThird});
  EXPECT_TRUE(Admit({.id = kPeer, .run = 2, .incarnation = 1}));
  EXPECT_FALSE(Admit({.id = kThird, .run = 2, .incarnation = 1}));
}

}  // namespace
}  // namespace quorate::replication
