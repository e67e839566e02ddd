// Names, versions and dates as FlexNet's readers expect them.
//
// Those readers split lines at blanks and brackets, and take few characters
// for a host, a version or a vendor. What an application says of itself may
// hold anything, so what would break a line apart is shown as '_'.

#ifndef QUORATE_TOOLS_FOREIGN_FLEXNET_WORDS_H_
#define QUORATE_TOOLS_FOREIGN_FLEXNET_WORDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace quorate::foreign {

// The version that our servers and their one daemon for each vendor claim:
// readers want one, and know this one's layout.
inline constexpr absl::string_view kFlexVersion = "v11.13.0";

// The version of features and applications that have none.
inline constexpr absl::string_view kNoVersion = "1.0";

// A user, a display: no blanks, no control characters, never empty.
std::string FlexWord(absl::string_view text);

// A host: letters, digits, '.', '-' and '_'.
std::string FlexHost(absl::string_view text);

// A vendor: letters, digits and '_'.
std::string FlexVendor(absl::string_view text);

// Those of several vendors, each once.
std::vector<std::string> FlexVendors(const std::vector<std::string>& vendors);

// A version without its leading "v": letters, digits, '_' and '.'; kNoVersion
// where there is none.
std::string FlexVersion(absl::string_view text);

// "15-nov-2023": the last day before `end`; "permanent(no expiration date)"
// for one that never comes.
std::string FlexExpiry(absl::Time end, absl::TimeZone zone);

// "Fri 10/20 8:05": nothing is padded.
std::string FlexMoment(absl::Time time, absl::TimeZone zone);

// "Thu 11/23/2017 15:08".
std::string FlexMomentWithYear(absl::Time time, absl::TimeZone zone);

// "1 license", "2 licenses".
std::string FlexLicenses(uint64_t count);

}  // namespace quorate::foreign

#endif  // QUORATE_TOOLS_FOREIGN_FLEXNET_WORDS_H_
