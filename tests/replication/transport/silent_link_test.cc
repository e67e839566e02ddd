// A connection that died without a reset, as after a power loss, is given up
// within seconds on both sides and begun again when the other is back. Two
// transports with a proxy between them that goes silent.

#include <cstdio>
#include <memory>

#include "gtest/gtest.h"

#include "base/clock.h"
#include "tests/replication/transport/tcp_proxy.h"
#include "tests/replication/transport/test_authority.h"
#include "tests/replication/transport/transport_peer.h"

namespace quorate::replication {
namespace {

constexpr raft::MemberId kA(11);
constexpr raft::MemberId kB(22);

double SecondsSince(absl::Duration begin) {
  return absl::ToDoubleSeconds(SystemClock().SinceBoot() - begin);
}

TEST(SilentLinkTest, IsNoticedOnBothSidesAndHeals) {
  TestAuthority authority("cluster");
  TcpProxy to_b;
  TransportPeer a(&authority, kA, 0);
  TransportPeer b(&authority, kB, 0);
  ASSERT_TRUE(a.Create().ok());
  ASSERT_TRUE(b.Create().ok());
  to_b.ForwardTo(b.transport().port());
  const raft::Configuration configuration =
      ConfigurationOf({{kA, a.transport().port()}, {kB, to_b.port()}});
  b.Start(configuration);
  a.Start(configuration);
  ASSERT_TRUE(a.sink().WaitForReachable(1));
  ASSERT_TRUE(b.sink().WaitForReachable(1));

  const absl::Duration begin = SystemClock().SinceBoot();
  to_b.SetSilent(true);
  // Nothing is sent: neither side has a reason to notice but its own pings.
  ASSERT_TRUE(b.sink().WaitForLost(1));
  const double lost = SecondsSince(begin);
  ASSERT_TRUE(a.sink().WaitForUnreachable(1));
  const double unreachable = SecondsSince(begin);
  EXPECT_LT(unreachable, 20);
  EXPECT_TRUE(a.sink().seen().lost.empty());
  EXPECT_TRUE(b.sink().seen().unreachable.empty());

  const absl::Duration back = SystemClock().SinceBoot();
  to_b.SetSilent(false);
  ASSERT_TRUE(a.sink().WaitForReachable(2));
  const double healed = SecondsSince(back);
  std::printf(
      "silent link: inbound given up after %.1f s, outbound after %.1f s, "
      "healed %.1f s after it was back\n",
      lost, unreachable, healed);
  a.transport().Send(HeartbeatOf(kA, kB, 1));
  EXPECT_TRUE(b.sink().WaitForMessages(1));
  EXPECT_EQ(b.sink().seen().lost.size(), 1u);
  a.transport().Stop();
  b.transport().Stop();
}

// Pings of the one side never count as too many on the other.
TEST(SilentLinkTest, AnIdleConnectionStays) {
  TestAuthority authority("cluster");
  TransportPeer a(&authority, kA, 0);
  TransportPeer b(&authority, kB, 0);
  ASSERT_TRUE(a.Create().ok());
  ASSERT_TRUE(b.Create().ok());
  const raft::Configuration configuration =
      ConfigurationOf({{kA, a.transport().port()}, {kB, b.transport().port()}});
  b.Start(configuration);
  a.Start(configuration);
  ASSERT_TRUE(a.sink().WaitForReachable(1));
  // More than two pings: what gRPC grants without a message.
  const absl::Duration until = SystemClock().SinceBoot() + absl::Seconds(9);
  EXPECT_FALSE(a.sink().WaitFor(
      [](const RecordingSink::Seen& seen) {
        return !seen.unreachable.empty() || !seen.lost.empty();
      },
      until));
  a.transport().Stop();
  b.transport().Stop();
}

}  // namespace
}  // namespace quorate::replication
