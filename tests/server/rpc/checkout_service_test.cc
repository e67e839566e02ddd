// The whole way of an application's calls, from its certificate to the ledger
// and back. A client talks over TLS on loopback with a member whose node is
// replaced.

#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "quorate/internal/v1/command.pb.h"

#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using grpc::StatusCode;
using testing::HasSubstr;

namespace checkout = ::quorate::checkout::v1;

class CheckoutServiceTest : public testing::Test {
 protected:
  CheckoutServiceTest()
      : alice_(checkout::CheckoutService::NewStub(
            world_.Connect(ClientNames("alice")))),
        licenses_(admin::v1::LicenseService::NewStub(
            world_.Connect(ClientNames("admin")))) {
    admin::v1::InstallLicenseRequest request;
    request.set_request_id("install");
    request.set_license_file(world_.LicenseFile("L1", 1, "cad", 20));
    admin::v1::InstallLicenseResponse response;
    const grpc::Status status =
        licenses_->InstallLicense(NewCall().get(), request, &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }

  static checkout::OpenSessionRequest OpenRequest(const std::string& id) {
    checkout::OpenSessionRequest request;
    request.set_request_id(id);
    request.mutable_client()->set_user("ann");
    request.mutable_client()->set_host("ws1");
    request.mutable_ttl()->set_seconds(30);
    return request;
  }

  std::string Open(const std::string& id) {
    checkout::OpenSessionResponse response;
    const grpc::Status status =
        alice_->OpenSession(NewCall().get(), OpenRequest(id), &response);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return response.session();
  }

  static checkout::CheckoutRequest CheckoutOf(const std::string& id,
                                              const std::string& session,
                                              uint32_t count) {
    checkout::CheckoutRequest request;
    request.set_request_id(id);
    request.set_session(session);
    request.add_items()->set_feature("cad");
    request.mutable_items(0)->set_count(count);
    return request;
  }

  grpc::Status Checkout(const checkout::CheckoutRequest& request) {
    return alice_->Checkout(NewCall().get(), request, &seats_);
  }

  ServiceWorld world_;
  std::unique_ptr<checkout::CheckoutService::Stub> alice_;
  std::unique_ptr<admin::v1::LicenseService::Stub> licenses_;
  checkout::CheckoutResponse seats_;
};

TEST_F(CheckoutServiceTest, ShowsASessionItsOwnSeats) {
  const std::string session = Open("r1");
  checkout::CheckoutRequest three = CheckoutOf("r2", session, 3);
  three.add_items()->set_feature("cad");
  three.add_items()->set_feature("cad");
  ASSERT_TRUE(Checkout(three).ok());
  const checkout::CheckoutResponse granted = seats_;
  world_.node().SetTime(9'000, 1'767'300'000'000);
  ASSERT_TRUE(Checkout(CheckoutOf("r3", Open("r4"), 1)).ok());

  checkout::ListSeatsRequest request;
  request.set_filter("session=\"sessions/1\"");
  request.set_page_size(2);
  checkout::ListSeatsResponse page;
  ASSERT_TRUE(alice_->ListSeats(NewCall().get(), request, &page).ok());
  ASSERT_EQ(page.seats_size(), 2);
  EXPECT_EQ(page.seats(0).handle(), granted.seats(0).handle());
  EXPECT_EQ(page.seats(0).feature(), "cad");
  EXPECT_EQ(page.seats(0).count(), 3U);
  EXPECT_EQ(page.seats(0).grant_time().seconds(),
            granted.seats(0).grant_time().seconds());
  request.set_page_token(page.next_page_token());
  page.Clear();
  ASSERT_TRUE(alice_->ListSeats(NewCall().get(), request, &page).ok());
  ASSERT_EQ(page.seats_size(), 1);
  EXPECT_EQ(page.seats(0).handle(), granted.seats(2).handle());
  EXPECT_EQ(page.next_page_token(), "");
  EXPECT_EQ(page.header().member(), "m1");
}

TEST_F(CheckoutServiceTest, ShowsASessionToNobodyElse) {
  Open("r1");
  const auto bob =
      checkout::CheckoutService::NewStub(world_.Connect(ClientNames("bob")));
  checkout::ListSeatsRequest request;
  checkout::ListSeatsResponse page;
  const auto reason = [&](const std::string& filter) {
    request.set_filter(filter);
    return ReasonOf(bob->ListSeats(NewCall().get(), request, &page));
  };
  EXPECT_EQ(reason("session=\"sessions/1\""), "SESSION_NOT_YOURS");
  EXPECT_EQ(reason("session=\"sessions/9\""), "SESSION_NOT_FOUND");
  EXPECT_EQ(reason(""), "BAD_REQUEST");
  EXPECT_EQ(reason("session=\"7\""), "BAD_REQUEST");
  EXPECT_EQ(reason("user=\"ann\""), "BAD_REQUEST");
}

TEST_F(CheckoutServiceTest, TakesASeatAndGivesItBack) {
  checkout::OpenSessionResponse opened;
  ASSERT_TRUE(
      alice_->OpenSession(NewCall().get(), OpenRequest("r1"), &opened).ok());
  EXPECT_EQ(opened.session(), "sessions/1");
  EXPECT_EQ(opened.ttl().seconds(), 30);
  EXPECT_EQ(opened.header().cluster_id(), kWorldClusterId);
  EXPECT_EQ(opened.header().cluster_epoch(), 1U);
  EXPECT_EQ(opened.header().member(), "m1");
  EXPECT_EQ(opened.header().term(), 7U);
  EXPECT_EQ(opened.header().applied_index(), 2U);
  EXPECT_EQ(opened.header().calendar_time().seconds(), 1'767'225'600);

  checkout::CheckoutRequest request = CheckoutOf("r2", "sessions/1", 2);
  request.add_items()->set_feature("cad");  // Of one unit.
  ASSERT_TRUE(Checkout(request).ok());
  ASSERT_EQ(seats_.seats_size(), 2);
  EXPECT_EQ(seats_.seats(0).feature(), "cad");
  EXPECT_EQ(seats_.seats(0).count(), 2U);
  EXPECT_EQ(seats_.seats(1).count(), 1U);
  EXPECT_EQ(seats_.seats(0).grant_time().seconds(), 1'767'225'600);

  checkout::CheckinRequest checkin;
  checkin.set_request_id("r3");
  checkin.set_session("sessions/1");
  checkin.add_seats(seats_.seats(0).handle());
  checkin.add_seats(seats_.seats(1).handle());
  checkout::CheckinResponse returned;
  ASSERT_TRUE(alice_->Checkin(NewCall().get(), checkin, &returned).ok());
  EXPECT_EQ(returned.header().applied_index(), 4U);

  checkout::CloseSessionRequest close;
  close.set_request_id("r4");
  close.set_session("sessions/1");
  checkout::CloseSessionResponse closed;
  EXPECT_TRUE(alice_->CloseSession(NewCall().get(), close, &closed).ok());
  close.set_request_id("r5");
  const grpc::Status again =
      alice_->CloseSession(NewCall().get(), close, &closed);
  EXPECT_EQ(again.error_code(), StatusCode::NOT_FOUND);
  EXPECT_EQ(ReasonOf(again), "SESSION_NOT_FOUND");
}

TEST_F(CheckoutServiceTest, ARepeatGetsTheFirstAnswer) {
  const std::string session = Open("r1");
  EXPECT_EQ(Open("r1"), session);
  ASSERT_TRUE(Checkout(CheckoutOf("r2", session, 20)).ok());
  const uint64_t handle = seats_.seats(0).handle();
  ASSERT_TRUE(Checkout(CheckoutOf("r2", session, 20)).ok());
  EXPECT_EQ(seats_.seats(0).handle(), handle);
  const grpc::Status reused = Checkout(CheckoutOf("r2", session, 1));
  EXPECT_EQ(reused.error_code(), StatusCode::ABORTED);
  EXPECT_EQ(ReasonOf(reused), "REQUEST_ID_REUSED");
}

TEST_F(CheckoutServiceTest, SaysThatAllSeatsAreInUse) {
  const std::string session = Open("r1");
  ASSERT_TRUE(Checkout(CheckoutOf("r2", session, 20)).ok());
  const grpc::Status status = Checkout(CheckoutOf("r3", session, 1));
  EXPECT_EQ(status.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(status.error_message(), "all 20 seats of cad are in use");
  EXPECT_EQ(ReasonOf(status), "POOL_EXHAUSTED");
  EXPECT_EQ(DetailOf<google::rpc::QuotaFailure>(status).violations(0).subject(),
            "features/cad");
  const grpc::Status over = Checkout(CheckoutOf("r4", session, 21));
  EXPECT_EQ(over.error_code(), StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(ReasonOf(over), "COUNT_OVER_TOTAL");
}

TEST_F(CheckoutServiceTest, RefusesOnlyNewWorkWhileTheLeadersDiskIsLow) {
  const std::string session = Open("r1");
  ASSERT_TRUE(Checkout(CheckoutOf("r2", session, 1)).ok());
  const uint64_t handle = seats_.seats(0).handle();
  world_.node().SetLowLeader(raft::MemberId(1));
  const grpc::Status refused = Checkout(CheckoutOf("r3", session, 1));
  EXPECT_EQ(refused.error_code(), StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(ReasonOf(refused), "DISK_FULL");
  checkout::OpenSessionResponse opened;
  EXPECT_EQ(ReasonOf(alice_->OpenSession(NewCall().get(), OpenRequest("r4"),
                                         &opened)),
            "DISK_FULL");
  checkout::CheckinRequest checkin;
  checkin.set_request_id("r5");
  checkin.set_session(session);
  checkin.add_seats(handle);
  checkout::CheckinResponse returned;
  EXPECT_TRUE(alice_->Checkin(NewCall().get(), checkin, &returned).ok());
  world_.node().SetLowLeader(raft::kNobody);
  EXPECT_TRUE(Checkout(CheckoutOf("r3", session, 1)).ok());
}

TEST_F(CheckoutServiceTest, ASessionBelongsToWhoOpenedIt) {
  const std::string session = Open("r1");
  const auto bob =
      checkout::CheckoutService::NewStub(world_.Connect(ClientNames("bob")));
  const grpc::Status status =
      bob->Checkout(NewCall().get(), CheckoutOf("b1", session, 1), &seats_);
  EXPECT_EQ(status.error_code(), StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(ReasonOf(status), "SESSION_NOT_YOURS");
}

TEST_F(CheckoutServiceTest, NamesTheFieldsThatAreWrong) {
  const size_t before = world_.node().commands().size();
  checkout::OpenSessionResponse opened;
  const grpc::Status open = alice_->OpenSession(
      NewCall().get(), checkout::OpenSessionRequest(), &opened);
  EXPECT_EQ(open.error_code(), StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ReasonOf(open), "BAD_REQUEST");
  const auto faults = DetailOf<google::rpc::BadRequest>(open);
  ASSERT_EQ(faults.field_violations_size(), 3);
  EXPECT_EQ(faults.field_violations(0).field(), "request_id");
  EXPECT_EQ(faults.field_violations(1).field(), "client.user");
  EXPECT_EQ(faults.field_violations(2).field(), "client.host");
  EXPECT_EQ(ReasonOf(Checkout(CheckoutOf("r", "7", 1))), "BAD_REQUEST");
  checkout::CheckinResponse returned;
  EXPECT_EQ(ReasonOf(alice_->Checkin(NewCall().get(),
                                     checkout::CheckinRequest(), &returned)),
            "BAD_REQUEST");
  checkout::CloseSessionResponse closed;
  EXPECT_EQ(ReasonOf(alice_->CloseSession(
                NewCall().get(), checkout::CloseSessionRequest(), &closed)),
            "BAD_REQUEST");
  // Nothing of it came to the log.
  EXPECT_EQ(world_.node().commands().size(), before);
}

TEST_F(CheckoutServiceTest, TellsHowAProposalEnded) {
  using replication::ProposeOutcome;

  const struct {
    ProposeOutcome outcome;
    const char* reason;
  } kCases[] = {{ProposeOutcome::kNoQuorum, "NO_QUORUM"},
                {ProposeOutcome::kOverloaded, "OVERLOADED"},
                {ProposeOutcome::kUnknown, "OUTCOME_UNKNOWN"},
                {ProposeOutcome::kStopping, "STOPPING"}};

  for (const auto& each : kCases) {
    world_.node().FailProposals(each.outcome);
    checkout::OpenSessionResponse opened;
    const grpc::Status status =
        alice_->OpenSession(NewCall().get(), OpenRequest("r1"), &opened);
    EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
    EXPECT_EQ(ReasonOf(status), each.reason);
    const auto retry = DetailOf<google::rpc::RetryInfo>(status).retry_delay();
    EXPECT_EQ(retry.seconds(), 0);
    EXPECT_GE(retry.nanos(), 150'000'000);
    EXPECT_LE(retry.nanos(), 450'000'000);
  }
}

TEST_F(CheckoutServiceTest, BoundsTheTimeOfAnAttempt) {
  const auto timeout_of_call = [this](grpc::ClientContext* call) {
    checkout::OpenSessionResponse opened;
    EXPECT_TRUE(alice_->OpenSession(call, OpenRequest("r1"), &opened).ok());
    return world_.node().timeouts().back();
  };
  grpc::ClientContext without;
  EXPECT_EQ(timeout_of_call(&without), absl::Seconds(5));
  EXPECT_EQ(timeout_of_call(NewCall().get()), absl::Seconds(10));
  grpc::ClientContext soon;
  soon.set_deadline(
      absl::ToChronoTime(SystemClock().Calendar() + absl::Seconds(8)));
  EXPECT_LT(timeout_of_call(&soon), absl::Seconds(8));
  internal::v1::Command command;
  ASSERT_TRUE(command.ParseFromString(world_.node().commands().back()));
  EXPECT_EQ(command.not_after_cluster_ms(),
            world_.node().ClusterMsHint() + licensing::kAttemptMs);
  EXPECT_EQ(command.principal(), ClientNames("alice").substr(4));
}

TEST_F(CheckoutServiceTest, RefusesWhoIsNoClientOfThisCluster) {
  for (const std::string& names :
       {std::string("DNS:alice"),
        std::string("URI:quorate://ffffffffffffffffffffffffffffffff/client/a"),
        "URI:quorate://" + std::string(kWorldClusterId) + "/member/1001"}) {
    const auto stub = checkout::CheckoutService::NewStub(world_.Connect(names));
    checkout::OpenSessionResponse opened;
    const grpc::Status status =
        stub->OpenSession(NewCall().get(), OpenRequest("r1"), &opened);
    EXPECT_EQ(status.error_code(), StatusCode::UNAUTHENTICATED) << names;
    EXPECT_EQ(ReasonOf(status), "UNAUTHENTICATED");
    EXPECT_THAT(status.error_message(), HasSubstr("/client/<name>"));
  }
}

TEST_F(CheckoutServiceTest, RefusesACertificateOfAnotherAuthority) {
  replication::TestAuthority other("clients");
  const auto stub = checkout::CheckoutService::NewStub(
      world_.Connect(ClientNames("alice"), &other));
  checkout::OpenSessionResponse opened;
  const grpc::Status status =
      stub->OpenSession(NewCall().get(), OpenRequest("r1"), &opened);
  EXPECT_EQ(status.error_code(), StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_details(), "");
}

TEST_F(CheckoutServiceTest, EndsWhatWaitsWhenTheMemberStops) {
  world_.node().Hold(true);
  grpc::Status held;
  checkout::OpenSessionResponse held_response;
  std::thread caller([&] {
    held =
        alice_->OpenSession(NewCall().get(), OpenRequest("r1"), &held_response);
  });
  ASSERT_TRUE(world_.node().WaitForCalls(2));
  world_.port().StopTaking();
  checkout::OpenSessionResponse refused_response;
  const grpc::Status refused = alice_->OpenSession(
      NewCall().get(), OpenRequest("r2"), &refused_response);
  EXPECT_EQ(ReasonOf(refused), "STOPPING");
  EXPECT_FALSE(world_.port().WaitIdle(absl::Milliseconds(1)));
  world_.node().Stop();
  caller.join();
  EXPECT_EQ(ReasonOf(held), "STOPPING");
  EXPECT_TRUE(world_.port().WaitIdle(absl::Seconds(10)));
}

}  // namespace
}  // namespace quorate::server
