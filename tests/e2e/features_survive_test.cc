// Property: what the cluster keeps besides seats is the same after every change
// of the leader; here the queue: its places, their order, and one grant for
// each, in that order.
// Method: kill -9 of the leader twenty times while twelve clients wait, with
// the whole queue compared after each; then seats are given back one by one.

#include <algorithm>
#include <memory>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "client/client.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_cluster.h"

namespace quorate::e2e {
namespace {

constexpr int kKills = 20;
constexpr int kWaiters = 12;
constexpr int kSolverSeats = 8;  // Of the demonstration licence.

// One who waits: number, session, priority, position.
struct Place {
  std::string number;
  std::string session;
  int priority = 0;
  std::string position;

  friend bool operator==(const Place&, const Place&) = default;
};

std::vector<Place> QueueOf(const TestCluster& cluster) {
  const CommandResult result =
      cluster.Quorate({"-o", "json", "queue", "solver"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  std::vector<Place> places;
  const auto json = nlohmann::json::parse(result.output, nullptr, false);
  if (json.is_discarded()) return places;
  for (const auto& queued : json.value("checkouts", nlohmann::json::array())) {
    const auto& place = queued.at("place");
    places.push_back({place.at("number"), queued.at("session"),
                      queued.value("priority", 0), place.at("position")});
  }
  return places;
}

ClientOptions OptionsFor(const TestCluster& cluster) {
  ClientOptions options;
  for (const TestMember& member : cluster.Members()) {
    options.endpoints.push_back(member.endpoint);
  }
  const Environment& environment = cluster.environment();
  EXPECT_TRUE(options
                  .ReadFiles(environment.at("QUORATE_CA"),
                             environment.at("QUORATE_CERT"),
                             environment.at("QUORATE_KEY"))
                  .ok());
  return options;
}

// A client that waits on a thread of its own for one seat of `solver`.
class Waiter {
 public:
  Waiter(Client* client, uint32_t priority) {
    auto session = client->OpenSession(
        {.application = "waiter", .ttl = absl::Minutes(10)});
    EXPECT_TRUE(session.ok()) << session.status();
    session_ = *std::move(session);
    thread_ = std::thread([this, priority] {
      seat_ = session_->CheckoutOrWait(
          "solver", 1, {.wait = absl::Hours(1), .priority = priority});
    });
  }

  ~Waiter() { Join(); }

  const std::string& session() const { return session_->name(); }

  void Join() {
    if (thread_.joinable()) thread_.join();
  }

  absl::StatusOr<Seat>& seat() { return seat_; }

 private:
  std::unique_ptr<Session> session_;
  absl::StatusOr<Seat> seat_ = absl::UnknownError("waits");
  std::thread thread_;
};

class FeaturesSurviveTest : public testing::Test {
 protected:
  void SetUp() override {
    auto cluster = TestCluster::Start();
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    client_ = *Client::Create(OptionsFor(*cluster_));
    holder_ = *client_->OpenSession(
        {.application = "holder", .ttl = absl::Minutes(10)});
    for (int i = 0; i < kSolverSeats; ++i) {
      auto seat = holder_->Checkout("solver");
      ASSERT_TRUE(seat.ok()) << seat.status();
      held_.push_back(*std::move(seat));
    }
  }

  void KillLeader() {
    const std::string leader = WaitForLeader(*cluster_);
    ASSERT_FALSE(leader.empty());
    cluster_->Signal(leader, SIGKILL);
    ASSERT_FALSE(WaitForLeader(*cluster_).empty());
    ASSERT_TRUE(cluster_->Restart(leader).ok());
  }

  std::unique_ptr<TestCluster> cluster_;
  std::unique_ptr<Client> client_;
  std::unique_ptr<Session> holder_;
  std::vector<Seat> held_;
};

TEST_F(FeaturesSurviveTest, TheQueue) {
  std::vector<std::unique_ptr<Waiter>> waiters;
  for (int i = 0; i < kWaiters; ++i) {
    waiters.push_back(std::make_unique<Waiter>(client_.get(), 4 + i % 3));
    // One after the other, so that the order is known.
    while (QueueOf(*cluster_).size() < waiters.size()) {
    }
  }
  std::vector<Place> queue = QueueOf(*cluster_);
  int changed = 0;
  for (int i = 0; i < kKills; ++i) {
    KillLeader();
    changed += QueueOf(*cluster_) != queue;
  }
  std::cout << kKills << " leaders killed, " << changed
            << " times the queue was another\n";
  EXPECT_EQ(changed, 0);

  int out_of_order = 0;
  while (!queue.empty()) {
    const auto next =
        std::find_if(queue.begin(), queue.end(),
                     [](const Place& place) { return place.position == "1"; });
    ASSERT_NE(next, queue.end());
    const std::string served = next->session;
    // One of the holder's, or of one who got his already.
    Seat seat = std::move(held_.back());
    held_.pop_back();
    ASSERT_TRUE(seat.Return().ok());
    const auto waiter = std::find_if(
        waiters.begin(), waiters.end(),
        [&served](const auto& each) { return each->session() == served; });
    ASSERT_NE(waiter, waiters.end());
    const std::vector<Place> left = QueueOf(*cluster_);
    out_of_order += std::any_of(
        left.begin(), left.end(),
        [&served](const Place& place) { return place.session == served; });
    ASSERT_EQ(left.size() + 1, queue.size());
    (*waiter)->Join();
    ASSERT_TRUE((*waiter)->seat().ok()) << (*waiter)->seat().status();
    held_.insert(held_.begin(), *std::move((*waiter)->seat()));
    queue = left;
  }
  EXPECT_EQ(out_of_order, 0);
  Api api(cluster_->Members().front().endpoint, cluster_->environment());
  const auto pool = api.PoolOf("solver");
  ASSERT_TRUE(pool.ok()) << pool.status();
  EXPECT_EQ(pool->out(), static_cast<uint64_t>(kSolverSeats));
  std::cout << kWaiters << " waited, " << out_of_order
            << " served out of order, " << pool->out() << " of " << kSolverSeats
            << " out\n";
}

}  // namespace
}  // namespace quorate::e2e
