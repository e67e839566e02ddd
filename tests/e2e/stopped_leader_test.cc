// Property: a leader that stands still is replaced, nothing is lost or granted
// twice, and when it wakes it answers no read from before.
// Method: SIGSTOP for five seconds under load, with a linearizable read waiting
// in its socket, then SIGCONT; afterwards every seat is compared.

#include <signal.h>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "client/client.h"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_client.h"
#include "tests/e2e/test_cluster.h"
#include "tests/e2e/writers.h"

namespace quorate::e2e {
namespace {

constexpr absl::Duration kLimit = absl::Seconds(15);
constexpr absl::Duration kStandstill = absl::Seconds(5);

// A session through all members but one.
class Witness {
 public:
  Witness(const TestCluster& cluster, const std::string& avoided) {
    std::vector<std::string> endpoints;
    for (const TestMember& member : cluster.Members()) {
      if (member.name != avoided) endpoints.push_back(member.endpoint);
    }
    client_ =
        MakeClient(cluster.EnvironmentWith(absl::StrJoin(endpoints, ",")));
    auto session = client_->OpenSession({.application = "witness"});
    EXPECT_TRUE(session.ok()) << session.status();
    session_ = *std::move(session);
  }

  Session& session() { return *session_; }

 private:
  std::unique_ptr<Client> client_;
  std::unique_ptr<Session> session_;
};

// One ListPools that is under way. The call object outlives its answer.
class PendingRead {
 public:
  PendingRead(Api* api, const std::string& filter) {
    request_.set_filter(filter);
    SetDeadline(&context_, absl::Seconds(30));
    api->monitoring().async()->ListPools(&context_, &request_, &response_,
                                         [this](grpc::Status status) {
                                           MutexLock lock(&mu_);
                                           status_ = std::move(status);
                                           done_ = true;
                                           changed_.NotifyAll();
                                         });
  }

  // Waits until `moment` (SinceBoot); true where the answer is there.
  bool DoneBy(absl::Duration moment) {
    MutexLock lock(&mu_);
    while (!done_) {
      const absl::Duration left = moment - SystemClock().SinceBoot();
      if (left <= absl::ZeroDuration()) break;
      changed_.WaitFor(&mu_, left);
    }
    return done_;
  }

  // After DoneBy said true.
  grpc::Status status() {
    MutexLock lock(&mu_);
    return status_;
  }

  const monitoring::v1::ListPoolsResponse& response() const {
    return response_;
  }

 private:
  grpc::ClientContext context_;
  monitoring::v1::ListPoolsRequest request_;
  monitoring::v1::ListPoolsResponse response_;
  Mutex mu_;
  CondVar changed_;
  grpc::Status status_ ABSL_GUARDED_BY(mu_);
  bool done_ ABSL_GUARDED_BY(mu_) = false;
};

// Stops the leader, changes the pool of `solver` behind its back, wakes it.
// Gives the time until the next acknowledged checkout after the stop.
absl::Duration StopAndWakeLeader(const TestCluster& cluster, Writers* writers) {
  const std::string leader = WaitForLeader(cluster);
  EXPECT_FALSE(leader.empty());
  EXPECT_LT(writers->NextAcknowledged(SystemClock().SinceBoot(), kLimit),
            kLimit);
  Api old_leader(cluster.Member(leader).endpoint, cluster.environment());
  EXPECT_TRUE(old_leader.PoolOf("solver").ok());  // Connected.
  cluster.Signal(leader, SIGSTOP);
  const absl::Duration stopped = SystemClock().SinceBoot();
  const absl::Duration gap = writers->NextAcknowledged(stopped, kLimit);

  Witness witness(cluster, leader);
  auto seat = witness.session().Checkout("solver", 3);
  EXPECT_TRUE(seat.ok()) << seat.status();
  PendingRead read(&old_leader, "feature=\"solver\"");
  EXPECT_FALSE(read.DoneBy(stopped + kStandstill));
  cluster.Signal(leader, SIGCONT);
  // Longer than the call's own deadline.
  EXPECT_TRUE(read.DoneBy(SystemClock().SinceBoot() + absl::Minutes(1)));
  // Refused, or fresh; never the state before the stop.
  if (read.status().ok()) {
    EXPECT_EQ(read.response().pools_size(), 1);
    EXPECT_EQ(read.response().pools(0).out(), 3u);
  } else {
    EXPECT_EQ(read.status().error_code(), grpc::StatusCode::UNAVAILABLE);
  }
  EXPECT_TRUE(seat->Return().ok());
  return gap;
}

TEST(StoppedLeaderTest, IsReplacedAndAnswersNothingStale) {
  auto cluster = TestCluster::Start();
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  Writers writers(cluster->get());
  ASSERT_TRUE(writers.Start().ok());
  std::vector<absl::Duration> gaps;
  for (int round = 0; round < 3; ++round) {
    gaps.push_back(StopAndWakeLeader(**cluster, &writers));
  }
  writers.Stop();
  Api api((*cluster)->Members()[0].endpoint, (*cluster)->environment());
  const WriterTotals totals = writers.Audit(&api);
  PrintDistribution(gaps);
  PrintTotals(totals);
  ExpectZeros(totals);
}

}  // namespace
}  // namespace quorate::e2e
