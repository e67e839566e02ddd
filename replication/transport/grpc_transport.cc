#include "replication/transport/grpc_transport.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "grpc/impl/codegen/grpc_types.h"
#include "grpc/support/time.h"
#include "grpcpp/resource_quota.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"

#include "base/mutex.h"
#include "base/random.h"
#include "replication/transport/peer_channel.h"
#include "replication/transport/peer_connection.h"
#include "replication/transport/peer_service.h"
#include "replication/wire/limits.h"

namespace quorate::replication {
namespace {

// Each other member has two streams here or three; the rest is for those that
// are on their way out.
constexpr int kMaxStreams = 64;

// Our own headers are a few hundred bytes. More is somebody's attempt to make
// us work (security.md, appendix C).
constexpr int kMaxMetadataBytes = 8 * 1024;

// A handshake that takes longer is none.
constexpr int kHandshakeMs = 5000;

// All buffers of the peer port: a few members with a few frames each.
constexpr size_t kMaxServerBytes = size_t{128} * 1024 * 1024;

// Snapshots have a thread each, and one is received at a time; the others are
// on their way out.
constexpr int kMaxThreads = 16;

// The keeper looks at the lanes this often, and when it is woken.
constexpr absl::Duration kMaintainPeriod = absl::Milliseconds(100);

class RunningTransport final : public GrpcTransport,
                               private PeerGate,
                               private LaneKeeper {
 public:
  explicit RunningTransport(const Options& options)
      : options_(options),
        service_({.cluster_id = options.tls.cluster_id,
                  .cluster_epoch = options.cluster_epoch,
                  .restore_id = options.restore_id,
                  .id = options.id,
                  .clock = options.clock,
                  .gate = this,
                  .witness = options.witness}) {}

  ~RunningTransport() override { Stop(); }

  absl::Status Listen();

  int port() const override { return port_; }

  void Start(PeerMessageSink* sink, SnapshotSink* snapshots) override;
  void Send(PeerMessage message) override;
  void SendSnapshot(raft::MemberId to, raft::Term term,
                    std::unique_ptr<SnapshotSource> snapshot) override;
  void SetConfiguration(const raft::Configuration& configuration) override;
  void Stop() override;

 private:
  using Connections = std::map<raft::MemberId, std::shared_ptr<PeerConnection>>;

  std::optional<std::string> NameOf(raft::MemberId id) const override;

  PeerMessageSink* sink() const override {
    return sink_.load(std::memory_order_acquire);
  }

  SnapshotSink* snapshots() const override {
    return snapshots_.load(std::memory_order_acquire);
  }

  void OnPeerSpeaks(raft::MemberId id) override;
  void Wake() override;
  void OnSnapshotSent(raft::MemberId to, bool delivered) override;

  void OnRefusedAsCopy() override {
    if (options_.on_refused_as_copy) options_.on_refused_as_copy();
  }

  void Keep();
  bool KeepOnce();
  void StopOnce();

  // Constant after Listen.
  const Options options_;
  const uint64_t run_ = SystemRandomId();
  PeerService service_;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;

  std::atomic<PeerMessageSink*> sink_ = nullptr;
  std::atomic<SnapshotSink*> snapshots_ = nullptr;
  std::once_flag stop_once_;
  std::thread keeper_;

  mutable Mutex mu_;
  CondVar changed_;
  std::map<raft::MemberId, std::string> names_ ABSL_GUARDED_BY(mu_);
  // Shared, since a Send may be at one that a new configuration drops.
  Connections connections_ ABSL_GUARDED_BY(mu_);
  std::vector<std::shared_ptr<PeerConnection>> retired_ ABSL_GUARDED_BY(mu_);
  std::set<raft::MemberId> speaking_ ABSL_GUARDED_BY(mu_);
  // Receivers of snapshots that no connection took; the sink is told of each.
  std::vector<raft::MemberId> unsent_ ABSL_GUARDED_BY(mu_);
  bool woken_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
};

absl::Status RunningTransport::Listen() {
  grpc::SslServerCredentialsOptions tls(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  tls.pem_root_certs = options_.tls.ca_pem;
  tls.pem_key_cert_pairs.push_back({.private_key = options_.tls.key_pem,
                                    .cert_chain = options_.tls.cert_pem});

  grpc::ServerBuilder builder;
  builder.AddListeningPort(options_.listen, grpc::SslServerCredentials(tls),
                           &port_);
  builder.RegisterService(&service_);
  for (grpc::Service* service : options_.services) {
    builder.RegisterService(service);
  }
  builder.SetMaxReceiveMessageSize(static_cast<int>(kMaxFrameBytes));
  builder.SetResourceQuota(grpc::ResourceQuota("peers")
                               .Resize(kMaxServerBytes)
                               .SetMaxThreads(kMaxThreads));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS,
                             kHandshakeMs);
  AddServerKeepalive(&builder);
  // A second process on the same port is a mistake, not a way to share load.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port_ == 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("cannot serve members on ", options_.listen,
                     ": the port is taken, or certificate and key do not fit"));
  }
  return absl::OkStatus();
}

void RunningTransport::Start(PeerMessageSink* sink, SnapshotSink* snapshots) {
  snapshots_.store(snapshots, std::memory_order_release);
  sink_.store(sink, std::memory_order_release);
  keeper_ = std::thread([this] { Keep(); });
}

void RunningTransport::Send(PeerMessage message) {
  std::shared_ptr<PeerConnection> connection;
  {
    MutexLock lock(&mu_);
    const auto it = connections_.find(message.to);
    if (stopping_ || it == connections_.end()) return;
    connection = it->second;
  }
  connection->Send(std::move(message));
}

