// A member that lost its data comes back under a new id, to the place that its
// certificate names and to no other, and not while another machine fills it.
// The command's whole work is run against the service on a real peer port.

#include <filesystem>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

#include "server/join/rejoin_service.h"
#include "server/join/rejoiner.h"
#include "server/member_stores.h"
#include "tests/server/join/join_world.h"

namespace quorate::server {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class RejoinTest : public testing::Test {
 protected:
  RejoinTest()
      : service_(
            &SystemClock(),
            {.cluster_id = kJoinClusterId, .cluster_epoch = 1, .name = "m1"}) {
    const auto own = world_.peers().Member(kJoinClusterId, "m1");
    grpc::SslServerCredentialsOptions tls(
        GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
    tls.pem_root_certs = own.ca_pem;
    tls.pem_key_cert_pairs.push_back(
        {.private_key = own.key_pem, .cert_chain = own.cert_pem});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls),
                             &port_);
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    service_.Start(&world_.node());
    config_.cluster_id = kJoinClusterId;
    config_.members = {{.id = raft::MemberId(1),
                        .name = "m1",
                        .peer_endpoint = absl::StrCat("127.0.0.1:", port_)},
                       Self("m3")};
    config_.self = Self("m3");
    config_.data_dir = absl::StrCat(world_.folder(), "/data");
    UseCertificateOf("m3");
  }

  ~RejoinTest() override {
    service_.Stop();
    world_.node().Stop();
    server_->Shutdown();
  }

  static raft::MemberAddress Self(const std::string& name) {
    return {.id = raft::MemberId(3),
            .name = name,
            .peer_endpoint = "10.0.0.3:7411",
            .client_endpoint = "10.0.0.3:7401"};
  }

  void UseCertificateOf(const std::string& name) {
    const auto own = world_.peers().Member(kJoinClusterId, name);
    files_.peer_tls = {
        .ca = own.ca_pem, .cert = own.cert_pem, .key = own.key_pem};
  }

  absl::StatusOr<raft::MemberId> Rejoin(bool quarantine = false) {
    return RejoinCluster(
        config_, files_,
        {.quarantine = quarantine, .timeout = absl::Milliseconds(100)},
        SystemClock());
  }

  JoinWorld world_;
  RejoinService service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
  Config config_;
  MemberFiles files_;
};

TEST_F(RejoinTest, ComesBackUnderANewId) {
  const auto id = Rejoin();
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_NE(*id, raft::MemberId(3));
  ASSERT_THAT(world_.node().changes(), SizeIs(1));
  const auto change = world_.node().changes()[0];
  ASSERT_THAT(change.changes, SizeIs(2));
  EXPECT_EQ(change.changes[0].kind, raft::MemberChange::Kind::kRemove);
  EXPECT_EQ(change.changes[0].id, raft::MemberId(3));
  EXPECT_EQ(change.changes[1].kind, raft::MemberChange::Kind::kAddLearner);
  EXPECT_EQ(change.changes[1].id, *id);
  EXPECT_EQ(change.addresses[0].name, "m3");
  EXPECT_TRUE(change.addresses[0].promote);
  const auto stores = OpenMember(config_);
  ASSERT_TRUE(stores.ok()) << stores.status();
  EXPECT_EQ(stores->log->identity().member_id, *id);
  EXPECT_EQ(stores->log->LastIndex(), raft::Index(0));
}

TEST_F(RejoinTest, NotWhileTheOtherOneAnswers) {
  replication::NodeStatus status = JoinWorld::ThreeMembers();
  status.contacts = {{.id = raft::MemberId(3), .age = absl::Seconds(1)}};
  world_.node().SetStatus(status);
  const auto clone = Rejoin();
  EXPECT_EQ(clone.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(clone.status().message(), HasSubstr("while it runs"));
  EXPECT_THAT(world_.node().changes(), SizeIs(0));
  EXPECT_FALSE(std::filesystem::exists(config_.data_dir));
  status.contacts[0].age = absl::Seconds(5);
  world_.node().SetStatus(status);
  EXPECT_TRUE(Rejoin().ok());
}

TEST_F(RejoinTest, NotWhereTooFewWouldBeLeft) {
  world_.node().SetChangeEnd(absl::FailedPreconditionError("m2 is silent"));
  const auto refused = Rejoin();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.status().message(), HasSubstr("m2 is silent"));
  EXPECT_FALSE(std::filesystem::exists(config_.data_dir));
}

