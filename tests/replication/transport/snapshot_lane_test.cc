// A snapshot arrives whole whatever happens to its connection, its end is told
// once, and heartbeats do not wait behind it. Real transports over loopback,
// with a proxy between them that cuts connections.

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "tests/replication/transport/snapshot_fakes.h"
#include "tests/replication/transport/tcp_proxy.h"
#include "tests/replication/transport/test_authority.h"
#include "tests/replication/transport/transport_peer.h"

namespace quorate::replication {
namespace {

using testing::ElementsAre;
using testing::Pair;

constexpr raft::MemberId kA(11);
constexpr raft::MemberId kB(22);
constexpr raft::MemberId kC(33);

constexpr size_t kMiB = size_t{1} << 20;

// Answers each heartbeat with its number.
class EchoSink : public RecordingSink {
 public:
  explicit EchoSink(GrpcTransport* transport) : transport_(transport) {}

  bool OnPeerMessage(PeerMessage message) override {
    const auto* raft = std::get_if<raft::Message>(&message.body);
    if (raft == nullptr) return true;
    if (const auto* heartbeat = std::get_if<raft::Heartbeat>(&raft->body)) {
      transport_->Send(
          HeartbeatOf(message.to, message.from, heartbeat->commit.value()));
    }
    return true;
  }

 private:
  GrpcTransport* const transport_;
};

class SnapshotLaneTest : public testing::Test {
 protected:
  SnapshotLaneTest()
      : authority_("cluster"), a_(&authority_, kA, 0), b_(&authority_, kB, 0) {}

  void SetUp() override { ASSERT_TRUE(b_.Create().ok()); }

  // `a` reaches `b` through the proxy.
  void Start(uint64_t bytes_per_second = uint64_t{64} << 20) {
    a_.options().snapshot_bytes_per_second = bytes_per_second;
    ASSERT_TRUE(a_.Create().ok());
    proxy_.ForwardTo(b_.transport().port());
    configuration_ =
        ConfigurationOf({{kA, a_.transport().port()}, {kB, proxy_.port()}});
    b_.Start(configuration_, &store_);
    a_.Start(configuration_);
    ASSERT_TRUE(a_.sink().WaitForReachable(1));
  }

  std::unique_ptr<MemorySource> Source(
      uint64_t index, const std::shared_ptr<const std::string>& bytes) {
    return std::make_unique<MemorySource>(HeaderOf(kA, index, bytes->size()),
                                          bytes);
  }

  std::unique_ptr<MemorySource> Source(uint64_t index, size_t size) {
    return Source(index,
                  std::make_shared<const std::string>(SampleBytes(size)));
  }

  void SendToB(std::unique_ptr<SnapshotSource> source) {
    a_.transport().SendSnapshot(kB, raft::Term(3), std::move(source));
  }

  // What the sink of `a` heard of ends.
  std::vector<std::pair<raft::MemberId, bool>> Ends() {
    return a_.sink().seen().snapshots;
  }

  bool WaitForBytes(size_t count) {
    return store_.WaitFor([=](const MemorySnapshots::Seen& seen) {
      return seen.bytes.size() >= count;
    });
  }

