// What an administrator does to a session reaches its client, with the reason.
// Clients talk over TLS on loopback with a member whose node is replaced.

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

class SessionServiceTest : public testing::Test {
 protected:
  SessionServiceTest()
      : stub_(checkout::CheckoutService::NewStub(
            world_.Connect(ClientNames("alice")))),
        admin_(admin::v1::SessionService::NewStub(
            world_.Connect(ClientNames("admin")))) {
    const auto licenses = admin::v1::LicenseService::NewStub(
        world_.Connect(ClientNames("admin")));
    admin::v1::InstallLicenseRequest install;
    install.set_request_id("install");
    install.set_license_file(world_.LicenseFile("L1", 1, "cad", 2));
    admin::v1::InstallLicenseResponse installed;
    EXPECT_TRUE(
        licenses->InstallLicense(NewCall().get(), install, &installed).ok());
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
    call_ = NewCall();
    stream_ = stub_->KeepAlive(call_.get());
    Renew();
    EXPECT_EQ(news_.renewals(0).state(), checkout::SESSION_STATE_ALIVE);
  }

  void Renew() {
    checkout::KeepAliveRequest request;
    request.add_sessions(session_);
    EXPECT_TRUE(stream_->Write(request));
    EXPECT_TRUE(stream_->Read(&news_));
  }

  // The whole policy.
  void ApplyRule(const admin::v1::PolicyRule& rule) {
    const auto policies =
        admin::v1::PolicyService::NewStub(world_.Connect(ClientNames("admin")));
    admin::v1::ApplyPolicyRequest request;
    request.set_request_id("p1");
    request.set_etag("0");
    *request.mutable_policy()->add_rules() = rule;
    admin::v1::ApplyPolicyResponse response;
    ASSERT_TRUE(
        policies->ApplyPolicy(NewCall().get(), request, &response).ok());
  }

  ServiceWorld world_;
  std::unique_ptr<checkout::CheckoutService::Stub> stub_;
  std::unique_ptr<admin::v1::SessionService::Stub> admin_;
  std::unique_ptr<grpc::ClientContext> call_;
  std::unique_ptr<grpc::ClientReaderWriter<checkout::KeepAliveRequest,
                                           checkout::KeepAliveResponse>>
      stream_;
  checkout::KeepAliveResponse news_;
  std::string session_;
  uint64_t seat_ = 0;
};

TEST_F(SessionServiceTest, TellsTheClientWhyItIsTerminated) {
  admin::v1::TerminateSessionRequest request;
  request.set_request_id("t1");
  request.set_session(session_);
  request.set_reason("idle");
  request.mutable_cool_down()->set_seconds(60);
  admin::v1::TerminateSessionResponse response;
  ASSERT_TRUE(
      admin_->TerminateSession(NewCall().get(), request, &response).ok());
  EXPECT_EQ(response.termination().client().user(), "ann");
  EXPECT_EQ(response.termination().reason(), "idle");
  EXPECT_NE(response.termination().terminated_by().find("admin"),
            std::string::npos);
  EXPECT_EQ(response.termination().features(0), "cad");
  EXPECT_GT(response.seats_free_in().seconds(), 0);
  ASSERT_TRUE(stream_->Read(&news_));
  EXPECT_EQ(news_.event().session(), session_);
  EXPECT_EQ(news_.event().terminated().reason(), "idle");
  // Who missed the news hears it when he renews.
  Renew();
  EXPECT_EQ(news_.renewals(0).state(), checkout::SESSION_STATE_TERMINATED);
  EXPECT_EQ(news_.renewals(0).terminated().reason(), "idle");
  const grpc::Status again =
      admin_->TerminateSession(NewCall().get(), request, &response);
  EXPECT_TRUE(again.ok());  // The same request.
  request.set_request_id("t2");
  const grpc::Status other =
      admin_->TerminateSession(NewCall().get(), request, &response);
  EXPECT_EQ(other.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(other), "SESSION_TERMINATED");
}

TEST_F(SessionServiceTest, ReleasesASeat) {
  admin::v1::ReleaseSeatRequest request;
  request.set_request_id("t1");
  request.set_seat(seat_);
  request.set_reason("left open");
  admin::v1::ReleaseSeatResponse response;
  ASSERT_TRUE(admin_->ReleaseSeat(NewCall().get(), request, &response).ok());
  EXPECT_EQ(response.session(), session_);
  ASSERT_TRUE(stream_->Read(&news_));
  EXPECT_EQ(news_.event().seat_released().seat().handle(), seat_);
  EXPECT_EQ(news_.event().seat_released().reason(), "left open");
  request.set_request_id("t2");
  EXPECT_EQ(ReasonOf(admin_->ReleaseSeat(NewCall().get(), request, &response)),
            "SEAT_NOT_FOUND");
}

