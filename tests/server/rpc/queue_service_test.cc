// A checkout that waits is told its place, hears of its grant over the stream,
// and gets its seats by asking again. A client talks over TLS on loopback with
// a member whose node is replaced.

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using grpc::StatusCode;

namespace checkout = ::quorate::checkout::v1;

class QueueServiceTest : public testing::Test {
 protected:
  QueueServiceTest()
      : stub_(checkout::CheckoutService::NewStub(
            world_.Connect(ClientNames("alice")))),
        monitoring_(monitoring::v1::MonitoringService::NewStub(
            world_.Connect(ClientNames("monitor")))) {
    const auto licenses = admin::v1::LicenseService::NewStub(
        world_.Connect(ClientNames("admin")));
    admin::v1::InstallLicenseRequest request;
    request.set_request_id("install");
    request.set_license_file(world_.LicenseFile("L1", 1, "cad", 2));
    admin::v1::InstallLicenseResponse response;
    EXPECT_TRUE(
        licenses->InstallLicense(NewCall().get(), request, &response).ok());
    holder_ = Open("o1");
    waiter_ = Open("o2");
    checkout::CheckoutResponse seats;
    EXPECT_TRUE(Checkout(Want("c1", holder_), &seats).ok());
    held_ = seats.seats(0).handle();
  }

  std::string Open(const std::string& id) {
    checkout::OpenSessionRequest request;
    request.set_request_id(id);
    request.mutable_client()->set_user("ann");
    request.mutable_client()->set_host("ws1");
    checkout::OpenSessionResponse response;
    EXPECT_TRUE(stub_->OpenSession(NewCall().get(), request, &response).ok());
    return response.session();
  }

  // Both units of cad.
  static checkout::CheckoutRequest Want(const std::string& id,
                                        const std::string& session,
                                        int64_t wait_seconds = 0) {
    checkout::CheckoutRequest request;
    request.set_request_id(id);
    request.set_session(session);
    request.add_items()->set_feature("cad");
    request.mutable_items(0)->set_count(2);
    if (wait_seconds != 0) request.mutable_wait()->set_seconds(wait_seconds);
    return request;
  }

  grpc::Status Checkout(const checkout::CheckoutRequest& request,
                        checkout::CheckoutResponse* response) {
    return stub_->Checkout(NewCall().get(), request, response);
  }

  void ReturnHeld() {
    checkout::CheckinRequest request;
    request.set_request_id("return");
    request.set_session(holder_);
    request.add_seats(held_);
    checkout::CheckinResponse response;
    EXPECT_TRUE(stub_->Checkin(NewCall().get(), request, &response).ok());
  }

  grpc::Status Cancel(const std::string& id, const std::string& checkout_id) {
    checkout::CancelCheckoutRequest request;
    request.set_request_id(id);
    request.set_session(waiter_);
    request.set_checkout_request_id(checkout_id);
    checkout::CancelCheckoutResponse response;
    return stub_->CancelCheckout(NewCall().get(), request, &response);
  }

  ServiceWorld world_;
  std::unique_ptr<checkout::CheckoutService::Stub> stub_;
  std::unique_ptr<monitoring::v1::MonitoringService::Stub> monitoring_;
  std::string holder_;
  std::string waiter_;
  uint64_t held_ = 0;
};

TEST_F(QueueServiceTest, TellsThePlaceAndThenTheSeats) {
  checkout::CheckoutResponse response;
  const checkout::CheckoutRequest request = Want("w1", waiter_, 600);
  ASSERT_TRUE(Checkout(request, &response).ok());
  EXPECT_EQ(response.seats_size(), 0);
  EXPECT_EQ(response.queue_place().number(), 1U);
  EXPECT_EQ(response.queue_place().position(), 1U);
  ReturnHeld();
  ASSERT_TRUE(Checkout(request, &response).ok());
  EXPECT_FALSE(response.has_queue_place());
  ASSERT_EQ(response.seats_size(), 1);
  EXPECT_EQ(response.seats(0).count(), 2U);
}

