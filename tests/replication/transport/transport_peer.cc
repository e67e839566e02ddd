#include "tests/replication/transport/transport_peer.h"

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/clock.h"

namespace quorate::replication {

std::string TestName(raft::MemberId id) {
  return absl::StrCat("m", id.value());
}

raft::Configuration ConfigurationOf(
    const std::vector<std::pair<raft::MemberId, int>>& ports) {
  raft::Configuration configuration;
  for (const auto& [id, port] : ports) {
    configuration.membership.voters.push_back(id);
    configuration.addresses.push_back(
        {.id = id,
         .name = TestName(id),
         .peer_endpoint = absl::StrCat("127.0.0.1:", port),
         .client_endpoint = ""});
  }
  return configuration;
}

PeerMessage HeartbeatOf(raft::MemberId from, raft::MemberId to,
                        uint64_t number) {
  return {.from = from,
          .to = to,
          .body = raft::Message{
              .from = from,
              .to = to,
              .term = raft::Term(1),
              .body = raft::Heartbeat{.commit = raft::Index(number)}}};
}

PeerMessage AppendOf(raft::MemberId from, raft::MemberId to, uint64_t number,
                     size_t bytes) {
  raft::AppendRequest append{.previous_index = raft::Index(number),
                             .previous_term = raft::Term(1),
                             .commit = raft::Index(0),
                             .entries = {}};
  append.entries.push_back(
      {.index = raft::Index(number + 1),
       .term = raft::Term(1),
       .type = raft::EntryType::kCommand,
       .proposal = {.run = 7, .sequence = number + 1},
       .stamp = {},
       .payload = std::make_shared<const std::string>(bytes, 'x'),
       .configuration = nullptr});
  return {.from = from,
          .to = to,
          .body = raft::Message{.from = from,
                                .to = to,
                                .term = raft::Term(1),
                                .body = std::move(append)}};
}

TransportPeer::TransportPeer(TestAuthority* authority, raft::MemberId id,
                             int port)
    : options_({.id = id,
                .listen = absl::StrCat("127.0.0.1:", port),
                .tls = authority->Member(kTestCluster, TestName(id)),
                .clock = &SystemClock()}) {}

absl::Status TransportPeer::Create() {
  auto transport = GrpcTransport::Create(options_);
  if (!transport.ok()) return transport.status();
  transport_ = *std::move(transport);
  return absl::OkStatus();
}

void TransportPeer::Restart(const raft::Configuration& configuration) {
  options_.listen = absl::StrCat("127.0.0.1:", transport_->port());
  transport_.reset();
  sink_.Forget();
  const absl::Status status = Create();
  QUORATE_CHECK(status.ok());
  Start(configuration);
}

void TransportPeer::Start(const raft::Configuration& configuration,
                          SnapshotSink* snapshots) {
  transport_->SetConfiguration(configuration);
  transport_->Start(&sink_, snapshots);
}

}  // namespace quorate::replication
