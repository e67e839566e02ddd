// Features of a licence, as a vendor types them.

#ifndef QUORATE_TOOLS_VENDOR_FEATURE_TEXT_H_
#define QUORATE_TOOLS_VENDOR_FEATURE_TEXT_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "quorate/document/v1/document.pb.h"

namespace quorate::vendor {

// What --help says of it.
inline constexpr char kFeatureSyntax[] =
    "NAME=COUNT, NAME=uncounted or NAME=COST*TOKENS, where each unit takes "
    "COST units of feature TOKENS; A+B=COUNT is a package, COUNT of each. "
    "Conditions follow, each after a comma: "
    "version=2026.1 (the newest that is covered), maintenance=DATE (releases "
    "up to that day are covered), attribute=region:eu, host=NAME, "
    "share=user+host+display, share=site or share=key (seats that agree count "
    "as one), linger=10m (a seat that is given back stays out for its user), "
    "overdraft=COUNT, overdraft-end=DATE, borrow=30d or borrow=12h "
    "(units may be borrowed for so long), borrow-count=COUNT (so many of "
    "them), borrow-keep=COUNT (so many must not be), suite=A+B (who has A or B "
    "out on a host has a unit of NAME, and the other for no more), "
    "model=credits (what is "
    "taken does not come back), model=named (COUNT users, who keep their "
    "names), recycle=2/30 (at most 2 names are freed for others in 30 days; "
    "none where it is not said), casual=600 (each user has "
    "600 minutes a month), trial=30 (ends 30 days after the first "
    "checkout); repeat for each feature";

// INVALID_ARGUMENT with the part that is wrong. Ranges are CheckLicense's.
absl::StatusOr<std::vector<document::v1::Feature>> ParseFeatureText(
    absl::string_view text);

}  // namespace quorate::vendor

#endif  // QUORATE_TOOLS_VENDOR_FEATURE_TEXT_H_
