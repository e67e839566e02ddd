// The one place of the client where a gRPC status becomes ours.

#ifndef QUORATE_CLIENT_RPC_STATUS_H_
#define QUORATE_CLIENT_RPC_STATUS_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/status.h"

#include "client/error.h"

namespace quorate {

// What to do after one attempt at one endpoint.
enum class Verdict {
  kDone,       // The answer, good or bad: hand it to the caller.
  kAskAgain,   // The cluster says: not now. The endpoint itself is well.
  kRefused,    // The connection is gone or cannot be made: quick to find out.
  kSilent,     // No answer in time: finding out cost the whole attempt.
  kUntrusted,  // TLS failed: the certificates do not fit each other.
};

// The same code and message; the details (ErrorInfo, RetryInfo, ...) become
// payloads under their type URLs.
absl::Status FromRpcStatus(const grpc::Status& status);

// A refusal with a reason, as the cluster would have given it.
absl::Status Refusal(absl::StatusCode code, ErrorReason reason,
                     absl::string_view message);

// Judges the outcome of one attempt. Repeating after an error of the
// connection is safe because every request carries its request_id.
Verdict Judge(const absl::Status& status);

}  // namespace quorate

#endif  // QUORATE_CLIENT_RPC_STATUS_H_
