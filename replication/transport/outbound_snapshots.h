// The sending side of the snapshot lane, to one member.

#ifndef QUORATE_REPLICATION_TRANSPORT_OUTBOUND_SNAPSHOTS_H_
#define QUORATE_REPLICATION_TRANSPORT_OUTBOUND_SNAPSHOTS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/channel.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/sync_stream.h"

#include "quorate/internal/v1/peer.grpc.pb.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "replication/raft/types.h"
#include "replication/snapshot_stream.h"
#include "replication/transport/outbound_stream.h"

namespace quorate::replication {

// Sends snapshots, one at a time, in a thread of its own that begins with the
// first and ends with Close. A transfer that breaks goes on over a new stream
// from where the receiver is; it fails when the receiver refuses it, when the
// source is damaged, when it gets nowhere for a minute, or broke too often.
// `done` is called once for each snapshot, in their order, on that thread.
// Thread-safe; destroyed when idle.
class OutboundSnapshots {
 public:
  struct Options {
    // A connection of its own, so that nothing waits behind the snapshot.
    std::function<std::shared_ptr<grpc::Channel>()> connect;
    OutboundHello hello;
    uint64_t bytes_per_second = 0;  // > 0
    const Clock* clock = nullptr;   // Not owned.
    std::function<void(bool delivered)> done;
  };

  explicit OutboundSnapshots(Options options);
  ~OutboundSnapshots();

  OutboundSnapshots(const OutboundSnapshots&) = delete;
  OutboundSnapshots& operator=(const OutboundSnapshots&) = delete;

  // Ends the one under way. False after Close: `done` is not called for it.
  bool Send(raft::Term term, std::unique_ptr<SnapshotSource> snapshot);

  // Ends a stream that gets nowhere. Called now and then.
  void Maintain(absl::Duration now);

  // Ends the one under way, soon.
  void Close();

  // True after Close, once the thread is at its end.
  bool idle() const;

 private:
  using Stream = grpc::ClientReaderWriter<internal::v1::SnapshotRequest,
                                          internal::v1::SnapshotResponse>;

  struct Job {
    raft::Term term;
    std::unique_ptr<SnapshotSource> source;
  };

  void Run();
  bool TakeJob(Job* job, int* dropped);
  bool Deliver(const Job& job);
  absl::Status SendOnce(const Job& job,
                        const std::shared_ptr<grpc::Channel>& channel);
  absl::Status Exchange(const Job& job, Stream* stream);
  absl::Status SendChunks(const Job& job, uint64_t offset, Stream* stream);
  absl::Status ReadProgress(Stream* stream, uint64_t at_least, uint64_t at_most,
                            uint64_t* received);
  absl::Status SendChunk(const Job& job, uint64_t offset, uint64_t* size,
                         Stream* stream);

  void OnProgress(absl::Duration patience);
  bool WaitUntil(absl::Duration due);
  void CancelLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const Options options_;

  mutable Mutex mu_;
  CondVar changed_;
  Job pending_ ABSL_GUARDED_BY(mu_);
  int dropped_ ABSL_GUARDED_BY(mu_) = 0;  // Never begun; `done` not yet called.
  bool started_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;

  // Of the snapshot under way.
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  grpc::ClientContext* context_ ABSL_GUARDED_BY(mu_) = nullptr;
  absl::Duration give_up_at_ ABSL_GUARDED_BY(mu_);

  std::thread thread_ ABSL_GUARDED_BY(mu_);
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_TRANSPORT_OUTBOUND_SNAPSHOTS_H_
