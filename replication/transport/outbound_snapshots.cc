#include "replication/transport/outbound_snapshots.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/log.h"
#include "base/status.h"
#include "replication/transport/snapshot_wire.h"

namespace quorate::replication {
namespace {

namespace proto = internal::v1;

// Streams for one snapshot. After each there is a pause, so a receiver that is
// being restarted is waited for, and one that refuses is not asked again with
// every heartbeat it answers.
constexpr int kMaxStreams = 32;
constexpr absl::Duration kRetryPause = absl::Milliseconds(500);

// Without progress for so long: etcd's and others' shorter ones cut off
// members that were busy installing (raft.md, pitfall 17).
constexpr absl::Duration kPatience = absl::Minutes(1);

// The receiver reads all of it once more and syncs it.
constexpr absl::Duration kEndPatience = absl::Minutes(10);

// What another stream cannot mend.
bool IsFinal(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kUnimplemented:
      return true;
    default:
      return false;
  }
}

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

// The stream is at its end; grpc::ClientReaderWriter::Finish knows why.
absl::Status Ended() {
  return absl::UnavailableError("the stream ended");
}

// Of our own, and final.
absl::Status SourceFailed(absl::string_view reason) {
  return absl::AbortedError(absl::StrCat("the snapshot's source: ", reason));
}

}  // namespace

OutboundSnapshots::OutboundSnapshots(Options options)
    : options_(std::move(options)) {}

OutboundSnapshots::~OutboundSnapshots() {
  std::thread thread;
  {
    MutexLock lock(&mu_);
    QUORATE_CHECK(ended_ || !started_);
    thread = std::move(thread_);
  }
  if (thread.joinable()) thread.join();
}

bool OutboundSnapshots::Send(raft::Term term,
                             std::unique_ptr<SnapshotSource> snapshot) {
  MutexLock lock(&mu_);
  if (closed_) return false;
  if (pending_.source != nullptr) ++dropped_;
  pending_ = {.term = term, .source = std::move(snapshot)};
  CancelLocked();
  changed_.NotifyAll();
  if (!std::exchange(started_, true)) {
    thread_ = std::thread([this] { Run(); });
  }
  return true;
}

void OutboundSnapshots::CancelLocked() {
  cancelled_ = true;
  if (context_ != nullptr) context_->TryCancel();
}

void OutboundSnapshots::Maintain(absl::Duration now) {
  MutexLock lock(&mu_);
  if (context_ == nullptr || now < give_up_at_) return;
  LogWarn("transport", "snapshot_stalled",
          {{"to", absl::StrCat(options_.hello.to.value())}});
  CancelLocked();
}

void OutboundSnapshots::Close() {
  MutexLock lock(&mu_);
  if (std::exchange(closed_, true)) return;
  if (pending_.source != nullptr) ++dropped_;
  pending_.source.reset();
  CancelLocked();
  changed_.NotifyAll();
}

bool OutboundSnapshots::idle() const {
  MutexLock lock(&mu_);
  return closed_ && (ended_ || !started_);
}

void OutboundSnapshots::Run() {
  Job job;
  int dropped = 0;
  while (TakeJob(&job, &dropped)) {
    for (; dropped > 0; --dropped) {
      options_.done(false);
    }
    if (job.source == nullptr) continue;
    const bool delivered = Deliver(job);
    // The source's files may go before anyone hears of it.
    job.source.reset();
    options_.done(delivered);
  }
}

// False when there will be no more. The job may be none, where only dropped
// ones are left to be told of.
bool OutboundSnapshots::TakeJob(Job* job, int* dropped) {
  MutexLock lock(&mu_);
  while (pending_.source == nullptr && dropped_ == 0 && !closed_) {
    changed_.Wait(&mu_);
  }
  *dropped = std::exchange(dropped_, 0);
  *job = std::move(pending_);
  if (job->source == nullptr && *dropped == 0) {
    ended_ = true;
    return false;
  }
  cancelled_ = closed_;
  return true;
}

bool OutboundSnapshots::Deliver(const Job& job) {
  const std::shared_ptr<grpc::Channel> channel = options_.connect();
  const absl::Duration begun = options_.clock->SinceBoot();
  absl::Status status;
  for (int stream = 1; stream <= kMaxStreams; ++stream) {
    status = SendOnce(job, channel);
    const absl::Duration now = options_.clock->SinceBoot();
    Log(status.ok() ? LogLevel::kInfo : LogLevel::kWarn, "transport",
        status.ok() ? "snapshot_sent" : "snapshot_broke",
        {{"to", absl::StrCat(options_.hello.to.value())},
         {"index", absl::StrCat(job.source->header().position.index.value())},
         {"bytes", absl::StrCat(job.source->header().total_bytes)},
         {"ms", absl::StrCat(absl::ToInt64Milliseconds(now - begun))},
         {"streams", absl::StrCat(stream)},
         {"status", status.ToString()}});
    if (status.ok()) return true;
    if (!WaitUntil(now + kRetryPause) || IsFinal(status.code())) return false;
  }
  return false;
}

