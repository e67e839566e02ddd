#include "server/licensing/license_rules.h"

#include "absl/strings/str_cat.h"

#include "server/licensing/field_rules.h"
#include "server/licensing/refusals.h"

namespace quorate::licensing {
namespace {

using internal::v1::FeatureTerms;
using internal::v1::LicenseTerms;

constexpr size_t kSha256Bytes = 32;

// An end of 0 means none.
bool IsSpan(int64_t start_ms, int64_t end_ms) {
  return start_ms >= 0 && (end_ms == 0 || end_ms > start_ms);
}

std::optional<LedgerAnswer> CheckFeature(const FeatureTerms& feature, int i) {
  if (!IsFeatureName(feature.name())) {
    return RefuseField(absl::StrCat("terms.features[", i, "].name"),
                       "must be 1 to 64 letters, digits, '_' or '-'");
  }
  if (feature.count() < 1) {
    return RefuseField(absl::StrCat("terms.features[", i, "].count"),
                       "must be at least 1");
  }
  if (!IsSpan(feature.start_ms(), feature.end_ms())) {
    return RefuseField(absl::StrCat("terms.features[", i, "].end_ms"),
                       "must be after the start");
  }
  return std::nullopt;
}

std::optional<LedgerAnswer> CheckTerms(const LicenseTerms& terms) {
  if (!IsLicenseId(terms.license_id())) {
    return RefuseField("terms.license_id",
                       "must be 1 to 64 letters, digits, '.', '_' or '-'");
  }
  if (terms.serial() < 1) {
    return RefuseField("terms.serial", "must be at least 1");
  }
  if (!IsPlainText(terms.vendor_id())) {
    return RefuseField("terms.vendor_id", "must be plain text");
  }
  if (!IsPlainText(terms.customer_id())) {
    return RefuseField("terms.customer_id", "must be plain text");
  }
  if (!IsSpan(terms.not_before_ms(), terms.not_after_ms())) {
    return RefuseField("terms.not_after_ms", "must be after not_before_ms");
  }
  if (terms.features_size() < 1 ||
      terms.features_size() > kMaxFeaturesOfLicense) {
    return RefuseField("terms.features",
                       absl::StrCat("must be 1 to ", kMaxFeaturesOfLicense));
  }
  for (int i = 0; i < terms.features_size(); ++i) {
    if (auto refusal = CheckFeature(terms.features(i), i)) return refusal;
  }
  return std::nullopt;
}

}  // namespace

std::optional<LedgerAnswer> CheckLicenseFields(
    const internal::v1::InstallLicense& body) {
  if (body.license_file().empty() ||
      body.license_file().size() > kMaxLicenseFileBytes) {
    return RefuseField("license_file", "must be 1 byte to 1 MiB");
  }
  if (body.payload_sha256().size() != kSha256Bytes) {
    return RefuseField("payload_sha256", "must be 32 bytes");
  }
  return CheckTerms(body.terms());
}

}  // namespace quorate::licensing
