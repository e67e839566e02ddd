#include "tools/vendor/issue.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "quorate/document/v1/document.pb.h"

#include "base/status.h"
#include "tools/vendor/dates.h"
#include "tools/vendor/feature_text.h"
#include "tools/vendor/files.h"
#include "tools/vendor/key_folder.h"
#include "trust/armor.h"
#include "trust/chain.h"
#include "trust/document_rules.h"
#include "trust/issuer.h"
#include "trust/keys.h"
#include "trust/license_verifier.h"
#include "trust/names.h"

namespace quorate::vendor {
namespace {

using document::v1::Envelope;
using document::v1::KeyCertificate;
using document::v1::License;
using trust::ArmorLabel;
using trust::PrivateKey;

constexpr size_t kClusterIdDigits = 32;

// What the folder holds, already checked against each other.
struct ProductKey {
  std::string root_file;
  std::string certificate_file;
  KeyCertificate certificate;
  PrivateKey key;
};

absl::StatusOr<PrivateKey> ReadPrivateKey(const std::string& path) {
  QUORATE_ASSIGN_OR_RETURN(std::string pem, ReadDocument(path));
  auto key = PrivateKey::FromPem(pem);
  trust::WipeSecret(&pem);
  if (!key.ok()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": ", key.status().message()));
  }
  return key;
}

absl::StatusOr<KeyCertificate> ReadCertificate(absl::string_view root_file,
                                               absl::string_view file) {
  QUORATE_ASSIGN_OR_RETURN(const trust::TrustedRoot root,
                           trust::ReadPinnedRootFile(root_file));
  QUORATE_ASSIGN_OR_RETURN(const std::string bytes,
                           trust::Dearmor(ArmorLabel::kKeyCertificate, file));
  QUORATE_ASSIGN_OR_RETURN(const Envelope envelope,
                           trust::ParseEnvelope(bytes));
  QUORATE_ASSIGN_OR_RETURN(trust::TrustedProductKey product,
                           trust::VerifyKeyCertificate(root, envelope));
  return std::move(product.certificate);
}

absl::StatusOr<ProductKey> ReadProductKey(const std::string& folder) {
  QUORATE_ASSIGN_OR_RETURN(std::string root_file,
                           ReadDocument(RootPath(folder)));
  QUORATE_ASSIGN_OR_RETURN(std::string certificate_file,
                           ReadDocument(ProductCertificatePath(folder)));
  QUORATE_ASSIGN_OR_RETURN(PrivateKey key,
                           ReadPrivateKey(ProductKeyPath(folder)));
  auto certificate = ReadCertificate(root_file, certificate_file);
  if (!certificate.ok()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the keys in ", folder,
        " do not hold together: ", certificate.status().message()));
  }
  if (certificate->key().spki() != key.Public().spki()) {
    return absl::FailedPreconditionError(
        absl::StrCat(ProductKeyPath(folder), " is not the key that ",
                     ProductCertificatePath(folder), " certifies"));
  }
  return ProductKey{.root_file = std::move(root_file),
                    .certificate_file = std::move(certificate_file),
                    .certificate = *std::move(certificate),
                    .key = std::move(key)};
}

absl::Status SetBinding(const IssueOptions& options, License* license) {
  const std::string& id = options.cluster_id;
  const bool hex = std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
  if (id.size() != kClusterIdDigits || !hex) {
    return absl::InvalidArgumentError(
        absl::StrCat("--cluster-id ", trust::Quoted(id),
                     " is not 32 lower-case hex digits, as in [cluster] id of "
                     "the members' configuration"));
  }
  license->mutable_binding()->set_cluster_id(absl::HexStringToBytes(id));
  license->mutable_binding()->set_cluster_epoch(options.cluster_epoch);
  return absl::OkStatus();
}

