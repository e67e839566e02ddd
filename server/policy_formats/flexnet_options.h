// FlexNet's options files as policies.
//
// What a line comes to is said of every line. INCLUDE, EXCLUDE, RESERVE, MAX
// and their groups become rules, in FlexNet's order of precedence, which is
// ours; so do TIMEOUT, LINGER and the lines about borrowing; what is about the
// other server, or about things that this one does not have (yet), has no
// effect, and the remark says why. A line that is wrong is a fault, and then
// there is no policy.

#ifndef QUORATE_SERVER_POLICY_FORMATS_FLEXNET_OPTIONS_H_
#define QUORATE_SERVER_POLICY_FORMATS_FLEXNET_OPTIONS_H_

#include <cstddef>

#include "absl/strings/string_view.h"

#include "server/policy_formats/imported_policy.h"

namespace quorate::policy {

// Of a line with its continuations; what FlexNet takes.
inline constexpr size_t kMaxOptionLineBytes = 4'000;

// Beyond these a file is no options file; the rest is not read.
inline constexpr size_t kMaxOptionLines = 10'000;

ImportedPolicy ReadFlexnetOptions(absl::string_view text);

}  // namespace quorate::policy

#endif  // QUORATE_SERVER_POLICY_FORMATS_FLEXNET_OPTIONS_H_
