#include "replication/transport/peer_service.h"

#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "grpc/grpc_security_constants.h"
#include "grpcpp/security/auth_context.h"
#include "grpcpp/support/server_callback.h"

#include "base/log.h"
#include "replication/transport/peer_identity.h"
#include "replication/wire/peer_codec.h"

namespace quorate::replication {
namespace {

namespace proto = internal::v1;

// A peer that is refused tries again every second; one line says it all.
constexpr absl::Duration kRefusalLogPeriod = absl::Seconds(10);

// Looked at again so often while the last streams end.
constexpr absl::Duration kDrainWait = absl::Seconds(1);

grpc::Status Refused(const std::string& reason) {
  return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, reason);
}

// The codes are the same (absl/status/status.h says so).
grpc::Status ToGrpc(const absl::Status& status) {
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()),
                      std::string(status.message()));
}

Speaker SpeakerOf(const proto::PeerHello& hello) {
  return {.id = raft::MemberId(hello.from()),
          .run = hello.run(),
          .incarnation = hello.incarnation(),
          .last_index = raft::Index(hello.last_index())};
}

// One stream of one member. Deletes itself with its last reaction.
template <typename Request>
class InboundStream : public grpc::ServerReadReactor<Request>,
                      private InboundCall {
 public:
  InboundStream(PeerService* service, Lane lane,
                grpc::CallbackServerContext* context)
      : service_(service), lane_(lane), context_(context) {
    this->StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      by_peer_ = true;
      this->Finish(grpc::Status::OK);
      return;
    }
    if (speaker_.id == raft::kNobody) {
      const grpc::Status admitted =
          service_->Admit(request_.hello(), lane_, *context_, this);
      if (!admitted.ok()) {
        this->Finish(admitted);
        return;
      }
      speaker_ = SpeakerOf(request_.hello());
      // Tells the peer that it may send.
      this->StartSendInitialMetadata();
    }
    const grpc::Status taken =
        service_->Deliver(speaker_.id, request_.mutable_frames());
    if (!taken.ok()) {
      this->Finish(taken);
      return;
    }
    this->StartRead(&request_);
  }

  void OnDone() override {
    service_->OnStreamDone(speaker_, lane_, this, by_peer_);
    delete this;
  }

  void Cancel() override { context_->TryCancel(); }

  PeerService* const service_;
  const Lane lane_;
  grpc::CallbackServerContext* const context_;
  Request request_;
  Speaker speaker_;  // Nobody until the hello was taken.
  bool by_peer_ = false;
};

class SnapshotCall final : public InboundCall {
 public:
  explicit SnapshotCall(grpc::ServerContext* context) : context_(context) {}

  void Cancel() override { context_->TryCancel(); }

 private:
  grpc::ServerContext* const context_;
};

}  // namespace

void PeerService::Drain() {
  MutexLock lock(&mu_);
  while (streams_ > 0) {
    ended_.WaitFor(&mu_, kDrainWait);
  }
}

grpc::ServerReadReactor<proto::ControlRequest>* PeerService::Control(
    grpc::CallbackServerContext* context,
    proto::ControlResponse* /*response*/) {
  OnStreamBegun();
  return new InboundStream<proto::ControlRequest>(this, Lane::kControl,
                                                  context);
}

grpc::ServerReadReactor<proto::BulkRequest>* PeerService::Bulk(
    grpc::CallbackServerContext* context, proto::BulkResponse* /*response*/) {
  OnStreamBegun();
  return new InboundStream<proto::BulkRequest>(this, Lane::kBulk, context);
}

void PeerService::OnStreamBegun() {
  MutexLock lock(&mu_);
  ++streams_;
}

void PeerService::OnStreamDone(const Speaker& speaker, Lane lane,
                               InboundCall* call, bool by_peer) {
  const bool last = peers_.Leave(speaker, lane, call);
  if (last && by_peer) TellLost(speaker.id);
  MutexLock lock(&mu_);
  --streams_;
  ended_.NotifyAll();
}

void PeerService::TellLost(raft::MemberId peer) {
  PeerMessageSink* const sink = options_.gate->sink();
  if (sink == nullptr) return;
  LogInfo("transport", "peer_lost", {{"peer", absl::StrCat(peer.value())}});
  sink->OnPeerLost(peer);
}

void PeerService::Retain(const std::set<raft::MemberId>& members) {
  peers_.Retain(members);
}

grpc::Status PeerService::Admit(const proto::PeerHello& hello, Lane lane,
                                const grpc::ServerContextBase& context,
                                InboundCall* call) {
  grpc::Status status = AdmitProcess(hello, context);
  if (status.ok() && !peers_.Enter(SpeakerOf(hello), lane, call)) {
    status = grpc::Status(grpc::StatusCode::UNAVAILABLE,
                          "a later process of this member came meanwhile");
  }
  return status;
}

grpc::Status PeerService::AdmitProcess(const proto::PeerHello& hello,
                                       const grpc::ServerContextBase& context) {
  grpc::Status status = CheckHello(hello, context);
  bool replaced = false;
  if (status.ok() && options_.witness) {
    status = ToGrpc(options_.witness(SpeakerOf(hello)));
  }
  if (status.ok()) status = ToGrpc(peers_.Admit(SpeakerOf(hello), &replaced));
  if (!status.ok()) {
    LogRefusal(status, hello, context.peer());
    return status;
  }
  const raft::MemberId from(hello.from());
  if (replaced) TellLost(from);
  options_.gate->OnPeerSpeaks(from);
  return grpc::Status::OK;
}

