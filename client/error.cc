#include "client/error.h"

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"

namespace quorate {
namespace {

// The name under which ErrorInfo, RetryInfo... are kept on a status: the type
// URL that stands in google.rpc.Status.details.
constexpr absl::string_view kErrorInfoUrl =
    "type.googleapis.com/google.rpc.ErrorInfo";
constexpr absl::string_view kRetryInfoUrl =
    "type.googleapis.com/google.rpc.RetryInfo";
constexpr absl::string_view kDomain = "quorate";

// One past the last reason.
constexpr int kReasonEnd = 32;

std::optional<google::rpc::ErrorInfo> ErrorInfoOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kErrorInfoUrl);
  if (!payload.has_value()) return std::nullopt;
  google::rpc::ErrorInfo info;
  if (!info.ParseFromString(std::string(*payload))) return std::nullopt;
  if (info.domain() != std::string(kDomain)) return std::nullopt;
  return info;
}

}  // namespace

absl::string_view ToString(ErrorReason reason) {
  switch (reason) {
    case ErrorReason::kUnspecified:
      return "";
    case ErrorReason::kNoQuorum:
      return "NO_QUORUM";
    case ErrorReason::kOutcomeUnknown:
      return "OUTCOME_UNKNOWN";
    case ErrorReason::kOverloaded:
      return "OVERLOADED";
    case ErrorReason::kStopping:
      return "STOPPING";
    case ErrorReason::kBadRequest:
      return "BAD_REQUEST";
    case ErrorReason::kRequestIdReused:
      return "REQUEST_ID_REUSED";
    case ErrorReason::kRequestExpired:
      return "REQUEST_EXPIRED";
    case ErrorReason::kSessionNotFound:
      return "SESSION_NOT_FOUND";
    case ErrorReason::kSessionNotYours:
      return "SESSION_NOT_YOURS";
    case ErrorReason::kSeatNotFound:
      return "SEAT_NOT_FOUND";
    case ErrorReason::kFeatureUnknown:
      return "FEATURE_UNKNOWN";
    case ErrorReason::kPoolExhausted:
      return "POOL_EXHAUSTED";
    case ErrorReason::kCountOverTotal:
      return "COUNT_OVER_TOTAL";
    case ErrorReason::kLicenseExpired:
      return "LICENSE_EXPIRED";
    case ErrorReason::kLicenseNotStarted:
      return "LICENSE_NOT_STARTED";
    case ErrorReason::kLicenseForeign:
      return "LICENSE_FOREIGN";
    case ErrorReason::kSerialRollback:
      return "SERIAL_ROLLBACK";
    case ErrorReason::kSerialFork:
      return "SERIAL_FORK";
    case ErrorReason::kLicenseInvalid:
      return "LICENSE_INVALID";
    case ErrorReason::kLimitReached:
      return "LIMIT_REACHED";
    case ErrorReason::kLicenseNotFound:
      return "LICENSE_NOT_FOUND";
    case ErrorReason::kUnauthenticated:
      return "UNAUTHENTICATED";
    case ErrorReason::kChangeUnderWay:
      return "CHANGE_UNDER_WAY";
    case ErrorReason::kMemberNotFound:
      return "MEMBER_NOT_FOUND";
    case ErrorReason::kMemberExists:
      return "MEMBER_EXISTS";
    case ErrorReason::kMemberBehind:
      return "MEMBER_BEHIND";
    case ErrorReason::kQuorumWouldBeLost:
      return "QUORUM_WOULD_BE_LOST";
    case ErrorReason::kJoinTokenInvalid:
      return "JOIN_TOKEN_INVALID";
    case ErrorReason::kJoinTokenExpired:
      return "JOIN_TOKEN_EXPIRED";
    case ErrorReason::kJoinTokenUsed:
      return "JOIN_TOKEN_USED";
    case ErrorReason::kJoinNotServed:
      return "JOIN_NOT_SERVED";
  }
  return "";
}

std::string ReasonNameOf(const absl::Status& status) {
  const auto info = ErrorInfoOf(status);
  return info.has_value() ? info->reason() : std::string();
}

ErrorReason ReasonOf(const absl::Status& status) {
  const std::string name = ReasonNameOf(status);
  if (name.empty()) return ErrorReason::kUnspecified;
  for (int number = 1; number < kReasonEnd; ++number) {
    const auto reason = static_cast<ErrorReason>(number);
    if (ToString(reason) == name) return reason;
  }
  return ErrorReason::kUnspecified;
}

std::map<std::string, std::string> MetadataOf(const absl::Status& status) {
  std::map<std::string, std::string> facts;
  const auto info = ErrorInfoOf(status);
  if (!info.has_value()) return facts;
  for (const auto& [key, value] : info->metadata()) {
    facts[key] = value;
  }
  return facts;
}

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kRetryInfoUrl);
  if (!payload.has_value()) return std::nullopt;
  google::rpc::RetryInfo info;
  if (!info.ParseFromString(std::string(*payload))) return std::nullopt;
  if (!info.has_retry_delay()) return std::nullopt;
  return absl::Seconds(info.retry_delay().seconds()) +
         absl::Nanoseconds(info.retry_delay().nanos());
}

}  // namespace quorate
