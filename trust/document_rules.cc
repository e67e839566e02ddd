#include "trust/document_rules.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "google/protobuf/repeated_ptr_field.h"

#include "base/status.h"
#include "trust/keys.h"
#include "trust/names.h"
#include "trust/refusal.h"

namespace quorate::trust {
namespace {

using document::v1::Binding;
using document::v1::BoundMember;
using document::v1::Feature;
using document::v1::KeyCertificate;
using document::v1::License;
using document::v1::Root;
using Strings = google::protobuf::RepeatedPtrField<std::string>;

// The only scheme; a new one is a new word here and a new kind of key.
constexpr absl::string_view kScheme = "ed25519";

constexpr int kMaxRevokedKeys = 1000;  // A key a week for twenty years.
constexpr int kMaxPayloadTypes = 16;   // Twice the planned registry.
constexpr int kMaxProducts = 100;      // One certificate a product line.
constexpr int kMaxBoundMembers = 9;    // The largest useful Raft group.
constexpr size_t kClusterIdSize = 16;

absl::Status Nonsense(absl::string_view sentence) {
  return Refuse(Refusal::kMeaning, sentence);
}

// A constraint restricts: whoever does not know it would grant too much.
absl::Status CheckCritical(const Strings& crit, absl::string_view known = "") {
  for (const std::string& constraint : crit) {
    if (!known.empty() && constraint == known) continue;
    return Refuse(
        Refusal::kCritical,
        absl::StrCat("the document has the constraint ", Quoted(constraint),
                     ", which this version does not know; install a "
                     "newer version of Quorate"));
  }
  return absl::OkStatus();
}

absl::Status CheckTime(int64_t unix_ms, absl::string_view field) {
  if (unix_ms >= 1 && unix_ms <= kMaxUnixMs) return absl::OkStatus();
  return Nonsense(absl::StrCat(field, " is no time between 1970 and 9999"));
}

absl::Status CheckParty(absl::string_view name, absl::string_view field) {
  if (IsPartyName(name)) return absl::OkStatus();
  return Nonsense(absl::StrCat(
      field, " is not a name of 1 to 128 bytes without control characters"));
}

absl::StatusOr<std::string> CheckKey(const document::v1::PublicKey& key,
                                     absl::string_view field) {
  if (key.scheme() != kScheme) {
    return Nonsense(absl::StrCat(field, " has the scheme ",
                                 Quoted(key.scheme()), ", not ed25519"));
  }
  const auto parsed = PublicKey::FromSpki(key.spki());
  if (!parsed.ok()) {
    return Nonsense(absl::StrCat(field, ": ", parsed.status().message()));
  }
  return parsed->spki();
}

absl::Status CheckRootKeys(const Root& root) {
  if (root.keys_size() < 1 || root.keys_size() > kMaxRootKeys) {
    return Nonsense(absl::StrCat("the root has ", root.keys_size(),
                                 " keys, not 1 to ", kMaxRootKeys));
  }
  std::set<std::string> distinct;
  for (const auto& key : root.keys()) {
    QUORATE_ASSIGN_OR_RETURN(std::string spki, CheckKey(key, "a root key"));
    if (!distinct.insert(std::move(spki)).second) {
      return Nonsense("the root names one key twice");
    }
  }
  if (root.threshold() < 1 ||
      root.threshold() > static_cast<uint32_t>(root.keys_size())) {
    return Nonsense(absl::StrCat("the root's threshold ", root.threshold(),
                                 " is not between 1 and its ", root.keys_size(),
                                 " keys"));
  }
  return absl::OkStatus();
}

absl::Status CheckKeyScope(const KeyCertificate& certificate) {
  if (certificate.payload_types_size() < 1 ||
      certificate.payload_types_size() > kMaxPayloadTypes) {
    return Nonsense("the key certificate allows no payload type, or too many");
  }
  if (certificate.product_ids_size() < 1 ||
      certificate.product_ids_size() > kMaxProducts) {
    return Nonsense("the key certificate is for no product, or for too many");
  }
  for (const std::string& product : certificate.product_ids()) {
    if (product != "*" && !IsDocumentId(product)) {
      return Nonsense(absl::StrCat(
          "the product ", Quoted(product),
          " is not 1 to 64 letters, digits, dots, underscores and hyphens"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckBinding(const Binding& binding) {
  if (binding.cluster_id().size() != kClusterIdSize) {
    return Nonsense("the licence is bound to no cluster id of 16 bytes");
  }
  if (binding.cluster_epoch() < 1) {
    return Nonsense("the cluster epoch begins with 1");
  }
  if (binding.members_size() > kMaxBoundMembers) {
    return Nonsense(absl::StrCat("the licence is bound to ",
                                 binding.members_size(), " members, not to ",
                                 kMaxBoundMembers, " at most"));
  }
  std::set<uint64_t> ids;
  std::set<std::string> keys;
  for (const BoundMember& member : binding.members()) {
    QUORATE_ASSIGN_OR_RETURN(std::string spki,
                             CheckKey(member.grant_key(), "a member's key"));
    if (member.member_id() == 0 || !ids.insert(member.member_id()).second ||
        !keys.insert(std::move(spki)).second) {
      return Nonsense(
          "the bound members are not distinct members with distinct keys");
    }
  }
  return absl::OkStatus();
}

// A feature's time is part of the licence's.
absl::Status CheckFeatureTime(const Feature& feature, const License& license) {
  const absl::string_view name = feature.name();
  for (const int64_t time : {feature.start_ms(), feature.end_ms()}) {
    if (time == 0) continue;
    QUORATE_RETURN_IF_ERROR(CheckTime(time, absl::StrCat("a date of ", name)));
    if (time < license.not_before_ms() ||
        (license.not_after_ms() != 0 && time > license.not_after_ms())) {
      return Nonsense(absl::StrCat("a date of feature ", name,
                                   " is outside the licence's time"));
    }
  }
  const int64_t start =
      feature.start_ms() != 0 ? feature.start_ms() : license.not_before_ms();
  const int64_t end =
      feature.end_ms() != 0 ? feature.end_ms() : license.not_after_ms();
  if (end != 0 && end <= start) {
    return Nonsense(
        absl::StrCat("feature ", name, " ends before it has begun"));
  }
  return absl::OkStatus();
}

absl::Status CheckCounts(const Feature& feature) {
  const bool tokens = !feature.token_feature().empty();
  if ((feature.credits() || feature.named_users()) &&
      (tokens || feature.uncounted() || feature.overdraft() != 0 ||
       feature.shared_by_size() > 0 ||
       (feature.credits() && feature.named_users()))) {
    return Nonsense(absl::StrCat(
        "the ", feature.credits() ? "credits" : "named users", " of feature ",
        feature.name(), " are counted otherwise too, or shared"));
  }
  if ((feature.recycle_count() > 0) != (feature.recycle_days() > 0) ||
      (feature.recycle_count() > 0 && !feature.named_users()) ||
      feature.recycle_count() > kMaxRecycleCount ||
      feature.recycle_days() > kMaxRecycleDays) {
    return Nonsense(absl::StrCat(
        "feature ", feature.name(), " does not let up to ", kMaxRecycleCount,
        " names of users be freed in up to ", kMaxRecycleDays, " days"));
  }
  if (!tokens && !feature.uncounted()) {
    if (feature.count() >= 1 && feature.count() <= kMaxFeatureCount &&
        feature.overdraft() <= kMaxFeatureCount) {
      return absl::OkStatus();
    }
    return Nonsense(absl::StrCat("the count ", feature.count(), " of feature ",
                                 feature.name(),
                                 ", or its overdraft, is not "
                                 "between 1 and ",
                                 kMaxFeatureCount));
  }
  if (feature.count() != 0 || feature.overdraft() != 0) {
    return Nonsense(absl::StrCat("feature ", feature.name(),
                                 " is not counted, and has a count"));
  }
  if (!tokens) return absl::OkStatus();
  if (feature.uncounted() || feature.shared_by_size() > 0 ||
      !IsFeatureName(feature.token_feature()) ||
      feature.token_feature() == feature.name() || feature.token_cost() < 1 ||
      feature.token_cost() > kMaxTokenCost) {
    return Nonsense(absl::StrCat("feature ", feature.name(),
                                 " does not take 1 to ", kMaxTokenCost,
                                 " units of another feature"));
  }
  return absl::OkStatus();
}

absl::Status CheckBorrowing(const Feature& feature) {
  if (feature.borrow_max_ms() >= 0 && feature.borrow_max_ms() <= kMaxBorrowMs &&
      (feature.borrow_max_ms() > 0 || feature.borrow_max_count() == 0)) {
    return absl::OkStatus();
  }
  return Nonsense(absl::StrCat("units of feature ", feature.name(),
                               " cannot be borrowed like that"));
}

absl::Status CheckConditions(const Feature& feature) {
  const auto wrong = [&feature](absl::string_view what) {
    return Nonsense(
        absl::StrCat(what, " of feature ", feature.name(), " is malformed"));
  };
  if (!feature.version_max().empty() && !IsDocumentId(feature.version_max())) {
    return wrong("the version");
  }
  for (const int64_t time :
       {feature.maintenance_end_ms(), feature.overdraft_end_ms()}) {
    if (time == 0) continue;
    QUORATE_RETURN_IF_ERROR(
        CheckTime(time, absl::StrCat("a date of ", feature.name())));
  }
  if (feature.trial_days() > kMaxTrialDays) return wrong("the trial");
  if (feature.casual_minutes() > kMaxCasualMinutes) {
    return wrong("the casual use");
  }
  if (feature.attributes_size() > kMaxAttributes) return wrong("the list");
  absl::string_view before;
  for (const document::v1::Attribute& attribute : feature.attributes()) {
    if (!IsDocumentId(attribute.name()) || !IsDocumentId(attribute.value()) ||
        attribute.name() <= before) {
      return wrong("an attribute");
    }
    before = attribute.name();
  }
  if (feature.hosts_size() > kMaxHosts ||
      !std::all_of(
          feature.hosts().begin(), feature.hosts().end(),
          [](const std::string& host) { return IsDocumentId(host); })) {
    return wrong("a host");
  }
  int last = document::v1::SHARED_BY_UNSPECIFIED;
  for (const int by : feature.shared_by()) {
    if (!document::v1::SharedBy_IsValid(by) || by <= last) {
      return wrong("what seats are shared by");
    }
    last = by;
  }
  return absl::OkStatus();
}

absl::Status CheckFeatures(const License& license) {
  if (license.features_size() < 1 || license.features_size() > kMaxFeatures) {
    return Nonsense(absl::StrCat("the licence has ", license.features_size(),
                                 " features, not 1 to ", kMaxFeatures));
  }
  const bool marked = std::find(license.crit().begin(), license.crit().end(),
                                kFeatureConditions) != license.crit().end();
  std::set<absl::string_view> names;
  for (const Feature& feature : license.features()) {
    if (!IsFeatureName(feature.name())) {
      return Nonsense(absl::StrCat(
          "the feature name ", Quoted(feature.name()),
          " is not 1 to 64 letters, digits, underscores and hyphens"));
    }
    if (!names.insert(feature.name()).second) {
      return Nonsense(
          absl::StrCat("feature ", feature.name(), " is named twice"));
    }
    QUORATE_RETURN_IF_ERROR(CheckCounts(feature));
    QUORATE_RETURN_IF_ERROR(CheckFeatureTime(feature, license));
    QUORATE_RETURN_IF_ERROR(CheckBorrowing(feature));
    if (feature.linger_ms() < 0 || feature.linger_ms() > kMaxLingerMs) {
      return Nonsense(absl::StrCat("seats of feature ", feature.name(),
                                   " cannot linger for so long"));
    }
    if (!HasConditions(feature)) continue;
    if (!marked) {
      return Nonsense(absl::StrCat("feature ", feature.name(),
                                   " has conditions, and the licence no ",
                                   kFeatureConditions, " in crit"));
    }
    QUORATE_RETURN_IF_ERROR(CheckConditions(feature));
  }
  return absl::OkStatus();
}

absl::Status CheckLicenseDates(const License& license) {
  QUORATE_RETURN_IF_ERROR(CheckTime(license.issued_ms(), "issued_ms"));
  QUORATE_RETURN_IF_ERROR(CheckTime(license.not_before_ms(), "not_before_ms"));
  if (license.not_after_ms() == 0) return absl::OkStatus();
  QUORATE_RETURN_IF_ERROR(CheckTime(license.not_after_ms(), "not_after_ms"));
  if (license.not_after_ms() <= license.not_before_ms()) {
    return Nonsense("the licence ends before it has begun");
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckRoot(const Root& root) {
  QUORATE_RETURN_IF_ERROR(CheckCritical(root.crit()));
  if (root.version() < 1) return Nonsense("root versions begin with 1");
  QUORATE_RETURN_IF_ERROR(CheckParty(root.vendor_id(), "vendor_id"));
  QUORATE_RETURN_IF_ERROR(CheckTime(root.issued_ms(), "issued_ms"));
  QUORATE_RETURN_IF_ERROR(CheckTime(root.not_after_ms(), "not_after_ms"));
  if (root.not_after_ms() <= root.issued_ms()) {
    return Nonsense("the root ends before it was issued");
  }
  QUORATE_RETURN_IF_ERROR(CheckRootKeys(root));
  if (root.revoked_key_ids_size() > kMaxRevokedKeys) {
    return Nonsense(
        absl::StrCat("the root revokes more than ", kMaxRevokedKeys, " keys"));
  }
  for (const std::string& key_id : root.revoked_key_ids()) {
    if (key_id.size() != kKeyIdSize) {
      return Nonsense("a revoked key id has not 16 bytes");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckKeyCertificate(const KeyCertificate& certificate) {
  QUORATE_RETURN_IF_ERROR(CheckCritical(certificate.crit()));
  QUORATE_RETURN_IF_ERROR(CheckParty(certificate.vendor_id(), "vendor_id"));
  QUORATE_RETURN_IF_ERROR(
      CheckKey(certificate.key(), "the certified key").status());
  QUORATE_RETURN_IF_ERROR(CheckKeyScope(certificate));
  QUORATE_RETURN_IF_ERROR(CheckTime(certificate.issued_ms(), "issued_ms"));
  QUORATE_RETURN_IF_ERROR(
      CheckTime(certificate.not_before_ms(), "not_before_ms"));
  QUORATE_RETURN_IF_ERROR(
      CheckTime(certificate.not_after_ms(), "not_after_ms"));
  if (certificate.not_after_ms() <= certificate.not_before_ms()) {
    return Nonsense("the key certificate ends before it has begun");
  }
  return absl::OkStatus();
}

absl::Status CheckLicense(const License& license) {
  QUORATE_RETURN_IF_ERROR(CheckCritical(license.crit(), kFeatureConditions));
  if (!IsDocumentId(license.license_id())) {
    return Nonsense(absl::StrCat(
        "the licence id ", Quoted(license.license_id()),
        " is not 1 to 64 letters, digits, dots, underscores and hyphens"));
  }
  if (license.serial() < 1) return Nonsense("serials begin with 1");
  QUORATE_RETURN_IF_ERROR(CheckParty(license.vendor_id(), "vendor_id"));
  QUORATE_RETURN_IF_ERROR(CheckParty(license.customer_id(), "customer_id"));
  if (!IsDocumentId(license.product_id())) {
    return Nonsense(absl::StrCat(
        "the product ", Quoted(license.product_id()),
        " is not 1 to 64 letters, digits, dots, underscores and hyphens"));
  }
  QUORATE_RETURN_IF_ERROR(CheckLicenseDates(license));
  QUORATE_RETURN_IF_ERROR(CheckBinding(license.binding()));
  return CheckFeatures(license);
}

bool HasConditions(const Feature& feature) {
  return !feature.version_max().empty() || feature.maintenance_end_ms() != 0 ||
         feature.attributes_size() > 0 || feature.uncounted() ||
         feature.hosts_size() > 0 || feature.shared_by_size() > 0 ||
         !feature.token_feature().empty() || feature.overdraft() != 0 ||
         feature.credits() || feature.named_users() ||
         feature.recycle_count() > 0 || feature.recycle_days() > 0 ||
         feature.trial_days() > 0 || feature.casual_minutes() > 0;
}

}  // namespace quorate::trust
