// A machine with a token and nothing else becomes a member, may be interrupted
// at any point, and tells its secret to nobody but the cluster. The command's
// whole work is run against a real join port, and against impostors.

#include "server/join/joiner.h"

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <sys/stat.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

#include "server/config.h"
#include "server/member_files.h"
#include "server/member_stores.h"
#include "tests/server/join/join_world.h"

namespace quorate::server {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

// Answers nothing, and notes that it was asked.
class Impostor final : public internal::v1::JoinService::Service {
 public:
  Impostor(const replication::TestAuthority::Certificate& own,
           const std::string& shown_ca) {
    grpc::SslServerCredentialsOptions tls;
    tls.pem_key_cert_pairs.push_back(
        {.private_key = own.key_pem,
         .cert_chain = absl::StrCat(own.cert_pem, "\n", shown_ca)});
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::SslServerCredentials(tls),
                             &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }

  grpc::Status Join(grpc::ServerContext*, const internal::v1::JoinRequest*,
                    internal::v1::JoinResponse*) override {
    asked_ = true;
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not yet");
  }

  std::string endpoint() const { return absl::StrCat("127.0.0.1:", port_); }

  bool asked() const { return asked_; }

 private:
  int port_ = 0;
  std::atomic<bool> asked_ = false;
  std::unique_ptr<grpc::Server> server_;
};

class JoinerTest : public testing::Test {
 protected:
  absl::Status Join(const JoinOptions& options) {
    world_.clock().Push(kJoinPeriod);
    return JoinCluster(options, SystemClock());
  }

  JoinWorld world_;
};

TEST_F(JoinerTest, LeavesAWholeMemberBehind) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody);
  const JoinOptions options = world_.Options(token, "m4");
  const absl::Status joined = Join(options);
  ASSERT_TRUE(joined.ok()) << joined;
  const auto config = ReadConfig(ConfigFileOf(options));
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->self.name, "m4");
  EXPECT_EQ(config->members.size(), 4U);
  EXPECT_EQ(config->cluster_epoch, 3U);
  const auto files = ReadMemberFiles(*config);
  ASSERT_TRUE(files.ok()) << files.status();
  const auto id = MemberIdIn(*config);
  ASSERT_TRUE(id.ok()) << id.status();
  ASSERT_THAT(world_.node().changes(), SizeIs(1));
  EXPECT_EQ(world_.node().changes()[0].changes[0].id, *id);
  for (const auto& file :
       std::filesystem::directory_iterator(options.config_dir)) {
    struct stat state = {};
    ASSERT_EQ(stat(file.path().c_str(), &state), 0);
    EXPECT_EQ(state.st_mode & 0777U, 0600U) << file.path();
  }
  EXPECT_FALSE(
      std::filesystem::exists(absl::StrCat(options.config_dir, "/member-id")));
  // It is one now.
  const auto stores = OpenMember(*config);
  EXPECT_TRUE(stores.ok()) << stores.status();
  const absl::Status again = Join(options);
  EXPECT_EQ(again.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(again.message(), HasSubstr("has joined"));
}

TEST_F(JoinerTest, GoesOnWhereItWasInterrupted) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody);
  const JoinOptions options = world_.Options(token, "m4");
  world_.node().SetChangeEnd(absl::DeadlineExceededError("no answer"));
  EXPECT_EQ(Join(options).code(), absl::StatusCode::kUnavailable);
  EXPECT_FALSE(std::filesystem::exists(ConfigFileOf(options)));
  world_.node().SetChangeEnd(absl::OkStatus(),
                             [this] { world_.ApplyLastChange(); });
  const absl::Status joined = Join(options);
  ASSERT_TRUE(joined.ok()) << joined;
  // The same machine asked both times.
  const auto changes = world_.node().changes();
  ASSERT_THAT(changes, SizeIs(2));
  EXPECT_EQ(changes[0].changes[0].id, changes[1].changes[0].id);
  // Stopped after the data was made, before the last file.
  std::filesystem::remove(ConfigFileOf(options));
  const auto id = changes[0].changes[0].id;
  std::ofstream(absl::StrCat(options.config_dir, "/member-id")) << id.value();
  const absl::Status finished = Join(options);
  EXPECT_TRUE(finished.ok()) << finished;
  EXPECT_THAT(world_.node().changes(), SizeIs(2));
}

