#include "replication/transport/peer_lane.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/log.h"
#include "replication/transport/message_cost.h"

namespace quorate::replication {
namespace {

// Control messages are small and superseded by the next of their kind; a peer
// that is this far behind has hung. Bulk: twice what the core keeps under way
// to one follower (RaftOptions::max_inflight_bytes).
constexpr size_t kMaxMessages = 4096;
constexpr size_t kMaxBytes = size_t{16} * 1024 * 1024;

// Messages that wait together are written together, up to this much. A larger
// one goes alone; the receiver takes 4 MiB (wire/limits.h).
constexpr size_t kMaxWriteBytes = size_t{1024} * 1024;
constexpr size_t kMaxWriteMessages = 1024;

// A stream that ended is begun again after this long. The channel below has
// its own back-off; this one bounds how often a peer can refuse us.
constexpr absl::Duration kRetryPeriod = absl::Milliseconds(100);
constexpr absl::Duration kRefusedPeriod = absl::Seconds(1);

}  // namespace

PeerLane::PeerLane(Lane lane, std::shared_ptr<grpc::Channel> channel,
                   OutboundHello hello, LaneKeeper* keeper)
    : lane_(lane),
      channel_(std::move(channel)),
      hello_(std::move(hello)),
      keeper_(keeper) {}

PeerLane::~PeerLane() {
  QUORATE_CHECK(idle() || stream_ == nullptr);
}

void PeerLane::Send(PeerMessage message) {
  bool tell = false;
  {
    MutexLock lock(&mu_);
    const size_t bytes = PeerMessageCost(message);
    const bool up = accepted_ && !failed_;
    if (!up || queue_.size() >= kMaxMessages ||
        (queue_bytes_ > 0 && queue_bytes_ + bytes > kMaxBytes)) {
      // What has no stream was told before; Maintain comes by anyway.
      tell = up && !lost_;
      lost_ = true;
      overflow_ = up;
    } else {
      queue_bytes_ += bytes;
      queue_.push_back(std::move(message));
    }
  }
  if (tell) keeper_->Wake();
  Pump();
}

std::vector<PeerMessage> PeerLane::TakeBatchLocked() {
  std::vector<PeerMessage> batch;
  size_t bytes = 0;
  while (!queue_.empty() && batch.size() < kMaxWriteMessages) {
    const size_t next = PeerMessageCost(queue_.front());
    if (!batch.empty() && bytes + next > kMaxWriteBytes) break;
    bytes += next;
    batch.push_back(std::move(queue_.front()));
    queue_.pop_front();
  }
  queue_bytes_ -= bytes;
  return batch;
}

void PeerLane::Pump() {
  std::vector<PeerMessage> batch;
  OutboundStream* stream = nullptr;
  {
    MutexLock lock(&mu_);
    if (!accepted_ || writing_ || failed_ || queue_.empty()) return;
    batch = TakeBatchLocked();
    // While writing_ is set nobody releases the hold, so the stream lives.
    writing_ = true;
    stream = stream_.get();
  }
  stream->Write(batch);
}

// Returns true where the caller must release the stream.
bool PeerLane::FailLocked() {
  failed_ = true;
  queue_.clear();
  queue_bytes_ = 0;
  if (writing_ || !held_) return false;
  held_ = false;
  return true;
}

void PeerLane::OnAccepted(bool ok) {
  bool release = false;
  {
    MutexLock lock(&mu_);
    if (!ok) {
      release = FailLocked();
    } else {
      accepted_ = true;
    }
  }
  if (release) stream_->Release();
  if (ok) {
    LogInfo(
        "transport", "stream_up",
        {{"lane", LaneName(lane_)}, {"peer", absl::StrCat(hello_.to.value())}});
  }
  keeper_->Wake();
}

void PeerLane::OnWritten(bool ok) {
  bool release = false;
  bool drained = false;
  {
    MutexLock lock(&mu_);
    writing_ = false;
    if (!ok || failed_) {
      release = FailLocked();
    } else if (overflow_ && queue_.empty()) {
      overflow_ = false;
      drained = true;
    }
  }
  if (release) {
    stream_->Release();
  } else if (ok) {
    Pump();
  }
  if (drained) keeper_->Wake();
}

void PeerLane::OnDone(const grpc::Status& status) {
  MutexLock lock(&mu_);
  if (accepted_) lost_ = true;
  ended_ = absl::StrCat(status.error_code(), " ", status.error_message());
  copy_ = status.error_code() == grpc::StatusCode::FAILED_PRECONDITION;
  refused_ =
      copy_ || status.error_code() == grpc::StatusCode::PERMISSION_DENIED;
  accepted_ = false;
  done_ = true;
  // Under the lock: once it is free the keeper may destroy lane and stream.
  keeper_->Wake();
}

PeerLane::News PeerLane::Maintain(absl::Duration now) {
  News news;
  bool done = false;
  bool up = false;
  bool refused = false;
  bool copy = false;
  std::string ended;
  {
    MutexLock lock(&mu_);
    news.lost = std::exchange(lost_, false);
    done = done_;
    up = accepted_ && !failed_;
    news.up = up && !overflow_;
    refused = std::exchange(refused_, false);
    copy = std::exchange(copy_, false);
    ended = std::exchange(ended_, std::string());
  }
  if (done) {
    if (stream_ != nullptr) {
      stream_.reset();
      // The peer has heard another process under our name: a person must look.
      Log(copy ? LogLevel::kError : LogLevel::kInfo, "transport",
          copy ? "refused_as_copy" : "stream_ended",
          {{"lane", LaneName(lane_)},
           {"peer", absl::StrCat(hello_.to.value())},
           {"status", ended}});
      if (copy) keeper_->OnRefusedAsCopy();
      next_try_ = now + (refused ? kRefusedPeriod : kRetryPeriod);
    }
    if (!closing_ && now >= next_try_) Connect();
    return news;
  }
  // A stream without traffic does not learn that its connection is gone; the
  // channel does. The next message would be lost.
  if (up && channel_->GetState(false) != GRPC_CHANNEL_READY) Break();
  return news;
}

void PeerLane::Connect() {
  {
    MutexLock lock(&mu_);
    queue_.clear();
    queue_bytes_ = 0;
    overflow_ = false;
    accepted_ = false;
    failed_ = false;
    writing_ = true;  // The hello.
    held_ = true;
    done_ = false;
  }
  stream_ = NewOutboundStream(lane_, channel_, hello_, this);
  stream_->Start();
}

void PeerLane::Break() {
  bool release = false;
  {
    MutexLock lock(&mu_);
    if (done_) return;
    release = FailLocked();
  }
  stream_->Cancel();
  if (release) stream_->Release();
}

void PeerLane::ConnectSoon() {
  next_try_ = absl::ZeroDuration();
  grpc::experimental::ChannelResetConnectionBackoff(channel_.get());
}

void PeerLane::Close() {
  if (closing_) return;
  closing_ = true;
  Break();
}

bool PeerLane::idle() const {
  MutexLock lock(&mu_);
  return closing_ && done_;
}

}  // namespace quorate::replication
