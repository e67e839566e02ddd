// What a refusal means: the reason behind an absl::Status of this library.
//
//   absl::StatusOr<Seat> seat = session->Checkout("cad");
//   if (ReasonOf(seat.status()) == ErrorReason::kPoolExhausted) ShowHolders();
//
// The code of a status says what kind of trouble it is, the reason which one
// exactly; docs/errors.md tells for each what a person does.

#ifndef QUORATE_CLIENT_ERROR_H_
#define QUORATE_CLIENT_ERROR_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quorate {

// The same names and numbers as quorate.type.v1.ErrorReason; a test compares
// the two. kUnspecified: the status is OK, comes from the connection and not
// from the cluster, or has a reason that is younger than this library.
enum class ErrorReason {
  kUnspecified = 0,
  kNoQuorum = 1,
  kOutcomeUnknown = 2,
  kOverloaded = 3,
  kStopping = 4,
  kBadRequest = 5,
  kRequestIdReused = 6,
  kRequestExpired = 7,
  kSessionNotFound = 8,
  kSessionNotYours = 9,
  kSeatNotFound = 10,
  kFeatureUnknown = 11,
  kPoolExhausted = 12,
  kCountOverTotal = 13,
  kLicenseExpired = 14,
  kLicenseNotStarted = 15,
  kLicenseForeign = 16,
  kSerialRollback = 17,
  kSerialFork = 18,
  kLicenseInvalid = 19,
  kLimitReached = 20,
  kLicenseNotFound = 21,
  kUnauthenticated = 22,
  kChangeUnderWay = 23,
  kMemberNotFound = 24,
  kMemberExists = 25,
  kMemberBehind = 26,
  kQuorumWouldBeLost = 27,
  kJoinTokenInvalid = 28,
  kJoinTokenExpired = 29,
  kJoinTokenUsed = 30,
  kJoinNotServed = 31,
  kClocksBeyond = 32,
  kDiskFull = 33,
  kRestoredOnHold = 40,
  kClusterRetired = 41,
  kEpochMismatch = 42,
  kVersionNotCovered = 50,
  kReleaseNotCovered = 51,
  kAttributeNotOffered = 52,
  kHostNotCovered = 53,
  kPolicyDenied = 64,
  kPolicyLimit = 65,
  kSeatsReserved = 66,
  kPolicyChanged = 67,
  kPolicyVersionNotFound = 68,
  kWaitTimedOut = 56,
  kWaitCancelled = 57,
  kQueuePlaceNotFound = 58,
  kSessionTerminated = 59,
  kCoolingDown = 60,
  kCreditsExhausted = 80,
  kNamesExhausted = 81,
  kRecyclingLimit = 82,
  kNameInUse = 83,
  kNameNotFound = 84,
  kCasualMinutesUsed = 85,
  kSeatCalledBack = 90,
  kPermissionMissing = 100,
  kAccountChanged = 101,
  kAccountNotFound = 102,
  kLastAdministrator = 103,
  kAlertSettingsChanged = 104,
  kMailNotConfigured = 105,
  kGrantIsBorrowed = 70,
  kBorrowNotAllowed = 71,
  kBorrowTooLong = 72,
  kBorrowLimit = 73,
  kBorrowNotFound = 74,
  kBookingNotFound = 75,
  kGrantIsBooked = 76,
};

// As it stands on the wire, "POOL_EXHAUSTED". Empty for kUnspecified.
absl::string_view ToString(ErrorReason reason);

// The reason that the cluster gave with `status`.
ErrorReason ReasonOf(const absl::Status& status);

// As it stood on the wire, also where this library does not know it. Empty
// where the cluster gave none.
std::string ReasonNameOf(const absl::Status& status);

// Facts that the cluster gave with the reason ("limit", "feature", ...).
std::map<std::string, std::string> MetadataOf(const absl::Status& status);

// How long the cluster asks to wait before the next try.
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

}  // namespace quorate

#endif  // QUORATE_CLIENT_ERROR_H_
