// Members deliver to each other in order, find each other again after a
// restart, and report what they lose. Real gRPC over loopback, with
// certificates made for the test.

#include "replication/transport/grpc_transport.h"

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "gtest/gtest.h"

#include "quorate/internal/v1/peer.grpc.pb.h"

#include "base/clock.h"
#include "tests/replication/transport/recording_sink.h"
#include "tests/replication/transport/test_authority.h"
#include "tests/replication/transport/transport_peer.h"

namespace quorate::replication {
namespace {

raft::MemberId Id(uint64_t id) {
  return raft::MemberId(id);
}

// The numbers that the messages of one kind carry, in the order of arrival.
void NumbersOf(const std::vector<PeerMessage>& messages,
               std::vector<uint64_t>* heartbeats,
               std::vector<uint64_t>* appends) {
  for (const PeerMessage& message : messages) {
    const auto& body = std::get<raft::Message>(message.body).body;
    if (const auto* heartbeat = std::get_if<raft::Heartbeat>(&body)) {
      heartbeats->push_back(heartbeat->commit.value());
    } else {
      appends->push_back(
          std::get<raft::AppendRequest>(body).previous_index.value());
    }
  }
}

class GrpcTransportTest : public testing::Test {
 protected:
  GrpcTransportTest()
      : authority_("cluster"),
        a_(&authority_, Id(11), 0),
        b_(&authority_, Id(22), 0) {}

  void SetUp() override {
    ASSERT_TRUE(a_.Create().ok());
    ASSERT_TRUE(b_.Create().ok());
    configuration_ = ConfigurationOf(
        {{a_.id(), a_.transport().port()}, {b_.id(), b_.transport().port()}});
  }

  void StartBoth() {
    a_.Start(configuration_);
    b_.Start(configuration_);
    ASSERT_TRUE(a_.sink().WaitForReachable(1));
    ASSERT_TRUE(b_.sink().WaitForReachable(1));
  }

