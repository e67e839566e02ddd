// Only a member of this cluster and configuration, proved by its certificate,
// is heard, and only the member that was meant is spoken to. Streams with
// every kind of wrong hello and certificate are opened against a real peer
// port.

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"

#include "quorate/internal/v1/peer.grpc.pb.h"

#include "base/clock.h"
#include "replication/transport/grpc_transport.h"
#include "replication/transport/peer_identity.h"
#include "tests/replication/transport/recording_sink.h"
#include "tests/replication/transport/test_authority.h"
#include "tests/replication/transport/transport_peer.h"

namespace quorate::replication {
namespace {

namespace proto = internal::v1;

const char kCluster[] = "0123456789abcdef0123456789abcdef";
const char kOtherCluster[] = "fedcba9876543210fedcba9876543210";

constexpr raft::MemberId kSelf(11);
constexpr raft::MemberId kPeer(22);
constexpr raft::MemberId kThird(33);
constexpr raft::MemberId kStranger(44);

class PeerAdmissionTest : public testing::Test {
 protected:
  PeerAdmissionTest() : authority_("cluster"), other_authority_("other") {}

  void SetUp() override {
    auto transport = GrpcTransport::Create(
        {.id = kSelf,
         .listen = "127.0.0.1:0",
         .tls = authority_.Member(kCluster, TestName(kSelf)),
         .restore_id = "ours",
         .clock = &SystemClock()});
    ASSERT_TRUE(transport.ok()) << transport.status();
    transport_ = *std::move(transport);
    raft::Configuration configuration;
    for (const raft::MemberId id : {kSelf, kPeer, kThird}) {
      configuration.membership.voters.push_back(id);
      // Nobody is there; this test speaks for the others.
      configuration.addresses.push_back({.id = id,
                                         .name = TestName(id),
                                         .peer_endpoint = "127.0.0.1:1",
                                         .client_endpoint = ""});
    }
    transport_->SetConfiguration(configuration);
    transport_->Start(&sink_, nullptr);
  }

  static proto::PeerHello Hello(const std::string& cluster, raft::MemberId from,
                                raft::MemberId to) {
    proto::PeerHello hello;
    hello.set_cluster_id(cluster);
    hello.set_from(from.value());
    hello.set_to(to.value());
    hello.set_run(1);
    return hello;
  }

  static std::string Names(const std::string& cluster, raft::MemberId id) {
    return absl::StrCat("URI:", MemberUri(cluster, TestName(id)),
                        ",DNS:", MemberHostName(cluster, TestName(id)));
  }

  // Opens a stream with these certificates, says hello and sends a heartbeat.
  // Returns how the stream ended; OK where it was taken.
  grpc::Status Try(const TestAuthority::Certificate& certificate,
                   const proto::PeerHello& hello) {
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = authority_.ca_pem();
    tls.pem_cert_chain = certificate.cert_pem;
    tls.pem_private_key = certificate.key_pem;
    grpc::ChannelArguments arguments;
    arguments.SetSslTargetNameOverride(
        MemberHostName(kCluster, TestName(kSelf)));
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    const auto stub = proto::PeerService::NewStub(grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", transport_->port()),
        grpc::SslCredentials(tls), arguments));
    grpc::ClientContext context;
    proto::ControlResponse response;
    const auto writer = stub->Control(&context, &response);
    proto::ControlRequest request;
    *request.mutable_hello() = hello;
    writer->Write(request);
    request.Clear();
    proto::RaftMessage* raft = request.add_frames()->mutable_raft();
    raft->set_term(1);
    raft->mutable_heartbeat()->set_commit(1);
    writer->Write(request);
    writer->WritesDone();
    return writer->Finish();
  }

  grpc::StatusCode CodeOf(const TestAuthority::Certificate& certificate,
                          const proto::PeerHello& hello) {
    const grpc::Status status = Try(certificate, hello);
    return status.error_code();
  }

