#include "trust/envelope.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/status.h"
#include "trust/bounded_parse.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using document::v1::Envelope;
using document::v1::Signature;

absl::Status CheckForm(const Envelope& envelope) {
  if (envelope.payload().size() > kMaxDocumentBytes) {
    return Refuse(Refusal::kSize, absl::StrCat("the payload has more than ",
                                               kMaxDocumentBytes, " bytes"));
  }
  if (envelope.signatures_size() < 1 ||
      envelope.signatures_size() > kMaxSignatures) {
    return Refuse(Refusal::kForm,
                  absl::StrCat("the envelope has ", envelope.signatures_size(),
                               " signatures, not 1 to ", kMaxSignatures));
  }
  for (const Signature& signature : envelope.signatures()) {
    if (signature.key_id().size() != kKeyIdSize ||
        signature.signature().size() != kSignatureSize) {
      return Refuse(Refusal::kForm,
                    "a signature or its key id has a wrong length");
    }
  }
  return absl::OkStatus();
}

bool Allows(const TrustedKey& trusted, PayloadType type) {
  return std::find(trusted.allows.begin(), trusted.allows.end(), type) !=
         trusted.allows.end();
}

// The hint only narrows: a signature that names another key is not tried.
bool Signed(const PublicKey& key, absl::string_view key_id,
            absl::string_view message, const Envelope& envelope) {
  for (const Signature& signature : envelope.signatures()) {
    if (signature.key_id() == key_id &&
        key.Verify(message, signature.signature())) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::string PreAuthenticationEncoding(absl::string_view payload_type,
                                      absl::string_view payload) {
  return absl::StrCat("DSSEv1 ", payload_type.size(), " ", payload_type, " ",
                      payload.size(), " ", payload);
}

absl::StatusOr<Envelope> SignEnvelope(
    PayloadType type, absl::string_view payload,
    absl::Span<const PrivateKey* const> signers) {
  if (signers.empty() || signers.size() > kMaxSignatures) {
    return absl::InvalidArgumentError(
        absl::StrCat("a document is signed by 1 to ", kMaxSignatures, " keys"));
  }
  if (payload.size() > kMaxDocumentBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat("a document has at most ", kMaxDocumentBytes, " bytes"));
  }
  Envelope envelope;
  envelope.set_payload_type(std::string(ToString(type)));
  envelope.set_payload(std::string(payload));
  const std::string message =
      PreAuthenticationEncoding(ToString(type), payload);
  for (const PrivateKey* signer : signers) {
    QUORATE_ASSIGN_OR_RETURN(std::string bytes, signer->Sign(message));
    Signature* signature = envelope.add_signatures();
    signature->set_key_id(signer->Public().KeyId());
    signature->set_signature(std::move(bytes));
  }
  return envelope;
}

absl::StatusOr<Envelope> ParseEnvelope(absl::string_view bytes) {
  Envelope envelope;
  QUORATE_RETURN_IF_ERROR(ParseBounded(bytes, UnknownFields::kNone, &envelope));
  return envelope;
}

absl::StatusOr<VerifiedPayload> VerifyEnvelope(const Envelope& envelope,
                                               PayloadType want,
                                               const TrustedKeys& trusted) {
  QUORATE_CHECK(trusted.threshold >= 1);
  QUORATE_RETURN_IF_ERROR(CheckForm(envelope));
  if (envelope.payload_type() != ToString(want)) {
    return Refuse(Refusal::kType,
                  absl::StrCat("the envelope's type is not ", ToString(want)));
  }
  const std::string message =
      PreAuthenticationEncoding(envelope.payload_type(), envelope.payload());
  VerifiedPayload verified;
  std::set<std::string> signers;
  bool allowed = false;
  for (const TrustedKey& candidate : trusted.keys) {
    if (!Allows(candidate, want)) continue;
    allowed = true;
    const std::string key_id = candidate.key.KeyId();
    if (signers.count(candidate.key.spki()) > 0) continue;
    if (!Signed(candidate.key, key_id, message, envelope)) continue;
    signers.insert(candidate.key.spki());
    verified.key_ids.push_back(key_id);
  }
  if (!allowed) {
    return Refuse(Refusal::kScope,
                  absl::StrCat("no trusted key may sign ", ToString(want)));
  }
  if (signers.size() < trusted.threshold) {
    return Refuse(
        Refusal::kSignature,
        absl::StrCat("only ", signers.size(), " of the ", trusted.threshold,
                     " signatures that are needed are by trusted "
                     "keys and true"));
  }
  verified.bytes = envelope.payload();
  return verified;
}

}  // namespace quorate::trust
