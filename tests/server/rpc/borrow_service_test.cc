// A seat is borrowed, listed, returned and written off, each with the facts
// that the API promises, and refusals say why. Clients talk over TLS on
// loopback with a member whose node is replaced.

#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "quorate/admin/v1/policy.grpc.pb.h"
#include "quorate/admin/v1/session.grpc.pb.h"
#include "quorate/monitoring/v1/monitoring.grpc.pb.h"

#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using grpc::StatusCode;

namespace checkout = ::quorate::checkout::v1;
namespace monitoring = ::quorate::monitoring::v1;

constexpr int64_t kDay = 24 * 3600;

class BorrowServiceTest : public testing::Test {
 protected:
  BorrowServiceTest()
      : stub_(checkout::CheckoutService::NewStub(
            world_.Connect(ClientNames("alice")))),
        admin_(admin::v1::SessionService::NewStub(
            world_.Connect(ClientNames("admin")))),
        monitor_(monitoring::MonitoringService::NewStub(
            world_.Connect(ClientNames("admin")))) {
    const auto licenses = admin::v1::LicenseService::NewStub(
        world_.Connect(ClientNames("admin")));
    admin::v1::InstallLicenseRequest install;
    install.set_request_id("install");
    install.set_license_file(world_.LicenseFile("L1", 1, "cad", 2, 7 * kDay));
    admin::v1::InstallLicenseResponse installed;
    EXPECT_TRUE(
        licenses->InstallLicense(NewCall().get(), install, &installed).ok());
    EXPECT_EQ(installed.license().features(0).borrow_max().seconds(), 7 * kDay);
    checkout::OpenSessionRequest open;
    open.set_request_id("o1");
    open.mutable_client()->set_user("ann");
    open.mutable_client()->set_host("ws1");
    checkout::OpenSessionResponse opened;
    EXPECT_TRUE(stub_->OpenSession(NewCall().get(), open, &opened).ok());
    session_ = opened.session();
    checkout::CheckoutRequest want;
    want.set_request_id("c1");
    want.set_session(session_);
    want.add_items()->set_feature("cad");
    checkout::CheckoutResponse seats;
    EXPECT_TRUE(stub_->Checkout(NewCall().get(), want, &seats).ok());
    seat_ = seats.seats(0).handle();
  }

  checkout::BorrowRequest Wish(const std::string& request_id) const {
    checkout::BorrowRequest request;
    request.set_request_id(request_id);
    request.set_session(session_);
    request.add_seats(seat_);
    request.mutable_span()->set_seconds(kDay);
    return request;
  }

  checkout::Borrow Borrow() {
    checkout::BorrowResponse response;
    EXPECT_TRUE(stub_->Borrow(NewCall().get(), Wish("b1"), &response).ok());
    return response.borrow();
  }

  monitoring::ListBorrowsResponse Borrows(const std::string& filter) {
    monitoring::ListBorrowsRequest request;
    request.set_filter(filter);
    monitoring::ListBorrowsResponse response;
    EXPECT_TRUE(
        monitor_->ListBorrows(NewCall().get(), request, &response).ok());
    return response;
  }

  ServiceWorld world_;
  std::unique_ptr<checkout::CheckoutService::Stub> stub_;
  std::unique_ptr<admin::v1::SessionService::Stub> admin_;
  std::unique_ptr<monitoring::MonitoringService::Stub> monitor_;
  std::string session_;
  uint64_t seat_ = 0;
};

