// Versions of applications, and ranges of them.

#ifndef QUORATE_SERVER_POLICY_VERSION_RANGE_H_
#define QUORATE_SERVER_POLICY_VERSION_RANGE_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace quorate::policy {

// Below 0, 0 or above, as a is older, equal or newer; of licences as of rules.
// Part by part between dots and hyphens, where a missing part is 0; in a part
// runs of digits are numbers, everything else bytes: 2 = 2.0 < 2.9 < 2.10 <
// 2.10a.
int CompareVersions(absl::string_view a, absl::string_view b);

// All versions from first to last, both included.
struct VersionRange {
  std::string first;                // Empty: from the lowest.
  std::optional<std::string> last;  // Nothing: without an end.

  bool Contains(absl::string_view version) const;
};

// "2.0..2.9", "2.0..", "..2.9" or "2.0"; nothing for anything else.
std::optional<VersionRange> ParseVersionRange(absl::string_view text);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_VERSION_RANGE_H_
