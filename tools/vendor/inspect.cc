#include "tools/vendor/inspect.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "quorate/document/v1/document.pb.h"

#include "base/status.h"
#include "tools/vendor/files.h"
#include "trust/armor.h"
#include "trust/bounded_parse.h"
#include "trust/chain.h"
#include "trust/license_verifier.h"
#include "trust/refusal.h"

namespace quorate::vendor {
namespace {

using document::v1::Envelope;
using document::v1::KeyCertificate;
using document::v1::License;
using document::v1::LicenseFile;
using document::v1::Root;
using trust::ArmorLabel;
using trust::UnknownFields;

// The payload of one envelope as it says of itself, believed or not.
template <typename Payload>
Description DescribeEnvelope(const Envelope& envelope) {
  Payload payload;
  const absl::Status parsed =
      trust::ParseBounded(envelope.payload(), UnknownFields::kFew, &payload);
  Description description =
      parsed.ok() ? Describe(payload)
                  : Description{{"unreadable", std::string(parsed.message())}};
  description["signatures"] = DescribeSignatures(envelope);
  return description;
}

Description DescribeLicenseFile(const LicenseFile& file) {
  Description description = {
      {"license", DescribeEnvelope<License>(file.license())},
      {"keyCertificate",
       DescribeEnvelope<KeyCertificate>(file.key_certificate())}};
  for (const Envelope& root : file.root_chain()) {
    description["rootChain"].push_back(DescribeEnvelope<Root>(root));
  }
  return description;
}

absl::StatusOr<Description> DescribeFile(ArmorLabel label,
                                         absl::string_view text) {
  QUORATE_ASSIGN_OR_RETURN(const std::string bytes,
                           trust::Dearmor(label, text));
  if (label == ArmorLabel::kLicense) {
    LicenseFile file;
    QUORATE_RETURN_IF_ERROR(
        trust::ParseBounded(bytes, UnknownFields::kNone, &file));
    return DescribeLicenseFile(file);
  }
  QUORATE_ASSIGN_OR_RETURN(const Envelope envelope,
                           trust::ParseEnvelope(bytes));
  if (label == ArmorLabel::kRoot) {
    return Description{{"root", DescribeEnvelope<Root>(envelope)}};
  }
  return Description{
      {"keyCertificate", DescribeEnvelope<KeyCertificate>(envelope)}};
}

// A root is right where it is the pinned one, or follows it.
absl::Status VerifyRoot(const trust::TrustedRoot& pinned,
                        const Envelope& envelope) {
  QUORATE_ASSIGN_OR_RETURN(const trust::TrustedRoot root,
                           trust::ReadPinnedRoot(envelope));
  if (root.document.SerializeAsString() ==
      pinned.document.SerializeAsString()) {
    return absl::OkStatus();
  }
  return trust::VerifyNextRoot(pinned, envelope).status();
}

absl::Status Verify(ArmorLabel label, absl::string_view text,
                    absl::string_view root_file) {
  if (label == ArmorLabel::kLicense) {
    QUORATE_ASSIGN_OR_RETURN(const auto verifier,
                             trust::LicenseVerifier::Create(root_file));
    return verifier->Verify(text).status();
  }
  QUORATE_ASSIGN_OR_RETURN(const trust::TrustedRoot pinned,
                           trust::ReadPinnedRootFile(root_file));
  QUORATE_ASSIGN_OR_RETURN(const std::string bytes,
                           trust::Dearmor(label, text));
  QUORATE_ASSIGN_OR_RETURN(const Envelope envelope,
                           trust::ParseEnvelope(bytes));
  if (label == ArmorLabel::kRoot) return VerifyRoot(pinned, envelope);
  return trust::VerifyKeyCertificate(pinned, envelope).status();
}

// The verdict stands first, before anything that need not be true.
Description DescribeVerdict(const InspectOptions& options,
                            const absl::Status& verdict) {
  if (options.root.empty()) {
    return {{"note", "nothing was verified; give the pinned root with --root"}};
  }
  Description description = {{"verified", verdict.ok()}};
  if (verdict.ok()) return description;
  const std::optional<trust::Refusal> refusal = trust::RefusalOf(verdict);
  if (refusal.has_value()) {
    description["refusal"] = std::string(ToString(*refusal));
  }
  description["reason"] = std::string(verdict.message());
  return description;
}

}  // namespace

absl::StatusOr<Inspection> Inspect(const InspectOptions& options) {
  QUORATE_ASSIGN_OR_RETURN(const std::string text, ReadDocument(options.file));
  const std::optional<ArmorLabel> label = trust::ArmorLabelOf(text);
  if (!label.has_value()) {
    return absl::DataLossError(absl::StrCat(
        options.file, " is no licence, root or key certificate of Quorate"));
  }
  Inspection inspection;
  if (!options.root.empty()) {
    QUORATE_ASSIGN_OR_RETURN(const std::string root,
                             ReadDocument(options.root));
    inspection.verdict = Verify(*label, text, root);
  }
  auto fields = DescribeFile(*label, text);
  if (!fields.ok()) {
    return absl::DataLossError(
        absl::StrCat(options.file, ": ", fields.status().message()));
  }
  inspection.description = {{"kind", std::string(ToString(*label))}};
  inspection.description.update(DescribeVerdict(options, inspection.verdict));
  inspection.description.update(*fields);
  return inspection;
}

}  // namespace quorate::vendor