TEST_F(BorrowServiceTest, SaysWhatIsAwayAndUntilWhen) {
  const checkout::Borrow borrow = Borrow();
  EXPECT_NE(borrow.name(), session_);
  ASSERT_EQ(borrow.seats_size(), 1);
  EXPECT_EQ(borrow.seats(0).handle(), seat_);
  EXPECT_EQ(borrow.until_time().seconds() - borrow.borrow_time().seconds(),
            kDay);
  EXPECT_EQ(borrow.free_time().seconds() - borrow.until_time().seconds(), 3600);

  const auto all = Borrows("user=\"ann\"");
  ASSERT_EQ(all.borrows_size(), 1);
  EXPECT_EQ(all.borrows(0).borrow().SerializeAsString(),
            borrow.SerializeAsString());
  EXPECT_EQ(all.borrows(0).client().host(), "ws1");
  EXPECT_NE(all.borrows(0).principal().find("alice"), std::string::npos);
  EXPECT_EQ(Borrows("host=\"ws2\"").borrows_size(), 0);

  monitoring::ListSeatsResponse seats;
  ASSERT_TRUE(monitor_->ListSeats(NewCall().get(), {}, &seats).ok());
  EXPECT_EQ(seats.seats(0).kind(), monitoring::SESSION_KIND_BORROW);
  EXPECT_EQ(seats.seats(0).session(), borrow.name());
  EXPECT_EQ(seats.seats(0).until_time().seconds(),
            borrow.until_time().seconds());
  monitoring::ListSessionsResponse sessions;
  ASSERT_TRUE(monitor_->ListSessions(NewCall().get(), {}, &sessions).ok());
  ASSERT_EQ(sessions.sessions_size(), 2);
  EXPECT_EQ(sessions.sessions(0).kind(), monitoring::SESSION_KIND_APPLICATION);
  EXPECT_EQ(sessions.sessions(1).kind(), monitoring::SESSION_KIND_BORROW);
  EXPECT_FALSE(sessions.sessions(1).has_lease_left());
  monitoring::ListPoolsResponse pools;
  ASSERT_TRUE(monitor_->ListPools(NewCall().get(), {}, &pools).ok());
  EXPECT_EQ(pools.pools(0).borrowed(), 1U);
}

TEST_F(BorrowServiceTest, IsReturnedOnce) {
  const checkout::Borrow borrow = Borrow();
  checkout::ReturnBorrowRequest request;
  request.set_request_id("r1");
  request.set_borrow(borrow.name());
  checkout::ReturnBorrowResponse response;
  ASSERT_TRUE(stub_->ReturnBorrow(NewCall().get(), request, &response).ok());
  EXPECT_TRUE(stub_->ReturnBorrow(NewCall().get(), request, &response).ok());
  EXPECT_EQ(Borrows("").borrows_size(), 0);
  request.set_request_id("r2");
  const grpc::Status again =
      stub_->ReturnBorrow(NewCall().get(), request, &response);
  EXPECT_EQ(again.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(again), "BORROW_NOT_FOUND");
}

TEST_F(BorrowServiceTest, AWriteOffIsKept) {
  const checkout::Borrow borrow = Borrow();
  admin::v1::WriteOffBorrowRequest request;
  request.set_request_id("w1");
  request.set_borrow(borrow.name());
  admin::v1::WriteOffBorrowResponse response;
  EXPECT_EQ(
      ReasonOf(admin_->WriteOffBorrow(NewCall().get(), request, &response)),
      "BAD_REQUEST");
  request.set_reason("stolen");
  ASSERT_TRUE(admin_->WriteOffBorrow(NewCall().get(), request, &response).ok());
  EXPECT_NE(response.written_off_by().find("admin"), std::string::npos);
  monitoring::ListWriteOffsResponse gone;
  ASSERT_TRUE(monitor_->ListWriteOffs(NewCall().get(), {}, &gone).ok());
  ASSERT_EQ(gone.write_offs_size(), 1);
  const monitoring::WriteOff& kept = gone.write_offs(0);
  EXPECT_EQ(kept.borrow().borrow().SerializeAsString(),
            borrow.SerializeAsString());
  EXPECT_EQ(kept.reason(), "stolen");
  EXPECT_EQ(kept.written_off_by(), response.written_off_by());
  EXPECT_EQ(Borrows("").borrows_size(), 0);
}