TEST_F(JoinerTest, AReplacementTakesNameAndVote) {
  const JoinToken token = world_.MakeToken("m2", raft::MemberId(2));
  const absl::Status joined = Join(world_.Options(token, "m2"));
  ASSERT_TRUE(joined.ok()) << joined;
  const auto change = world_.node().changes().back();
  ASSERT_THAT(change.changes, SizeIs(2));
  EXPECT_EQ(change.changes[0].id, raft::MemberId(2));
  EXPECT_TRUE(change.addresses[0].promote);
}

TEST_F(JoinerTest, ALearnerMayStayOne) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody, true);
  ASSERT_TRUE(Join(world_.Options(token, "m4")).ok());
  EXPECT_FALSE(world_.node().changes().back().addresses[0].promote);
}

TEST_F(JoinerTest, ATokenIsForOneMachine) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody);
  ASSERT_TRUE(Join(world_.Options(token, "m4")).ok());
  JoinOptions second = world_.Options(token, "m4");
  second.config_dir += "-second";
  second.data_dir += "-second";
  const absl::Status refused = Join(second);
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.message(), HasSubstr("another machine has used"));
  EXPECT_FALSE(std::filesystem::exists(second.data_dir));
}

TEST_F(JoinerTest, TheSecretGoesToNoImpostor) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody);
  replication::TestAuthority foreign("foreign");
  const auto own = foreign.Member(kJoinClusterId, "m1");
  const replication::TestAuthority::Certificate certificate = {
      .cert_pem = own.cert_pem, .key_pem = own.key_pem};
  // One with its own authority, one that shows the cluster's beside its own
  // certificate.
  Impostor other_ca(certificate, foreign.ca_pem());
  Impostor borrowed_ca(certificate, world_.peers().ca_pem());
  for (const Impostor* impostor : {&other_ca, &borrowed_ca}) {
    JoinOptions options = world_.Options(token, "m4");
    options.from = {impostor->endpoint()};
    const absl::Status refused = Join(options);
    EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied) << refused;
    EXPECT_FALSE(impostor->asked());
  }
  // A certificate of the cluster for something else than a member.
  const auto client = world_.peers().Issue("DNS:somebody");
  Impostor no_member(client, world_.peers().ca_pem());
  JoinOptions options = world_.Options(token, "m4");
  options.from = {no_member.endpoint()};
  EXPECT_EQ(Join(options).code(), absl::StatusCode::kPermissionDenied);
  EXPECT_FALSE(no_member.asked());
}

TEST_F(JoinerTest, AsksTheNextWhereOneIsAway) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody);
  JoinOptions options = world_.Options(token, "m4");
  options.from = {"127.0.0.1:1", world_.endpoint()};
  const absl::Status joined = Join(options);
  EXPECT_TRUE(joined.ok()) << joined;
  options = world_.Options(token, "m5");
  options.from = {"127.0.0.1:1"};
  EXPECT_EQ(Join(options).code(), absl::StatusCode::kUnavailable);
}

TEST_F(JoinerTest, MistakesAreFoundBeforeAnybodyIsAsked) {
  const JoinToken token = world_.MakeToken("m4", raft::kNobody);
  JoinOptions options = world_.Options(token, "m4");
  options.peer_listen = "0.0.0.0:7454";
  EXPECT_THAT(Join(options).message(), HasSubstr("--peer-address"));
  options = world_.Options(token, "m 4");
  EXPECT_THAT(Join(options).message(), HasSubstr("--name"));
  options = world_.Options(token, "m4");
  options.client_listen = "7444";
  EXPECT_THAT(Join(options).message(), HasSubstr("--client-listen"));
  options = world_.Options(token, "m4");
  std::filesystem::create_directories(options.data_dir + "/raft");
  EXPECT_THAT(Join(options).message(), HasSubstr("there is a member in"));
  EXPECT_THAT(world_.node().changes(), SizeIs(0));
}

}  // namespace
}  // namespace quorate::server
