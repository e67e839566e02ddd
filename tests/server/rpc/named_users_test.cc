// Named users are listed page by page and released by an administrator, with
// the reason where they are not. A client talks over TLS on loopback with a
// member whose node is replaced.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "quorate/admin/v1/session.grpc.pb.h"

#include "tests/server/licensing/commands.h"
#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

namespace monitoring = ::quorate::monitoring::v1;

class NamedUsersTest : public testing::Test {
 protected:
  NamedUsersTest()
      : monitoring_(monitoring::MonitoringService::NewStub(
            world_.Connect(ClientNames("monitor")))),
        admin_(admin::v1::SessionService::NewStub(
            world_.Connect(ClientNames("admin")))) {
    auto license =
        licensing::InstallCommand("L1", 1, {{"edit", 5}, {"view", 5}});
    for (auto& feature : *license.mutable_install_license()
                              ->mutable_terms()
                              ->mutable_features()) {
      feature.set_named_users(true);
      feature.set_recycle_count(1);
      feature.set_recycle_days(30);
    }
    world_.Do(license);
    for (const char* user : {"ann", "bob", "eve"}) {
      auto open = licensing::OpenCommand(30'000);
      open.mutable_open_session()->mutable_description()->set_user(user);
      world_.Do(open);
    }
    world_.Do(licensing::CheckoutCommand(1, {{"edit", 1}, {"view", 1}}));
    world_.Do(licensing::CheckoutCommand(2, {{"edit", 1}}));
    world_.Do(licensing::CheckoutCommand(3, {{"edit", 1}}));
    world_.Do(licensing::CloseCommand(1));
    world_.Do(licensing::CloseCommand(2));
  }

  // "feature user", with a star who is active, page by page.
  std::vector<std::string> List(int size, const std::string& filter) {
    std::vector<std::string> found;
    monitoring::ListNamedUsersRequest request;
    request.set_page_size(size);
    request.set_filter(filter);
    do {
      monitoring::ListNamedUsersResponse response;
      const grpc::Status status =
          monitoring_->ListNamedUsers(NewCall().get(), request, &response);
      EXPECT_TRUE(status.ok()) << status.error_message();
      EXPECT_LE(response.users_size(), size);
      for (const auto& user : response.users()) {
        EXPECT_EQ(user.pool(),
                  absl::StrCat(user.feature(), "{named,recycle:1/30d}"));
        found.push_back(absl::StrCat(user.feature(), " ", user.user(),
                                     user.active() ? "*" : ""));
      }
      request.set_page_token(response.next_page_token());
    } while (!request.page_token().empty());
    return found;
  }

  grpc::Status Release(const std::string& user) {
    admin::v1::ReleaseNamedUserRequest request;
    request.set_request_id(absl::StrCat("release-", ++requests_));
    request.set_feature("edit");
    request.set_user(user);
    admin::v1::ReleaseNamedUserResponse response;
    return admin_->ReleaseNamedUser(NewCall().get(), request, &response);
  }

  ServiceWorld world_;
  std::unique_ptr<monitoring::MonitoringService::Stub> monitoring_;
  std::unique_ptr<admin::v1::SessionService::Stub> admin_;
  int requests_ = 0;
};

TEST_F(NamedUsersTest, AreListedPageByPage) {
  for (const int size : {1, 2, 3, 4}) {
    EXPECT_THAT(List(size, ""),
                ElementsAre("edit ann", "edit bob", "edit eve*", "view ann"))
        << size;
  }
  EXPECT_THAT(List(2, R"(feature="view")"), ElementsAre("view ann"));
}

TEST_F(NamedUsersTest, AreReleasedAsOftenAsTheLicenceSays) {
  EXPECT_THAT(Release("eve").error_message(),
              HasSubstr("eve has a seat of edit out"));
  EXPECT_THAT(Release("zoe").error_message(),
              HasSubstr("zoe has no name of edit"));
  EXPECT_TRUE(Release("ann").ok());
  EXPECT_THAT(List(9, ""), ElementsAre("edit bob", "edit eve*", "view ann"));
  const grpc::Status refused = Release("bob");
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(refused.error_message(),
              HasSubstr("1 names be freed in 30 days"));
}

}  // namespace
}  // namespace quorate::server
