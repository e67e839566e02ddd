// What strangers can reach: one call, small, once a second, that gives a
// certificate to a right token and nothing to anybody else. By plain gRPC and
// OpenSSL clients without a certificate, against the real port.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/create_channel.h"
#include "gtest/gtest.h"

#include "quorate/internal/v1/join.grpc.pb.h"

#include "server/join/authority_probe.h"
#include "server/join/certificate_authority.h"
#include "tests/server/join/join_world.h"

namespace quorate::server {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

std::string ReasonOf(const grpc::Status& status) {
  google::rpc::Status details;
  google::rpc::ErrorInfo reason;
  if (status.ok()) return "";
  if (!details.ParseFromString(status.error_details()) ||
      details.details_size() == 0 || !details.details(0).UnpackTo(&reason)) {
    return absl::StrCat("?", status.error_code());
  }
  return reason.reason();
}

class JoinPortTest : public testing::Test {
 protected:
  JoinPortTest() {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = world_.peers().ca_pem();
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(
        absl::StrCat("m1.", kJoinClusterId, ".member.quorate"));
    stub_ = internal::v1::JoinService::NewStub(grpc::CreateCustomChannel(
        world_.endpoint(), grpc::SslCredentials(tls), arguments));
  }

  internal::v1::JoinRequest Request(const JoinToken& token) {
    internal::v1::JoinRequest request;
    request.set_token_id(token.id);
    request.set_secret(token.secret);
    request.set_name("m4");
    request.set_member_id(44);
    request.set_peer_endpoint("10.0.0.4:7411");
    request.set_client_endpoint("10.0.0.4:7401");
    request.set_peer_certificate_request(*NewRequest(peer_key_));
    request.set_client_certificate_request(*NewRequest(client_key_));
    return request;
  }

  grpc::Status Join(const internal::v1::JoinRequest& request,
                    bool next_turn = true) {
    if (next_turn) world_.clock().Push(kJoinPeriod);
    grpc::ClientContext context;
    context.set_deadline(
        absl::ToChronoTime(SystemClock().Calendar() + absl::Minutes(1)));
    response_.Clear();
    return stub_->Join(&context, request, &response_);
  }

  JoinWorld world_;
  std::unique_ptr<internal::v1::JoinService::Stub> stub_;
  internal::v1::JoinResponse response_;
  const std::string peer_key_ = NewPrivateKeyPem();
  const std::string client_key_ = NewPrivateKeyPem();
};

TEST_F(JoinPortTest, ARightTokenLetsAMachineInOnce) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody);
  ASSERT_TRUE(Join(Request(token)).ok());
  EXPECT_EQ(response_.admission().cluster_id(), kJoinClusterId);
  EXPECT_EQ(response_.admission().cluster_epoch(), 3U);
  EXPECT_EQ(response_.admission().configuration().addresses_size(), 4);
  EXPECT_EQ(response_.peer_ca_pem(), world_.peers().ca_pem());
  EXPECT_EQ(response_.client_ca_pem(), world_.clients().ca_pem());
  EXPECT_EQ(response_.trust_root(), world_.vendor().RootFile());
  EXPECT_EQ(response_.tick_ms(), 50);
  ASSERT_THAT(world_.node().changes(), SizeIs(1));
  EXPECT_TRUE(world_.node().changes()[0].addresses[0].promote);
  // The answer was lost: the same machine gets it again, and no second place.
  ASSERT_TRUE(Join(Request(token)).ok());
  EXPECT_THAT(world_.node().changes(), SizeIs(1));
  // Another machine does not.
  internal::v1::JoinRequest other = Request(token);
  other.set_peer_certificate_request(*NewRequest(NewPrivateKeyPem()));
  EXPECT_EQ(ReasonOf(Join(other)), "JOIN_TOKEN_USED");
  other = Request(token);
  other.set_member_id(45);
  EXPECT_EQ(ReasonOf(Join(other)), "JOIN_TOKEN_USED");
  EXPECT_THAT(world_.node().changes(), SizeIs(1));
}

TEST_F(JoinPortTest, ATokenIsUsedUpBeforeAnythingIsGiven) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody);
  world_.node().SetChangeEnd(absl::FailedPreconditionError("m2 is silent"));
  const grpc::Status refused = Join(Request(token));
  EXPECT_EQ(ReasonOf(refused), "QUORUM_WOULD_BE_LOST");
  EXPECT_EQ(response_.peer_certificate_pem(), "");
  // By now it is one machine's, which may go on when things are better.
  internal::v1::JoinRequest other = Request(token);
  other.set_member_id(45);
  EXPECT_EQ(ReasonOf(Join(other)), "JOIN_TOKEN_USED");
  world_.node().SetChangeEnd(absl::OkStatus(),
                             [this] { world_.ApplyLastChange(); });
  EXPECT_TRUE(Join(Request(token)).ok());
}

