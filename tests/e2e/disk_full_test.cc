// Property: a member whose disk fills up neither stops the cluster nor loses
// anything nor ends again and again; with all disks nearly full new work is
// refused while seats come back; and when there is room all is well by itself.
// Method: real members on file systems of some MiB in memory, started again by
// the test whenever they end, filled under a follower, the leader (slowly and
// at once), and all.

#include <cstdio>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

#include "base/clock.h"
#include "tests/e2e/api.h"
#include "tests/e2e/failover_report.h"
#include "tests/e2e/small_disk.h"
#include "tests/e2e/supervised_member.h"
#include "tests/e2e/test_cluster.h"
#include "tests/e2e/writers.h"

namespace quorate::e2e {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr uint64_t kDiskBytes = 96 * kMiB;

// Below the 16 MiB that count as low on such a disk, above the 4 MiB at which
// the reserve is let go.
constexpr uint64_t kNearlyFull = 9 * kMiB;

// Enough to come back by a snapshot.
constexpr uint64_t kSomeRoom = 40 * kMiB;

constexpr absl::Duration kLimit = absl::Seconds(90);

// As storage_disk_space says in a member's log.
constexpr char kWaits[] = "waits_for_disk_space";

class DiskFullTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    const absl::Status entered = EnterMountNamespace();
    ASSERT_TRUE(entered.ok()) << entered;
  }

  void SetUp() override {
    auto cluster = TestCluster::Start(3, {}, [&](const std::string& dir) {
      for (const char* name : {"m1", "m2", "m3"}) {
        auto disk =
            SmallDisk::Mount(absl::StrCat(dir, "/", name, "/data"), kDiskBytes);
        if (!disk.ok()) return disk.status();
        disks_[name] = *std::move(disk);
      }
      return absl::OkStatus();
    });
    ASSERT_TRUE(cluster.ok()) << cluster.status();
    cluster_ = *std::move(cluster);
    for (const auto& [name, disk] : disks_) {
      std::ofstream(absl::StrCat(cluster_->dir(), "/", name, "/config.toml"),
                    std::ios::app)
          << "[storage]\nsnapshot_mib = 2\n";
      members_[name] = std::make_unique<SupervisedMember>(cluster_.get(), name);
    }
    for (const auto& [name, disk] : disks_)
      AwaitService(name);
  }

  // A full disk damages nothing: nobody loses what he had written.
  void TearDown() override {
    for (const auto& [name, member] : members_) {
      EXPECT_EQ(member->LogCount("data_not_usable"), 0) << name;
    }
  }

  void AwaitService(const std::string& name) {
    EXPECT_TRUE(WaitForService(*cluster_, name, kLimit)) << name;
  }

  std::string Follower() const {
    const std::string leader = WaitForLeader(*cluster_);
    return leader == "m1" ? "m2" : "m1";
  }

  // Leaves no byte free until the member has ended.
  void FillUntilItEnds(const std::string& name) {
    const absl::Duration end = SystemClock().SinceBoot() + kLimit;
    do {
      disks_[name]->FillUpTo(0);
    } while (!members_[name]->AwaitExits(1, absl::Milliseconds(50)) &&
             SystemClock().SinceBoot() < end);
    ASSERT_EQ(members_[name]->exits(), std::vector<int>{70}) << name;
  }

  // It was started again, waits, and was not started more than that.
  void ExpectItWaits(const std::string& name, Writers* writers) {
    const absl::Duration until = SystemClock().SinceBoot() + absl::Seconds(10);
    while (SystemClock().SinceBoot() < until) {
      ASSERT_LT(writers->NextAcknowledged(SystemClock().SinceBoot(), kLimit),
                kLimit);
      disks_[name]->FillUpTo(0);
    }
    const absl::Duration end = SystemClock().SinceBoot() + kLimit;
    while (members_[name]->LogCount(kWaits) == 0 &&
           SystemClock().SinceBoot() < end) {
    }
    std::printf("%s: ended %zu times, started %d times, waits: %d lines\n",
                name.c_str(), members_[name]->exits().size(),
                members_[name]->starts(), members_[name]->LogCount(kWaits));
    EXPECT_EQ(members_[name]->LogCount(kWaits), 1);
    EXPECT_LE(members_[name]->starts(), 3);
  }

  std::map<std::string, std::unique_ptr<SmallDisk>> disks_;
  std::unique_ptr<TestCluster> cluster_;
  std::map<std::string, std::unique_ptr<SupervisedMember>> members_;
};

