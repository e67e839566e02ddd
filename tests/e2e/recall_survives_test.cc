// Property: seats that are called back stay called, with the time that is left,
// through every change of the leader; and whoever waited gets his units then.
// Method: kill -9 of the leader twenty times while one waits for what is
// reserved for him and lent, the calls of every stream compared after each.

#include <algorithm>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "base/mutex.h"
#include "client/client.h"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_client.h"
#include "tests/e2e/test_cluster.h"

namespace quorate::e2e {
namespace {

constexpr int kKills = 20;
constexpr int kSolverSeats = 8;  // Of the demonstration licence.

// By handle, how many seconds are left: what a member that answers says over a
// new stream.
using Calls = std::map<uint64_t, int64_t>;

Calls CallsOf(const TestCluster& cluster, const std::string& session) {
  checkout::v1::KeepAliveRequest request;
  request.add_sessions(session);
  for (const TestMember& member : cluster.Members()) {
    Api api(member.endpoint, cluster.environment());
    grpc::ClientContext context;
    SetDeadline(&context, absl::Seconds(10));
    const auto stream = api.checkout().KeepAlive(&context);
    stream->Write(request);
    stream->WritesDone();
    Calls calls;
    bool renewed = false;
    checkout::v1::KeepAliveResponse response;
    while (stream->Read(&response)) {
      renewed |= response.renewals_size() == 1;
      const checkout::v1::SeatCalledBack& call =
          response.event().seat_called_back();
      if (call.has_left()) calls[call.seat().handle()] = call.left().seconds();
    }
    stream->Finish();
    if (renewed) return calls;
  }
  return {};
}

// Calls back after so long what it lends of `solver`.
void ApplyRule(const TestCluster& cluster, const std::string& span) {
  const std::string rules = absl::StrCat(cluster.dir(), "/rules.toml");
  std::ofstream(rules) << "[[rule]]\nname = \"crash\"\nkind = \"reserve\"\n"
                          "feature = \"solver\"\nunits = 3\nlend = true\n"
                          "span = \""
                       << span << "\"\nuser = \"cat\"\n";
  const CommandResult applied = cluster.Quorate({"rules", "apply", rules});
  ASSERT_EQ(applied.exit_code, 0) << applied.errors;
}

// What a session was told of its seats. Thread-safe.
class Told {
 public:
  void Add(const std::string& what) {
    MutexLock lock(&mu_);
    ++times_[what];
    changed_.NotifyAll();
  }

  void AwaitTimes(const std::string& what, int times) {
    MutexLock lock(&mu_);
    while (times_[what] < times)
      changed_.Wait(&mu_);
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::map<std::string, int> times_ ABSL_GUARDED_BY(mu_);
};

TEST(RecallSurvivesTest, TwentyLeaders) {
  auto started = TestCluster::Start();
  ASSERT_TRUE(started.ok()) << started.status();
  const std::unique_ptr<TestCluster> cluster = *std::move(started);
  const auto client = MakeClient(cluster->environment());
  const auto holder = *client->OpenSession(
      {.user = "bob", .application = "holder", .ttl = absl::Minutes(10)});
  std::vector<Seat> held;
  for (int i = 0; i < kSolverSeats; ++i) {
    auto seat = holder->Checkout("solver");
    ASSERT_TRUE(seat.ok()) << seat.status();
    held.push_back(*std::move(seat));
  }
  ApplyRule(*cluster, "2h");
  const auto caller = *client->OpenSession(
      {.user = "cat", .application = "caller", .ttl = absl::Minutes(10)});
  const auto wait = [&caller](absl::Duration span) {
    return caller->CheckoutOrWait("solver", 2, {.wait = span});
  };
  absl::StatusOr<Seat> got = absl::UnknownError("waits");
  std::thread waiter([&] { got = wait(absl::Hours(1)); });
  Calls calls;
  while (calls.size() < 2)
    calls = CallsOf(*cluster, holder->name());
  // The youngest.
  EXPECT_EQ(calls.count(held[6].handle()), 1u);
  EXPECT_EQ(calls.count(held[7].handle()), 1u);
  int changed = 0;
  for (int i = 0; i < kKills; ++i) {
    const std::string leader = WaitForLeader(*cluster);
    ASSERT_FALSE(leader.empty());
    cluster->Signal(leader, SIGKILL);
    ASSERT_FALSE(WaitForLeader(*cluster).empty());
    ASSERT_TRUE(cluster->Restart(leader).ok());
    const Calls now = CallsOf(*cluster, holder->name());
    // Cluster time goes on, and never back.
    changed += now.size() != 2 ||
               !std::equal(now.begin(), now.end(), calls.begin(),
                           [](const auto& after, const auto& before) {
                             return after.first == before.first &&
                                    after.second <= before.second &&
                                    after.second > 7'200 - 900;
                           });
    calls = now;
  }
  std::cout << kKills << " leaders killed, " << changed
            << " times other seats were called back\n";
  EXPECT_EQ(changed, 0);
  // What was called stays so; a shorter span is for the next.
  ASSERT_TRUE(held[7].Return().ok());
  ASSERT_TRUE(held[6].Return().ok());
  waiter.join();
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_TRUE(CallsOf(*cluster, holder->name()).empty());

  ASSERT_TRUE(got->Return().ok());
  // Of another session: news go to the stream that renewed one last, and that
  // was ours above. Renewed often, so that there is a stream in time.
  Told told;
  const auto other = *client->OpenSession(
      {.user = "bob",
       .application = "holder",
       .ttl = absl::Seconds(10),
       .on_seat_released = [&told](uint64_t, const std::string& reason) {
         told.Add(reason);
       }});
  std::vector<Seat> lent;
  for (int i = 0; i < 2; ++i) {
    auto seat = other->Checkout("solver");
    ASSERT_TRUE(seat.ok()) << seat.status();
    lent.push_back(*std::move(seat));
  }
  ApplyRule(*cluster, "10s");
  got = wait(absl::Minutes(5));
  ASSERT_TRUE(got.ok()) << got.status();
  told.AwaitTimes("called back", 2);
  EXPECT_FALSE(lent[0].IsValid());
  EXPECT_FALSE(lent[1].IsValid());
  EXPECT_TRUE(held[5].IsValid());
  Api api(cluster->Members().front().endpoint, cluster->environment());
  const auto pool = api.PoolOf("solver");
  ASSERT_TRUE(pool.ok()) << pool.status();
  EXPECT_EQ(pool->out(), static_cast<uint64_t>(kSolverSeats));
}

}  // namespace
}  // namespace quorate::e2e
