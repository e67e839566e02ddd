// Property: what the cluster keeps besides seats is the same after every change
// of the leader: the queue (its places, their order, and one grant for each, in
// that order), the credits that are used up (exactly those that clients were
// granted), the names of named users, borrows and bookings with their seats and
// ends.
// Method: kill -9 of the leader twenty times while twelve clients wait, or use
// credits, or seats are away or kept for jobs, with all of it compared after
// each.

#include <algorithm>
#include <fstream>
#include <iostream>
#include <memory>
#include <signal.h>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

#include "client/client.h"
#include "client/error.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/test_client.h"
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
    client_ = MakeClient(cluster_->environment());
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

  nlohmann::json Json(std::vector<std::string> words) const {
    words.insert(words.begin(), {"-o", "json"});
    const CommandResult result = cluster_->Quorate(words);
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return nlohmann::json::parse(result.output, nullptr, false);
  }

  // A licence beside the demonstration's, in force for long.
  void Install(const std::vector<std::string>& features) {
    const std::string id = Json({"pools"}).at("header").at("clusterId");
    const std::string path = cluster_->dir() + "/models.license";
    std::vector<std::string> words = {
        "vendor",       "issue",      "--keys",     cluster_->dir() + "/vendor",
        "--cluster-id", id,           "--customer", "demo-customer",
        "--license-id", "models",     "--serial",   "1",
        "--start",      "2026-01-01", "--out",      path};
    for (const std::string& feature : features) {
      words.insert(words.end(), {"--feature", feature});
    }
    const CommandResult issued = cluster_->Quorate(words);
    ASSERT_EQ(issued.exit_code, 0) << issued.errors;
    const CommandResult installed =
        cluster_->Quorate({"license", "install", path});
    ASSERT_EQ(installed.exit_code, 0) << installed.errors;
  }

  // As `pools` shows it.
  int64_t UsedOf(const std::string& feature) const {
    const nlohmann::json pool = Json({"pools", feature}).at("pools").at(0);
    return std::stoll(pool.value("used", "0"));
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

TEST_F(FeaturesSurviveTest, Credits) {
  constexpr int kCredits = 1'000;
  constexpr uint32_t kRequestsOfKill = 8;
  Install({absl::StrCat("run=", kCredits, ",model=credits")});
  int64_t granted = 0;
  int failed = 0;
  int differed = 0;
  for (int i = 0; i < kKills; ++i) {
    std::thread user([&] {
      for (uint32_t k = 0; k < kRequestsOfKill; ++k) {
        auto seat = holder_->Checkout("run", 1 + k % 3);
        failed += !seat.ok();
        if (!seat.ok()) continue;
        granted += 1 + k % 3;
        failed += !seat->Return().ok();
      }
    });
    KillLeader();
    user.join();
    differed += UsedOf("run") != granted;
  }
  std::cout << kKills << " leaders killed, " << granted << " credits granted, "
            << UsedOf("run") << " used, " << failed << " requests failed, "
            << differed << " times the two differed\n";
  EXPECT_EQ(failed, 0);
  EXPECT_EQ(differed, 0);
  EXPECT_GT(granted, kKills);
}

TEST_F(FeaturesSurviveTest, NamedUsers) {
  Install({"edit=5,model=named,recycle=3/30"});
  const auto visit = [&](const std::string& user) {
    const auto session = client_->OpenSession(
        {.user = user, .application = "editor", .ttl = absl::Minutes(10)});
    EXPECT_TRUE(session.ok()) << session.status();
    return (*session)->Checkout("edit").status();
  };
  const auto names = [&] {
    return Json({"users", "list", "edit"}).at("users");
  };
  int changed = 0;
  for (int i = 0; i < kKills; ++i) {
    // A name comes now and then, and each goes to whoever asks first.
    if (i % 4 == 0) EXPECT_TRUE(visit(absl::StrCat("user", i / 4)).ok());
    const nlohmann::json before = names();
    EXPECT_EQ(before.size(), static_cast<size_t>(i / 4 + 1));
    KillLeader();
    changed += names() != before;
  }
  std::cout << kKills << " leaders killed, " << changed
            << " times the names were others\n";
  EXPECT_EQ(changed, 0);
  EXPECT_EQ(ReasonOf(visit("late")), ErrorReason::kNamesExhausted);
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(
        cluster_->Quorate({"users", "release", "edit", absl::StrCat("user", i)})
            .exit_code,
        0);
    KillLeader();
  }
  // The limit holds under another leader, too.
  EXPECT_NE(cluster_->Quorate({"users", "release", "edit", "user3"}).exit_code,
            0);
  EXPECT_TRUE(visit("late").ok());
}