TEST_F(DiskFullTest, OneFullDiskCostsNothing) {
  Writers writers(cluster_.get());
  ASSERT_TRUE(writers.Start().ok());
  const auto expect_progress = [&] {
    EXPECT_LT(writers.NextAcknowledged(SystemClock().SinceBoot(), kLimit),
              kLimit);
  };

  const std::string follower = Follower();
  disks_[follower]->FillUpTo(kNearlyFull);
  expect_progress();
  FillUntilItEnds(follower);
  ExpectItWaits(follower, &writers);
  disks_[follower]->Empty();
  disks_[follower]->FillUpTo(kSomeRoom);
  AwaitService(follower);
  disks_[follower]->Empty();

  const std::string leader = WaitForLeader(*cluster_);
  const absl::Duration filled = SystemClock().SinceBoot();
  disks_[leader]->FillUpTo(kNearlyFull);
  while (cluster_->Leader() == leader &&
         SystemClock().SinceBoot() < filled + kLimit) {
  }
  std::printf("%s handed leadership on within %.1f s\n", leader.c_str(),
              absl::ToDoubleSeconds(SystemClock().SinceBoot() - filled));
  EXPECT_NE(WaitForLeader(*cluster_), leader);
  expect_progress();
  EXPECT_TRUE(leader == follower || members_[leader]->starts() == 1);
  if (leader != follower) {
    FillUntilItEnds(leader);
    ExpectItWaits(leader, &writers);
  }
  disks_[leader]->Empty();
  AwaitService(leader);
  expect_progress();

  writers.Stop();
  Api api(cluster_->Members()[0].endpoint, cluster_->environment());
  const WriterTotals totals = writers.Audit(&api);
  PrintTotals(totals);
  ExpectZeros(totals);
}

// As when somebody copies a large file onto the leader's disk: there is no time
// to hand over.
TEST_F(DiskFullTest, TheLeadersDiskIsFullAtOnce) {
  Writers writers(cluster_.get());
  ASSERT_TRUE(writers.Start().ok());
  writers.NextAcknowledged(SystemClock().SinceBoot(), kLimit);
  const std::string leader = WaitForLeader(*cluster_);
  const absl::Duration filled = SystemClock().SinceBoot();
  FillUntilItEnds(leader);
  const absl::Duration ended = SystemClock().SinceBoot();
  const absl::Duration gap = writers.NextAcknowledged(ended, kLimit);
  std::printf(
      "%s, which led, ended after %.1f s; next checkout %.0f ms later\n",
      leader.c_str(), absl::ToDoubleSeconds(ended - filled),
      absl::ToDoubleMilliseconds(gap));
  EXPECT_LT(gap, kLimit);
  EXPECT_NE(WaitForLeader(*cluster_), leader);
  ExpectItWaits(leader, &writers);
  const absl::Duration emptied = SystemClock().SinceBoot();
  disks_[leader]->Empty();
  AwaitService(leader);
  std::printf("%s serves %.1f s after there was room again\n", leader.c_str(),
              absl::ToDoubleSeconds(SystemClock().SinceBoot() - emptied));
  writers.Stop();
  Api api(cluster_->Members()[0].endpoint, cluster_->environment());
  const WriterTotals totals = writers.Audit(&api);
  PrintTotals(totals);
  ExpectZeros(totals);
}

// One call by plain stubs; the status tells.
grpc::Status CheckOut(Api* api, const std::string& session, int number,
                      uint64_t* handle) {
  checkout::v1::CheckoutRequest request;
  request.set_request_id(absl::StrCat("disk-full-", number));
  request.set_session(session);
  request.add_items()->set_feature("cad");
  checkout::v1::CheckoutResponse response;
  grpc::ClientContext context;
  SetDeadline(&context, absl::Seconds(20));
  const grpc::Status status =
      api->checkout().Checkout(&context, request, &response);
  if (status.ok()) *handle = response.seats(0).handle();
  return status;
}

