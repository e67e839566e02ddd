// What is no snapshot of a member of this cluster is refused before the sink
// sees a byte of it. A client that keeps no rule speaks to a real peer port.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"
#include "gtest/gtest.h"

#include "quorate/internal/v1/peer.grpc.pb.h"

#include "replication/transport/peer_identity.h"
#include "replication/transport/snapshot_wire.h"
#include "tests/replication/transport/snapshot_fakes.h"
#include "tests/replication/transport/test_authority.h"
#include "tests/replication/transport/transport_peer.h"

namespace quorate::replication {
namespace {

namespace proto = internal::v1;

constexpr raft::MemberId kSelf(11);
constexpr raft::MemberId kPeer(22);
constexpr raft::MemberId kThird(33);

constexpr uint64_t kTotal = 1000;

class SnapshotAdmissionTest : public testing::Test {
 protected:
  SnapshotAdmissionTest()
      : authority_("cluster"), self_(&authority_, kSelf, 0) {}

  void SetUp() override {
    ASSERT_TRUE(self_.Create().ok());
    self_.Start(
        ConfigurationOf(
            {{kSelf, self_.transport().port()}, {kPeer, 1}, {kThird, 1}}),
        &store_);
    stub_ = StubOf(kPeer);
  }

  std::unique_ptr<proto::PeerService::Stub> StubOf(raft::MemberId id) {
    const PeerTlsOptions own = authority_.Member(kTestCluster, TestName(id));
    grpc::SslCredentialsOptions tls;
    tls.pem_root_certs = own.ca_pem;
    tls.pem_cert_chain = own.cert_pem;
    tls.pem_private_key = own.key_pem;
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetSslTargetNameOverride(
        MemberHostName(kTestCluster, TestName(kSelf)));
    return proto::PeerService::NewStub(grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", self_.transport().port()),
        grpc::SslCredentials(tls), arguments));
  }

  static proto::PeerHello Hello(raft::MemberId from, uint64_t run) {
    proto::PeerHello hello;
    hello.set_cluster_id(kTestCluster);
    hello.set_from(from.value());
    hello.set_to(kSelf.value());
    hello.set_run(run);
    return hello;
  }

  static proto::SnapshotRequest Begin() {
    proto::SnapshotRequest request;
    *request.mutable_begin()->mutable_hello() = Hello(kPeer, 1);
    EncodeSnapshotOffer(raft::Term(5), HeaderOf(kSelf, 9, kTotal),
                        request.mutable_begin());
    return request;
  }

  static proto::SnapshotRequest Chunk(uint64_t offset, size_t size) {
    proto::SnapshotRequest request;
    EncodeSnapshotChunk(offset, std::string(size, 'x'),
                        request.mutable_chunk());
    return request;
  }

  static proto::SnapshotRequest End() {
    proto::SnapshotRequest request;
    request.mutable_end();
    return request;
  }

  // How a stream of these ends.
  grpc::StatusCode CodeOf(const std::vector<proto::SnapshotRequest>& requests) {
    grpc::ClientContext context;
    const auto stream = stub_->Snapshot(&context);
    for (const proto::SnapshotRequest& request : requests) {
      if (!stream->Write(request)) break;
    }
    stream->WritesDone();
    proto::SnapshotResponse response;
    while (stream->Read(&response)) {
      complete_ = response.complete();
    }
    return stream->Finish().error_code();
  }