absl::Status SetDates(const IssueOptions& options, int64_t now_ms,
                      License* license) {
  license->set_issued_ms(now_ms);
  license->set_not_before_ms(StartOfDay(now_ms));
  if (!options.start.empty()) {
    QUORATE_ASSIGN_OR_RETURN(const int64_t start, FirstMsOf(options.start));
    license->set_not_before_ms(start);
  }
  if (options.end.empty()) return absl::OkStatus();
  QUORATE_ASSIGN_OR_RETURN(const int64_t end, LastMsOf(options.end));
  if (end < now_ms) {
    return absl::InvalidArgumentError(
        absl::StrCat("--end ", options.end, " has passed"));
  }
  if (end < license->not_before_ms()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--end ", options.end, " is before --start ", options.start));
  }
  license->set_not_after_ms(end);
  return absl::OkStatus();
}

absl::Status SetProduct(const IssueOptions& options,
                        const KeyCertificate& certificate, License* license) {
  license->set_product_id(options.product);
  if (!options.product.empty()) return absl::OkStatus();
  if (certificate.product_ids_size() != 1 ||
      certificate.product_ids(0) == "*") {
    return absl::InvalidArgumentError(
        "the product key is for several products: say with --product for "
        "which one this licence is");
  }
  license->set_product_id(certificate.product_ids(0));
  return absl::OkStatus();
}

absl::Status CheckKeyIsInForce(const KeyCertificate& certificate,
                               int64_t now_ms) {
  if (now_ms >= certificate.not_before_ms() &&
      now_ms <= certificate.not_after_ms()) {
    return absl::OkStatus();
  }
  return absl::FailedPreconditionError(absl::StrCat(
      "the product key may sign from ", FormatMs(certificate.not_before_ms()),
      " to ", FormatMs(certificate.not_after_ms()), ", and it is ",
      FormatMs(now_ms), " by this machine's clock"));
}

// Only a licence is overwritten: --out with the name of a key or a root would
// be a slip of the hand.
absl::Status CheckTarget(const std::string& path) {
  if (!Exists(path)) return absl::OkStatus();
  const auto there = ReadDocument(path);
  if (there.ok() && trust::ArmorLabelOf(*there) == ArmorLabel::kLicense) {
    return absl::OkStatus();
  }
  return absl::AlreadyExistsError(absl::StrCat(
      path, " exists and is no licence; give another --out or remove it"));
}

}  // namespace

absl::StatusOr<Description> Issue(const IssueOptions& options,
                                  const Clock& clock) {
  const int64_t now_ms = absl::ToUnixMillis(clock.Calendar());
  License license;
  license.set_license_id(options.license_id);
  license.set_serial(options.serial);
  license.set_customer_id(options.customer);
  QUORATE_RETURN_IF_ERROR(SetBinding(options, &license));
  QUORATE_RETURN_IF_ERROR(SetDates(options, now_ms, &license));
  for (const std::string& feature : options.features) {
    QUORATE_ASSIGN_OR_RETURN(const std::vector<document::v1::Feature> parsed,
                             ParseFeatureText(feature));
    license.mutable_features()->Add(parsed.begin(), parsed.end());
  }
  if (std::any_of(license.features().begin(), license.features().end(),
                  trust::HasConditions)) {
    license.add_crit(std::string(trust::kFeatureConditions));
  }
  QUORATE_RETURN_IF_ERROR(CheckTarget(options.out));

  QUORATE_ASSIGN_OR_RETURN(const ProductKey product,
                           ReadProductKey(options.folder));
  QUORATE_RETURN_IF_ERROR(CheckKeyIsInForce(product.certificate, now_ms));
  QUORATE_RETURN_IF_ERROR(SetProduct(options, product.certificate, &license));
  license.set_vendor_id(product.certificate.vendor_id());
  QUORATE_ASSIGN_OR_RETURN(
      const std::string file,
      trust::IssueLicense({.license = license,
                           .product_key = product.key,
                           .key_certificate_file = product.certificate_file,
                           .root_files = {}}));

  // What a customer would be told tomorrow is better heard today.
  QUORATE_ASSIGN_OR_RETURN(const auto verifier,
                           trust::LicenseVerifier::Create(product.root_file));
  QUORATE_RETURN_IF_ERROR(verifier->Verify(file).status());
  QUORATE_RETURN_IF_ERROR(ReplaceDocument(options.out, file));
  return Description{{"license", Describe(license)}, {"file", options.out}};
}

}  // namespace quorate::vendor