// What a member that answers says to a session whose user is idle.
struct Warnings {
  int count = 0;
  int64_t most_seconds = 0;  // Until a seat goes.
};

Warnings WarningsAfter(const TestCluster& cluster, const std::string& session,
                       absl::Duration idle) {
  checkout::v1::KeepAliveRequest request;
  request.add_sessions(session);
  request.add_activities()->set_session(session);
  request.mutable_activities(0)->mutable_idle()->set_seconds(
      absl::ToInt64Seconds(idle));
  for (const TestMember& member : cluster.Members()) {
    Api api(member.endpoint, cluster.environment());
    grpc::ClientContext context;
    SetDeadline(&context, absl::Seconds(10));
    const auto stream = api.checkout().KeepAlive(&context);
    stream->Write(request);
    stream->WritesDone();
    Warnings warnings;
    bool renewed = false;
    checkout::v1::KeepAliveResponse response;
    while (stream->Read(&response)) {
      renewed |= response.renewals_size() == 1;
      if (!response.event().has_seat_idle()) continue;
      ++warnings.count;
      warnings.most_seconds = std::max(
          warnings.most_seconds, response.event().seat_idle().left().seconds());
    }
    stream->Finish();
    if (renewed) return warnings;
  }
  return {};
}

// Handle, session and units of each seat that lingers, with a comma behind.
std::string Lingering(const TestCluster& cluster, int64_t* least_seconds) {
  const CommandResult result = cluster.Quorate({"-o", "json", "seats", "cad"});
  EXPECT_EQ(result.exit_code, 0) << result.errors;
  std::string lingering;
  const auto json = nlohmann::json::parse(result.output, nullptr, false);
  if (!json.is_object()) return "none";
  for (const auto& held : json.value("seats", nlohmann::json::array())) {
    const std::string left = held.value("lingerLeft", "");
    if (left.empty()) continue;
    *least_seconds = std::min(*least_seconds, std::stol(left));
    absl::StrAppend(&lingering, held["seat"]["handle"].get<std::string>(), " ",
                    held["session"].get<std::string>(), " ",
                    held["seat"]["count"].dump(), ",");
  }
  return lingering;
}

TEST_F(FeaturesSurviveTest, WhoIsIdleAndWhatLingers) {
  const std::string rules = absl::StrCat(cluster_->dir(), "/rules.toml");
  std::ofstream(rules) << "[[rule]]\nname = \"hold\"\nkind = \"linger\"\n"
                          "feature = \"cad\"\nspan = \"2h\"\n"
                          "[[rule]]\nname = \"lunch\"\nkind = \"idle\"\n"
                          "span = \"20m\"\nwarning = \"10m\"\n";
  ASSERT_EQ(cluster_->Quorate({"rules", "apply", rules}).exit_code, 0);
  std::vector<uint64_t> handles;
  for (const uint32_t count : {2u, 3u}) {
    auto seat = holder_->Checkout("cad", count);
    ASSERT_TRUE(seat.ok()) << seat.status();
    handles.push_back(seat->handle());
    ASSERT_TRUE(seat->Return().ok());
  }
  // Whoever comes over another stream hears the warnings that stand.
  Warnings warned =
      WarningsAfter(*cluster_, holder_->name(), absl::Minutes(12));
  ASSERT_EQ(warned.count, kSolverSeats);
  ASSERT_EQ(warned.most_seconds, 600);
  int64_t least = 7'200;
  const std::string before = Lingering(*cluster_, &least);
  EXPECT_EQ(std::count(before.begin(), before.end(), ','), 2);
  int changed = 0;
  int warned_again = 0;
  for (int i = 0; i < kKills; ++i) {
    KillLeader();
    int64_t left = least;
    changed += Lingering(*cluster_, &left) != before;
    // Cluster time goes on, and never back.
    EXPECT_GT(left, 7'200 - 900);
    least = left;
    // Not from the beginning.
    const Warnings now =
        WarningsAfter(*cluster_, holder_->name(), absl::Minutes(12));
    EXPECT_EQ(now.count, kSolverSeats);
    warned_again +=
        now.most_seconds > warned.most_seconds || now.most_seconds == 600;
    warned = now;
  }
  std::cout << kKills << " leaders killed, " << changed
            << " times other seats lingered, " << warned_again
            << " times the idle were warned again\n";
  EXPECT_EQ(changed, 0);
  EXPECT_EQ(warned_again, 0);
  const auto again = holder_->Checkout("cad", 3);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->handle(), handles[1]);
  const CommandResult sessions = cluster_->Quorate({"-o", "json", "sessions"});
  const auto json = nlohmann::json::parse(sessions.output, nullptr, false);
  ASSERT_EQ(json["sessions"].size(), 1u);
  EXPECT_FALSE(json["sessions"][0].value("idle", "").empty());
}

