#include "trust/license_verifier.h"

#include <algorithm>
#include <optional>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "trust/armor.h"
#include "trust/bounded_parse.h"
#include "trust/document_rules.h"
#include "trust/keys.h"
#include "trust/names.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using document::v1::Envelope;
using document::v1::KeyCertificate;
using document::v1::License;
using document::v1::LicenseFile;

// Roots are made every few years; each costs up to sixteen verifications.
constexpr int kMaxRootChain = 32;

// The newest root of the file, by way of each one after the pinned root.
absl::StatusOr<TrustedRoot> FollowRoots(const TrustedRoot& pinned,
                                        const LicenseFile& file) {
  if (file.root_chain_size() > kMaxRootChain) {
    return Refuse(Refusal::kForm, absl::StrCat("the file has more than ",
                                               kMaxRootChain, " roots"));
  }
  TrustedRoot newest = pinned;
  for (const Envelope& envelope : file.root_chain()) {
    auto next = VerifyNextRoot(newest, envelope);
    if (!next.ok()) {
      return Annotate(next.status(), absl::StrCat("the root after version ",
                                                  newest.document.version()));
    }
    newest = *std::move(next);
  }
  return newest;
}

// Signatures count by the time at which they say they were made: a licence
// outlives the key that signed it, but not its revocation.
absl::Status CheckKeyTime(const License& license, const TrustedRoot& root,
                          const KeyCertificate& certificate) {
  if (license.issued_ms() < certificate.not_before_ms() ||
      license.issued_ms() > certificate.not_after_ms()) {
    return Refuse(Refusal::kKeyTime,
                  "it was issued outside the time of its product key");
  }
  if (license.issued_ms() > root.document.not_after_ms()) {
    return Refuse(Refusal::kKeyTime,
                  "it was issued after the end of the root; the vendor must "
                  "send a newer root with it");
  }
  return absl::OkStatus();
}

absl::Status CheckScope(const License& license,
                        const KeyCertificate& certificate) {
  if (license.vendor_id() != certificate.vendor_id()) {
    return Refuse(Refusal::kScope,
                  "it is of another vendor than its product key");
  }
  for (const std::string& product : certificate.product_ids()) {
    if (product == "*" || product == license.product_id()) {
      return absl::OkStatus();
    }
  }
  return Refuse(Refusal::kScope,
                absl::StrCat("its product key may not sign for product ",
                             Quoted(license.product_id())));
}

absl::StatusOr<VerifiedLicense> VerifyLicenseEnvelope(
    const TrustedRoot& root, const TrustedProductKey& product,
    const Envelope& envelope) {
  QUORATE_ASSIGN_OR_RETURN(
      const VerifiedPayload payload,
      VerifyEnvelope(envelope, PayloadType::kLicense, product.keys));
  VerifiedLicense verified;
  QUORATE_RETURN_IF_ERROR(
      ParseBounded(payload.bytes, UnknownFields::kFew, &verified.license));
  QUORATE_RETURN_IF_ERROR(CheckLicense(verified.license));
  QUORATE_RETURN_IF_ERROR(
      CheckKeyTime(verified.license, root, product.certificate));
  QUORATE_RETURN_IF_ERROR(CheckScope(verified.license, product.certificate));
  verified.payload_sha256 = Sha256(payload.bytes);
  verified.key_id = payload.key_ids.front();
  verified.root_version = root.document.version();
  return verified;
}

}  // namespace

absl::StatusOr<std::unique_ptr<LicenseVerifier>> LicenseVerifier::Create(
    absl::string_view root_file) {
  auto root = ReadPinnedRootFile(root_file);
  if (!root.ok()) return Annotate(root.status(), "the pinned root");
  return absl::WrapUnique(new LicenseVerifier(*std::move(root)));
}

absl::StatusOr<VerifiedLicense> LicenseVerifier::Verify(
    absl::string_view license_file) const {
  QUORATE_ASSIGN_OR_RETURN(const std::string bytes,
                           Dearmor(ArmorLabel::kLicense, license_file));
  LicenseFile file;
  QUORATE_RETURN_IF_ERROR(ParseBounded(bytes, UnknownFields::kNone, &file));
  QUORATE_ASSIGN_OR_RETURN(const TrustedRoot root, FollowRoots(root_, file));
  auto product = VerifyKeyCertificate(root, file.key_certificate());
  if (!product.ok()) return Annotate(product.status(), "the key certificate");
  auto verified = VerifyLicenseEnvelope(root, *product, file.license());
  if (!verified.ok()) return Annotate(verified.status(), "the licence");
  return verified;
}

}  // namespace quorate::trust
