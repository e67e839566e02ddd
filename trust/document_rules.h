// What a document must be beyond being signed: known constraints, names,
// counts and dates that make sense.
//
// The same rules hold when a document is issued and when it is verified, so
// that a vendor cannot sign what no server takes. They read no clock: whether
// a date holds now is asked by whoever has one.

#ifndef QUORATE_TRUST_DOCUMENT_RULES_H_
#define QUORATE_TRUST_DOCUMENT_RULES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "quorate/document/v1/document.pb.h"

namespace quorate::trust {

// Eight fit one envelope's signatures.
inline constexpr int kMaxRootKeys = 8;

// A table of a thousand features is more than any product has, and keeps the
// command that installs it below a hundred KiB.
inline constexpr int kMaxFeatures = 1000;

// Sums over all licences of a cluster stay far below 2^63.
inline constexpr uint32_t kMaxFeatureCount = 1'000'000'000;

// The last millisecond of the year 9999: later ones have no RFC 3339 text.
inline constexpr int64_t kMaxUnixMs = 253'402'300'799'999;

// Conditions become part of a pool's name.
inline constexpr int kMaxAttributes = 8;
inline constexpr int kMaxHosts = 32;
inline constexpr uint32_t kMaxTokenCost = 1'000'000;
inline constexpr uint32_t kMaxRecycleCount = 1'000;
inline constexpr uint32_t kMaxRecycleDays = 3'660;  // Ten years.
inline constexpr uint32_t kMaxTrialDays = 3'660;
inline constexpr uint32_t kMaxCasualMinutes = 31 * 24 * 60;  // A month.
// 366 days.
inline constexpr int64_t kMaxBorrowMs = int64_t{366} * 24 * 3'600'000;

// What a licence has in `crit` where a feature has conditions.
inline constexpr absl::string_view kFeatureConditions = "feature-conditions";

// Refusal kCritical for a constraint that is not known (licences may have
// kFeatureConditions), kMeaning for the rest.
absl::Status CheckRoot(const document::v1::Root& root);
absl::Status CheckKeyCertificate(
    const document::v1::KeyCertificate& certificate);
absl::Status CheckLicense(const document::v1::License& license);

// 30 days.
inline constexpr int64_t kMaxLingerMs = int64_t{30} * 24 * 3'600'000;

// True where a server that knows no conditions would grant otherwise.
bool HasConditions(const document::v1::Feature& feature);

}  // namespace quorate::trust

#endif  // QUORATE_TRUST_DOCUMENT_RULES_H_
