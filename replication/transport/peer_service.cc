#include "replication/transport/peer_service.h"

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

grpc::Status Refused(const char* reason) {
  return grpc::Status(grpc::StatusCode::PERMISSION_DENIED, reason);
}

// One stream of one member. Deletes itself with its last reaction.
template <typename Request>
class InboundStream : public grpc::ServerReadReactor<Request> {
 public:
  InboundStream(PeerService* service, Lane lane,
                grpc::CallbackServerContext* context)
      : service_(service), lane_(lane), context_(context) {
    this->StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      this->Finish(grpc::Status::OK);
      return;
    }
    if (from_ == raft::kNobody) {
      const grpc::Status admitted =
          service_->Admit(request_.hello(), lane_, context_);
      if (!admitted.ok()) {
        this->Finish(admitted);
        return;
      }
      from_ = raft::MemberId(request_.hello().from());
      // Tells the peer that it may send.
      this->StartSendInitialMetadata();
    }
    const grpc::Status taken =
        service_->Deliver(from_, request_.mutable_frames());
    if (!taken.ok()) {
      this->Finish(taken);
      return;
    }
    this->StartRead(&request_);
  }

  void OnDone() override {
    service_->OnStreamDone(from_, lane_, context_);
    delete this;
  }

  PeerService* const service_;
  const Lane lane_;
  grpc::CallbackServerContext* const context_;
  Request request_;
  raft::MemberId from_ = raft::kNobody;  // Until the hello.
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

void PeerService::OnStreamDone(raft::MemberId from, Lane lane,
                               grpc::CallbackServerContext* context) {
  MutexLock lock(&mu_);
  const auto it = latest_.find({from, lane});
  if (it != latest_.end() && it->second == context) latest_.erase(it);
  --streams_;
  ended_.NotifyAll();
}

grpc::Status PeerService::Admit(const proto::PeerHello& hello, Lane lane,
                                grpc::CallbackServerContext* context) {
  grpc::Status status = CheckHello(hello, *context);
  if (!status.ok()) {
    LogRefusal(status, context->peer());
    return status;
  }
  const raft::MemberId from(hello.from());
  {
    MutexLock lock(&mu_);
    grpc::CallbackServerContext*& latest = latest_[{from, lane}];
    // The peer has given the old one up, though its connection may not know.
    if (latest != nullptr) latest->TryCancel();
    latest = context;
  }
  options_.gate->OnPeerSpeaks(from);
  return grpc::Status::OK;
}

grpc::Status PeerService::CheckHello(
    const proto::PeerHello& hello,
    const grpc::CallbackServerContext& context) const {
  if (options_.gate->sink() == nullptr) {
    return grpc::Status(grpc::StatusCode::UNAVAILABLE, "not started");
  }
  if (hello.cluster_id() != options_.cluster_id) {
    return Refused("the hello names another cluster");
  }
  const raft::MemberId from(hello.from());
  if (raft::MemberId(hello.to()) != options_.id) {
    return Refused("the hello is meant for another member");
  }
  if (from == options_.id || !options_.gate->IsMember(from)) {
    return Refused("the hello does not come from a member");
  }
  const auto identity = context.auth_context();
  if (identity == nullptr || !identity->IsPeerAuthenticated()) {
    return Refused("the peer has no certificate");
  }
  const std::vector<grpc::string_ref> uris =
      identity->FindPropertyValues(GRPC_PEER_URI_PROPERTY_NAME);
  const std::string expected = MemberUri(options_.cluster_id, from);
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
  if (!options_.gate->IsMember(from)) return Refused("no member any more");
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
                             const std::string& peer) {
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
  LogWarn("transport", "peer_refused",
          {{"peer", peer},
           {"reason", status.error_message()},
           {"not_logged", absl::StrCat(not_logged)}});
}

}  // namespace quorate::replication