  TestAuthority authority_;
  TestAuthority other_authority_;
  RecordingSink sink_;
  std::unique_ptr<GrpcTransport> transport_;
};

TEST_F(PeerAdmissionTest, HearsAMember) {
  EXPECT_EQ(CodeOf(authority_.Issue(Names(kCluster, kPeer)),
                   Hello(kCluster, kPeer, kSelf)),
            grpc::StatusCode::OK);
  ASSERT_TRUE(sink_.WaitForMessages(1));
  EXPECT_EQ(sink_.seen().messages[0].from, kPeer);
  EXPECT_EQ(sink_.seen().messages[0].to, kSelf);
}

TEST_F(PeerAdmissionTest, RefusesAHelloThatIsWrong) {
  const auto peer = authority_.Issue(Names(kCluster, kPeer));
  std::vector<proto::PeerHello> wrong = {
      proto::PeerHello(),
      Hello(kOtherCluster, kPeer, kSelf),
      Hello(kCluster, kPeer, kThird),
      Hello(kCluster, kSelf, kSelf),
      Hello(kCluster, kThird, kSelf),  // Somebody else's certificate.
      Hello(kCluster, raft::kNobody, kSelf),
      Hello(kCluster, kPeer, kSelf),   // Of a restored cluster.
      Hello(kCluster, kPeer, kSelf),   // Restored from another backup.
      Hello(kCluster, kPeer, kSelf)};  // Without a run.
  wrong[wrong.size() - 3].set_cluster_epoch(2);
  wrong[wrong.size() - 2].set_restore_id("theirs");
  wrong.back().set_run(0);
  for (const proto::PeerHello& hello : wrong) {
    EXPECT_EQ(CodeOf(peer, hello), grpc::StatusCode::PERMISSION_DENIED)
        << hello.ShortDebugString();
  }
  EXPECT_TRUE(sink_.seen().messages.empty());
}

// Members that joined a restored cluster began with no backup.
TEST_F(PeerAdmissionTest, HearsThoseOfItsEpochAndItsBackup) {
  const auto peer = authority_.Issue(Names(kCluster, kPeer));
  for (const char* restore_id : {"", "ours"}) {
    for (const uint32_t epoch : {0u, 1u}) {
      proto::PeerHello hello = Hello(kCluster, kPeer, kSelf);
      hello.set_restore_id(restore_id);
      hello.set_cluster_epoch(epoch);
      EXPECT_EQ(CodeOf(peer, hello), grpc::StatusCode::OK)
          << hello.ShortDebugString();
    }
  }
}

// The name is the place's; the configuration says which id holds it. A member
// that lost its disk comes back with the certificate it has.
TEST_F(PeerAdmissionTest, HearsAMemberUnderItsNextIdOnlyWhenItIsConfigured) {
  const auto certificate = authority_.Issue(Names(kCluster, kPeer));
  const raft::MemberId next(55);
  EXPECT_EQ(CodeOf(certificate, Hello(kCluster, next, kSelf)),
            grpc::StatusCode::PERMISSION_DENIED);
  raft::Configuration configuration =
      ConfigurationOf({{kSelf, 1}, {kThird, 1}, {next, 1}});
  configuration.addresses.back().name = TestName(kPeer);
  transport_->SetConfiguration(configuration);
  EXPECT_EQ(CodeOf(certificate, Hello(kCluster, next, kSelf)),
            grpc::StatusCode::OK);
  EXPECT_EQ(CodeOf(certificate, Hello(kCluster, kPeer, kSelf)),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_EQ(CodeOf(certificate, Hello(kCluster, kThird, kSelf)),
            grpc::StatusCode::PERMISSION_DENIED);
}

TEST_F(PeerAdmissionTest, RefusesAnOldCopyOfAMember) {
  const auto certificate = authority_.Issue(Names(kCluster, kPeer));
  proto::PeerHello hello = Hello(kCluster, kPeer, kSelf);
  hello.set_incarnation(7);
  EXPECT_EQ(CodeOf(certificate, hello), grpc::StatusCode::OK);
  hello.set_run(2);
  EXPECT_EQ(CodeOf(certificate, hello), grpc::StatusCode::FAILED_PRECONDITION);
  hello.set_incarnation(6);
  EXPECT_EQ(CodeOf(certificate, hello), grpc::StatusCode::FAILED_PRECONDITION);
  hello.set_incarnation(8);
  EXPECT_EQ(CodeOf(certificate, hello), grpc::StatusCode::OK);
  hello.set_run(1);
  hello.set_incarnation(7);
  EXPECT_EQ(CodeOf(certificate, hello), grpc::StatusCode::FAILED_PRECONDITION);
}

TEST_F(PeerAdmissionTest, RefusesACertificateThatIsWrong) {
  const std::string uri =
      absl::StrCat("URI:", MemberUri(kCluster, TestName(kPeer)));
  const std::vector<std::string> wrong = {
      "", absl::StrCat("DNS:", MemberHostName(kCluster, TestName(kPeer))),
      Names(kOtherCluster, kPeer), Names(kCluster, kThird),
      absl::StrCat(uri, "/"), absl::StrCat(uri, "0"),
      // Two names: whose is it?
      absl::StrCat(uri, ",URI:", MemberUri(kCluster, TestName(kThird)))};
  for (const std::string& names : wrong) {
    EXPECT_EQ(CodeOf(authority_.Issue(names), Hello(kCluster, kPeer, kSelf)),
              grpc::StatusCode::PERMISSION_DENIED)
        << names;
  }
  EXPECT_TRUE(sink_.seen().messages.empty());
}

TEST_F(PeerAdmissionTest, RefusesAMemberOutsideTheConfiguration) {
  EXPECT_EQ(CodeOf(authority_.Issue(Names(kCluster, kStranger)),
                   Hello(kCluster, kStranger, kSelf)),
            grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(sink_.seen().messages.empty());
}

TEST_F(PeerAdmissionTest, RefusesTheHandshakeWithoutACertificateOfOurs) {
  const proto::PeerHello hello = Hello(kCluster, kPeer, kSelf);
  EXPECT_EQ(CodeOf({.cert_pem = "", .key_pem = ""}, hello),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(CodeOf(other_authority_.Issue(Names(kCluster, kPeer)), hello),
            grpc::StatusCode::UNAVAILABLE);
  EXPECT_TRUE(sink_.seen().messages.empty());
}

TEST_F(PeerAdmissionTest, EndsAStreamThatSendsNonsense) {
  const auto peer = authority_.Issue(Names(kCluster, kPeer));
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = authority_.ca_pem();
  tls.pem_cert_chain = peer.cert_pem;
  tls.pem_private_key = peer.key_pem;
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(MemberHostName(kCluster, TestName(kSelf)));
  const auto stub = proto::PeerService::NewStub(
      grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", transport_->port()),
                                grpc::SslCredentials(tls), arguments));
  grpc::ClientContext context;
  proto::BulkResponse response;
  const auto writer = stub->Bulk(&context, &response);
  proto::BulkRequest request;
  *request.mutable_hello() = Hello(kCluster, kPeer, kSelf);
  request.add_frames();  // A frame without a body.
  writer->Write(request);
  writer->WritesDone();
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  // We ended it; the peer is not lost. One that ends its stream itself is.
  EXPECT_EQ(CodeOf(peer, Hello(kCluster, kPeer, kSelf)), grpc::StatusCode::OK);
  ASSERT_TRUE(sink_.WaitForLost(1));
  EXPECT_EQ(sink_.seen().lost.size(), 1u);
}

// A member that moved: the address of the peer now belongs to another member.
// It has a certificate of the cluster, but not the peer's.
TEST_F(PeerAdmissionTest, SpeaksToTheMemberThatIsMeantOnly) {
  auto third = GrpcTransport::Create(
      {.id = kThird,
       .listen = "127.0.0.1:0",
       .tls = authority_.Member(kCluster, TestName(kThird)),
       .clock = &SystemClock()});
  ASSERT_TRUE(third.ok()) << third.status();
  const std::string endpoint = absl::StrCat("127.0.0.1:", (*third)->port());
  raft::Configuration configuration;
  for (const raft::MemberId id : {kSelf, kPeer, kThird}) {
    configuration.membership.voters.push_back(id);
    configuration.addresses.push_back({.id = id,
                                       .name = TestName(id),
                                       .peer_endpoint = endpoint,
                                       .client_endpoint = ""});
  }
  RecordingSink third_sink;
  (*third)->SetConfiguration(configuration);
  (*third)->Start(&third_sink, nullptr);
  transport_->SetConfiguration(configuration);
  ASSERT_TRUE(sink_.WaitForReachable(1));
  EXPECT_EQ(sink_.seen().reachable[0], kThird);
  const PeerMessage to_peer{
      .from = kSelf, .to = kPeer, .body = ReadIndexRequest{.nonce = 1}};
  const PeerMessage to_third{
      .from = kSelf, .to = kThird, .body = ReadIndexRequest{.nonce = 2}};
  transport_->Send(to_peer);
  transport_->Send(to_third);
  ASSERT_TRUE(third_sink.WaitForMessages(1));
  ASSERT_TRUE(sink_.WaitForUnreachable(1));
  const auto messages = third_sink.seen().messages;
  ASSERT_EQ(messages.size(), 1u);
  EXPECT_EQ(std::get<ReadIndexRequest>(messages[0].body).nonce, 2u);
  (*third)->Stop();
}

}  // namespace
}  // namespace quorate::replication
