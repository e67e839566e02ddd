// What the strings of a command may look like.
//
// Commands may come from a member of a newer version, so the ledger checks
// every field again, although the server checked it before. Pure functions.

#ifndef QUORATE_SERVER_LICENSING_FIELD_RULES_H_
#define QUORATE_SERVER_LICENSING_FIELD_RULES_H_

#include <cstdint>

#include "absl/strings/string_view.h"

#include "quorate/internal/v1/command.pb.h"

namespace quorate::licensing {

// Of an item or a feature; they become part of a pool's name.
inline constexpr int kMaxAttributes = 8;
inline constexpr absl::string_view kAttributesRule =
    "must be at most 8, their names and values 1 to 64 letters, digits, '.', "
    "'_' or '-', the names in ascending order";

// [A-Za-z0-9_-], 1 to 64 bytes.
bool IsFeatureName(absl::string_view name);

// [A-Za-z0-9._-], 1 to 64 bytes; also versions and hosts of licences.
bool IsLicenseId(absl::string_view id);

// As kAttributesRule says.
bool AreAttributes(
    const google::protobuf::RepeatedPtrField<internal::v1::Attribute>& list);

// None stands there twice.
bool AreDistinct(const google::protobuf::RepeatedField<uint64_t>& numbers);

// Printable ASCII, 1 to 64 bytes.
bool IsRequestId(absl::string_view id);

// At most kMaxTextBytes and no control characters; may be empty.
bool IsPlainText(absl::string_view text);

// Each of its strings is plain text.
inline constexpr absl::string_view kDescriptionRule =
    "each string has at most 256 bytes and no control characters";
bool IsPlainDescription(const internal::v1::SessionDescription& description);

// Plain text that is not empty.
bool IsPrincipal(absl::string_view principal);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_FIELD_RULES_H_