// What is away, and what is kept for jobs, as JSON; the time that bookings have
// left is not compared.
nlohmann::json HeldByNobody(const TestCluster& cluster) {
  nlohmann::json held;
  const auto list = [&cluster](const std::string& what) {
    const CommandResult result = cluster.Quorate({"-o", "json", what});
    EXPECT_EQ(result.exit_code, 0) << result.errors;
    return nlohmann::json::parse(result.output, nullptr, false);
  };
  held["borrows"] = list("borrows").value("borrows", nlohmann::json::array());
  held["seats"] = nlohmann::json::array();
  for (const auto& seat :
       list("seats").value("seats", nlohmann::json::array())) {
    if (seat.value("kind", "") != "SESSION_KIND_APPLICATION") {
      held["seats"].push_back(seat);
    }
  }
  held["jobs"] = nlohmann::json::array();
  for (const auto& session :
       list("sessions").value("sessions", nlohmann::json::array())) {
    if (session.value("kind", "") != "SESSION_KIND_BOOKING") continue;
    held["jobs"].push_back({session.at("name"), session.at("job")});
  }
  return held;
}

TEST_F(FeaturesSurviveTest, BorrowsAndBookings) {
  for (const std::string& days : {"1d", "7d", "30d"}) {
    const CommandResult borrowed =
        cluster_->Quorate({"borrow", "cad", "--for", days, "--count", "2"});
    ASSERT_EQ(borrowed.exit_code, 0) << borrowed.errors;
  }
  std::vector<std::string> bookings;
  for (const std::string& job : {"job-1", "job-2"}) {
    const CommandResult booked =
        cluster_->Quorate({"-o", "json", "book", "cad=2", "viewer=3", "--hold",
                           "12h", "--job", job});
    ASSERT_EQ(booked.exit_code, 0) << booked.errors;
    bookings.push_back(
        nlohmann::json::parse(booked.output).at("booking").at("name"));
  }
  const nlohmann::json held = HeldByNobody(*cluster_);
  ASSERT_EQ(held.at("borrows").size(), 3U);
  ASSERT_EQ(held.at("jobs").size(), 2U);
  ASSERT_EQ(held.at("seats").size(), 7U);
  int changed = 0;
  for (int i = 0; i < kKills; ++i) {
    KillLeader();
    changed += HeldByNobody(*cluster_) != held;
  }
  std::cout << kKills << " leaders killed, " << changed
            << " times other seats were borrowed or booked\n";
  EXPECT_EQ(changed, 0);

  const std::string borrow = held.at("borrows")[0].at("borrow").at("name");
  EXPECT_EQ(cluster_->Quorate({"return", borrow}).exit_code, 0);
  EXPECT_EQ(cluster_->Quorate({"cancel-booking", bookings[1]}).exit_code, 0);
  auto taken = holder_->ConfirmBooking(bookings[0]);
  ASSERT_TRUE(taken.ok()) << taken.status();
  ASSERT_EQ(taken->size(), 2U);
  EXPECT_EQ(
      taken->front().handle(),
      std::stoull(
          held.at("seats")[3].at("seat").at("handle").get<std::string>()));
  Api api(cluster_->Members().front().endpoint, cluster_->environment());
  const auto cad = api.PoolOf("cad");
  ASSERT_TRUE(cad.ok()) << cad.status();
  EXPECT_EQ(cad->out(), 6U);
  EXPECT_EQ(cad->borrowed(), 4U);
}

}  // namespace
}  // namespace quorate::e2e
