#include "server/join/rejoiner.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/create_channel.h"
#include "grpcpp/security/credentials.h"

#include "quorate/internal/v1/join.grpc.pb.h"

#include "base/random.h"
#include "base/status.h"
#include "replication/transport/peer_identity.h"
#include "replication/wire/entry_codec.h"
#include "server/join/attempts.h"
#include "server/member_folder.h"
#include "server/member_stores.h"
#include "server/quarantine.h"
#include "server/rpc/member_view.h"

namespace quorate::server {
namespace {

constexpr absl::Duration kCallTimeout = absl::Seconds(12);

struct Peer {
  std::string name;
  std::string endpoint;
};

class Rejoiner {
 public:
  Rejoiner(const Config& config, const MemberFiles& files,
           const RejoinOptions& options, const Clock& clock)
      : config_(config),
        files_(files),
        options_(options),
        clock_(clock),
        id_(SystemRandomId()) {
    for (const raft::MemberAddress& each : config.members) {
      if (each.name == config.self.name) continue;
      peers_.push_back({.name = each.name, .endpoint = each.peer_endpoint});
    }
  }

  absl::StatusOr<raft::MemberId> Run();

 private:
  absl::Status CheckPlace() const;
  absl::Status AskEach();
  absl::Status Ask(const Peer& peer);

  const Config& config_;
  const MemberFiles& files_;
  const RejoinOptions options_;
  const Clock& clock_;
  const raft::MemberId id_;
  std::vector<Peer> peers_;
  internal::v1::RejoinResponse answer_;
};

absl::Status Rejoiner::AskEach() {
  if (peers_.empty()) {
    return absl::FailedPreconditionError(
        "cluster.members names no other member, so nobody has this one's "
        "data. A cluster of one is brought back from a backup.");
  }
  absl::Status last;
  for (size_t i = 0; i < peers_.size(); ++i) {
    last = Ask(Peer(peers_[i]));
    if (!absl::IsUnavailable(last)) return last;
    // Who leads is asked next, and first in the rounds to come.
    if (!answer_.has_ask()) continue;
    const Peer leader = {.name = answer_.ask().name(),
                         .endpoint = answer_.ask().peer_endpoint()};
    answer_.clear_ask();
    if (leader.name == config_.self.name) continue;
    last = Ask(leader);
    if (!absl::IsUnavailable(last)) return last;
    answer_.clear_ask();
  }
  return last;
}

absl::Status Rejoiner::Ask(const Peer& peer) {
  grpc::SslCredentialsOptions tls;
  tls.pem_root_certs = files_.peer_tls.ca;
  tls.pem_cert_chain = files_.peer_tls.cert;
  tls.pem_private_key = files_.peer_tls.key;
  grpc::ChannelArguments arguments;
  arguments.SetSslTargetNameOverride(
      replication::MemberHostName(config_.cluster_id, peer.name));
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto stub =
      internal::v1::RejoinService::NewStub(grpc::CreateCustomChannel(
          peer.endpoint, grpc::SslCredentials(tls), arguments));
  internal::v1::RejoinRequest request;
  request.set_member_id(id_.value());
  request.set_peer_endpoint(config_.self.peer_endpoint);
  request.set_client_endpoint(config_.self.client_endpoint);
  grpc::ClientContext context;
  context.set_deadline(absl::ToChronoTime(clock_.Calendar() + kCallTimeout));
  answer_.Clear();
  const grpc::Status status = stub->Rejoin(&context, request, &answer_);
  if (!status.ok()) {
    const bool silent =
        status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED ||
        status.error_code() == grpc::StatusCode::CANCELLED;
    return absl::Status(
        silent ? absl::StatusCode::kUnavailable
               : static_cast<absl::StatusCode>(status.error_code()),
        absl::StrCat(peer.name, " (", peer.endpoint,
                     "): ", status.error_message()));
  }
  if (answer_.has_admission()) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat(
      peer.name, " does not lead, and asks to ask ", answer_.ask().name()));
}

// Before anybody is asked: who is let in and then finds no place for his data
// is a member that never comes.
absl::Status Rejoiner::CheckPlace() const {
  if (!HoldsMember(config_.data_dir)) {
    return CheckIsFree(config_.data_dir, "rejoin");
  }
  if (options_.quarantine) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat(
      "there is a member in ", config_.data_dir,
      ". If it is sound, `quorated run` starts it; if it is damaged or not to "
      "be trusted, `quorated rejoin --quarantine` puts it aside."));
}

absl::StatusOr<raft::MemberId> Rejoiner::Run() {
  QUORATE_RETURN_IF_ERROR(CheckPlace());
  QUORATE_RETURN_IF_ERROR(RepeatWhileUnavailable(clock_, options_.timeout,
                                                 [this] { return AskEach(); }));
  const internal::v1::Admission& admission = answer_.admission();
  if (admission.cluster_id() != config_.cluster_id ||
      admission.cluster_epoch() != config_.cluster_epoch) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the members are of cluster ", admission.cluster_id(), ", epoch ",
        admission.cluster_epoch(), ": correct [cluster] in the configuration"));
  }
  QUORATE_ASSIGN_OR_RETURN(
      const raft::Configuration members,
      replication::DecodeConfiguration(admission.configuration()));
  // Its old id is no member any more, so the data is of no use.
  if (HoldsMember(config_.data_dir)) {
    QUORATE_RETURN_IF_ERROR(
        QuarantineMember(config_.data_dir, clock_.Calendar()).status());
  }
  QUORATE_RETURN_IF_ERROR(MakeJoiningMember(config_, id_, members));
  return id_;
}

}  // namespace

absl::StatusOr<raft::MemberId> RejoinCluster(const Config& config,
                                             const MemberFiles& files,
                                             const RejoinOptions& options,
                                             const Clock& clock) {
  return Rejoiner(config, files, options, clock).Run();
}

}  // namespace quorate::server
