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

struct NamedReason {
  ErrorReason reason = ErrorReason::kUnspecified;
  absl::string_view name;
};

constexpr NamedReason kReasons[] = {
    {ErrorReason::kNoQuorum, "NO_QUORUM"},
    {ErrorReason::kOutcomeUnknown, "OUTCOME_UNKNOWN"},
    {ErrorReason::kOverloaded, "OVERLOADED"},
    {ErrorReason::kStopping, "STOPPING"},
    {ErrorReason::kBadRequest, "BAD_REQUEST"},
    {ErrorReason::kRequestIdReused, "REQUEST_ID_REUSED"},
    {ErrorReason::kRequestExpired, "REQUEST_EXPIRED"},
    {ErrorReason::kSessionNotFound, "SESSION_NOT_FOUND"},
    {ErrorReason::kSessionNotYours, "SESSION_NOT_YOURS"},
    {ErrorReason::kSeatNotFound, "SEAT_NOT_FOUND"},
    {ErrorReason::kFeatureUnknown, "FEATURE_UNKNOWN"},
    {ErrorReason::kPoolExhausted, "POOL_EXHAUSTED"},
    {ErrorReason::kCountOverTotal, "COUNT_OVER_TOTAL"},
    {ErrorReason::kLicenseExpired, "LICENSE_EXPIRED"},
    {ErrorReason::kLicenseNotStarted, "LICENSE_NOT_STARTED"},
    {ErrorReason::kVersionNotCovered, "VERSION_NOT_COVERED"},
    {ErrorReason::kReleaseNotCovered, "RELEASE_NOT_COVERED"},
    {ErrorReason::kAttributeNotOffered, "ATTRIBUTE_NOT_OFFERED"},
    {ErrorReason::kHostNotCovered, "HOST_NOT_COVERED"},
    {ErrorReason::kLicenseForeign, "LICENSE_FOREIGN"},
    {ErrorReason::kSerialRollback, "SERIAL_ROLLBACK"},
    {ErrorReason::kSerialFork, "SERIAL_FORK"},
    {ErrorReason::kLicenseInvalid, "LICENSE_INVALID"},
    {ErrorReason::kLimitReached, "LIMIT_REACHED"},
    {ErrorReason::kLicenseNotFound, "LICENSE_NOT_FOUND"},
    {ErrorReason::kUnauthenticated, "UNAUTHENTICATED"},
    {ErrorReason::kChangeUnderWay, "CHANGE_UNDER_WAY"},
    {ErrorReason::kMemberNotFound, "MEMBER_NOT_FOUND"},
    {ErrorReason::kMemberExists, "MEMBER_EXISTS"},
    {ErrorReason::kMemberBehind, "MEMBER_BEHIND"},
    {ErrorReason::kQuorumWouldBeLost, "QUORUM_WOULD_BE_LOST"},
    {ErrorReason::kJoinTokenInvalid, "JOIN_TOKEN_INVALID"},
    {ErrorReason::kJoinTokenExpired, "JOIN_TOKEN_EXPIRED"},
    {ErrorReason::kJoinTokenUsed, "JOIN_TOKEN_USED"},
    {ErrorReason::kJoinNotServed, "JOIN_NOT_SERVED"},
    {ErrorReason::kClocksBeyond, "CLOCKS_BEYOND"},
    {ErrorReason::kDiskFull, "DISK_FULL"},
    {ErrorReason::kRestoredOnHold, "RESTORED_ON_HOLD"},
    {ErrorReason::kClusterRetired, "CLUSTER_RETIRED"},
    {ErrorReason::kEpochMismatch, "EPOCH_MISMATCH"},
    {ErrorReason::kPolicyDenied, "POLICY_DENIED"},
    {ErrorReason::kPolicyLimit, "POLICY_LIMIT"},
    {ErrorReason::kSeatsReserved, "SEATS_RESERVED"},
    {ErrorReason::kPolicyChanged, "POLICY_CHANGED"},
    {ErrorReason::kPolicyVersionNotFound, "POLICY_VERSION_NOT_FOUND"},
    {ErrorReason::kWaitTimedOut, "WAIT_TIMED_OUT"},
    {ErrorReason::kWaitCancelled, "WAIT_CANCELLED"},
    {ErrorReason::kQueuePlaceNotFound, "QUEUE_PLACE_NOT_FOUND"},
    {ErrorReason::kSessionTerminated, "SESSION_TERMINATED"},
    {ErrorReason::kCoolingDown, "COOLING_DOWN"},
    {ErrorReason::kCreditsExhausted, "CREDITS_EXHAUSTED"},
    {ErrorReason::kNamesExhausted, "NAMES_EXHAUSTED"},
    {ErrorReason::kRecyclingLimit, "RECYCLING_LIMIT"},
    {ErrorReason::kNameInUse, "NAME_IN_USE"},
    {ErrorReason::kNameNotFound, "NAME_NOT_FOUND"},
    {ErrorReason::kCasualMinutesUsed, "CASUAL_MINUTES_USED"},
    {ErrorReason::kSeatCalledBack, "SEAT_CALLED_BACK"},
    {ErrorReason::kPermissionMissing, "PERMISSION_MISSING"},
    {ErrorReason::kAccountChanged, "ACCOUNT_CHANGED"},
    {ErrorReason::kAccountNotFound, "ACCOUNT_NOT_FOUND"},
    {ErrorReason::kLastAdministrator, "LAST_ADMINISTRATOR"},
    {ErrorReason::kAlertSettingsChanged, "ALERT_SETTINGS_CHANGED"},
    {ErrorReason::kMailNotConfigured, "MAIL_NOT_CONFIGURED"},
    {ErrorReason::kGrantIsBorrowed, "GRANT_IS_BORROWED"},
    {ErrorReason::kBorrowNotAllowed, "BORROW_NOT_ALLOWED"},
    {ErrorReason::kBorrowTooLong, "BORROW_TOO_LONG"},
    {ErrorReason::kBorrowLimit, "BORROW_LIMIT"},
    {ErrorReason::kBorrowNotFound, "BORROW_NOT_FOUND"},
    {ErrorReason::kBookingNotFound, "BOOKING_NOT_FOUND"},
    {ErrorReason::kGrantIsBooked, "GRANT_IS_BOOKED"},
};

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
  for (const NamedReason& each : kReasons) {
    if (each.reason == reason) return each.name;
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
  for (const NamedReason& each : kReasons) {
    if (each.name == name) return each.reason;
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
