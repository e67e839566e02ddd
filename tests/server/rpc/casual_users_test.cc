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
    world_.Do(license);
    for (const char* user : {"ann", "bob", "eve"}) {
      auto open = licensing::OpenCommand(licensing::kMaxTtlMs);
      open.mutable_open_session()->mutable_description()->set_user(user);
      world_.Do(open);
    }
  }

  void At(int64_t minute) {
    world_.node().SetTime(1, kStartMs + minute * kMinuteMs);
    world_.Do(licensing::AdvanceCommand());
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
  int64_t reset_seconds_ = kFebruary;
};

TEST_F(CasualUsersTest, AreListedWithWhatTheyUsed) {
  EXPECT_THAT(List(9, ""), IsEmpty());
  world_.Do(licensing::CheckoutCommand(1, {{"cad", 1}, {"view", 1}}));
  world_.Do(licensing::CheckoutCommand(2, {{"cad", 1}}));
  At(20);
  world_.Do(licensing::CloseCommand(2));
  At(40);
  for (const int size : {1, 2, 3, 4}) {
    EXPECT_THAT(List(size, ""), ElementsAre("cad ann 40/100*", "cad bob 20/100",
                                            "view ann 30/30"))
        << size;
  }
  EXPECT_THAT(List(2, R"(feature="view")"), ElementsAre("view ann 30/30"));
}

TEST_F(CasualUsersTest, BeginAnewWithTheMonth) {
  world_.Do(licensing::CheckoutCommand(1, {{"cad", 1}}));
  At(20);
  world_.Do(licensing::CheckinCommand(1, {1}));
  EXPECT_THAT(List(9, ""), ElementsAre("cad ann 20/100"));
  At(31 * 24 * 60 - 15);
  world_.Do(licensing::CheckoutCommand(3, {{"cad", 1}}));
  At(31 * 24 * 60 + 25);
  reset_seconds_ = kFebruary + int64_t{28} * 24 * 3'600;
  EXPECT_THAT(List(9, ""), ElementsAre("cad eve 25/100*"));
}

}  // namespace
}  // namespace quorate::server
