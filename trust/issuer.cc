#include "trust/issuer.h"

#include "base/status.h"
#include "trust/armor.h"
#include "trust/bounded_parse.h"
#include "trust/document_rules.h"
#include "trust/envelope.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using document::v1::Envelope;
using document::v1::LicenseFile;

absl::StatusOr<Envelope> OpenEnvelopeFile(ArmorLabel label,
                                          absl::string_view file) {
  QUORATE_ASSIGN_OR_RETURN(const std::string bytes, Dearmor(label, file));
  return ParseEnvelope(bytes);
}

absl::StatusOr<std::string> ArmorWithinLimit(ArmorLabel label,
                                             absl::string_view bytes) {
  std::string text = Armor(label, bytes);
  if (text.size() > kMaxDocumentBytes) {
    return Refuse(Refusal::kSize, "the document is larger than 1 MiB");
  }
  return text;
}

}  // namespace

document::v1::PublicKey DescribeKey(const PublicKey& key) {
  document::v1::PublicKey record;
  record.set_scheme("ed25519");
  record.set_spki(key.spki());
  return record;
}

absl::StatusOr<std::string> IssueRoot(
    const document::v1::Root& root,
    absl::Span<const PrivateKey* const> signers) {
  QUORATE_RETURN_IF_ERROR(CheckRoot(root));
  QUORATE_ASSIGN_OR_RETURN(
      const Envelope envelope,
      SignEnvelope(PayloadType::kRoot, root.SerializeAsString(), signers));
  return ArmorWithinLimit(ArmorLabel::kRoot, envelope.SerializeAsString());
}

absl::StatusOr<std::string> IssueKeyCertificate(
    const document::v1::KeyCertificate& certificate,
    absl::Span<const PrivateKey* const> signers) {
  QUORATE_RETURN_IF_ERROR(CheckKeyCertificate(certificate));
  QUORATE_ASSIGN_OR_RETURN(
      const Envelope envelope,
      SignEnvelope(PayloadType::kKeyCertificate,
                   certificate.SerializeAsString(), signers));
  return ArmorWithinLimit(ArmorLabel::kKeyCertificate,
                          envelope.SerializeAsString());
}

absl::StatusOr<std::string> IssueLicense(const LicenseIssue& issue) {
  QUORATE_RETURN_IF_ERROR(CheckLicense(issue.license));
  LicenseFile file;
  QUORATE_ASSIGN_OR_RETURN(
      *file.mutable_license(),
      SignEnvelope(PayloadType::kLicense, issue.license.SerializeAsString(),
                   {&issue.product_key}));
  QUORATE_ASSIGN_OR_RETURN(*file.mutable_key_certificate(),
                           OpenEnvelopeFile(ArmorLabel::kKeyCertificate,
                                            issue.key_certificate_file));
  for (const absl::string_view root_file : issue.root_files) {
    QUORATE_ASSIGN_OR_RETURN(*file.add_root_chain(),
                             OpenEnvelopeFile(ArmorLabel::kRoot, root_file));
  }
  return ArmorWithinLimit(ArmorLabel::kLicense, file.SerializeAsString());
}

}  // namespace quorate::trust
