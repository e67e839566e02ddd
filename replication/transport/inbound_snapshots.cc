#include "replication/transport/inbound_snapshots.h"

#include <algorithm>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"

namespace quorate::replication {
namespace {

namespace proto = internal::v1;

// Looked at again so often while the one before ends.
constexpr absl::Duration kWait = absl::Seconds(1);

absl::Status Broken() {
  return absl::CancelledError("the stream broke");
}

}  // namespace

// Waits until the one before has left; it was told to.
absl::Status InboundSnapshots::Begin(raft::Term term, InboundCall* call) {
  MutexLock lock(&mu_);
  if (current_ != nullptr) {
    if (term < current_term_) {
      return absl::AbortedError("a later leader sends a snapshot");
    }
    current_->Cancel();
    current_term_ = term;
  }
  const uint64_t number = ++latest_;
  while (current_ != nullptr && number == latest_) {
    ended_.WaitFor(&mu_, kWait);
  }
  if (number != latest_) {
    return absl::AbortedError("another snapshot came meanwhile");
  }
  current_ = call;
  current_term_ = term;
  return absl::OkStatus();
}

void InboundSnapshots::End() {
  MutexLock lock(&mu_);
  current_ = nullptr;
  ended_.NotifyAll();
}

absl::Status InboundSnapshots::Receive(raft::MemberId from,
                                       const SnapshotOffer& offer,
                                       SnapshotSink* sink, InboundCall* call,
                                       Stream* stream) {
  QUORATE_RETURN_IF_ERROR(Begin(offer.term, call));
  const auto end = absl::MakeCleanup([this] { End(); });
  return Take(from, offer, sink, stream);
}

absl::Status InboundSnapshots::Take(raft::MemberId from,
                                    const SnapshotOffer& offer,
                                    SnapshotSink* sink, Stream* stream) const {
  const uint64_t total = offer.header.total_bytes;
  QUORATE_ASSIGN_OR_RETURN(
      uint64_t received, sink->OnSnapshotBegin(from, offer.term, offer.header));
  if (received > total) {
    return absl::InternalError("the store has more of it than there is");
  }
  proto::SnapshotResponse response;
  response.set_received(received);
  if (!stream->Write(response)) return Broken();

  uint64_t acknowledged = received;
  proto::SnapshotRequest request;
  while (stream->Read(&request)) {
    QUORATE_RETURN_IF_ERROR(permission_->MaySend(from));
    if (request.has_end()) {
      if (received != total) {
        return absl::InvalidArgumentError(
            absl::StrCat("an end at ", received, " of ", total));
      }
      QUORATE_RETURN_IF_ERROR(sink->OnSnapshotEnd(from));
      response.set_complete(true);
      return stream->Write(response) ? absl::OkStatus() : Broken();
    }
    const proto::SnapshotChunk& chunk = request.chunk();
    QUORATE_RETURN_IF_ERROR(CheckSnapshotChunk(chunk, received, total));
    QUORATE_RETURN_IF_ERROR(
        sink->OnSnapshotBytes(from, received, chunk.content()));
    received += chunk.content().size();
    response.set_received(received);
    if (received - acknowledged < kSnapshotAckBytes && received < total) {
      continue;
    }
    acknowledged = received;
    if (!stream->Write(response)) return Broken();
  }
  return Broken();
}

}  // namespace quorate::replication
