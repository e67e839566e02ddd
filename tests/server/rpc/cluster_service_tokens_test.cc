// Tokens are made for names that are free, or that are taken where a member is
// replaced, and only their hash goes to the log. A client talks over TLS on
// loopback with a member whose node is replaced.

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "quorate/admin/v1/cluster.grpc.pb.h"

#include "server/rpc/join_token.h"
#include "tests/server/rpc/service_world.h"
#include "trust/keys.h"

namespace quorate::server {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::SizeIs;

namespace admin = ::quorate::admin::v1;

class ClusterServiceTokensTest : public testing::Test {
 protected:
  ClusterServiceTokensTest()
      : stub_(admin::ClusterService::NewStub(
            world_.Connect(ClientNames("admin")))) {
    replication::NodeStatus status;
    status.raft.id = raft::MemberId(1);
    status.configuration.membership.voters = {raft::MemberId(1),
                                              raft::MemberId(2)};
    status.configuration.addresses = {{.id = raft::MemberId(1), .name = "m1"},
                                      {.id = raft::MemberId(2), .name = "m2"}};
    world_.node().SetStatus(status);
  }

  grpc::Status Create(const std::string& name, int64_t ttl_s = 0,
                      const std::string& request_id = "r1") {
    admin::CreateJoinTokenRequest request;
    request.set_request_id(request_id);
    request.set_name(name);
    if (ttl_s != 0) request.mutable_ttl()->set_seconds(ttl_s);
    created_.Clear();
    return stub_->CreateJoinToken(NewCall().get(), request, &created_);
  }

  grpc::Status Replace(const std::string& name) {
    admin::ReplaceMemberRequest request;
    request.set_request_id("r1");
    request.set_name(name);
    replaced_.Clear();
    return stub_->ReplaceMember(NewCall().get(), request, &replaced_);
  }

  internal::v1::Command LastCommand() {
    internal::v1::Command command;
    EXPECT_TRUE(command.ParseFromString(world_.node().commands().back()));
    return command;
  }

  ServiceWorld world_;
  std::unique_ptr<admin::ClusterService::Stub> stub_;
  admin::CreateJoinTokenResponse created_;
  admin::ReplaceMemberResponse replaced_;
};

TEST_F(ClusterServiceTokensTest, OnlyTheHashGoesToTheLog) {
  ASSERT_TRUE(Create("m4").ok());
  EXPECT_EQ(created_.join_token().name(), "m4");
  EXPECT_EQ(created_.join_token().ttl().seconds(), 3600);
  EXPECT_EQ(created_.join_token().replaces_member_id(), "");
  EXPECT_EQ(created_.header().applied_index(), 1U);
  const auto token = ParseJoinToken(created_.join_token().token());
  ASSERT_TRUE(token.ok()) << token.status();
  EXPECT_EQ(token->join.endpoints, world_.join().endpoints);
  EXPECT_EQ(token->join.ca_pin, world_.join().ca_pin);
  const internal::v1::Command command = LastCommand();
  EXPECT_EQ(command.create_join_token().secret_sha256(),
            trust::Sha256(token->secret));
  EXPECT_EQ(command.create_join_token().token_id(), token->id);
  EXPECT_THAT(world_.node().commands().back(), Not(HasSubstr(token->secret)));
}

TEST_F(ClusterServiceTokensTest, ARepeatGivesTheOneTokenThatCounts) {
  ASSERT_TRUE(Create("m4").ok());
  const auto first = ParseJoinToken(created_.join_token().token());
  ASSERT_TRUE(Create("m4").ok());
  const auto second = ParseJoinToken(created_.join_token().token());
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->id, second->id);
  EXPECT_EQ(world_.replica().view().join_tokens->size(), 1U);
}

TEST_F(ClusterServiceTokensTest, TimesAndNamesHaveLimits) {
  EXPECT_EQ(ReasonOf(Create("m4", 59)), "BAD_REQUEST");
  EXPECT_EQ(ReasonOf(Create("m4", 24 * 3600 + 1)), "BAD_REQUEST");
  EXPECT_EQ(ReasonOf(Create("m4", int64_t{1} << 60)), "BAD_REQUEST");
  EXPECT_EQ(ReasonOf(Create("m 4")), "BAD_REQUEST");
  EXPECT_TRUE(Create("m4", 60).ok());
  EXPECT_TRUE(Create("m4", 24 * 3600, "r2").ok());
  const grpc::Status taken = Create("m2");
  EXPECT_EQ(ReasonOf(taken), "MEMBER_EXISTS");
  EXPECT_THAT(taken.error_message(), HasSubstr("ReplaceMember"));
}

TEST_F(ClusterServiceTokensTest, AReplacementIsBoundToWhoIsReplaced) {
  ASSERT_TRUE(Replace("m2").ok());
  EXPECT_EQ(replaced_.join_token().replaces_member_id(), "2");
  EXPECT_EQ(LastCommand().create_join_token().replaces_id(), 2U);
  EXPECT_FALSE(LastCommand().create_join_token().stay_learner());
  EXPECT_EQ(ReasonOf(Replace("m9")), "MEMBER_NOT_FOUND");
  // It would be gone before it could answer.
  EXPECT_EQ(ReasonOf(Replace("m1")), "JOIN_NOT_SERVED");
}

TEST_F(ClusterServiceTokensTest, AMemberWithoutAJoinPortMakesNone) {
  ServiceWorld world(/*with_join=*/false);
  const auto stub =
      admin::ClusterService::NewStub(world.Connect(ClientNames("admin")));
  admin::CreateJoinTokenRequest request;
  request.set_request_id("r1");
  request.set_name("m4");
  admin::CreateJoinTokenResponse response;
  EXPECT_EQ(
      ReasonOf(stub->CreateJoinToken(NewCall().get(), request, &response)),
      "JOIN_NOT_SERVED");
  EXPECT_THAT(world.node().commands(), SizeIs(0));
}

}  // namespace
}  // namespace quorate::server
