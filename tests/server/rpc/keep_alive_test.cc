// A stream's messages are answered in their order, whatever happens to it: a
// bad message, no quorum, too much at once, either side's end. A client talks
// over TLS on loopback with a member whose node is replaced.

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

#include "quorate/admin/v1/session.grpc.pb.h"
#include "quorate/internal/v1/command.pb.h"

#include "tests/server/rpc/service_world.h"

namespace quorate::server {
namespace {

using grpc::StatusCode;
using Stream = grpc::ClientReaderWriter<checkout::v1::KeepAliveRequest,
                                        checkout::v1::KeepAliveResponse>;

class KeepAliveTest : public testing::Test {
 protected:
  KeepAliveTest()
      : stub_(checkout::v1::CheckoutService::NewStub(
            world_.Connect(ClientNames("alice")))) {}

  void OpenSession(const std::string& id) {
    checkout::v1::OpenSessionRequest request;
    request.set_request_id(id);
    request.mutable_client()->set_user("ann");
    request.mutable_client()->set_host("ws1");
    request.mutable_ttl()->set_seconds(30);
    checkout::v1::OpenSessionResponse response;
    ASSERT_TRUE(stub_->OpenSession(NewCall().get(), request, &response).ok());
  }

  std::unique_ptr<Stream> Begin() {
    call_ = NewCall();
    return stub_->KeepAlive(call_.get());
  }

  static checkout::v1::KeepAliveRequest Renew(
      uint64_t sequence, const std::vector<std::string>& sessions) {
    checkout::v1::KeepAliveRequest request;
    request.set_sequence(sequence);
    for (const std::string& session : sessions)
      request.add_sessions(session);
    return request;
  }

  ServiceWorld world_;
  std::unique_ptr<checkout::v1::CheckoutService::Stub> stub_;
  std::unique_ptr<grpc::ClientContext> call_;
  checkout::v1::KeepAliveResponse answer_;
};

TEST_F(KeepAliveTest, RenewsSessionsInTheirOrder) {
  OpenSession("r1");
  OpenSession("r2");
  const auto stream = Begin();
  ASSERT_TRUE(stream->Write(Renew(41, {"sessions/2", "sessions/9"})));
  ASSERT_TRUE(stream->Write(Renew(42, {"sessions/1"})));
  ASSERT_TRUE(stream->Read(&answer_));
  EXPECT_EQ(answer_.sequence(), 41U);
  EXPECT_EQ(answer_.header().member(), "m1");
  EXPECT_GE(answer_.header().applied_index(), 3U);
  ASSERT_EQ(answer_.renewals_size(), 2);
  EXPECT_EQ(answer_.renewals(0).session(), "sessions/2");
  EXPECT_EQ(answer_.renewals(0).state(), checkout::v1::SESSION_STATE_ALIVE);
  EXPECT_EQ(answer_.renewals(0).ttl().seconds(), 30);
  EXPECT_EQ(answer_.renewals(1).session(), "sessions/9");
  EXPECT_EQ(answer_.renewals(1).state(), checkout::v1::SESSION_STATE_GONE);
  EXPECT_FALSE(answer_.has_retry());
  ASSERT_TRUE(stream->Read(&answer_));
  EXPECT_EQ(answer_.sequence(), 42U);
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&answer_));
  EXPECT_TRUE(stream->Finish().ok());
}

// Who ended it, and why, is for its own client.
TEST_F(KeepAliveTest, TellsOthersNothingOfATermination) {
  OpenSession("r1");
  admin::v1::TerminateSessionRequest request;
  request.set_request_id("t");
  request.set_session("sessions/1");
  request.set_reason("you know why");
  admin::v1::TerminateSessionResponse response;
  ASSERT_TRUE(
      admin::v1::SessionService::NewStub(world_.Connect(ClientNames("root")))
          ->TerminateSession(NewCall().get(), request, &response)
          .ok());
  const auto own = Begin();
  ASSERT_TRUE(own->Write(Renew(1, {"sessions/1"})));
  ASSERT_TRUE(own->Read(&answer_));
  EXPECT_EQ(answer_.renewals(0).terminated().reason(), "you know why");
  own->WritesDone();
  EXPECT_TRUE(own->Finish().ok());

  stub_ = checkout::v1::CheckoutService::NewStub(
      world_.Connect(ClientNames("mallory")));
  const auto other = Begin();
  ASSERT_TRUE(other->Write(Renew(1, {"sessions/1"})));
  ASSERT_TRUE(other->Read(&answer_));
  EXPECT_EQ(answer_.renewals(0).state(), checkout::v1::SESSION_STATE_GONE);
  EXPECT_FALSE(answer_.renewals(0).has_terminated());
  other->WritesDone();
  EXPECT_TRUE(other->Finish().ok());
}

