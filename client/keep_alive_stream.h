// One keep-alive stream to one member, from StartCall to OnDone.

#ifndef QUORATE_CLIENT_KEEP_ALIVE_STREAM_H_
#define QUORATE_CLIENT_KEEP_ALIVE_STREAM_H_

#include <deque>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/client_callback.h"

#include "quorate/checkout/v1/checkout.grpc.pb.h"

#include "base/mutex.h"

namespace quorate {

// Its owner keeps it until Sink::end was called, and destroys it on a thread
// of its own: the stream holds a reference to its channel, and where the last
// one is dropped on a callback thread of gRPC 1.51, that thread waits for its
// own end and runs on with freed memory. Thread-safe.
class KeepAliveStream final
    : public grpc::ClientBidiReactor<checkout::v1::KeepAliveRequest,
                                     checkout::v1::KeepAliveResponse> {
 public:
  // Both are called on threads of gRPC and must return quickly. No response
  // comes after the end, and the end comes once.
  struct Sink {
    std::function<void(const checkout::v1::KeepAliveResponse&)> response;
    std::function<void(const absl::Status&)> end;
  };

  // Starts the stream.
  static std::unique_ptr<KeepAliveStream> Open(
      checkout::v1::CheckoutService::Stub* stub, Sink sink);

  KeepAliveStream(const KeepAliveStream&) = delete;
  KeepAliveStream& operator=(const KeepAliveStream&) = delete;

  // Messages are sent in order; dropped where the stream has ended.
  void Send(checkout::v1::KeepAliveRequest request);

  // The end comes soon after.
  void Cancel();

  void OnWriteDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  explicit KeepAliveStream(Sink sink) : sink_(std::move(sink)) {}

  // Constant after construction.
  const Sink sink_;

  grpc::ClientContext context_;
  checkout::v1::KeepAliveResponse response_;  // Of the read under way.

  Mutex mu_;
  // The front is being written while writing_. Bounded by its user, which
  // gives a stream up that leaves messages unanswered.
  std::deque<checkout::v1::KeepAliveRequest> queue_ ABSL_GUARDED_BY(mu_);
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;  // No write may be started.
};

}  // namespace quorate

#endif  // QUORATE_CLIENT_KEEP_ALIVE_STREAM_H_
