// The end of a snapshot is told once and in order, also where its receiver is
// not there, and patience has an end. The sender is driven without a transport,
// towards a port where nobody answers, and told that time has passed.

#include "replication/transport/outbound_snapshots.h"

#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"

#include "base/bounded_queue.h"
#include "base/clock.h"
#include "tests/replication/transport/snapshot_fakes.h"

namespace quorate::replication {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr absl::Duration kPatience = absl::Minutes(1);

class OutboundSnapshotsTest : public testing::Test {
 protected:
  OutboundSnapshotsTest()
      : ends_(100),
        snapshots_({.connect =
                        [] {
                          return grpc::CreateChannel(
                              "127.0.0.1:1",
                              grpc::InsecureChannelCredentials());
                        },
                    .hello = {.cluster_id = "c",
                              .from = raft::MemberId(1),
                              .to = raft::MemberId(2),
                              .run = 1},
                    .bytes_per_second = 1000,
                    .clock = &SystemClock(),
                    .done =
                        [this](bool delivered) {
                          EXPECT_TRUE(ends_.TryPush(bool{delivered}));
                        }}) {}

  ~OutboundSnapshotsTest() override { CloseAndWait(); }

  void CloseAndWait() {
    snapshots_.Close();
    while (!snapshots_.idle()) {
      BoundedQueue<int>(1).TakeAll(absl::Milliseconds(1));
    }
  }

  bool Send() {
    return snapshots_.Send(raft::Term(1),
                           std::make_unique<MemorySource>(
                               HeaderOf(raft::MemberId(1), 1, 10),
                               std::make_shared<const std::string>(10, 'x')));
  }

  BoundedQueue<bool> ends_;
  OutboundSnapshots snapshots_;
};

TEST_F(OutboundSnapshotsTest, GivesUpWhereNothingMovesForAMinute) {
  ASSERT_TRUE(Send());
  std::vector<bool> ends;
  const absl::Duration begun = SystemClock().SinceBoot();
  for (int i = 0; i < 10; ++i) {
    snapshots_.Maintain(begun + kPatience - absl::Milliseconds(1));
    ASSERT_THAT(ends_.TakeAll(absl::Milliseconds(20)), IsEmpty());
  }
  while (ends.empty()) {
    snapshots_.Maintain(SystemClock().SinceBoot() + kPatience);
    ends = ends_.TakeAll(absl::Milliseconds(20));
  }
  EXPECT_THAT(ends, ElementsAre(false));
}

TEST_F(OutboundSnapshotsTest, EachIsToldOfOnce) {
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(Send());
  }
  CloseAndWait();
  EXPECT_THAT(ends_.TakeAll(absl::ZeroDuration()),
              testing::AllOf(testing::SizeIs(10), testing::Each(false)));
  EXPECT_FALSE(Send());
  EXPECT_THAT(ends_.TakeAll(absl::ZeroDuration()), IsEmpty());
}

TEST_F(OutboundSnapshotsTest, IsIdleWithoutAny) {
  EXPECT_FALSE(snapshots_.idle());
  snapshots_.Close();
  EXPECT_TRUE(snapshots_.idle());
}

}  // namespace
}  // namespace quorate::replication
