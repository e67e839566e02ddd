// The one signed container: exact bytes, bound to their type.
//
// What is signed is DSSE's pre-authentication encoding, "DSSEv1" with the type
// and the payload each behind its length (in-toto/dsse, protocol.md). Neither
// the scheme nor the key is named inside: the scheme belongs to the trusted
// record of the key, and a key id is a hint where to look.

#ifndef QUORATE_TRUST_ENVELOPE_H_
#define QUORATE_TRUST_ENVELOPE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

#include "quorate/document/v1/document.pb.h"

#include "trust/keys.h"
#include "trust/payload_type.h"

namespace quorate::trust {

// Every signature of a verification costs about 60 µs; eight is four times
// what the largest threshold in use needs.
inline constexpr int kMaxSignatures = 8;

// One key that is believed, and what it may sign.
struct TrustedKey {
  PublicKey key;
  std::vector<PayloadType> allows;
};

// Keys of one role. `threshold`, at least 1, of them must sign; the same key
// listed twice counts once.
struct TrustedKeys {
  std::vector<TrustedKey> keys;
  size_t threshold = 1;
};

// What VerifyEnvelope hands out.
struct VerifiedPayload {
  std::string bytes;                 // Exactly as signed.
  std::vector<std::string> key_ids;  // Who signed, in the order of the trusted
                                     // keys; all valid signatures, distinct.
};

// The bytes under a signature.
std::string PreAuthenticationEncoding(absl::string_view payload_type,
                                      absl::string_view payload);

// Signs `payload` with each of 1 to kMaxSignatures keys. The keys are not
// owned.
absl::StatusOr<document::v1::Envelope> SignEnvelope(
    PayloadType type, absl::string_view payload,
    absl::Span<const PrivateKey* const> signers);

// Parses the bytes of an envelope that stands alone. Refusal kSize or kForm.
absl::StatusOr<document::v1::Envelope> ParseEnvelope(absl::string_view bytes);

// The only door to a payload. In this order: form (kForm, kSize), the type is
// exactly `want` (kType), some trusted key may sign it (kScope), enough
// distinct keys of those did (kSignature). Nothing of the payload is parsed
// before.
absl::StatusOr<VerifiedPayload> VerifyEnvelope(
    const document::v1::Envelope& envelope, PayloadType want,
    const TrustedKeys& trusted);

}  // namespace quorate::trust

#endif  // QUORATE_TRUST_ENVELOPE_H_
