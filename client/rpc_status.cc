#include "client/rpc_status.h"

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace quorate {
namespace {

// gRPC has no code of its own for a failed handshake; the words are those of
// its TLS handshaker (src/core/lib/security/transport in 1.51).
bool SpeaksOfHandshake(absl::string_view message) {
  return absl::StrContains(message, "andshake failed") ||
         absl::StrContains(message, "SSL_ERROR_SSL") ||
         absl::StrContains(message, "Peer name") ||
         absl::StrContains(message, "CERTIFICATE_VERIFY_FAILED");
}

}  // namespace

absl::Status FromRpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
  google::rpc::Status details;
  if (status.error_details().empty() ||
      !details.ParseFromString(status.error_details())) {
    return result;
  }
  for (const auto& detail : details.details()) {
    result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return result;
}

absl::Status Refusal(absl::StatusCode code, ErrorReason reason,
                     absl::string_view message) {
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(ToString(reason)));
  info.set_domain("quorate");
  absl::Status status(code, message);
  status.SetPayload("type.googleapis.com/google.rpc.ErrorInfo",
                    absl::Cord(info.SerializeAsString()));
  return status;
}

Verdict Judge(const absl::Status& status) {
  const bool from_cluster = !ReasonNameOf(status).empty();
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
      if (from_cluster) return Verdict::kAskAgain;
      return SpeaksOfHandshake(status.message()) ? Verdict::kUntrusted
                                                 : Verdict::kRefused;
    case absl::StatusCode::kResourceExhausted:
      // Soon another member leads, one with room.
      return ReasonOf(status) == ErrorReason::kDiskFull ? Verdict::kAskAgain
                                                        : Verdict::kDone;
    case absl::StatusCode::kDeadlineExceeded:
      return from_cluster ? Verdict::kDone : Verdict::kSilent;
    // What gRPC makes of a stream that the other side reset or broke.
    case absl::StatusCode::kCancelled:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return from_cluster ? Verdict::kDone : Verdict::kRefused;
    default:
      return Verdict::kDone;
  }
}

}  // namespace quorate