void RunningTransport::SendSnapshot(raft::MemberId to, raft::Term term,
                                    std::unique_ptr<SnapshotSource> snapshot) {
  std::shared_ptr<PeerConnection> connection;
  {
    MutexLock lock(&mu_);
    const auto it = connections_.find(to);
    if (!stopping_ && it != connections_.end()) connection = it->second;
  }
  if (connection != nullptr &&
      connection->SendSnapshot(term, std::move(snapshot))) {
    return;
  }
  {
    MutexLock lock(&mu_);
    unsent_.push_back(to);
  }
  Wake();
}

void RunningTransport::SetConfiguration(
    const raft::Configuration& configuration) {
  const raft::Membership& membership = configuration.membership;
  std::set<raft::MemberId> members;
  members.insert(membership.voters.begin(), membership.voters.end());
  members.insert(membership.voters_outgoing.begin(),
                 membership.voters_outgoing.end());
  members.insert(membership.learners.begin(), membership.learners.end());
  {
    MutexLock lock(&mu_);
    if (stopping_) return;
    names_.clear();
    Connections kept;
    for (const raft::MemberAddress& peer : configuration.addresses) {
      if (members.count(peer.id) == 0) continue;
      names_[peer.id] = peer.name;
      if (peer.id == options_.id) continue;
      std::shared_ptr<PeerConnection> connection;
      const auto it = connections_.find(peer.id);
      if (it != connections_.end() &&
          it->second->peer().peer_endpoint == peer.peer_endpoint &&
          it->second->peer().name == peer.name) {
        connection = std::move(it->second);
        connections_.erase(it);
      } else {
        connection = std::make_shared<PeerConnection>(
            options_, peer, run_, static_cast<LaneKeeper*>(this));
      }
      kept.emplace(peer.id, std::move(connection));
    }
    for (auto& [id, connection] : connections_) {
      retired_.push_back(std::move(connection));
    }
    connections_ = std::move(kept);
  }
  service_.Retain(members);
  Wake();
}

std::optional<std::string> RunningTransport::NameOf(raft::MemberId id) const {
  MutexLock lock(&mu_);
  const auto it = names_.find(id);
  if (it == names_.end()) return std::nullopt;
  return it->second;
}

void RunningTransport::OnPeerSpeaks(raft::MemberId id) {
  {
    MutexLock lock(&mu_);
    speaking_.insert(id);
  }
  Wake();
}

void RunningTransport::OnSnapshotSent(raft::MemberId to, bool delivered) {
  PeerMessageSink* const to_tell = sink();
  if (to_tell != nullptr) to_tell->OnSnapshotSent(to, delivered);
}

void RunningTransport::Wake() {
  MutexLock lock(&mu_);
  woken_ = true;
  changed_.NotifyAll();
}

void RunningTransport::Keep() {
  while (KeepOnce()) {
    MutexLock lock(&mu_);
    if (!woken_) changed_.WaitFor(&mu_, kMaintainPeriod);
    woken_ = false;
  }
}

// Returns false when there is nothing left to keep.
bool RunningTransport::KeepOnce() {
  Connections connections;
  std::vector<std::shared_ptr<PeerConnection>> retired;
  std::set<raft::MemberId> speaking;
  std::vector<raft::MemberId> unsent;
  {
    MutexLock lock(&mu_);
    if (stopping_) {
      for (auto& [id, connection] : connections_) {
        retired_.push_back(std::move(connection));
      }
      connections_.clear();
      if (retired_.empty()) return false;
    }
    connections = connections_;
    retired = retired_;
    speaking.swap(speaking_);
    unsent.swap(unsent_);
  }
  for (const raft::MemberId to : unsent) {
    OnSnapshotSent(to, /*delivered=*/false);
  }
  const absl::Duration now = options_.clock->SinceBoot();
  for (const auto& [id, connection] : connections) {
    if (speaking.count(id) > 0) connection->ConnectSoon();
    connection->Maintain(now, sink());
  }
  // A lane wakes us under its own lock, so ours is never held around one.
  std::set<std::shared_ptr<PeerConnection>> idle;
  for (const auto& connection : retired) {
    connection->Close();
    connection->Maintain(now, nullptr);
    if (connection->idle()) idle.insert(connection);
  }
  MutexLock lock(&mu_);
  retired_.erase(std::remove_if(retired_.begin(), retired_.end(),
                                [&idle](const auto& connection) {
                                  return idle.count(connection) > 0;
                                }),
                 retired_.end());
  return true;
}

void RunningTransport::Stop() {
  std::call_once(stop_once_, [this] { StopOnce(); });
}

void RunningTransport::StopOnce() {
  sink_.store(nullptr, std::memory_order_release);
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  Wake();
  if (server_ != nullptr) {
    // A deadline in the past: streams are cancelled at once.
    server_->Shutdown(gpr_time_0(GPR_CLOCK_REALTIME));
    service_.Drain();
  }
  if (keeper_.joinable()) keeper_.join();
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcTransport>> GrpcTransport::Create(
    const Options& options) {
  if (options.id == raft::kNobody || options.clock == nullptr ||
      options.listen.empty() || options.tls.cluster_id.empty() ||
      options.tls.ca_pem.empty() || options.tls.cert_pem.empty() ||
      options.tls.key_pem.empty()) {
    return absl::InvalidArgumentError(
        "the peer port needs a member id, an address, a cluster id, "
        "certificates and a clock");
  }
  auto transport = std::make_unique<RunningTransport>(options);
  const absl::Status listening = transport->Listen();
  if (!listening.ok()) return listening;
  return transport;
}

}  // namespace quorate::replication
