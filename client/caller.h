// One call as its caller sees it: many attempts at many members, one answer.

#ifndef QUORATE_CLIENT_CALLER_H_
#define QUORATE_CLIENT_CALLER_H_

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/client_context.h"
#include "grpcpp/support/status.h"

#include "base/clock.h"
#include "base/mutex.h"
#include "base/random.h"
#include "client/endpoint_set.h"

namespace quorate {

// How long a call may go on.
struct CallLimits {
  absl::Duration deadline;       // In all. Over 0.
  absl::Duration first_attempt;  // At one endpoint; later ones get more.
  // Give up when each endpoint was tried so often; 0: only by the deadline.
  int rounds = 0;
};

// Runs unary calls. An attempt that is not answered within a short time is
// given up and made at the next endpoint, so that a member that hangs never
// costs more than one attempt; the request, and with it the request_id, stays
// the same. Answers of the cluster that are not "try again" are handed on at
// once. Thread-safe.
class Caller {
 public:
  // One attempt: makes the call on the stub that fits. Called once an attempt,
  // on the thread of Run; must clear what an attempt before it left.
  using Attempt =
      absl::FunctionRef<grpc::Status(const Connection&, grpc::ClientContext*)>;

  // Neither is owned.
  Caller(EndpointSet* endpoints, const Clock* clock);

  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;

  // Waits for the answer. Where the time is over, the status is the last
  // answer of a member if there was one (UNAVAILABLE with NO_QUORUM, ...),
  // else DEADLINE_EXCEEDED if a member was silent, else UNAVAILABLE; the
  // message says what happened at each endpoint. UNAUTHENTICATED where TLS
  // failed at every endpoint. CANCELLED after Cancel.
  absl::Status Run(const CallLimits& limits, Attempt attempt);

  // Ends the calls under way with CANCELLED. Does not wait for them.
  void Cancel();

  // As Cancel, and later calls end with CANCELLED at once.
  void Stop();

 private:
  struct Progress;

  grpc::Status RunAttempt(const Connection& connection, absl::Duration timeout,
                          const Progress& progress, Attempt attempt);
  absl::Duration PauseAfter(const absl::Status& status,
                            const Progress& progress);
  // False where the call was cancelled meanwhile.
  bool Pause(const Progress& progress, absl::Duration pause);
  // As Pause, and waits for the connection meanwhile: gRPC looks whether one is
  // there only while a call or a wait goes on, or else each five seconds, and
  // calls on a connection that once failed go on failing until it has looked.
  bool PauseConnecting(const Progress& progress, absl::Duration pause,
                       const Connection& next);
  bool CancelledLocked(const Progress& progress) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Progress Begin();
  absl::Status GiveUp(const Progress& progress) const;

  // Constant after construction.
  EndpointSet* const endpoints_;
  const Clock* const clock_;

  Mutex mu_;
  CondVar cancelled_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t cancellations_ ABSL_GUARDED_BY(mu_) = 0;
  std::set<grpc::ClientContext*> under_way_ ABSL_GUARDED_BY(mu_);
  Random random_ ABSL_GUARDED_BY(mu_);
};

// A fresh request_id: 128 random bits in hex.
std::string DrawRequestId();

}  // namespace quorate

#endif  // QUORATE_CLIENT_CALLER_H_