  TestAuthority authority_;
  TcpProxy proxy_;
  MemorySnapshots store_;
  TransportPeer a_;
  TransportPeer b_;
  raft::Configuration configuration_;
};

TEST_F(SnapshotLaneTest, ArrivesWholeAtEverySize) {
  Start();
  size_t count = 0;
  for (const size_t size : {size_t{1}, 256 * 1024 - size_t{1},
                            256 * 1024 + size_t{1}, kMiB, 5 * kMiB + 1}) {
    const auto bytes = std::make_shared<const std::string>(SampleBytes(size));
    SendToB(Source(++count, bytes));
    ASSERT_TRUE(a_.sink().WaitForSnapshots(count));
    EXPECT_EQ(Ends().back(), std::make_pair(kB, true));
    EXPECT_TRUE(store_.seen().bytes == *bytes);
    EXPECT_EQ(store_.seen().terms.back(), raft::Term(3));
  }
  EXPECT_EQ(store_.seen().ends, static_cast<int>(count));
}

double Percentile(std::vector<double>* samples, double part) {
  std::sort(samples->begin(), samples->end());
  return (*samples)[static_cast<size_t>(
      static_cast<double>(samples->size() - 1) * part)];
}

// Not through the proxy: it is one thread for all lanes.
TEST(SnapshotLatencyTest, HeartbeatsDoNotWaitBehindASnapshot) {
  TestAuthority authority("cluster");
  TransportPeer a(&authority, kA, 0);
  TransportPeer b(&authority, kB, 0);
  ASSERT_TRUE(a.Create().ok());
  ASSERT_TRUE(b.Create().ok());
  const raft::Configuration configuration =
      ConfigurationOf({{kA, a.transport().port()}, {kB, b.transport().port()}});
  EchoSink echo(&b.transport());
  MemorySnapshots store;
  b.transport().SetConfiguration(configuration);
  b.transport().Start(&echo, &store);
  // The sinks end before the transports.
  const auto stop = absl::MakeCleanup([&] { b.transport().Stop(); });
  a.Start(configuration);
  ASSERT_TRUE(a.sink().WaitForReachable(1));
  ASSERT_TRUE(echo.WaitForReachable(1));

  uint64_t number = 0;
  const auto round_trip_us = [&] {
    const absl::Duration sent = SystemClock().SinceBoot();
    a.transport().Send(HeartbeatOf(kA, kB, ++number));
    EXPECT_TRUE(a.sink().WaitForMessages(number));
    return absl::ToDoubleMicroseconds(SystemClock().SinceBoot() - sent);
  };
  std::vector<double> quiet;
  std::vector<double> busy;
  for (int i = 0; i < 500; ++i) {
    quiet.push_back(round_trip_us());
  }
  constexpr size_t kSize = 50 * kMiB;
  const auto bytes = std::make_shared<const std::string>(SampleBytes(kSize));
  const absl::Duration begun = SystemClock().SinceBoot();
  a.transport().SendSnapshot(
      kB, raft::Term(1),
      std::make_unique<MemorySource>(HeaderOf(kA, 1, kSize), bytes));
  while (a.sink().seen().snapshots.empty() && !HasFailure()) {
    busy.push_back(round_trip_us());
  }
  const double seconds =
      absl::ToDoubleSeconds(SystemClock().SinceBoot() - begun);
  EXPECT_THAT(a.sink().seen().snapshots, ElementsAre(Pair(kB, true)));
  EXPECT_TRUE(store.seen().bytes == *bytes);

  const double median = Percentile(&busy, 0.5) / Percentile(&quiet, 0.5);
  std::printf(
      "50 MiB in %.2f s; heartbeat round trip, us: quiet p50 %.0f p99 %.0f, "
      "busy p50 %.0f p99 %.0f (%zu), ratio p50 %.1f p99 %.1f\n",
      seconds, Percentile(&quiet, 0.5), Percentile(&quiet, 0.99),
      Percentile(&busy, 0.5), Percentile(&busy, 0.99), busy.size(), median,
      Percentile(&busy, 0.99) / Percentile(&quiet, 0.99));
  // A lane that waits behind the snapshot takes the whole transfer.
  EXPECT_LT(Percentile(&busy, 0.99), 250'000);
}

TEST_F(SnapshotLaneTest, GoesOnFromWhereItBroke) {
  Start();
  constexpr size_t kSize = 20 * kMiB;
  const auto bytes = std::make_shared<const std::string>(SampleBytes(kSize));
  const int64_t before = proxy_.forwarded();
  proxy_.CutAfter(4 * kMiB);
  SendToB(Source(1, bytes));
  for (const size_t place : {8 * kMiB, 14 * kMiB}) {
    ASSERT_TRUE(WaitForBytes(place));
    proxy_.CutAfter(0);
  }
  ASSERT_TRUE(a_.sink().WaitForSnapshots(1));
  EXPECT_THAT(Ends(), ElementsAre(Pair(kB, true)));
  const MemorySnapshots::Seen seen = store_.seen();
  EXPECT_TRUE(seen.bytes == *bytes);
  ASSERT_GE(seen.begins.size(), 3u);
  EXPECT_EQ(seen.begins[0], 0u);
  EXPECT_GT(seen.begins[1], 0u);
  EXPECT_GT(seen.begins[2], seen.begins[1]);
  // Each break costs a window at most, not all from the start.
  EXPECT_LT(proxy_.forwarded() - before, static_cast<int64_t>(2 * kSize));
}

TEST_F(SnapshotLaneTest, GoesOnWhenTheReceiverWasRestarted) {
  Start(4 * kMiB);
  const auto bytes = std::make_shared<const std::string>(SampleBytes(4 * kMiB));
  SendToB(Source(1, bytes));
  ASSERT_TRUE(WaitForBytes(kMiB));
  b_.options().listen = "127.0.0.1:" + std::to_string(b_.transport().port());
  b_.transport().Stop();
  ASSERT_TRUE(b_.Create().ok());
  b_.Start(configuration_, &store_);
  ASSERT_TRUE(a_.sink().WaitForSnapshots(1));
  EXPECT_THAT(Ends(), ElementsAre(Pair(kB, true)));
  EXPECT_TRUE(store_.seen().bytes == *bytes);
  EXPECT_GE(store_.seen().begins.back(), kMiB);
}

TEST_F(SnapshotLaneTest, IsSentAnewWhereTheWholeIsWrong) {
  store_.on_end = [](const MemorySnapshots::Seen& seen) {
    return seen.ends == 0 ? absl::DataLossError("a file's checksum is wrong")
                          : absl::OkStatus();
  };
  Start();
  SendToB(Source(1, kMiB));
  ASSERT_TRUE(a_.sink().WaitForSnapshots(1));
  EXPECT_THAT(Ends(), ElementsAre(Pair(kB, true)));
  EXPECT_THAT(store_.seen().begins, ElementsAre(0, 0));
  EXPECT_EQ(store_.seen().ends, 2);
}

TEST_F(SnapshotLaneTest, IsSentOnceAndFailsAfterAPauseWhereTheReceiverWillNot) {
  std::atomic<int> asked = 0;
  store_.on_begin = [&](const MemorySnapshots::Seen&) {
    return asked++ == 0 ? absl::AbortedError("not needed")
                        : absl::ResourceExhaustedError("no room");
  };
  Start();
  const absl::Duration begun = SystemClock().SinceBoot();
  SendToB(Source(1, kMiB));
  ASSERT_TRUE(a_.sink().WaitForSnapshots(1));
  SendToB(Source(2, kMiB));
  ASSERT_TRUE(a_.sink().WaitForSnapshots(2));
  EXPECT_THAT(Ends(), ElementsAre(Pair(kB, false), Pair(kB, false)));
  EXPECT_EQ(asked, 2);
  // Who is told that it failed orders the next one at once.
  EXPECT_GE(SystemClock().SinceBoot() - begun, 2 * absl::Milliseconds(500));
}

TEST_F(SnapshotLaneTest, FailsWhereTheDiskBecomesFull) {
  store_.on_bytes = [](const MemorySnapshots::Seen& seen) {
    return seen.bytes.size() < kMiB ? absl::OkStatus()
                                    : absl::ResourceExhaustedError("no room");
  };
  Start();
  SendToB(Source(1, 5 * kMiB));
  ASSERT_TRUE(a_.sink().WaitForSnapshots(1));
  EXPECT_THAT(Ends(), ElementsAre(Pair(kB, false)));
  EXPECT_THAT(store_.seen().begins, ElementsAre(0));
}

TEST_F(SnapshotLaneTest, FailsWhereTheSourceIsDamaged) {
  Start();
  auto source = Source(1, 5 * kMiB);
  source->before_read = [](uint64_t offset) {
    return offset < kMiB ? absl::OkStatus() : absl::DataLossError("a bit");
  };
  SendToB(std::move(source));
  ASSERT_TRUE(a_.sink().WaitForSnapshots(1));
  EXPECT_THAT(Ends(), ElementsAre(Pair(kB, false)));
  EXPECT_EQ(store_.seen().ends, 0);
}

TEST_F(SnapshotLaneTest, ASecondOneEndsTheFirst) {
  Start(kMiB);
  SendToB(Source(1, 50 * kMiB));
  ASSERT_TRUE(WaitForBytes(1));
  const auto bytes = std::make_shared<const std::string>(SampleBytes(1000));
  SendToB(Source(2, bytes));
  ASSERT_TRUE(a_.sink().WaitForSnapshots(2));
  EXPECT_THAT(Ends(), ElementsAre(Pair(kB, false), Pair(kB, true)));
  EXPECT_TRUE(store_.seen().bytes == *bytes);
}

TEST_F(SnapshotLaneTest, EndsForAMemberThatIsDropped) {
  Start(kMiB);
  SendToB(Source(1, 50 * kMiB));
  ASSERT_TRUE(WaitForBytes(1));
  a_.transport().SetConfiguration(
      ConfigurationOf({{kA, a_.transport().port()}}));
  ASSERT_TRUE(a_.sink().WaitForSnapshots(1));
  // And begins for none.
  SendToB(Source(2, kMiB));
  ASSERT_TRUE(a_.sink().WaitForSnapshots(2));
  EXPECT_THAT(Ends(), ElementsAre(Pair(kB, false), Pair(kB, false)));
}

TEST_F(SnapshotLaneTest, StopsInTheMiddleOnEitherSide) {
  for (TransportPeer* const stopped : {&a_, &b_}) {
    if (stopped == &a_) {
      Start(kMiB);
    } else {
      ASSERT_TRUE(a_.Create().ok());
      a_.Start(configuration_);
    }
    SendToB(Source(stopped == &a_ ? 1 : 2, 50 * kMiB));
    ASSERT_TRUE(WaitForBytes(1));
    stopped->transport().Stop();
    EXPECT_TRUE(Ends().empty());
  }
  EXPECT_EQ(store_.seen().ends, 0);
}

TEST_F(SnapshotLaneTest, ALaterLeadersSnapshotEndsAnEarlierOnes) {
  TransportPeer c(&authority_, kC, 0);
  c.options().snapshot_bytes_per_second = kMiB;
  ASSERT_TRUE(c.Create().ok());
  Start(kMiB);
  configuration_ = ConfigurationOf({{kA, a_.transport().port()},
                                    {kB, proxy_.port()},
                                    {kC, c.transport().port()}});
  b_.transport().SetConfiguration(configuration_);
  c.Start(configuration_);
  const auto bytes = std::make_shared<const std::string>(SampleBytes(1000));
  SendToB(Source(1, 50 * kMiB));
  ASSERT_TRUE(WaitForBytes(1));
  // An earlier leader is told to give up.
  c.transport().SendSnapshot(kB, raft::Term(2), Source(2, bytes));
  ASSERT_TRUE(c.sink().WaitForSnapshots(1));
  EXPECT_TRUE(Ends().empty());
  c.transport().SendSnapshot(kB, raft::Term(4), Source(3, 40 * kMiB));
  ASSERT_TRUE(a_.sink().WaitForSnapshots(1));
  EXPECT_THAT(Ends(), ElementsAre(Pair(kB, false)));
  c.transport().SendSnapshot(kB, raft::Term(4), Source(4, bytes));
  ASSERT_TRUE(c.sink().WaitForSnapshots(3));
  EXPECT_THAT(c.sink().seen().snapshots,
              ElementsAre(Pair(kB, false), Pair(kB, false), Pair(kB, true)));
  EXPECT_TRUE(store_.seen().bytes == *bytes);
  c.transport().Stop();
}

}  // namespace
}  // namespace quorate::replication