  TestAuthority authority_;
  MemorySnapshots store_;
  TransportPeer self_;
  std::unique_ptr<proto::PeerService::Stub> stub_;
  bool complete_ = false;
};

TEST_F(SnapshotAdmissionTest, TakesAWholeOne) {
  EXPECT_EQ(CodeOf({Begin(), Chunk(0, 600), Chunk(600, 400), End()}),
            grpc::StatusCode::OK);
  EXPECT_TRUE(complete_);
  EXPECT_EQ(store_.seen().bytes, std::string(kTotal, 'x'));
}

TEST_F(SnapshotAdmissionTest, RefusesABeginThatIsWrong) {
  using Change = std::function<void(proto::SnapshotBegin*)>;
  const std::vector<std::pair<Change, grpc::StatusCode>> wrong = {
      {[](auto* begin) { begin->clear_hello(); },
       grpc::StatusCode::PERMISSION_DENIED},
      {[](auto* begin) { begin->mutable_hello()->set_from(kThird.value()); },
       grpc::StatusCode::PERMISSION_DENIED},
      {[](auto* begin) { begin->mutable_hello()->set_from(99); },
       grpc::StatusCode::PERMISSION_DENIED},
      {[](auto* begin) { begin->mutable_hello()->set_to(kThird.value()); },
       grpc::StatusCode::PERMISSION_DENIED},
      {[](auto* begin) { begin->clear_position(); },
       grpc::StatusCode::INVALID_ARGUMENT},
      {[](auto* begin) { begin->mutable_position()->clear_configuration(); },
       grpc::StatusCode::INVALID_ARGUMENT},
      // The position is of a later term than the leader.
      {[](auto* begin) { begin->mutable_position()->set_term(6); },
       grpc::StatusCode::INVALID_ARGUMENT},
      {[](auto* begin) { begin->set_term(UINT64_MAX); },
       grpc::StatusCode::INVALID_ARGUMENT},
      {[](auto* begin) {
         begin->set_manifest(std::string(kMaxOfferedManifestBytes + 1, 'x'));
       },
       grpc::StatusCode::INVALID_ARGUMENT},
      {[](auto* begin) { begin->set_manifest(std::string(8 << 20, 'x')); },
       grpc::StatusCode::RESOURCE_EXHAUSTED},
      {[](auto* begin) { begin->set_total_bytes(0); },
       grpc::StatusCode::INVALID_ARGUMENT},
      {[](auto* begin) { begin->set_total_bytes(UINT64_MAX); },
       grpc::StatusCode::INVALID_ARGUMENT}};
  for (size_t i = 0; i < wrong.size(); ++i) {
    proto::SnapshotRequest begin = Begin();
    wrong[i].first(begin.mutable_begin());
    EXPECT_EQ(CodeOf({begin, Chunk(0, 10)}), wrong[i].second) << i;
  }
  EXPECT_EQ(CodeOf({Chunk(0, 10)}), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_TRUE(store_.seen().begins.empty());
}

TEST_F(SnapshotAdmissionTest, RefusesChunksThatKeepNoRule) {
  const std::vector<std::vector<proto::SnapshotRequest>> wrong = {
      {Begin(), Chunk(1, 10)},
      {Begin(), Chunk(0, 10), Chunk(0, 10)},
      {Begin(), Chunk(0, 10), Chunk(20, 10)},
      {Begin(), Chunk(UINT64_MAX, 10)},
      {Begin(), Chunk(0, 0)},
      {Begin(), Chunk(0, kTotal + 1)},
      {Begin(), Chunk(0, 900), Chunk(900, 101)},
      {Begin(), End()},
      {Begin(), Chunk(0, kTotal - 1), End()},
      {Begin(), Begin()},
      {Begin(), proto::SnapshotRequest()}};
  for (size_t i = 0; i < wrong.size(); ++i) {
    // A snapshot of its own, so that each begins from nothing.
    std::vector<proto::SnapshotRequest> requests = wrong[i];
    requests[0].mutable_begin()->mutable_position()->set_index(100 + i);
    EXPECT_EQ(CodeOf(requests), grpc::StatusCode::INVALID_ARGUMENT) << i;
  }
  EXPECT_EQ(store_.seen().ends, 0);
  EXPECT_FALSE(complete_);
}

TEST_F(SnapshotAdmissionTest, RefusesABrokenChunkAndWantsItAnew) {
  proto::SnapshotRequest broken = Chunk(600, 400);
  (*broken.mutable_chunk()->mutable_content())[7] ^= 1;
  EXPECT_EQ(CodeOf({Begin(), Chunk(0, 600), broken, End()}),
            grpc::StatusCode::DATA_LOSS);
  EXPECT_EQ(store_.seen().bytes.size(), 600u);
  EXPECT_EQ(CodeOf({Begin(), Chunk(600, 400), End()}), grpc::StatusCode::OK);
  EXPECT_EQ(store_.seen().bytes, std::string(kTotal, 'x'));
}

// The snapshot lane may be the first to show that a process is a new one.
TEST_F(SnapshotAdmissionTest, ANewProcessThatSendsEndsTheStreamsOfTheOld) {
  grpc::ClientContext context;
  proto::ControlResponse response;
  const auto control = StubOf(kPeer)->Control(&context, &response);
  proto::ControlRequest request;
  *request.mutable_hello() = Hello(kPeer, 1);
  ASSERT_TRUE(control->Write(request));
  control->WaitForInitialMetadata();
  proto::SnapshotRequest begin = Begin();
  begin.mutable_begin()->mutable_hello()->set_run(2);
  EXPECT_EQ(CodeOf({begin, Chunk(0, kTotal), End()}), grpc::StatusCode::OK);
  ASSERT_TRUE(self_.sink().WaitForLost(1));
  EXPECT_FALSE(control->Finish().ok());
  // And the old one is not heard any more.
  EXPECT_EQ(CodeOf({Begin()}), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(self_.sink().seen().lost.size(), 1u);
}

TEST_F(SnapshotAdmissionTest, AMemberWithoutAStoreTakesNone) {
  self_.transport().Stop();
  ASSERT_TRUE(self_.Create().ok());
  self_.Start(ConfigurationOf({{kSelf, 1}, {kPeer, 1}}));
  stub_ = StubOf(kPeer);
  EXPECT_EQ(CodeOf({Begin()}), grpc::StatusCode::ABORTED);
}

}  // namespace
}  // namespace quorate::replication