TEST_F(RejoinTest, OnlyToThePlaceOfItsCertificate) {
  // It says that it is m3, and is m2 by its certificate.
  UseCertificateOf("m2");
  config_.self.peer_endpoint = "10.0.0.9:7411";
  config_.self.client_endpoint = "10.0.0.9:7401";
  static_cast<void>(Rejoin());
  ASSERT_THAT(world_.node().changes(), SizeIs(1));
  EXPECT_EQ(world_.node().changes()[0].changes[0].id, raft::MemberId(2));
}

TEST_F(RejoinTest, ARemovedMemberHasNoPlace) {
  UseCertificateOf("m9");
  const auto refused = Rejoin();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(refused.status().message(), HasSubstr("join token"));
}

TEST_F(RejoinTest, StrangersAreRefused) {
  replication::TestAuthority foreign("foreign");
  const auto own = foreign.Member(kJoinClusterId, "m3");
  files_.peer_tls.cert = own.cert_pem;
  files_.peer_tls.key = own.key_pem;
  EXPECT_EQ(Rejoin().status().code(), absl::StatusCode::kUnavailable);
  // Of the same authority, for something else.
  const auto client = world_.peers().Issue(
      absl::StrCat("URI:quorate://", kJoinClusterId, "/client/m3"));
  files_.peer_tls.cert = client.cert_pem;
  files_.peer_tls.key = client.key_pem;
  EXPECT_EQ(Rejoin().status().code(), absl::StatusCode::kUnauthenticated);
  EXPECT_THAT(world_.node().changes(), SizeIs(0));
}

TEST_F(RejoinTest, AsksWhoLeads) {
  // m1 follows m2, which is said to be where m1 is: the address counts.
  replication::NodeStatus status = JoinWorld::ThreeMembers();
  status.raft.role = raft::Role::kFollower;
  status.raft.leader = raft::MemberId(2);
  status.configuration.addresses[1].peer_endpoint = "127.0.0.1:1";
  world_.node().SetStatus(status);
  const auto refused = Rejoin();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(refused.status().message(), HasSubstr("m2 (127.0.0.1:1)"));
  EXPECT_THAT(world_.node().changes(), SizeIs(0));
}

TEST_F(RejoinTest, WhatIsThereIsPutAsideOnlyWhenAsked) {
  ASSERT_TRUE(Rejoin().ok());
  const auto refused = Rejoin();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(refused.status().message(), HasSubstr("--quarantine"));
  EXPECT_THAT(world_.node().changes(), SizeIs(1));
  const auto first = MemberIdIn(config_);
  const auto second = Rejoin(/*quarantine=*/true);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_NE(*first, *second);
  EXPECT_EQ(*MemberIdIn(config_), *second);
}

TEST_F(RejoinTest, OneAloneHasNobodyToAsk) {
  config_.members = {Self("m3")};
  EXPECT_THAT(Rejoin().status().message(), HasSubstr("backup"));
}

TEST_F(RejoinTest, AMemberThatStopsDoesNotKeepThePort) {
  world_.node().Hold(true);
  std::thread asker([this] {
    EXPECT_EQ(Rejoin().status().code(), absl::StatusCode::kUnavailable);
  });
  ASSERT_TRUE(world_.node().WaitForCalls(1));
  service_.Stop();
  server_->Shutdown(std::chrono::system_clock::time_point());
  asker.join();
}

}  // namespace
}  // namespace quorate::server
