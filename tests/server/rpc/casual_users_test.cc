// Casual users are listed page by page, with the minutes that they have used
// this month: running, stopped, used up, and gone with the month. A client
// talks over TLS on loopback with a member whose node is replaced.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

namespace monitoring = ::quorate::monitoring::v1;

// 2026-01-01, as the node begins, and the month after.
constexpr int64_t kStartMs = 1'767'225'600'000;
constexpr int64_t kFebruary = 1'769'904'000;
constexpr int64_t kMinuteMs = 60'000;

class CasualUsersTest : public testing::Test {
 protected:
  CasualUsersTest()
      : monitoring_(monitoring::MonitoringService::NewStub(
            world_.Connect(ClientNames("monitor")))) {
    auto license =
        licensing::InstallCommand("L1", 1, {{"cad", 5}, {"view", 5}});
    auto* const features =
        license.mutable_install_license()->mutable_terms()->mutable_features();
    features->Mutable(0)->set_casual_minutes(100);
    features->Mutable(1)->set_casual_minutes(30);
    Propose(license);
    for (const char* user : {"ann", "bob", "eve"}) {
      auto open = licensing::OpenCommand(licensing::kMaxTtlMs);
      open.mutable_open_session()->mutable_description()->set_user(user);
      Propose(open);
    }
  }

  void At(int64_t minute) {
    world_.node().SetTime(1, kStartMs + minute * kMinuteMs);
    Propose(licensing::AdvanceCommand());
  }

  void Propose(internal::v1::Command command) {
    command.set_request_id(absl::StrCat("r", ++requests_));
    command.set_principal(licensing::kAlice);
    command.set_not_after_cluster_ms(30'000);
    world_.node().Propose(
        command.SerializeAsString(), absl::Seconds(1),
        [](const replication::ProposeResult& result) {
          EXPECT_TRUE(
              static_cast<const LicensingAnswer&>(*result.answer).ledger.ok());
        });
  }

  // "feature user used/limit" in minutes, with a star where they run.
  std::vector<std::string> List(int size, const std::string& filter) {
    std::vector<std::string> found;
    monitoring::ListCasualUsersRequest request;
    request.set_page_size(size);
    request.set_filter(filter);
    do {
      monitoring::ListCasualUsersResponse response;
      const grpc::Status status =
          monitoring_->ListCasualUsers(NewCall().get(), request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_LE(response.users_size(), size);
      for (const auto& user : response.users()) {
        EXPECT_EQ(user.reset_time().seconds(), reset_seconds_);
        EXPECT_EQ(user.pool(), absl::StrCat(user.feature(), "{casual:",
                                            user.limit().seconds() / 60, "m}"));
        found.push_back(absl::StrCat(
            user.feature(), " ", user.user(), " ", user.used().seconds() / 60,
            "/", user.limit().seconds() / 60, user.active() ? "*" : ""));
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return found;
  }

  ServiceWorld world_;
  std::unique_ptr<monitoring::MonitoringService::Stub> monitoring_;
  int requests_ = 0;
  int64_t reset_seconds_ = kFebruary;
};

TEST_F(CasualUsersTest, AreListedWithWhatTheyUsed) {
  EXPECT_THAT(List(9, ""), IsEmpty());
  Propose(licensing::CheckoutCommand(1, {{"cad", 1}, {"view", 1}}));
  Propose(licensing::CheckoutCommand(2, {{"cad", 1}}));
  At(20);
  Propose(licensing::CloseCommand(2));
  At(40);
  for (const int size : {1, 2, 3, 4}) {
    EXPECT_THAT(List(size, ""), ElementsAre("cad ann 40/100*", "cad bob 20/100",
                                            "view ann 30/30"))
        << size;
  }
  EXPECT_THAT(List(2, R"(feature="view")"), ElementsAre("view ann 30/30"));
}

TEST_F(CasualUsersTest, BeginAnewWithTheMonth) {
  Propose(licensing::CheckoutCommand(1, {{"cad", 1}}));
  At(20);
  Propose(licensing::CheckinCommand(1, {1}));
  EXPECT_THAT(List(9, ""), ElementsAre("cad ann 20/100"));
  At(31 * 24 * 60 - 15);
  Propose(licensing::CheckoutCommand(3, {{"cad", 1}}));
  At(31 * 24 * 60 + 25);
  reset_seconds_ = kFebruary + int64_t{28} * 24 * 3'600;
  EXPECT_THAT(List(9, ""), ElementsAre("cad eve 25/100*"));
}

}  // namespace
}  // namespace quorate::server
