// The receiving side: streams from other members.

#ifndef QUORATE_REPLICATION_TRANSPORT_PEER_SERVICE_H_
#define QUORATE_REPLICATION_TRANSPORT_PEER_SERVICE_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "grpcpp/server_context.h"

#include "quorate/internal/v1/peer.grpc.pb.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "replication/transport/inbound_peers.h"
#include "replication/transport/inbound_snapshots.h"
#include "replication/transport/lane.h"
#include "replication/transport/transport.h"

namespace quorate::replication {

// What the service asks of the transport. Thread-safe.
class PeerGate {
 public:
  // The name of `id` in the configuration in force, nothing for strangers.
  virtual std::optional<std::string> NameOf(raft::MemberId id) const = 0;

  // Where messages go; null before the start and after the stop.
  virtual PeerMessageSink* sink() const = 0;

  // Where snapshots go; null where this member takes none.
  virtual SnapshotSink* snapshots() const = 0;

  // A peer has proved itself and speaks to us.
  virtual void OnPeerSpeaks(raft::MemberId id) = 0;

 protected:
  ~PeerGate() = default;
};

// Takes what members send, after each stream has proved by its certificate
// that it comes from the member its hello names. The latest stream of a member
// and lane ends the one before it, and the latest process of a member all of
// the one before (inbound_peers.h). The sink is told when a process that spoke
// is lost. Thread-safe.
//
// Control and bulk use gRPC's callbacks, which must not block. A snapshot has a
// thread of the server's for as long as it lasts, since its sink writes to the
// disk.
class PeerService
    : public internal::v1::PeerService::WithCallbackMethod_Control<
          internal::v1::PeerService::WithCallbackMethod_Bulk<
              internal::v1::PeerService::Service>>,
      private SnapshotPermission {
 public:
  struct Options {
    std::string cluster_id;
    uint32_t cluster_epoch = 1;
    std::string restore_id;
    raft::MemberId id;
    const Clock* clock = nullptr;                         // Not owned.
    PeerGate* gate = nullptr;                             // Not owned.
    std::function<absl::Status(const Speaker&)> witness;  // May be empty.
  };

  explicit PeerService(const Options& options)
      : options_(options), receiver_(this) {}

  // Waits for the last stream to end, after the server was shut down.
  void Drain();

  grpc::ServerReadReactor<internal::v1::ControlRequest>* Control(
      grpc::CallbackServerContext* context,
      internal::v1::ControlResponse* response) override;
  grpc::ServerReadReactor<internal::v1::BulkRequest>* Bulk(
      grpc::CallbackServerContext* context,
      internal::v1::BulkResponse* response) override;
  grpc::Status Snapshot(grpc::ServerContext* context,
                        InboundSnapshots::Stream* stream) override;

  // The rest is for the streams.
  //
  // OK where the stream behind `context` comes from the member that `hello`
  // names and is meant for this one; then `call` is the latest stream of that
  // member on `lane` until OnStreamDone.
  grpc::Status Admit(const internal::v1::PeerHello& hello, Lane lane,
                     const grpc::ServerContextBase& context, InboundCall* call);

  // OK while `from` may go on speaking. Hands the frames to the sink.
  grpc::Status Deliver(
      raft::MemberId from,
      google::protobuf::RepeatedPtrField<internal::v1::PeerFrame>* frames);

  // The stream of `speaker` is over; nothing of it is used from now on.
  // `by_peer`: not this side ended it.
  void OnStreamDone(const Speaker& speaker, Lane lane, InboundCall* call,
                    bool by_peer);

  // Forgets who spoke, but for these.
  void Retain(const std::set<raft::MemberId>& members);

 private:
  void OnStreamBegun();
  absl::Status MaySend(raft::MemberId from) const override;
  grpc::Status AdmitProcess(const internal::v1::PeerHello& hello,
                            const grpc::ServerContextBase& context);
  grpc::Status CheckHello(const internal::v1::PeerHello& hello,
                          const grpc::ServerContextBase& context) const;
  void TellLost(raft::MemberId peer);
  void LogRefusal(const grpc::Status& status,
                  const internal::v1::PeerHello& hello,
                  const std::string& address);

  const Options options_;
  InboundPeers peers_;
  InboundSnapshots receiver_;

  Mutex mu_;
  CondVar ended_;
  int streams_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Duration next_log_ ABSL_GUARDED_BY(mu_);
  int64_t not_logged_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_PEER_SERVICE_H_