  TestAuthority authority_;
  TransportPeer a_;
  TransportPeer b_;
  raft::Configuration configuration_;
};

TEST_F(GrpcTransportTest, DeliversEachLaneInOrderBothWays) {
  StartBoth();
  constexpr uint64_t kCount = 2000;
  for (uint64_t number = 1; number <= kCount; ++number) {
    a_.transport().Send(HeartbeatOf(a_.id(), b_.id(), number));
    a_.transport().Send(AppendOf(a_.id(), b_.id(), number, 100));
    b_.transport().Send(HeartbeatOf(b_.id(), a_.id(), number));
    b_.transport().Send(AppendOf(b_.id(), a_.id(), number, 100));
  }
  for (TransportPeer* peer : {&a_, &b_}) {
    ASSERT_TRUE(peer->sink().WaitForMessages(2 * kCount));
    std::vector<uint64_t> heartbeats;
    std::vector<uint64_t> appends;
    NumbersOf(peer->sink().seen().messages, &heartbeats, &appends);
    ASSERT_EQ(heartbeats.size(), kCount);
    ASSERT_EQ(appends.size(), kCount);
    for (uint64_t i = 0; i < kCount; ++i) {
      ASSERT_EQ(heartbeats[i], i + 1);
      ASSERT_EQ(appends[i], i + 1);
    }
  }
}

TEST_F(GrpcTransportTest, DeliversFramesOfEverySize) {
  StartBoth();
  const std::vector<size_t> sizes = {0, 1, 1000, 500'000, 1'048'576, 2'000'000};
  for (size_t i = 0; i < sizes.size(); ++i) {
    a_.transport().Send(AppendOf(a_.id(), b_.id(), i + 1, sizes[i]));
  }
  ASSERT_TRUE(b_.sink().WaitForMessages(sizes.size()));
  const auto messages = b_.sink().seen().messages;
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(messages[i].from, a_.id());
    EXPECT_EQ(messages[i].to, b_.id());
    const auto& body = std::get<raft::Message>(messages[i].body).body;
    EXPECT_EQ(std::get<raft::AppendRequest>(body).entries[0].payload->size(),
              sizes[i]);
  }
  EXPECT_TRUE(a_.sink().seen().unreachable.empty());
}

TEST_F(GrpcTransportTest, FindsAPeerAgainThatRestarted) {
  StartBoth();
  for (int round = 1; round <= 3; ++round) {
    b_.Restart(configuration_);
    // Without any message: the next one, after minutes perhaps, must not be
    // the one that finds the stream dead.
    ASSERT_TRUE(a_.sink().WaitForUnreachable(round));
    ASSERT_TRUE(a_.sink().WaitForReachable(round + 1));
    ASSERT_TRUE(b_.sink().WaitForReachable(1));
    a_.transport().Send(HeartbeatOf(a_.id(), b_.id(), 5));
    b_.transport().Send(AppendOf(b_.id(), a_.id(), 6, 10));
    ASSERT_TRUE(b_.sink().WaitForMessages(1));
    ASSERT_TRUE(a_.sink().WaitForMessages(round));
  }
}

TEST_F(GrpcTransportTest, WaitsForAPeerThatStartsLater) {
  a_.Start(configuration_);
  a_.transport().Send(HeartbeatOf(a_.id(), b_.id(), 1));
  // What found no stream is lost, and said to be.
  ASSERT_TRUE(a_.sink().WaitForUnreachable(1));
  b_.Start(configuration_);
  ASSERT_TRUE(a_.sink().WaitForReachable(1));
  a_.transport().Send(HeartbeatOf(a_.id(), b_.id(), 2));
  ASSERT_TRUE(b_.sink().WaitForMessages(1));
}

TEST_F(GrpcTransportTest, DropsAMemberThatTheConfigurationDrops) {
  StartBoth();
  a_.transport().SetConfiguration(
      ConfigurationOf({{a_.id(), a_.transport().port()}}));
  // The stream ends with its next message, and the one after that finds out.
  uint64_t number = 0;
  while (b_.sink().seen().unreachable.empty()) {
    b_.transport().Send(HeartbeatOf(b_.id(), a_.id(), ++number));
    std::this_thread::yield();
  }
  EXPECT_TRUE(a_.sink().seen().messages.empty());

  // And takes it back.
  a_.transport().SetConfiguration(configuration_);
  ASSERT_TRUE(b_.sink().WaitForReachable(2));
  b_.transport().Send(HeartbeatOf(b_.id(), a_.id(), ++number));
  ASSERT_TRUE(a_.sink().WaitForMessages(1));
}

TEST_F(GrpcTransportTest, CallsNobodyAfterStop) {
  StartBoth();
  std::atomic<bool> enough = false;
  std::thread sender([&] {
    for (uint64_t number = 1; !enough; ++number) {
      b_.transport().Send(HeartbeatOf(b_.id(), a_.id(), number));
    }
  });
  ASSERT_TRUE(a_.sink().WaitForMessages(100));
  a_.transport().Stop();
  const int calls = a_.sink().seen().calls;
  a_.transport().Stop();
  a_.transport().Send(HeartbeatOf(a_.id(), b_.id(), 1));
  ASSERT_TRUE(b_.sink().WaitForUnreachable(1));
  enough = true;
  sender.join();
  EXPECT_EQ(a_.sink().seen().calls, calls);
}

TEST_F(GrpcTransportTest, SaysThatThePortIsTaken) {
  TransportPeer second(&authority_, Id(33), a_.transport().port());
  EXPECT_EQ(second.Create().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(GrpcTransportTest, SaysThatTheCertificatesDoNotFit) {
  GrpcTransport::Options options{
      .id = Id(44),
      .listen = "127.0.0.1:0",
      .tls = authority_.Member(kTestCluster, TestName(Id(44))),
      .clock = &SystemClock()};
  options.tls.key_pem =
      authority_.Member(kTestCluster, TestName(Id(44))).key_pem;
  EXPECT_EQ(GrpcTransport::Create(options).status().code(),
            absl::StatusCode::kFailedPrecondition);
  options.tls.cert_pem = "nonsense";
  EXPECT_FALSE(GrpcTransport::Create(options).ok());
  options.tls.cert_pem.clear();
  EXPECT_EQ(GrpcTransport::Create(options).status().code(),
            absl::StatusCode::kInvalidArgument);
}

// Takes streams and reads nothing but the hello, until it is let go.
class StuckService : public internal::v1::PeerService::CallbackService {
 public:
  grpc::ServerReadReactor<internal::v1::ControlRequest>* Control(
      grpc::CallbackServerContext* /*context*/,
      internal::v1::ControlResponse* /*response*/) override {
    return NewStream<internal::v1::ControlRequest>();
  }

  grpc::ServerReadReactor<internal::v1::BulkRequest>* Bulk(
      grpc::CallbackServerContext* /*context*/,
      internal::v1::BulkResponse* /*response*/) override {
    return NewStream<internal::v1::BulkRequest>();
  }

  void LetGo() {
    std::vector<std::function<void()>> readers;
    {
      MutexLock lock(&mu_);
      let_go_ = true;
      readers.swap(readers_);
    }
    for (const auto& read : readers) {
      read();
    }
  }

 private:
  template <typename Request>
  class Stream : public grpc::ServerReadReactor<Request> {
   public:
    explicit Stream(StuckService* service) : service_(service) {
      this->StartRead(&request_);
    }

   private:
    void OnReadDone(bool ok) override {
      if (!ok) {
        this->Finish(grpc::Status::OK);
        return;
      }
      if (request_.has_hello()) this->StartSendInitialMetadata();
      service_->ReadWhenLetGo([this] { this->StartRead(&request_); });
    }

    void OnDone() override { delete this; }

    StuckService* const service_;
    Request request_;
  };

  template <typename Request>
  grpc::ServerReadReactor<Request>* NewStream() {
    return new Stream<Request>(this);
  }

  void ReadWhenLetGo(std::function<void()> read) {
    {
      MutexLock lock(&mu_);
      if (!let_go_) {
        readers_.push_back(std::move(read));
        return;
      }
    }
    read();
  }

  Mutex mu_;
  bool let_go_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::function<void()>> readers_ ABSL_GUARDED_BY(mu_);
};

// A peer that hangs costs a bounded queue and nobody's time.
TEST_F(GrpcTransportTest, DropsAndReportsWhatAHungPeerDoesNotTake) {
  const raft::MemberId hung = Id(33);
  const PeerTlsOptions tls = authority_.Member(kTestCluster, TestName(hung));
  grpc::SslServerCredentialsOptions credentials(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  credentials.pem_root_certs = tls.ca_pem;
  credentials.pem_key_cert_pairs.push_back(
      {.private_key = tls.key_pem, .cert_chain = tls.cert_pem});
  StuckService service;
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort("127.0.0.1:0",
                           grpc::SslServerCredentials(credentials), &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  ASSERT_NE(server, nullptr);

  a_.Start(ConfigurationOf({{a_.id(), a_.transport().port()}, {hung, port}}));
  ASSERT_TRUE(a_.sink().WaitForReachable(1));
  // More than queue, flow control and the kernel's buffers take.
  for (uint64_t number = 1; number <= 200; ++number) {
    a_.transport().Send(AppendOf(a_.id(), hung, number, 256 * 1024));
  }
  ASSERT_TRUE(a_.sink().WaitForUnreachable(1));
  EXPECT_EQ(a_.sink().seen().reachable.size(), 1u);

  service.LetGo();
  // Told again once the queue is empty.
  ASSERT_TRUE(a_.sink().WaitForReachable(2));
  a_.transport().Stop();
  server->Shutdown();
}

}  // namespace
}  // namespace quorate::replication
