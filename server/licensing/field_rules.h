// What the strings of a command may look like.
//
// Commands may come from a member of a newer version, so the ledger checks
// every field again, although the server checked it before. Pure functions.

#ifndef QUORATE_SERVER_LICENSING_FIELD_RULES_H_
#define QUORATE_SERVER_LICENSING_FIELD_RULES_H_

#include "absl/strings/string_view.h"

namespace quorate::licensing {

// [A-Za-z0-9_-], 1 to 64 bytes.
bool IsFeatureName(absl::string_view name);

// [A-Za-z0-9._-], 1 to 64 bytes.
bool IsLicenseId(absl::string_view id);

// Printable ASCII, 1 to 64 bytes.
bool IsRequestId(absl::string_view id);

// At most kMaxTextBytes and no control characters; may be empty.
bool IsPlainText(absl::string_view text);

// Plain text that is not empty.
bool IsPrincipal(absl::string_view principal);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_FIELD_RULES_H_
