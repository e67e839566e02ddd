// A scheduler books, a job confirms, and both are told what they hold; refusals
// name the field. Clients talk over TLS on loopback with a member whose node is
// replaced.

#include <memory>
#include <string>

#include "gtest/gtest.h"

#include "quorate/monitoring/v1/monitoring.grpc.pb.h"

#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

namespace checkout = ::quorate::checkout::v1;
namespace monitoring = ::quorate::monitoring::v1;

class BookingServiceTest : public testing::Test {
 protected:
  BookingServiceTest()
      : stub_(checkout::CheckoutService::NewStub(
            world_.Connect(ClientNames("alice")))),
        monitor_(monitoring::MonitoringService::NewStub(
            world_.Connect(ClientNames("admin")))) {
    const auto licenses = admin::v1::LicenseService::NewStub(
        world_.Connect(ClientNames("admin")));
    admin::v1::InstallLicenseRequest install;
    install.set_request_id("install");
    install.set_license_file(world_.LicenseFile("L1", 1, "cad", 4));
    admin::v1::InstallLicenseResponse installed;
    EXPECT_TRUE(
        licenses->InstallLicense(NewCall().get(), install, &installed).ok());
  }

  static checkout::BookRequest Wish(const std::string& request_id) {
    checkout::BookRequest request;
    request.set_request_id(request_id);
    request.mutable_client()->set_user("ann");
    request.mutable_client()->set_host("farm");
    request.add_items()->set_feature("cad");
    request.add_items()->set_feature("cad");
    request.mutable_items(1)->set_count(2);
    request.mutable_hold()->set_seconds(600);
    request.set_job("lsf-4711");
    return request;
  }

  checkout::Booking Book(const std::string& request_id) {
    checkout::BookResponse response;
    EXPECT_TRUE(stub_->Book(NewCall().get(), Wish(request_id), &response).ok());
    return response.booking();
  }

  ServiceWorld world_;
  std::unique_ptr<checkout::CheckoutService::Stub> stub_;
  std::unique_ptr<monitoring::MonitoringService::Stub> monitor_;
};

TEST_F(BookingServiceTest, KeepsSeatsForAJobThatTakesThemOver) {
  const checkout::Booking booking = Book("b1");
  ASSERT_EQ(booking.seats_size(), 2);
  EXPECT_EQ(booking.seats(1).count(), 2U);
  EXPECT_EQ(booking.job(), "lsf-4711");
  EXPECT_EQ(booking.left().seconds(), 600);
  EXPECT_EQ(Book("b1").name(), booking.name());
  monitoring::ListSessionsResponse sessions;
  ASSERT_TRUE(monitor_->ListSessions(NewCall().get(), {}, &sessions).ok());
  ASSERT_EQ(sessions.sessions_size(), 1);
  EXPECT_EQ(sessions.sessions(0).kind(), monitoring::SESSION_KIND_BOOKING);
  EXPECT_EQ(sessions.sessions(0).job(), "lsf-4711");
  EXPECT_EQ(sessions.sessions(0).lease_left().seconds(), 600);

  checkout::OpenSessionRequest open;
  open.set_request_id("o1");
  open.mutable_client()->set_user("ann");
  open.mutable_client()->set_host("node7");
  checkout::OpenSessionResponse opened;
  ASSERT_TRUE(stub_->OpenSession(NewCall().get(), open, &opened).ok());
  checkout::ConfirmBookingRequest confirm;
  confirm.set_request_id("c1");
  confirm.set_booking(booking.name());
  confirm.set_session(opened.session());
  checkout::ConfirmBookingResponse confirmed;
  ASSERT_TRUE(stub_->ConfirmBooking(NewCall().get(), confirm, &confirmed).ok());
  ASSERT_EQ(confirmed.seats_size(), 2);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(confirmed.seats(i).SerializeAsString(),
              booking.seats(i).SerializeAsString());
  }
  confirm.set_request_id("c2");
  EXPECT_EQ(
      ReasonOf(stub_->ConfirmBooking(NewCall().get(), confirm, &confirmed)),
      "BOOKING_NOT_FOUND");
}

TEST_F(BookingServiceTest, IsCancelled) {
  checkout::CancelBookingRequest request;
  request.set_request_id("x1");
  request.set_booking(Book("b1").name());
  checkout::CancelBookingResponse response;
  EXPECT_TRUE(stub_->CancelBooking(NewCall().get(), request, &response).ok());
  monitoring::ListPoolsResponse pools;
  ASSERT_TRUE(monitor_->ListPools(NewCall().get(), {}, &pools).ok());
  EXPECT_EQ(pools.pools(0).out(), 0U);
}

TEST_F(BookingServiceTest, RefusalsNameTheField) {
  const auto field = [this](const checkout::BookRequest& request) {
    checkout::BookResponse response;
    const grpc::Status status =
        stub_->Book(NewCall().get(), request, &response);
    EXPECT_EQ(ReasonOf(status), "BAD_REQUEST");
    return status.error_message().substr(0, status.error_message().find(':'));
  };
  checkout::BookRequest wish = Wish("b1");
  wish.clear_hold();
  EXPECT_EQ(field(wish), "hold");
  wish.mutable_hold()->set_seconds(24 * 3600 + 1);
  EXPECT_EQ(field(wish), "hold");
  wish = Wish("b1");
  wish.set_job("a\nb");
  EXPECT_EQ(field(wish), "job");
  wish = Wish("b1");
  wish.mutable_items(1)->set_feature("no such name");
  EXPECT_EQ(field(wish), "items[1].feature");
}

}  // namespace
}  // namespace quorate::server