TEST_F(QueueServiceTest, BringsTheNewsOverTheStreamThatRenews) {
  const auto context = NewCall();
  const auto stream = stub_->KeepAlive(context.get());
  checkout::KeepAliveRequest renew;
  renew.set_sequence(1);
  renew.add_sessions(waiter_);
  ASSERT_TRUE(stream->Write(renew));
  checkout::KeepAliveResponse response;
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_FALSE(response.has_event());
  checkout::CheckoutResponse queued;
  ASSERT_TRUE(Checkout(Want("w1", waiter_, 600), &queued).ok());
  ReturnHeld();
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.sequence(), 0U);
  EXPECT_EQ(response.event().session(), waiter_);
  const checkout::QueueGranted& granted = response.event().queue_granted();
  EXPECT_EQ(granted.request_id(), "w1");
  ASSERT_EQ(granted.seats_size(), 1);
  EXPECT_EQ(granted.seats(0).feature(), "cad");
  // The stream goes on.
  renew.set_sequence(2);
  ASSERT_TRUE(stream->Write(renew));
  ASSERT_TRUE(stream->Read(&response));
  EXPECT_EQ(response.sequence(), 2U);
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(QueueServiceTest, BringsNoNewsToWhoRenewsAnothersSession) {
  const auto bob =
      checkout::CheckoutService::NewStub(world_.Connect(ClientNames("bob")));
  const auto context = NewCall();
  const auto stream = bob->KeepAlive(context.get());
  checkout::KeepAliveRequest renew;
  renew.add_sessions(waiter_);
  ASSERT_TRUE(stream->Write(renew));
  checkout::KeepAliveResponse response;
  ASSERT_TRUE(stream->Read(&response));
  checkout::CheckoutResponse queued;
  ASSERT_TRUE(Checkout(Want("w1", waiter_, 600), &queued).ok());
  ReturnHeld();
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(QueueServiceTest, ShowsWhoWaits) {
  checkout::CheckoutResponse queued;
  checkout::CheckoutRequest request = Want("w1", waiter_, 600);
  request.set_priority(7);
  ASSERT_TRUE(Checkout(request, &queued).ok());
  ASSERT_TRUE(Checkout(Want("w2", holder_, 60), &queued).ok());
  monitoring::v1::ListQueueRequest list;
  list.set_page_size(1);
  monitoring::v1::ListQueueResponse page;
  ASSERT_TRUE(monitoring_->ListQueue(NewCall().get(), list, &page).ok());
  ASSERT_EQ(page.checkouts_size(), 1);
  const monitoring::v1::QueuedCheckout& first = page.checkouts(0);
  EXPECT_EQ(first.session(), waiter_);
  EXPECT_EQ(first.client().user(), "ann");
  EXPECT_EQ(first.priority(), 7U);
  EXPECT_EQ(first.items(0).count(), 2U);
  EXPECT_EQ(first.wait_left().seconds(), 600);
  list.set_page_token(page.next_page_token());
  ASSERT_TRUE(monitoring_->ListQueue(NewCall().get(), list, &page).ok());
  ASSERT_EQ(page.checkouts_size(), 1);
  EXPECT_EQ(page.checkouts(0).session(), holder_);
  EXPECT_EQ(page.checkouts(0).priority(), 5U);
  EXPECT_EQ(page.checkouts(0).place().position(), 2U);
  EXPECT_EQ(page.next_page_token(), "");
  list.clear_page_token();
  list.set_filter("feature=\"none\"");
  ASSERT_TRUE(monitoring_->ListQueue(NewCall().get(), list, &page).ok());
  EXPECT_EQ(page.checkouts_size(), 0);
}

TEST_F(QueueServiceTest, TakesBackWhatWaits) {
  checkout::CheckoutResponse response;
  const checkout::CheckoutRequest request = Want("w1", waiter_, 600);
  ASSERT_TRUE(Checkout(request, &response).ok());
  EXPECT_TRUE(Cancel("x1", "w1").ok());
  const grpc::Status status = Checkout(request, &response);
  EXPECT_EQ(status.error_code(), StatusCode::ABORTED);
  EXPECT_EQ(ReasonOf(status), "WAIT_CANCELLED");
  EXPECT_EQ(ReasonOf(Cancel("x2", "w2")), "QUEUE_PLACE_NOT_FOUND");
}

TEST_F(QueueServiceTest, NamesTheFieldsThatAreWrong) {
  checkout::CheckoutResponse response;
  for (const int64_t seconds : {int64_t{-1}, int64_t{604'801}}) {
    const grpc::Status status =
        Checkout(Want("w1", waiter_, seconds), &response);
    EXPECT_EQ(
        DetailOf<google::rpc::BadRequest>(status).field_violations(0).field(),
        "wait");
  }
  checkout::CheckoutRequest request = Want("w1", waiter_, 1);
  request.set_priority(10);
  EXPECT_EQ(DetailOf<google::rpc::BadRequest>(Checkout(request, &response))
                .field_violations(0)
                .field(),
            "priority");
  EXPECT_EQ(DetailOf<google::rpc::BadRequest>(Cancel("x1", ""))
                .field_violations(0)
                .field(),
            "checkout_request_id");
}

}  // namespace
}  // namespace quorate::server
