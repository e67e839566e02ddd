#include "replication/transport/peer_connection.h"

#include <utility>

#include "replication/transport/peer_channel.h"

namespace quorate::replication {
namespace {

OutboundHello HelloTo(const GrpcTransport::Options& options,
                      const raft::MemberAddress& peer, uint64_t run) {
  return OutboundHello{.cluster_id = options.tls.cluster_id,
                       .from = options.id,
                       .to = peer.id,
                       .run = run,
                       .incarnation = options.incarnation,
                       .cluster_epoch = options.cluster_epoch,
                       .restore_id = options.restore_id,
                       .last_index = options.last_index};
}

}  // namespace

PeerConnection::PeerConnection(const GrpcTransport::Options& options,
                               const raft::MemberAddress& peer, uint64_t run,
                               LaneKeeper* keeper)
    : peer_(peer),
      control_(Lane::kControl, NewPeerChannel(options, peer),
               HelloTo(options, peer, run), keeper),
      bulk_(Lane::kBulk, NewPeerChannel(options, peer),
            HelloTo(options, peer, run), keeper),
      snapshots_(
          {.connect = [options, peer] { return NewPeerChannel(options, peer); },
           .hello = HelloTo(options, peer, run),
           .bytes_per_second = options.snapshot_bytes_per_second,
           .clock = options.clock,
           .done =
               [id = peer.id, keeper](bool delivered) {
                 keeper->OnSnapshotSent(id, delivered);
               }}) {}

void PeerConnection::Send(PeerMessage message) {
  PeerLane& lane = LaneOf(message) == Lane::kControl ? control_ : bulk_;
  lane.Send(std::move(message));
}

bool PeerConnection::SendSnapshot(raft::Term term,
                                  std::unique_ptr<SnapshotSource> snapshot) {
  return snapshots_.Send(term, std::move(snapshot));
}

void PeerConnection::Maintain(absl::Duration now, PeerMessageSink* sink) {
  snapshots_.Maintain(now);
  const PeerLane::News control = control_.Maintain(now);
  const PeerLane::News bulk = bulk_.Maintain(now);
  if (sink == nullptr) return;
  if ((control.lost || bulk.lost) && told_ != Told::kUnreachable) {
    told_ = Told::kUnreachable;
    sink->OnPeerUnreachable(peer_.id);
  }
  if (control.up && bulk.up && told_ != Told::kReachable) {
    told_ = Told::kReachable;
    sink->OnPeerReachable(peer_.id);
  }
}

void PeerConnection::ConnectSoon() {
  control_.ConnectSoon();
  bulk_.ConnectSoon();
}

void PeerConnection::Close() {
  control_.Close();
  bulk_.Close();
  snapshots_.Close();
}

bool PeerConnection::idle() const {
  return control_.idle() && bulk_.idle() && snapshots_.idle();
}

}  // namespace quorate::replication
