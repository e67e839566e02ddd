// Why a document was refused: one closed list, in the order of the checks.
//
// The word is for programs and for the test vectors that every language
// reads; the sentence beside it is for people.

#ifndef QUORATE_TRUST_REFUSAL_H_
#define QUORATE_TRUST_REFUSAL_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace quorate::trust {

enum class Refusal {
  kSize,        // More bytes than a document may have.
  kForm,        // Not the armour or the container it should be.
  kType,        // The payload is of another type.
  kSignature,   // Too few signatures by trusted keys.
  kRootOrder,   // The root is not the next version of the one before it.
  kCritical,    // It names a constraint that this program does not know.
  kKeyRevoked,  // The root no longer trusts the product key.
  kKeyTime,     // Signed outside the time of the key or the root.
  kScope,       // The key may not sign this, or not for this product.
  kMeaning,     // Signed, but not a document that makes sense.
};

// SIZE, FORM, TYPE, SIGNATURE, ROOT_ORDER, CRITICAL, KEY_REVOKED, KEY_TIME,
// SCOPE, MEANING.
absl::string_view ToString(Refusal refusal);

// INVALID_ARGUMENT with the sentence, carrying the refusal as a payload.
absl::Status Refuse(Refusal refusal, absl::string_view sentence);

// The refusal that a status carries; none for any other status.
std::optional<Refusal> RefusalOf(const absl::Status& status);

}  // namespace quorate::trust

#endif  // QUORATE_TRUST_REFUSAL_H_