absl::Status OutboundSnapshots::SendOnce(
    const Job& job, const std::shared_ptr<grpc::Channel>& channel) {
  const auto stub = proto::PeerService::NewStub(channel);
  grpc::ClientContext context;
  // A peer that is down is waited for, as long as there is patience.
  context.set_wait_for_ready(true);
  {
    MutexLock lock(&mu_);
    if (cancelled_) return absl::CancelledError("another one, or the end");
    context_ = &context;
    give_up_at_ = options_.clock->SinceBoot() + kPatience;
  }
  const std::unique_ptr<Stream> stream = stub->Snapshot(&context);
  const absl::Status sent = Exchange(job, stream.get());
  if (absl::IsUnavailable(sent)) {
    // gRPC keeps the status back until what came before it has been read.
    proto::SnapshotResponse unread;
    while (stream->Read(&unread)) {
    }
  } else {
    // This side stops; the other would wait for more.
    context.TryCancel();
  }
  const grpc::Status end = stream->Finish();
  {
    MutexLock lock(&mu_);
    context_ = nullptr;
  }
  if (!absl::IsUnavailable(sent) || end.ok()) return sent;
  return FromGrpc(end);
}

absl::Status OutboundSnapshots::Exchange(const Job& job, Stream* stream) {
  const SnapshotHeader& header = job.source->header();
  proto::SnapshotRequest request;
  EncodeHello(options_.hello, request.mutable_begin()->mutable_hello());
  EncodeSnapshotOffer(job.term, header, request.mutable_begin());
  if (!stream->Write(request)) return Ended();
  uint64_t offset = 0;
  QUORATE_RETURN_IF_ERROR(ReadProgress(stream, 0, header.total_bytes, &offset));
  LogInfo("transport", "snapshot_goes_on",
          {{"to", absl::StrCat(options_.hello.to.value())},
           {"offset", absl::StrCat(offset)},
           {"bytes", absl::StrCat(header.total_bytes)}});
  QUORATE_RETURN_IF_ERROR(SendChunks(job, offset, stream));

  request.mutable_end();
  OnProgress(kEndPatience);
  if (!stream->Write(request)) return Ended();
  proto::SnapshotResponse response;
  // What is left of the acknowledgements, and then the last word.
  while (stream->Read(&response)) {
    if (response.complete()) return absl::OkStatus();
  }
  return Ended();
}

absl::Status OutboundSnapshots::SendChunks(const Job& job, uint64_t offset,
                                           Stream* stream) {
  const uint64_t total = job.source->header().total_bytes;
  const absl::Duration begun = options_.clock->SinceBoot();
  const double rate = static_cast<double>(options_.bytes_per_second);
  uint64_t acknowledged = offset;
  for (uint64_t sent = offset; sent < total;) {
    while (sent - acknowledged + kSnapshotChunkBytes > kSnapshotWindowBytes) {
      QUORATE_RETURN_IF_ERROR(
          ReadProgress(stream, acknowledged + 1, sent, &acknowledged));
    }
    const double seconds = static_cast<double>(sent - offset) / rate;
    if (!WaitUntil(begun + absl::Seconds(seconds))) {
      return absl::CancelledError("another one, or the end");
    }
    uint64_t size = 0;
    QUORATE_RETURN_IF_ERROR(SendChunk(job, sent, &size, stream));
    sent += size;
  }
  return absl::OkStatus();
}

absl::Status OutboundSnapshots::SendChunk(const Job& job, uint64_t offset,
                                          uint64_t* size, Stream* stream) {
  const uint64_t left = job.source->header().total_bytes - offset;
  absl::StatusOr<std::string> bytes =
      job.source->Read(offset, kSnapshotChunkBytes);
  if (!bytes.ok()) return SourceFailed(bytes.status().ToString());
  *size = bytes->size();
  if (*size == 0 || *size > std::min<uint64_t>(left, kSnapshotChunkBytes)) {
    return SourceFailed("gave another number of bytes than there are");
  }
  proto::SnapshotRequest request;
  EncodeSnapshotChunk(offset, *std::move(bytes), request.mutable_chunk());
  return stream->Write(request) ? absl::OkStatus() : Ended();
}

absl::Status OutboundSnapshots::ReadProgress(Stream* stream, uint64_t at_least,
                                             uint64_t at_most,
                                             uint64_t* received) {
  proto::SnapshotResponse response;
  if (!stream->Read(&response)) return Ended();
  if (response.received() < at_least || response.received() > at_most) {
    return absl::InvalidArgumentError(
        absl::StrCat("the receiver has ", response.received(), " where ",
                     at_least, " to ", at_most, " is possible"));
  }
  *received = response.received();
  OnProgress(kPatience);
  return absl::OkStatus();
}

void OutboundSnapshots::OnProgress(absl::Duration patience) {
  MutexLock lock(&mu_);
  give_up_at_ = options_.clock->SinceBoot() + patience;
}

// False where the snapshot is cancelled meanwhile.
bool OutboundSnapshots::WaitUntil(absl::Duration due) {
  MutexLock lock(&mu_);
  while (!cancelled_) {
    const absl::Duration left = due - options_.clock->SinceBoot();
    if (left <= absl::ZeroDuration()) return true;
    changed_.WaitFor(&mu_, left);
  }
  return false;
}

}  // namespace quorate::replication