grpc::Status PeerService::Snapshot(grpc::ServerContext* context,
                                   InboundSnapshots::Stream* stream) {
  proto::SnapshotRequest request;
  if (!stream->Read(&request)) return grpc::Status::CANCELLED;
  proto::SnapshotBegin& begin = *request.mutable_begin();
  const grpc::Status admitted = AdmitProcess(begin.hello(), *context);
  if (!admitted.ok()) return admitted;
  SnapshotSink* const sink = options_.gate->snapshots();
  if (sink == nullptr) {
    return grpc::Status(grpc::StatusCode::ABORTED, "takes no snapshots");
  }
  const raft::MemberId from(begin.hello().from());
  absl::StatusOr<SnapshotOffer> offer = DecodeSnapshotOffer(&begin);
  absl::Status status = offer.status();
  if (status.ok()) {
    SnapshotCall call(context);
    status = receiver_.Receive(from, *offer, sink, &call, stream);
  }
  Log(status.ok() ? LogLevel::kInfo : LogLevel::kWarn, "transport",
      status.ok() ? "snapshot_received" : "snapshot_not_received",
      {{"from", absl::StrCat(from.value())}, {"status", status.ToString()}});
  return ToGrpc(status);
}

absl::Status PeerService::MaySend(raft::MemberId from) const {
  if (options_.gate->sink() == nullptr) {
    return absl::UnavailableError("stopping");
  }
  if (!options_.gate->NameOf(from).has_value()) {
    return absl::PermissionDeniedError("no member any more");
  }
  return absl::OkStatus();
}

grpc::Status PeerService::CheckHello(
    const proto::PeerHello& hello,
    const grpc::ServerContextBase& context) const {
  if (options_.gate->sink() == nullptr) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not started");
  }
  if (hello.cluster_id() != options_.cluster_id) {
    return Refused("the hello names another cluster");
  }
  // 0: of a member that knows no epochs.
  if (std::max(hello.cluster_epoch(), 1u) != options_.cluster_epoch) {
    return Refused(absl::StrCat("the hello names epoch ", hello.cluster_epoch(),
                                " of the cluster, and this is epoch ",
                                options_.cluster_epoch));
  }
  // Who came later, and has its state by a snapshot, began with no backup.
  if (!hello.restore_id().empty() && !options_.restore_id.empty() &&
      hello.restore_id() != options_.restore_id) {
    return Refused(
        "the hello is of a member that was restored from another backup, or by "
        "another [cluster] section");
  }
  const raft::MemberId from(hello.from());
  if (raft::MemberId(hello.to()) != options_.id) {
    return Refused("the hello is meant for another member");
  }
  const std::optional<std::string> name = options_.gate->NameOf(from);
  if (from == options_.id || !name.has_value()) {
    return Refused("the hello does not come from a member");
  }
  if (hello.run() == 0) return Refused("the hello names no run");
  const auto identity = context.auth_context();
  if (identity == nullptr || !identity->IsPeerAuthenticated()) {
    return Refused("the peer has no certificate");
  }
  const std::vector<grpc::string_ref> uris =
      identity->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME);
  const std::string expected = MemberUri(options_.cluster_id, *name);
  if (uris.size() != 1 ||
      uris.front() != grpc::string_ref(expected.data(), expected.size())) {
    return Refused("the certificate is not that of the member in the hello");
  }
  return grpc::Status::OK;
}

grpc::Status PeerService::Deliver(
    raft::MemberId from,
    google::protobuf::RepeatedPtrField<proto::PeerFrame>* frames) {
  PeerMessageSink* const sink = options_.gate->sink();
  if (sink == nullptr) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "stopping");
  }
  if (!options_.gate->NameOf(from).has_value()) {
    return Refused("no member any more");
  }
  for (proto::PeerFrame& frame : *frames) {
    absl::StatusOr<PeerMessage> message =
        DecodePeerFrame(std::move(frame), from, options_.id);
    if (!message.ok()) {
      LogWarn("transport", "frame_refused",
              {{"peer", absl::StrCat(from.value())},
               {"reason", std::string(message.status().message())}});
      return grpc::Status(grpc::StatusCode::INVALID_ARGUMENT,
                          std::string(message.status().message()));
    }
    // Where there is no room the message is lost, as a network loses it.
    static_cast<void>(sink->OnPeerMessage(*std::move(message)));
  }
  return grpc::Status::OK;
}

void PeerService::LogRefusal(const grpc::Status& status,
                             const proto::PeerHello& hello,
                             const std::string& address) {
  const absl::Duration now = options_.clock->SinceBoot();
  int64_t not_logged = 0;
  {
    MutexLock lock(&mu_);
    if (now < next_log_) {
      ++not_logged_;
      return;
    }
    next_log_ = now + kRefusalLogPeriod;
    not_logged = std::exchange(not_logged_, 0);
  }
  // Two processes under one member's id need a person.
  const bool copy =
      status.error_code() == grpc::StatusCode::FAILED_PRECONDITION;
  Log(copy ? LogLevel::kError : LogLevel::kWarn, "transport",
      copy ? "peer_refused_as_copy" : "peer_refused",
      {{"peer", address},
       {"member", absl::StrCat(hello.from())},
       {"run", absl::StrCat(hello.run())},
       {"incarnation", absl::StrCat(hello.incarnation())},
       {"reason", status.error_message()},
       {"not_logged", absl::StrCat(not_logged)}});
}

}  // namespace quorate::replication
