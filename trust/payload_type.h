// The closed registry of what may stand in an envelope.
//
// A payload is bound to its type by the signature, so that a document of one
// kind can never be taken for another. A type is never reused for another
// meaning; a new one is added here and nowhere else.

#ifndef QUORATE_TRUST_PAYLOAD_TYPE_H_
#define QUORATE_TRUST_PAYLOAD_TYPE_H_

#include <optional>

#include "absl/strings/string_view.h"

namespace quorate::trust {

enum class PayloadType { kRoot, kKeyCertificate, kLicense };

// The name as it stands in an envelope and under its signature.
absl::string_view ToString(PayloadType type);

// The type with exactly this name, none for any other text.
std::optional<PayloadType> ParsePayloadType(absl::string_view name);

}  // namespace quorate::trust

#endif  // QUORATE_TRUST_PAYLOAD_TYPE_H_
