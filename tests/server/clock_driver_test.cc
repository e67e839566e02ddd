// The leader, and only it, proposes one entry when something is due. The times
// are set by hand and the proposals counted.

#include "server/clock_driver.h"

#include <memory>

#include "gtest/gtest.h"

#include "quorate/internal/v1/command.pb.h"

#include "base/clock.h"
#include "replication/storage/memory_state_store.h"
#include "server/licensing_replica.h"
#include "tests/server/fake_node.h"
#include "tests/server/licensing/commands.h"

namespace quorate::server {
namespace {

class ClockDriverTest : public testing::Test {
 protected:
  ClockDriverTest()
      : replica_(*LicensingReplica::Restore(licensing::kClusterId, 1, &store_)),
        node_(replica_.get()),
        driver_({.node = &node_, .view = &replica_->view()}) {}

  // Opens a session at 1 s that is due at 13.5 s.
  void OpenSession() {
    internal::v1::Command command = licensing::OpenCommand(10'000);
    command.set_request_id("r");
    command.set_principal(licensing::kAlice);
    command.set_not_after_cluster_ms(20'000);
    node_.Propose(command.SerializeAsString(), absl::Seconds(1),
                  [](const replication::ProposeResult&) {});
    WaitForApplier();
  }

  void WaitForApplier() {
    std::atomic<bool> done = false;
    Mutex mu;
    CondVar changed;
    node_.Read({}, absl::Seconds(1), [&](replication::ReadOutcome) {
      MutexLock lock(&mu);
      done = true;
      changed.NotifyAll();
    });
    MutexLock lock(&mu);
    while (!done)
      changed.Wait(&mu);
  }

  replication::MemoryStateStore store_;
  std::unique_ptr<LicensingReplica> replica_;
  FakeNode node_;
  ClockDriver driver_;
};

TEST_F(ClockDriverTest, ProposesNothingWhileNothingIsDue) {
  OpenSession();
  node_.AdvanceCluster(9'999);
  driver_.LookForDue();
  EXPECT_EQ(node_.commands().size(), 1U);
}

TEST_F(ClockDriverTest, LetsTheOtherMembersKnowTheTime) {
  OpenSession();
  node_.AdvanceCluster(10'000);
  driver_.LookForDue();
  WaitForApplier();
  EXPECT_EQ(node_.commands().size(), 2U);
  EXPECT_EQ(replica_->ledger().session_count(), 1U);
  driver_.LookForDue();
  EXPECT_EQ(node_.commands().size(), 2U);
}

TEST_F(ClockDriverTest, EndsALeaseOnAnIdleCluster) {
  OpenSession();
  node_.AdvanceCluster(12'500);
  driver_.LookForDue();
  WaitForApplier();
  ASSERT_EQ(node_.commands().size(), 2U);
  internal::v1::Command command;
  ASSERT_TRUE(command.ParseFromString(node_.commands()[1]));
  EXPECT_TRUE(command.has_advance_clock());
  EXPECT_EQ(replica_->ledger().session_count(), 0U);
}

TEST_F(ClockDriverTest, LeavesItToTheLeader) {
  OpenSession();
  node_.AdvanceCluster(12'500);
  node_.SetLeads(false);
  driver_.LookForDue();
  EXPECT_EQ(node_.commands().size(), 1U);
}

TEST_F(ClockDriverTest, EndsALicenceByTheCalendarNotByTheOwnClock) {
  const int64_t start_ms = node_.CalendarMsHint();
  ASSERT_LT(start_ms + 60'000, absl::ToUnixMillis(SystemClock().Calendar()));
  internal::v1::Command command =
      licensing::InstallCommand("A", 1, {{"cad", 5}});
  command.set_request_id("install");
  command.set_principal(licensing::kAlice);
  command.set_not_after_cluster_ms(20'000);
  command.mutable_install_license()->mutable_terms()->set_not_after_ms(
      start_ms + 60'000);
  node_.Propose(command.SerializeAsString(), absl::Seconds(1),
                [](const replication::ProposeResult&) {});
  WaitForApplier();
  driver_.LookForDue();
  EXPECT_EQ(node_.commands().size(), 1U);
  node_.SetTime(node_.ClusterMsHint(), start_ms + 60'000);
  driver_.LookForDue();
  EXPECT_EQ(node_.commands().size(), 2U);
}

TEST_F(ClockDriverTest, HasOneProposalUnderWay) {
  OpenSession();
  node_.AdvanceCluster(12'500);
  node_.Hold(true);
  driver_.LookForDue();
  driver_.LookForDue();
  EXPECT_EQ(node_.commands().size(), 2U);
  // One that failed is tried again.
  node_.Hold(false);
  WaitForApplier();
  node_.FailProposals(replication::ProposeOutcome::kNoQuorum);
  node_.AdvanceCluster(1'000'000);
  driver_.LookForDue();
  driver_.LookForDue();
  EXPECT_GE(node_.commands().size(), 3U);
}

}  // namespace
}  // namespace quorate::server