TEST_F(JoinPortTest, AWrongTokenCostsTheLogNothing) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody);
  const size_t commands = world_.node().commands().size();
  JoinToken wrong = token;
  wrong.secret.back() = static_cast<char>(wrong.secret.back() ^ 1);
  EXPECT_EQ(ReasonOf(Join(Request(wrong))), "JOIN_TOKEN_INVALID");
  internal::v1::JoinRequest renamed = Request(token);
  renamed.set_name("m5");
  EXPECT_EQ(ReasonOf(Join(renamed)), "JOIN_TOKEN_INVALID");
  world_.node().AdvanceCluster(licensing::kDefaultJoinTokenTtlMs);
  // Nothing was applied since, so the table does not know it has ended; the
  // command that uses it does.
  EXPECT_EQ(ReasonOf(Join(Request(token))), "JOIN_TOKEN_EXPIRED");
  EXPECT_EQ(world_.node().commands().size(), commands + 1);
  EXPECT_THAT(world_.node().changes(), SizeIs(0));
}

TEST_F(JoinPortTest, OneMachineASecondIsLetIn) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody);
  JoinToken wrong = token;
  wrong.id = "0000000000000000";
  EXPECT_EQ(ReasonOf(Join(Request(wrong))), "JOIN_TOKEN_INVALID");
  const size_t reads = world_.node().reads().size();
  const grpc::Status soon = Join(Request(token), /*next_turn=*/false);
  EXPECT_EQ(ReasonOf(soon), "OVERLOADED");
  EXPECT_EQ(world_.node().reads().size(), reads);
  EXPECT_TRUE(Join(Request(token)).ok());
}

TEST_F(JoinPortTest, LargeAndMalformedRequestsAreRefused) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody);
  internal::v1::JoinRequest large = Request(token);
  large.set_name(std::string(17 * 1024, 'x'));
  EXPECT_EQ(Join(large).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  internal::v1::JoinRequest bad = Request(token);
  bad.set_peer_certificate_request("no request");
  EXPECT_EQ(ReasonOf(Join(bad)), "BAD_REQUEST");
  bad = Request(token);
  bad.set_peer_certificate_request(std::string(5 * 1024, 'x'));
  EXPECT_EQ(ReasonOf(Join(bad)), "BAD_REQUEST");
  bad = Request(token);
  bad.clear_client_certificate_request();
  EXPECT_EQ(ReasonOf(Join(bad)), "BAD_REQUEST");
  bad = Request(token);
  bad.set_peer_endpoint("10.0.0.4");
  EXPECT_EQ(ReasonOf(Join(bad)), "BAD_REQUEST");
  bad = Request(token);
  bad.set_secret("short");
  EXPECT_EQ(ReasonOf(Join(bad)), "BAD_REQUEST");
  bad = Request(token);
  bad.clear_member_id();
  EXPECT_EQ(ReasonOf(Join(bad)), "BAD_REQUEST");
  EXPECT_TRUE(Join(Request(token)).ok());
}

TEST_F(JoinPortTest, NothingElseIsServedThere) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = world_.peers().ca_pem();
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(
      absl::StrCat("m1.", kJoinClusterId, ".member.quorate"));
  const auto channel = grpc::CreateCustomChannel(
      world_.endpoint(), grpc::SslCredentials(tls), arguments);
  const auto rejoin = internal::v1::RejoinService::NewStub(channel);
  grpc::ClientContext context;
  internal::v1::RejoinResponse response;
  EXPECT_EQ(rejoin->Rejoin(&context, {}, &response).error_code(),
            grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(JoinPortTest, TheClusterIsKnownByItsPin) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody);
  const auto found =
      ProbeAuthority(world_.endpoint(), token.join.ca_pin, absl::Seconds(20));
  ASSERT_TRUE(found.ok()) << found.status();
  EXPECT_EQ(found->server_name,
            absl::StrCat("m1.", kJoinClusterId, ".member.quorate"));
  const auto foreign = ProbeAuthority(world_.endpoint(), std::string(32, 'x'),
                                      absl::Seconds(20));
  EXPECT_EQ(foreign.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_THAT(foreign.status().message(), HasSubstr("Nothing was sent"));
}

}  // namespace
}  // namespace quorate::server
