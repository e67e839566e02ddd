#include "trust/chain.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "trust/armor.h"
#include "trust/bounded_parse.h"
#include "trust/document_rules.h"
#include "trust/keys.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using document::v1::Envelope;
using document::v1::KeyCertificate;
using document::v1::Root;

bool IsRevoked(const Root& root, absl::string_view key_id) {
  return std::find(root.revoked_key_ids().begin(), root.revoked_key_ids().end(),
                   key_id) != root.revoked_key_ids().end();
}

// Parses and checks the payload of a root, signed or not.
absl::StatusOr<TrustedRoot> ParseRoot(absl::string_view payload) {
  TrustedRoot root;
  QUORATE_RETURN_IF_ERROR(
      ParseBounded(payload, UnknownFields::kFew, &root.document));
  QUORATE_RETURN_IF_ERROR(CheckRoot(root.document));
  for (const auto& key : root.document.keys()) {
    QUORATE_ASSIGN_OR_RETURN(const PublicKey parsed,
                             PublicKey::FromSpki(key.spki()));
    root.keys.keys.push_back(
        {.key = parsed,
         .allows = {PayloadType::kRoot, PayloadType::kKeyCertificate}});
  }
  root.keys.threshold = root.document.threshold();
  return root;
}

absl::Status CheckSuccession(const Root& current, const Root& next) {
  if (next.version() != current.version() + 1) {
    return Refuse(Refusal::kRootOrder,
                  absl::StrCat("root version ", next.version(),
                               " does not follow version ", current.version(),
                               "; every version between must be there"));
  }
  if (next.vendor_id() != current.vendor_id()) {
    return Refuse(Refusal::kRootOrder, "the next root is of another vendor");
  }
  if (next.issued_ms() < current.issued_ms()) {
    return Refuse(Refusal::kRootOrder,
                  "the next root was issued before the one it follows");
  }
  for (const std::string& key_id : current.revoked_key_ids()) {
    if (!IsRevoked(next, key_id)) {
      return Refuse(Refusal::kRootOrder,
                    absl::StrCat("the next root no longer revokes key ",
                                 absl::BytesToHexString(key_id)));
    }
  }
  return absl::OkStatus();
}

std::vector<PayloadType> KnownTypes(const KeyCertificate& certificate) {
  std::vector<PayloadType> types;
  for (const std::string& name : certificate.payload_types()) {
    const std::optional<PayloadType> type = ParsePayloadType(name);
    if (type.has_value()) types.push_back(*type);
  }
  return types;
}

}  // namespace

absl::StatusOr<TrustedRoot> ReadPinnedRoot(const Envelope& envelope) {
  // Parsed before its signatures are verified, for here its keys are what is
  // believed; the file is the operator's own.
  QUORATE_ASSIGN_OR_RETURN(TrustedRoot root, ParseRoot(envelope.payload()));
  QUORATE_RETURN_IF_ERROR(
      VerifyEnvelope(envelope, PayloadType::kRoot, root.keys).status());
  return root;
}

absl::StatusOr<TrustedRoot> ReadPinnedRootFile(absl::string_view file) {
  QUORATE_ASSIGN_OR_RETURN(const std::string bytes,
                           Dearmor(ArmorLabel::kRoot, file));
  QUORATE_ASSIGN_OR_RETURN(const Envelope envelope, ParseEnvelope(bytes));
  return ReadPinnedRoot(envelope);
}

absl::StatusOr<TrustedRoot> VerifyNextRoot(const TrustedRoot& current,
                                           const Envelope& envelope) {
  QUORATE_ASSIGN_OR_RETURN(
      const VerifiedPayload payload,
      VerifyEnvelope(envelope, PayloadType::kRoot, current.keys));
  QUORATE_ASSIGN_OR_RETURN(TrustedRoot next, ParseRoot(payload.bytes));
  QUORATE_RETURN_IF_ERROR(
      VerifyEnvelope(envelope, PayloadType::kRoot, next.keys).status());
  QUORATE_RETURN_IF_ERROR(CheckSuccession(current.document, next.document));
  return next;
}

absl::StatusOr<TrustedProductKey> VerifyKeyCertificate(
    const TrustedRoot& root, const Envelope& envelope) {
  QUORATE_ASSIGN_OR_RETURN(
      const VerifiedPayload payload,
      VerifyEnvelope(envelope, PayloadType::kKeyCertificate, root.keys));
  TrustedProductKey product;
  KeyCertificate& certificate = product.certificate;
  QUORATE_RETURN_IF_ERROR(
      ParseBounded(payload.bytes, UnknownFields::kFew, &certificate));
  QUORATE_RETURN_IF_ERROR(CheckKeyCertificate(certificate));
  if (certificate.vendor_id() != root.document.vendor_id()) {
    return Refuse(Refusal::kScope,
                  "the key certificate is of another vendor than the root");
  }
  QUORATE_ASSIGN_OR_RETURN(const PublicKey key,
                           PublicKey::FromSpki(certificate.key().spki()));
  if (IsRevoked(root.document, key.KeyId())) {
    return Refuse(Refusal::kKeyRevoked,
                  absl::StrCat("root version ", root.document.version(),
                               " no longer trusts the product key ",
                               absl::BytesToHexString(key.KeyId())));
  }
  if (certificate.issued_ms() > root.document.not_after_ms()) {
    return Refuse(Refusal::kKeyTime,
                  "the product key was certified after the root's end");
  }
  product.keys.keys.push_back({.key = key, .allows = KnownTypes(certificate)});
  product.keys.threshold = 1;
  return product;
}

}  // namespace quorate::trust