grpc::Status GiveBack(Api* api, const std::string& session, uint64_t handle) {
  checkout::v1::CheckinRequest request;
  request.set_request_id(absl::StrCat("disk-full-back-", handle));
  request.set_session(session);
  request.add_seats(handle);
  checkout::v1::CheckinResponse response;
  grpc::ClientContext context;
  SetDeadline(&context, absl::Seconds(20));
  return api->checkout().Checkin(&context, request, &response);
}

// What the details of a refusal say.
struct Details {
  bool retry = false;
  std::string member;
};

Details DetailsOf(const grpc::Status& status) {
  Details details;
  google::rpc::Status parsed;
  parsed.ParseFromString(status.error_details());
  for (const auto& any : parsed.details()) {
    google::rpc::ErrorInfo info;
    if (any.UnpackTo(&info) && info.metadata().count("member") > 0) {
      details.member = info.metadata().at("member");
    }
    details.retry |= any.Is<google::rpc::RetryInfo>();
  }
  return details;
}

TEST_F(DiskFullTest, AllNearlyFullRefusesOnlyWhatIsNew) {
  Api api(cluster_->Member("m1").endpoint, cluster_->environment());
  checkout::v1::OpenSessionRequest open;
  open.set_request_id("disk-full-open");
  open.mutable_client()->set_application("test");
  open.mutable_client()->set_user("ada");
  open.mutable_client()->set_host("h1");
  checkout::v1::OpenSessionResponse session;
  grpc::ClientContext opening;
  SetDeadline(&opening, absl::Seconds(20));
  const grpc::Status opened =
      api.checkout().OpenSession(&opening, open, &session);
  ASSERT_TRUE(opened.ok()) << opened.error_message();
  uint64_t handle = 0;
  ASSERT_TRUE(CheckOut(&api, session.session(), 0, &handle).ok());

  for (const auto& [name, disk] : disks_)
    disk->FillUpTo(kNearlyFull);
  grpc::Status refused;
  int number = 0;
  uint64_t ignored = 0;
  const absl::Duration end = SystemClock().SinceBoot() + kLimit;
  do {
    refused = CheckOut(&api, session.session(), ++number, &ignored);
    if (refused.ok()) GiveBack(&api, session.session(), ignored);
  } while (refused.ok() && SystemClock().SinceBoot() < end);
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOfRefusal(refused), "DISK_FULL");
  EXPECT_TRUE(DetailsOf(refused).retry);
  EXPECT_EQ(disks_.count(DetailsOf(refused).member), 1U);
  std::printf("refused: %s\n", refused.error_message().c_str());

  // Of what there is, all goes on.
  grpc::ClientContext renewing;
  SetDeadline(&renewing, absl::Seconds(20));
  const auto stream = api.checkout().KeepAlive(&renewing);
  checkout::v1::KeepAliveRequest renew;
  renew.add_sessions(session.session());
  checkout::v1::KeepAliveResponse renewed;
  ASSERT_TRUE(stream->Write(renew) && stream->Read(&renewed));
  ASSERT_EQ(renewed.renewals_size(), 1);
  EXPECT_EQ(renewed.renewals(0).state(), checkout::v1::SESSION_STATE_ALIVE);
  stream->WritesDone();
  renewing.TryCancel();
  const grpc::Status back = GiveBack(&api, session.session(), handle);
  EXPECT_TRUE(back.ok()) << back.error_message();

  for (const auto& [name, disk] : disks_)
    disk->Empty();
  const absl::Duration emptied = SystemClock().SinceBoot();
  grpc::Status again;
  do {
    again = CheckOut(&api, session.session(), ++number, &handle);
  } while (!again.ok() && SystemClock().SinceBoot() < emptied + kLimit);
  EXPECT_TRUE(again.ok()) << again.error_message();
  std::printf("granted %.1f s after there was room again\n",
              absl::ToDoubleSeconds(SystemClock().SinceBoot() - emptied));
  for (const auto& [name, member] : members_)
    EXPECT_EQ(member->starts(), 1) << name;
}

}  // namespace
}  // namespace quorate::e2e