TEST_F(BorrowServiceTest, RefusalsSayWhy) {
  checkout::BorrowRequest wish = Wish("b1");
  checkout::BorrowResponse response;
  wish.clear_end();
  EXPECT_EQ(ReasonOf(stub_->Borrow(NewCall().get(), wish, &response)),
            "BAD_REQUEST");
  wish.mutable_until()->set_seconds(1);
  EXPECT_EQ(ReasonOf(stub_->Borrow(NewCall().get(), wish, &response)),
            "BAD_REQUEST");
  wish.mutable_span()->set_seconds(8 * kDay);
  const grpc::Status too_long = stub_->Borrow(NewCall().get(), wish, &response);
  EXPECT_EQ(too_long.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(too_long), "BORROW_TOO_LONG");
  EXPECT_NE(too_long.error_message().find("cad can be borrowed until 20"),
            std::string::npos);
  Borrow();
  admin::v1::ReleaseSeatRequest release;
  release.set_request_id("s1");
  release.set_seat(seat_);
  admin::v1::ReleaseSeatResponse released;
  const grpc::Status kept =
      admin_->ReleaseSeat(NewCall().get(), release, &released);
  EXPECT_EQ(kept.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(kept), "GRANT_IS_BORROWED");
  EXPECT_NE(kept.error_message().find("it is borrowed as sessions/"),
            std::string::npos);
}

// The rule is named by the refusal, and by the plan of a stricter one.
TEST_F(BorrowServiceTest, ARuleOfThePolicyBoundsIt) {
  const auto policies =
      admin::v1::PolicyService::NewStub(world_.Connect(ClientNames("admin")));
  const auto apply = [&policies](const std::string& etag,
                                 const admin::v1::PolicyRule& rule) {
    admin::v1::ApplyPolicyRequest request;
    request.set_request_id("p" + etag);
    *request.mutable_policy()->add_rules() = rule;
    request.set_etag(etag);
    admin::v1::ApplyPolicyResponse response;
    const grpc::Status status =
        policies->ApplyPolicy(NewCall().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  };
  admin::v1::PolicyRule rule;
  rule.set_name("briefly");
  rule.set_kind(admin::v1::POLICY_RULE_KIND_BORROW);
  rule.mutable_span()->set_seconds(3600);
  apply("0", rule);
  checkout::BorrowResponse response;
  const grpc::Status too_long =
      stub_->Borrow(NewCall().get(), Wish("b1"), &response);
  EXPECT_EQ(ReasonOf(too_long), "BORROW_TOO_LONG");
  EXPECT_EQ(DetailOf<google::rpc::ErrorInfo>(too_long).metadata().at("rule"),
            "briefly");
  EXPECT_EQ(too_long.error_message().find(
                "rule \"briefly\" lets cad be borrowed until "),
            0U);
  rule.set_kind(admin::v1::POLICY_RULE_KIND_NO_BORROW);
  rule.clear_span();
  apply("1", rule);
  const grpc::Status not_at_all =
      stub_->Borrow(NewCall().get(), Wish("b2"), &response);
  EXPECT_EQ(ReasonOf(not_at_all), "BORROW_NOT_ALLOWED");
  EXPECT_EQ(not_at_all.error_message(),
            "rule \"briefly\" keeps you from borrowing cad");
  rule.set_kind(admin::v1::POLICY_RULE_KIND_BORROW);
  rule.set_low_water(2);
  apply("2", rule);
  const grpc::Status too_many =
      stub_->Borrow(NewCall().get(), Wish("b3"), &response);
  EXPECT_EQ(ReasonOf(too_many), "BORROW_LIMIT");
  EXPECT_EQ(too_many.error_message(),
            "1 units of cad cannot be borrowed: 0 are, and rule \"briefly\" "
            "lets 0 be");
}

}  // namespace
}  // namespace quorate::server