TEST_F(SessionServiceTest, WarnsWhoIsIdleAndTakesTheSeatBack) {
  admin::v1::PolicyRule rule;
  rule.set_name("lunch");
  rule.set_kind(admin::v1::POLICY_RULE_KIND_IDLE);
  rule.mutable_span()->set_seconds(60);
  rule.mutable_warning()->set_seconds(30);
  ApplyRule(rule);

  const auto say_idle = [this](int64_t seconds) {
    world_.node().AdvanceCluster(40'000);
    checkout::KeepAliveRequest request;
    request.add_sessions(session_);
    checkout::SessionActivity* activity = request.add_activities();
    activity->set_session(session_);
    activity->mutable_idle()->set_seconds(seconds);
    ASSERT_TRUE(stream_->Write(request));
    ASSERT_TRUE(stream_->Read(&news_));
  };
  world_.node().AdvanceCluster(60'000);
  say_idle(45);
  ASSERT_TRUE(news_.event().has_seat_idle());
  EXPECT_EQ(news_.event().session(), session_);
  EXPECT_EQ(news_.event().seat_idle().seat().handle(), seat_);
  EXPECT_EQ(news_.event().seat_idle().left().seconds(), 30);
  EXPECT_EQ(news_.event().seat_idle().rule(), "lunch");
  ASSERT_TRUE(stream_->Read(&news_));
  EXPECT_EQ(news_.renewals(0).state(), checkout::SESSION_STATE_ALIVE);

  const auto monitoring = monitoring::v1::MonitoringService::NewStub(
      world_.Connect(ClientNames("admin")));
  monitoring::v1::ListSessionsResponse sessions;
  ASSERT_TRUE(monitoring->ListSessions(NewCall().get(), {}, &sessions).ok());
  EXPECT_EQ(sessions.sessions(0).idle().seconds(), 45);

  // Who comes over another stream hears it too.
  stream_->WritesDone();
  EXPECT_TRUE(stream_->Finish().ok());
  stream_.reset();
  call_ = NewCall();
  stream_ = stub_->KeepAlive(call_.get());
  Renew();
  EXPECT_EQ(news_.event().seat_idle().seat().handle(), seat_);
  ASSERT_TRUE(stream_->Read(&news_));

  say_idle(85);
  ASSERT_TRUE(news_.event().has_seat_released());
  EXPECT_EQ(news_.event().seat_released().seat().handle(), seat_);
  EXPECT_EQ(news_.event().seat_released().reason(), "idle");
  EXPECT_EQ(news_.event().seat_released().released_by(), "lunch");
  ASSERT_TRUE(stream_->Read(&news_));

  checkout::KeepAliveRequest wrong;
  wrong.add_sessions(session_);
  wrong.add_activities()->set_session("7");
  ASSERT_TRUE(stream_->Write(wrong));
  EXPECT_FALSE(stream_->Read(&news_));
  EXPECT_EQ(ReasonOf(stream_->Finish()), "BAD_REQUEST");
}

TEST_F(SessionServiceTest, ShowsWhatLingersAndForWhom) {
  admin::v1::PolicyRule rule;
  rule.set_name("hold");
  rule.set_kind(admin::v1::POLICY_RULE_KIND_LINGER);
  rule.mutable_span()->set_seconds(600);
  ApplyRule(rule);
  checkout::CheckinRequest checkin;
  checkin.set_request_id("i1");
  checkin.set_session(session_);
  checkin.add_seats(seat_);
  checkout::CheckinResponse returned;
  ASSERT_TRUE(stub_->Checkin(NewCall().get(), checkin, &returned).ok());
  world_.node().AdvanceCluster(60'000);

  const auto monitoring = monitoring::v1::MonitoringService::NewStub(
      world_.Connect(ClientNames("admin")));
  checkout::KeepAliveRequest renew;
  renew.add_sessions(session_);
  ASSERT_TRUE(stream_->Write(renew));
  ASSERT_TRUE(stream_->Read(&news_));
  monitoring::v1::ListSeatsResponse seats;
  ASSERT_TRUE(monitoring->ListSeats(NewCall().get(), {}, &seats).ok());
  ASSERT_EQ(seats.seats_size(), 1);
  EXPECT_EQ(seats.seats(0).seat().handle(), seat_);
  EXPECT_EQ(seats.seats(0).client().user(), "ann");
  EXPECT_EQ(seats.seats(0).linger_left().seconds(), 540);
  EXPECT_EQ(seats.seats(0).linger().seconds(), 600);
  monitoring::v1::ListSessionsResponse sessions;
  ASSERT_TRUE(monitoring->ListSessions(NewCall().get(), {}, &sessions).ok());
  ASSERT_EQ(sessions.sessions_size(), 1);
  EXPECT_EQ(sessions.sessions(0).name(), session_);

  checkout::CheckoutRequest again;
  again.set_request_id("c2");
  again.set_session(session_);
  again.add_items()->set_feature("cad");
  checkout::CheckoutResponse taken;
  ASSERT_TRUE(stub_->Checkout(NewCall().get(), again, &taken).ok());
  EXPECT_EQ(taken.seats(0).handle(), seat_);
}

TEST_F(SessionServiceTest, ResizesASeat) {
  checkout::ResizeSeatRequest request;
  request.set_request_id("z1");
  request.set_session(session_);
  request.set_seat(seat_);
  request.set_count(2);
  checkout::ResizeSeatResponse response;
  EXPECT_TRUE(stub_->ResizeSeat(NewCall().get(), request, &response).ok());
  request.set_request_id("z2");
  request.set_count(3);
  EXPECT_EQ(ReasonOf(stub_->ResizeSeat(NewCall().get(), request, &response)),
            "COUNT_OVER_TOTAL");
}

TEST_F(SessionServiceTest, NamesTheFieldsThatAreWrong) {
  admin::v1::TerminateSessionRequest request;
  request.set_request_id("t1");
  request.set_session("7");
  request.set_reason("a\nb");
  request.mutable_cool_down()->set_seconds(-1);
  admin::v1::TerminateSessionResponse response;
  const auto faults = DetailOf<google::rpc::BadRequest>(
      admin_->TerminateSession(NewCall().get(), request, &response));
  ASSERT_EQ(faults.field_violations_size(), 3);
  EXPECT_EQ(faults.field_violations(0).field(), "session");
  EXPECT_EQ(faults.field_violations(1).field(), "reason");
  EXPECT_EQ(faults.field_violations(2).field(), "cool_down");
}

TEST_F(SessionServiceTest, CallsALentSeatBack) {
  admin::v1::PolicyRule rule;
  rule.set_name("crash");
  rule.set_kind(admin::v1::POLICY_RULE_KIND_RESERVE);
  rule.set_units(2);
  rule.set_lend(true);
  rule.mutable_span()->set_seconds(60);
  admin::v1::PolicyPart* part = rule.add_parts();
  part->set_field(admin::v1::POLICY_FIELD_USER);
  part->add_values("cat");
  ApplyRule(rule);

  checkout::OpenSessionRequest open;
  open.set_request_id("o2");
  open.mutable_client()->set_user("cat");
  open.mutable_client()->set_host("ws2");
  checkout::OpenSessionResponse opened;
  ASSERT_TRUE(stub_->OpenSession(NewCall().get(), open, &opened).ok());
  checkout::CheckoutRequest want;
  want.set_session(opened.session());
  want.add_items()->set_feature("cad");
  want.mutable_items(0)->set_count(2);
  checkout::CheckoutResponse seats;
  want.set_request_id("c2");
  const grpc::Status refused = stub_->Checkout(NewCall().get(), want, &seats);
  EXPECT_NE(refused.error_message().find("calls lent seats back (rule \"crash"),
            std::string::npos)
      << refused.error_message();
  want.set_request_id("c3");
  want.mutable_wait()->set_seconds(600);
  ASSERT_TRUE(stub_->Checkout(NewCall().get(), want, &seats).ok());
  EXPECT_EQ(seats.queue_place().expected_wait().seconds(), 60);
  ASSERT_TRUE(stream_->Read(&news_));
  EXPECT_EQ(news_.event().session(), session_);
  EXPECT_EQ(news_.event().seat_called_back().seat().handle(), seat_);
  EXPECT_EQ(news_.event().seat_called_back().left().seconds(), 60);
  EXPECT_EQ(news_.event().seat_called_back().rule(), "crash");

  // Who comes over another stream hears it too, and how long he has by then.
  stream_->WritesDone();
  EXPECT_TRUE(stream_->Finish().ok());
  stream_.reset();
  world_.node().AdvanceCluster(40'000);
  call_ = NewCall();
  stream_ = stub_->KeepAlive(call_.get());
  Renew();
  EXPECT_EQ(news_.event().seat_called_back().seat().handle(), seat_);
  EXPECT_EQ(news_.event().seat_called_back().left().seconds(), 20);
  ASSERT_TRUE(stream_->Read(&news_));

  // Who waited goes away.
  checkout::CancelCheckoutRequest cancel;
  cancel.set_request_id("x1");
  cancel.set_session(opened.session());
  cancel.set_checkout_request_id("c3");
  checkout::CancelCheckoutResponse cancelled;
  ASSERT_TRUE(stub_->CancelCheckout(NewCall().get(), cancel, &cancelled).ok());
  ASSERT_TRUE(stream_->Read(&news_));
  EXPECT_EQ(news_.event().seat_called_back().seat().handle(), seat_);
  EXPECT_FALSE(news_.event().seat_called_back().has_left());
}

}  // namespace
}  // namespace quorate::server
