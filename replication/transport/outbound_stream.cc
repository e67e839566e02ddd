#include "replication/transport/outbound_stream.h"

#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"

#include "quorate/internal/v1/peer.grpc.pb.h"

#include "replication/wire/peer_codec.h"

namespace quorate::replication {
namespace {

namespace proto = internal::v1;

void Begin(proto::PeerService::Stub* stub, grpc::ClientContext* context,
           proto::ControlResponse* response,
           grpc::ClientWriteReactor<proto::ControlRequest>* reactor) {
  stub->async()->Control(context, response, reactor);
}

void Begin(proto::PeerService::Stub* stub, grpc::ClientContext* context,
           proto::BulkResponse* response,
           grpc::ClientWriteReactor<proto::BulkRequest>* reactor) {
  stub->async()->Bulk(context, response, reactor);
}

// The two lanes differ in the types of their messages only.
template <typename Request, typename Response>
class LaneStream : public OutboundStream,
                   private grpc::ClientWriteReactor<Request> {
 public:
  LaneStream(const std::shared_ptr<grpc::Channel>& channel,
             const OutboundHello& hello, OutboundStreamOwner* owner)
      : stub_(channel), owner_(owner) {
    EncodeHello(hello, request_.mutable_hello());
    // A peer that is down is waited for, at the channel's own pace.
    context_.set_wait_for_ready(true);
  }

  void Start() override {
    Begin(&stub_, &context_, &response_, this);
    // Writes start outside of gRPC's reactions.
    this->AddHold();
    this->StartWrite(&request_);
    this->StartCall();
  }

  void Write(const std::vector<PeerMessage>& messages) override {
    request_.Clear();
    for (const PeerMessage& message : messages) {
      EncodePeerFrame(message, request_.add_frames());
    }
    this->StartWrite(&request_);
  }

  void Cancel() override { context_.TryCancel(); }

  void Release() override { this->RemoveHold(); }

 private:
  void OnReadInitialMetadataDone(bool ok) override { owner_->OnAccepted(ok); }

  void OnWriteDone(bool ok) override { owner_->OnWritten(ok); }

  void OnDone(const grpc::Status& status) override { owner_->OnDone(status); }

  proto::PeerService::Stub stub_;
  OutboundStreamOwner* const owner_;
  grpc::ClientContext context_;
  Request request_;
  Response response_;
};

}  // namespace

void EncodeHello(const OutboundHello& hello, proto::PeerHello* proto) {
  proto->set_cluster_id(hello.cluster_id);
  proto->set_from(hello.from.value());
  proto->set_to(hello.to.value());
  proto->set_run(hello.run);
  proto->set_incarnation(hello.incarnation);
  proto->set_cluster_epoch(hello.cluster_epoch);
  proto->set_restore_id(hello.restore_id);
  proto->set_last_index(hello.last_index.value());
}

std::unique_ptr<OutboundStream> NewOutboundStream(
    Lane lane, const std::shared_ptr<grpc::Channel>& channel,
    const OutboundHello& hello, OutboundStreamOwner* owner) {
  if (lane == Lane::kControl) {
    return std::make_unique<
        LaneStream<proto::ControlRequest, proto::ControlResponse>>(
        channel, hello, owner);
  }
  return std::make_unique<LaneStream<proto::BulkRequest, proto::BulkResponse>>(
      channel, hello, owner);
}

}  // namespace quorate::replication
