#include "server/licensing/license_rules.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"

#include "server/licensing/field_rules.h"
#include "server/licensing/refusals.h"
#include "server/policy/policy_check.h"

namespace quorate::licensing {
namespace {

using internal::v1::FeatureTerms;
using internal::v1::LicenseTerms;

constexpr size_t kSha256Bytes = 32;

// An end of 0 means none.
bool IsSpan(int64_t start_ms, int64_t end_ms) {
  return start_ms >= 0 && (end_ms == 0 || end_ms > start_ms);
}

// A pool's name holds them all.
constexpr int kMaxHosts = 32;
constexpr uint32_t kMaxTokenCost = 1'000'000;
// A record holds when each was freed. Ten years.
constexpr uint32_t kMaxRecycleCount = 1'000;
constexpr uint32_t kMaxRecycleDays = 3'660;
constexpr uint32_t kMaxTrialDays = 3'660;
constexpr uint32_t kMaxCasualMinutes = 31 * 24 * 60;  // A month.

bool AreHosts(const google::protobuf::RepeatedPtrField<std::string>& hosts) {
  return hosts.size() <= kMaxHosts &&
         std::all_of(hosts.begin(), hosts.end(),
                     [](const std::string& host) { return IsLicenseId(host); });
}

bool AreSharedBy(const google::protobuf::RepeatedField<int>& shared_by) {
  int before = internal::v1::SHARED_BY_UNSPECIFIED;
  for (const int by : shared_by) {
    if (!internal::v1::SharedBy_IsValid(by) || by <= before) return false;
    before = by;
  }
  return true;
}

// What is wrong, and the field; both empty where nothing is.
struct Fault {
  absl::string_view field;
  absl::string_view rule;
};

Fault FaultOfCounting(const FeatureTerms& feature) {
  const bool tokens = !feature.token_feature().empty();
  if ((feature.credits() || feature.named_users()) &&
      (tokens || feature.uncounted() || feature.overdraft() != 0 ||
       feature.shared_by_size() > 0 ||
       (feature.credits() && feature.named_users()))) {
    return {feature.credits() ? "credits" : "named_users",
            "are counted by themselves, and not shared"};
  }
  if ((feature.recycle_count() > 0) != (feature.recycle_days() > 0) ||
      (feature.recycle_count() > 0 && !feature.named_users()) ||
      feature.recycle_count() > kMaxRecycleCount ||
      feature.recycle_days() > kMaxRecycleDays) {
    return {"recycle_count", "goes with days, and with named users"};
  }
  if (!tokens && !feature.uncounted()) {
    if (feature.count() >= 1) return {};
    return {"count", "must be at least 1"};
  }
  if (tokens && feature.uncounted()) {
    return {"uncounted", "must not be set where tokens count"};
  }
  if (feature.count() != 0 || feature.overdraft() != 0) {
    return {"count", "and overdraft must be 0 where nothing is counted"};
  }
  if (!tokens) return {};
  if (!IsFeatureName(feature.token_feature()) ||
      feature.token_feature() == feature.name()) {
    return {"token_feature", "must be another feature"};
  }
  if (feature.token_cost() < 1 || feature.token_cost() > kMaxTokenCost) {
    return {"token_cost", "must be 1 to 1000000"};
  }
  if (feature.shared_by_size() > 0) {
    return {"shared_by", "must be empty where tokens count"};
  }
  return {};
}

Fault FaultOfBorrowing(const FeatureTerms& feature) {
  if (feature.borrow_max_ms() < 0 || feature.borrow_max_ms() > kMaxBorrowMs) {
    return {"borrow_max_ms", "must be 0 to 366 days"};
  }
  if (feature.borrow_max_ms() == 0 && feature.borrow_max_count() != 0) {
    return {"borrow_max_count", "must be 0 where nothing is borrowed"};
  }
  return {};
}

Fault FaultOfKind(const FeatureTerms& feature) {
  if (!feature.version_max().empty() && !IsLicenseId(feature.version_max())) {
    return {"version_max", "must be like 2026.1"};
  }
  if (feature.casual_minutes() > kMaxCasualMinutes ||
      (feature.casual_minutes() > 0 && feature.borrow_max_ms() > 0)) {
    return {"casual_minutes", "must be at most 44640, and nothing borrowed"};
  }
  if (feature.trial_days() > kMaxTrialDays) {
    return {"trial_days", "must be at most 3660"};
  }
  if (feature.maintenance_end_ms() < 0) {
    return {"maintenance_end_ms", "must not be negative"};
  }
  if (!AreAttributes(feature.attributes())) {
    return {"attributes", kAttributesRule};
  }
  if (!AreHosts(feature.hosts())) {
    return {"hosts", "must be at most 32 host names"};
  }
  if (!AreSharedBy(feature.shared_by())) {
    return {"shared_by", "must be known, and ascend"};
  }
  return {};
}

std::optional<LedgerAnswer> CheckFeature(const FeatureTerms& feature, int i) {
  Fault fault;
  if (!IsFeatureName(feature.name())) {
    fault = {"name", "must be 1 to 64 letters, digits, '_' or '-'"};
  } else if (!IsSpan(feature.start_ms(), feature.end_ms())) {
    fault = {"end_ms", "must be after the start"};
  } else if (feature.overdraft_end_ms() < 0) {
    fault = {"overdraft_end_ms", "must not be negative"};
  } else if (feature.linger_ms() < 0 ||
             feature.linger_ms() > policy::kMaxLingerMs) {
    fault = {"linger_ms", "must be up to 30 days"};
  } else {
    fault = FaultOfCounting(feature);
    if (fault.field.empty()) fault = FaultOfKind(feature);
    if (fault.field.empty()) fault = FaultOfBorrowing(feature);
  }
  if (fault.field.empty()) return std::nullopt;
  return RefuseField(absl::StrCat("terms.features[", i, "].", fault.field),
                     fault.rule);
}

// What is used of credits, and when a trial began, is remembered by licence and
// feature.
std::optional<LedgerAnswer> CheckModelsOnce(const LicenseTerms& terms) {
  std::set<absl::string_view> names;
  for (int i = 0; i < terms.features_size(); ++i) {
    const FeatureTerms& feature = terms.features(i);
    if ((!feature.credits() && feature.trial_days() == 0) ||
        names.insert(feature.name()).second)
      continue;
    return RefuseField(absl::StrCat("terms.features[", i, "].name"),
                       "must not be of credits or a trial twice");
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
  return CheckModelsOnce(terms);
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
