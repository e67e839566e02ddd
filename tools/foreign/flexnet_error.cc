#include "tools/foreign/flexnet_error.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "client/error.h"

namespace quorate::foreign {
namespace {

// "(-15,570:111 "Connection refused")": that it could not connect, where in
// FlexNet's own code, and the system's error.
FlexError CannotConnect(int system_error, absl::string_view words) {
  return {.code = -15,
          .text = absl::StrCat("Cannot connect to license server (-15,570:",
                               system_error, " \"", words, "\")")};
}

}  // namespace

int FlexError::ExitCode() const {
  return code < 0 ? code & 0xFF : 1;
}

FlexError FlexErrorOf(const absl::Status& status) {
  switch (ReasonOf(status)) {
    case ErrorReason::kNoQuorum:
      return FlexNoQuorum();
    case ErrorReason::kFeatureUnknown:
      return FlexNoSuchFeature();
    default:
      break;
  }
  // The numbers are Linux's ECONNREFUSED, ETIMEDOUT and EACCES: readers know
  // them, and the machine that this runs on may count otherwise.
  switch (status.code()) {
    case absl::StatusCode::kDeadlineExceeded:
      return CannotConnect(110, "Connection timed out");
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return CannotConnect(13, "Permission denied");
    case absl::StatusCode::kUnavailable:
      return absl::StrContains(status.message(), "Connection refused")
                 ? CannotConnect(111, "Connection refused")
                 : CannotConnect(110, "Connection timed out");
    default:
      return {.text = std::string(status.message())};
  }
}

FlexError FlexNoQuorum() {
  return {.code = -97, .text = "The desired vendor daemon is down. (-97,121)"};
}

FlexError FlexNoSuchFeature() {
  return {.code = -5, .text = "No such feature exists. (-5,222)"};
}

FlexError FlexNoLicenseFile() {
  return {.code = -1,
          .text =
              "Cannot find license file. (-1,359:2 \"No such file or "
              "directory\")"};
}

}  // namespace quorate::foreign
