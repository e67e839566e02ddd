// Renewals of many callers become few commands, and each caller gets his own
// part of the answer. A fake node holds and counts the commands.

#include "server/rpc/renewal_batcher.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "quorate/internal/v1/command.pb.h"

#include "replication/storage/memory_state_store.h"
#include "server/licensing_replica.h"
#include "tests/server/fake_node.h"
#include "tests/server/licensing/commands.h"

namespace quorate::server {
namespace {

using licensing::kAlice;
using licensing::kBob;
using testing::ElementsAre;

class RenewalBatcherTest : public testing::Test {
 protected:
  RenewalBatcherTest()
      : replica_(*LicensingReplica::Restore(licensing::kClusterId, 1, &store_)),
        node_(replica_.get()) {}

  ~RenewalBatcherTest() override {
    node_.Stop();
    batcher_.reset();
  }

  void Start(const RenewalBatcher::Options& options) {
    batcher_ =
        std::make_unique<RenewalBatcher>(&node_, &SystemClock(), options);
  }

  void OpenSession(const std::string& principal) {
    internal::v1::Command command = licensing::OpenCommand(10'000);
    command.set_request_id(principal);
    command.set_principal(principal);
    command.set_not_after_cluster_ms(20'000);
    node_.Propose(command.SerializeAsString(), absl::Seconds(1),
                  [](const replication::ProposeResult&) {});
  }

  // Submits, and remembers what came back in the order of arrival.
  bool Submit(const std::string& principal, std::vector<uint64_t> ids) {
    return batcher_->Submit(
        {.principal = principal, .session_ids = std::move(ids)},
        [this](const RenewalResult& result) {
          MutexLock lock(&mu_);
          if (result.refusal.has_value()) {
            refusals_.push_back(result.refusal->reason);
          } else {
            ttls_.emplace_back(result.ttl_ms.begin(), result.ttl_ms.end());
          }
          changed_.NotifyAll();
        });
  }

  void WaitForResults(size_t count) {
    MutexLock lock(&mu_);
    while (ttls_.size() + refusals_.size() < count)
      changed_.Wait(&mu_);
  }

  // Of the command at `index`, (session, principal) of each renewal.
  std::vector<std::pair<uint64_t, std::string>> Renewals(size_t index) {
    internal::v1::Command command;
    EXPECT_TRUE(command.ParseFromString(node_.commands()[index]));
    std::vector<std::pair<uint64_t, std::string>> renewals;
    for (const auto& renewal : command.renew_sessions().renewals()) {
      renewals.emplace_back(renewal.session_id(), renewal.principal());
    }
    return renewals;
  }

  replication::MemoryStateStore store_;
  std::unique_ptr<LicensingReplica> replica_;
  FakeNode node_;
  std::unique_ptr<RenewalBatcher> batcher_;

  Mutex mu_;
  CondVar changed_;
  std::vector<std::vector<int64_t>> ttls_;
  std::vector<type::v1::ErrorReason> refusals_;
};

TEST_F(RenewalBatcherTest, PutsManyCallersIntoOneCommand) {
  OpenSession(kAlice);
  OpenSession(kBob);
  // Only a full batch goes, so the test does not depend on the clock.
  Start({.window = absl::Hours(1), .full = 5});
  ASSERT_TRUE(Submit(kAlice, {1}));
  ASSERT_TRUE(Submit(kBob, {1, 2, 77}));
  ASSERT_TRUE(Submit(kAlice, {1}));
  WaitForResults(3);
  ASSERT_EQ(node_.commands().size(), 3U);
  EXPECT_THAT(Renewals(2), ElementsAre(std::pair(1, kAlice), std::pair(1, kBob),
                                       std::pair(2, kBob), std::pair(77, kBob),
                                       std::pair(1, kAlice)));
  // Another one's session and an unknown one are not renewed.
  EXPECT_THAT(ttls_, ElementsAre(ElementsAre(10'000), ElementsAre(0, 10'000, 0),
                                 ElementsAre(10'000)));
}

TEST_F(RenewalBatcherTest, SendsTheFirstAfterTheWindow) {
  OpenSession(kAlice);
  Start({.window = absl::Milliseconds(1)});
  ASSERT_TRUE(Submit(kAlice, {1}));
  WaitForResults(1);
  EXPECT_THAT(ttls_, ElementsAre(ElementsAre(10'000)));
}

TEST_F(RenewalBatcherTest, SplitsWhatIsMoreThanABatch) {
  node_.Hold(true);
  Start({.window = absl::Milliseconds(1), .full = 4});
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(Submit(kAlice, {1, 2, 3}));
  node_.Hold(false);
  WaitForResults(10);
  size_t renewals = 0;
  for (size_t i = 0; i < node_.commands().size(); ++i) {
    renewals += Renewals(i).size();
    // A batch that is not full takes one more message.
    EXPECT_LE(Renewals(i).size(), 6U);
  }
  EXPECT_EQ(renewals, 30U);
}

TEST_F(RenewalBatcherTest, TellsAllCallersOfAFailure) {
  node_.FailProposals(replication::ProposeOutcome::kNoQuorum);
  Start({.window = absl::Hours(1), .full = 2});
  ASSERT_TRUE(Submit(kAlice, {1}));
  ASSERT_TRUE(Submit(kBob, {2}));
  WaitForResults(2);
  EXPECT_THAT(refusals_, ElementsAre(type::v1::ERROR_REASON_NO_QUORUM,
                                     type::v1::ERROR_REASON_NO_QUORUM));
}

TEST_F(RenewalBatcherTest, RefusesMoreThanMayWait) {
  Start({.window = absl::Hours(1), .full = 100, .max_waiting = 5});
  EXPECT_TRUE(Submit(kAlice, {1, 2, 3}));
  EXPECT_FALSE(Submit(kAlice, {4, 5, 6}));
  EXPECT_TRUE(Submit(kAlice, {4, 5}));
  EXPECT_FALSE(Submit(kAlice, {6}));
}

TEST_F(RenewalBatcherTest, HasRoomAgainWhenABatchIsGone) {
  Start({.window = absl::Hours(1), .full = 3, .max_waiting = 3});
  for (size_t i = 1; i <= 10; ++i) {
    ASSERT_TRUE(Submit(kAlice, {1, 2, 3}));
    WaitForResults(i);
  }
}

TEST_F(RenewalBatcherTest, AnswersWhatWaitsWhenItStops) {
  OpenSession(kAlice);
  Start({.window = absl::Hours(1)});
  ASSERT_TRUE(Submit(kAlice, {1}));
  batcher_->Stop();
  WaitForResults(1);
  EXPECT_FALSE(Submit(kAlice, {1}));
}

}  // namespace
}  // namespace quorate::server