TEST_F(KeepAliveTest, AnswersAllThatWasSentBeforeTheEnd) {
  OpenSession("r1");
  const auto stream = Begin();
  // More than are under way at once.
  constexpr uint64_t kMessages = 50;
  for (uint64_t i = 1; i <= kMessages; ++i) {
    ASSERT_TRUE(stream->Write(Renew(i, {"sessions/1"})));
  }
  stream->WritesDone();
  for (uint64_t i = 1; i <= kMessages; ++i) {
    ASSERT_TRUE(stream->Read(&answer_));
    EXPECT_EQ(answer_.sequence(), i);
  }
  EXPECT_FALSE(stream->Read(&answer_));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(KeepAliveTest, AsksToSendAgainWithoutAQuorum) {
  OpenSession("r1");
  const auto stream = Begin();
  world_.node().FailProposals(replication::ProposeOutcome::kNoQuorum);
  ASSERT_TRUE(stream->Write(Renew(1, {"sessions/1"})));
  ASSERT_TRUE(stream->Read(&answer_));
  EXPECT_EQ(answer_.sequence(), 1U);
  EXPECT_TRUE(answer_.has_retry());
  EXPECT_EQ(answer_.renewals_size(), 0);
  // The stream is still good.
  world_.node().FailProposals(std::nullopt);
  ASSERT_TRUE(stream->Write(Renew(2, {"sessions/1"})));
  ASSERT_TRUE(stream->Read(&answer_));
  EXPECT_EQ(answer_.renewals_size(), 1);
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(KeepAliveTest, EndsWithTheFieldThatIsWrong) {
  const std::vector<std::vector<std::string>> bad = {
      {}, {"sessions/1", "7"}, std::vector<std::string>(1001, "sessions/1")};
  for (const auto& sessions : bad) {
    const auto stream = Begin();
    stream->Write(Renew(1, sessions));
    EXPECT_FALSE(stream->Read(&answer_));
    const grpc::Status status = stream->Finish();
    EXPECT_EQ(status.error_code(), StatusCode::INVALID_ARGUMENT);
    EXPECT_EQ(ReasonOf(status), "BAD_REQUEST");
  }
  EXPECT_EQ(world_.node().commands().size(), 0U);
}

TEST_F(KeepAliveTest, TakesAThousandSessionsAtOnce) {
  const auto stream = Begin();
  ASSERT_TRUE(
      stream->Write(Renew(1, std::vector<std::string>(1000, "sessions/5"))));
  ASSERT_TRUE(stream->Read(&answer_));
  EXPECT_EQ(answer_.renewals_size(), 1000);
}

TEST_F(KeepAliveTest, RefusesWhoIsNoClient) {
  const auto stub =
      checkout::v1::CheckoutService::NewStub(world_.Connect("DNS:nobody"));
  const auto call = NewCall();
  const auto stream = stub->KeepAlive(call.get());
  EXPECT_FALSE(stream->Read(&answer_));
  EXPECT_EQ(ReasonOf(stream->Finish()), "UNAUTHENTICATED");
}

TEST_F(KeepAliveTest, SurvivesAClientThatGoesAway) {
  OpenSession("r1");
  world_.node().Hold(true);
  {
    const auto stream = Begin();
    ASSERT_TRUE(stream->Write(Renew(1, {"sessions/1"})));
    ASSERT_TRUE(world_.node().WaitForCalls(2));
    call_->TryCancel();
    EXPECT_FALSE(stream->Read(&answer_));
    EXPECT_EQ(stream->Finish().error_code(), StatusCode::CANCELLED);
  }
  world_.node().Hold(false);
  OpenSession("r2");  // The member goes on.
}

TEST_F(KeepAliveTest, EndsStreamsWhenTheMemberStops) {
  OpenSession("r1");
  const auto idle = Begin();
  ASSERT_TRUE(idle->Write(Renew(1, {"sessions/1"})));
  ASSERT_TRUE(idle->Read(&answer_));
  const auto busy_call = NewCall();
  const auto busy = stub_->KeepAlive(busy_call.get());
  world_.node().Hold(true);
  ASSERT_TRUE(busy->Write(Renew(2, {"sessions/1"})));
  ASSERT_TRUE(world_.node().WaitForCalls(3));
  world_.port().StopTaking();
  EXPECT_FALSE(idle->Read(&answer_));
  EXPECT_EQ(ReasonOf(idle->Finish()), "STOPPING");
  world_.node().Hold(false);
  ASSERT_TRUE(busy->Read(&answer_));  // What was under way is answered.
  EXPECT_EQ(answer_.renewals_size(), 1);
  EXPECT_FALSE(busy->Read(&answer_));
  EXPECT_EQ(ReasonOf(busy->Finish()), "STOPPING");
}

}  // namespace
}  // namespace quorate::server
