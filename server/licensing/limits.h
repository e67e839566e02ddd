// How much of everything the ledger takes.

#ifndef QUORATE_SERVER_LICENSING_LIMITS_H_
#define QUORATE_SERVER_LICENSING_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace quorate::licensing {

// Limits; each is refused with LIMIT_REACHED and its name. Part of the
// replicated behaviour: all members must run with the same values, so they
// are constants and not configuration.
inline constexpr int64_t kMinTtlMs = 10'000;
inline constexpr int64_t kDefaultTtlMs = 120'000;
inline constexpr int64_t kMaxTtlMs = 3'600'000;
// The server frees a lease this much later than TTL says (security.md §3.3):
// a quarter of the TTL, so that client and server never overlap.
inline constexpr int64_t kLeaseMarginDivisor = 4;
inline constexpr size_t kMaxSessions = 1'000'000;
inline constexpr size_t kMaxSeatsOfSession = 10'000;
inline constexpr size_t kMaxLicenses = 1'000;
inline constexpr size_t kMaxAnswers = 2'000'000;
// What an administrator may want to look back at; older versions make room.
inline constexpr size_t kMaxPolicyVersions = 100;
inline constexpr int64_t kAnswerMemoryMs = 150'000;
// An attempt may be under way for this long at most; clients may repeat a
// request id for kAnswerMemoryMs - kAttemptMs after its first answer.
inline constexpr int64_t kAttemptMs = 30'000;
// A checkout waits for a week at most: batch jobs over a long weekend.
inline constexpr int64_t kMaxWaitMs = int64_t{7} * 24 * 3'600'000;
inline constexpr uint32_t kMaxPriority = 9;
// Memory; far more than a person terminates.
inline constexpr size_t kMaxTerminations = 10'000;
inline constexpr int64_t kMaxCoolDownMs = int64_t{24} * 3'600'000;
// As long as a licence may let a seat be borrowed.
inline constexpr int64_t kMaxBorrowMs = int64_t{366} * 24 * 3'600'000;
// A borrowed seat is free this much later than its client was promised: his
// clock may go back so far unnoticed (security.md §3.5).
inline constexpr int64_t kBorrowMarginMs = 3'600'000;
// Who books for longer wants a reservation.
inline constexpr int64_t kMaxBookingMs = int64_t{24} * 3'600'000;
// What an administrator may want to look back at; older ones make room.
inline constexpr size_t kMaxWriteOffs = 1'000;
// Memory, and what it takes to publish them to the threads that answer calls:
// a millisecond. Far more than the people who administer licences; whoever has
// none may do what everybody may.
inline constexpr size_t kMaxAccounts = 10'000;
// Places, with those that are over and remembered: memory, and what it takes
// to count how many are ahead of one.
inline constexpr size_t kMaxQueuePlaces = 100'000;
// Its end must stay a short piece of work.
inline constexpr size_t kMaxQueuePlacesOfSession = 256;
// A session is idle after so long without activity; no rule's warning is due
// before.
inline constexpr int64_t kIdleAfterMs = 30'000;
// Work of one entry: more that is due waits for the next one. A session
// counts as one and one for each of its seats; at least one session ends, and
// twice as many answers are forgotten. Keeps an entry to a few milliseconds.
inline constexpr size_t kMaxExpiriesPerEntry = 2'000;
// Places that are granted, or found to wait in vain, in one entry.
inline constexpr size_t kMaxSettlementsPerEntry = 500;

// Sizes of one command's parts; more is refused with BAD_REQUEST.
inline constexpr int kMaxItems = 64;
inline constexpr int kMaxCheckinSeats = 1'000;
inline constexpr int kMaxBorrowSeats = kMaxItems;
inline constexpr int kMaxRenewals = 10'000;  // An entry of about 1 MiB.
inline constexpr int kMaxFeaturesOfLicense = 1'000;
inline constexpr size_t kMaxLicenseFileBytes = 1 << 20;
inline constexpr size_t kMaxNameBytes = 64;  // Features, licences, requests.
inline constexpr size_t kMaxTextBytes = 256;

// The limits that a test may want to reach.
struct LedgerLimits {
  size_t sessions = kMaxSessions;
  size_t seats_of_session = kMaxSeatsOfSession;
  size_t licenses = kMaxLicenses;
  size_t answers = kMaxAnswers;
  size_t expiries_per_entry = kMaxExpiriesPerEntry;
  size_t policy_versions = kMaxPolicyVersions;
  size_t queue_places = kMaxQueuePlaces;
  size_t queue_places_of_session = kMaxQueuePlacesOfSession;
  size_t settlements_per_entry = kMaxSettlementsPerEntry;
  size_t terminations = kMaxTerminations;
  size_t write_offs = kMaxWriteOffs;
  size_t accounts = kMaxAccounts;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_LIMITS_H_
