#include "tools/quorate/exit_code.h"

#include "client/error.h"

namespace quorate::cli {

int ExitCodeOf(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case ErrorReason::kPoolExhausted:
      return kExitExhausted;
    case ErrorReason::kDiskFull:
      return kExitUnavailable;
    // A licence that is refused is not a mistake on the command line.
    case ErrorReason::kLicenseInvalid:
    case ErrorReason::kLimitReached:
      return kExitConflict;
    default:
      break;
  }
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kUnavailable:
      return kExitUnavailable;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return kExitDenied;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kResourceExhausted:
      return kExitExhausted;
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
      return kExitConflict;
    case absl::StatusCode::kDeadlineExceeded:
      return kExitTimeout;
    default:
      return kExitFailure;
  }
}

}  // namespace quorate::cli
