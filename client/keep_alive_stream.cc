#include "client/keep_alive_stream.h"

#include <utility>

#include "client/rpc_status.h"

namespace quorate {

// gRPC calls OnDone when nothing is under way any more. A write may be started
// from outside of its callbacks at any time, so one hold keeps the stream from
// being done; it is removed by whoever finds the stream ended with no write
// under way.

std::unique_ptr<KeepAliveStream> KeepAliveStream::Open(
    checkout::v1::CheckoutService::Stub* stub, Sink sink) {
  std::unique_ptr<KeepAliveStream> stream(new KeepAliveStream(std::move(sink)));
  stub->async()->KeepAlive(&stream->context_, stream.get());
  stream->AddHold();
  stream->StartRead(&stream->response_);
  stream->StartCall();
  return stream;
}

void KeepAliveStream::Send(checkout::v1::KeepAliveRequest request) {
  const checkout::v1::KeepAliveRequest* next = nullptr;
  {
    MutexLock lock(&mu_);
    if (ended_) return;
    queue_.push_back(std::move(request));
    if (writing_) return;
    writing_ = true;
    next = &queue_.front();
  }
  StartWrite(next);
}

void KeepAliveStream::Cancel() {
  context_.TryCancel();
}

void KeepAliveStream::OnWriteDone(bool ok) {
  const checkout::v1::KeepAliveRequest* next = nullptr;
  {
    MutexLock lock(&mu_);
    queue_.pop_front();
    if (ok && !ended_ && !queue_.empty()) {
      next = &queue_.front();
    } else {
      writing_ = false;
      // A failed write is followed by a failed read, which ends the stream.
      if (!ended_) return;
    }
  }
  if (next != nullptr) {
    StartWrite(next);
  } else {
    RemoveHold();
  }
}

void KeepAliveStream::OnReadDone(bool ok) {
  if (ok) {
    sink_.response(response_);
    StartRead(&response_);
    return;
  }
  {
    MutexLock lock(&mu_);
    ended_ = true;
    if (writing_) return;
  }
  RemoveHold();
}

void KeepAliveStream::OnDone(const grpc::Status& status) {
  // A copy, because the owner may destroy the stream before this returns.
  const std::function<void(const absl::Status&)> end = sink_.end;
  end(FromRpcStatus(status));
}

}  // namespace quorate
