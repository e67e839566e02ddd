// One unary call after another through a completion queue.

#ifndef QUORATE_TESTS_BENCH_UNARY_CALL_H_
#define QUORATE_TESTS_BENCH_UNARY_CALL_H_

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"

#include "tests/bench/cluster_access.h"

namespace quorate::bench {

// Longer than any answer that still means something in a benchmark.
inline constexpr absl::Duration kCallDeadline = absl::Seconds(10);

// What a call needs until its answer is there. Thread-compatible.
template <typename Response>
class UnaryCall {
 public:
  // `start` is (ClientContext*) -> the reader of an asynchronous stub call.
  template <typename Start>
  void Begin(const Start& start, void* tag) {
    reader_.reset();
    context_.emplace();
    SetDeadline(&*context_, kCallDeadline);
    reader_ = start(&*context_);
    reader_->Finish(&response_, &status_, tag);
  }

  // After the tag came back.
  absl::Status status() const { return ToAbsl(status_); }

  const Response& response() const { return response_; }

 private:
  std::optional<grpc::ClientContext> context_;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader_;
  Response response_;
  grpc::Status status_;
};

}  // namespace quorate::bench

#endif  // QUORATE_TESTS_BENCH_UNARY_CALL_H_
