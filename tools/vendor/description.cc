#include "tools/vendor/description.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

#include "tools/vendor/dates.h"
#include "trust/keys.h"
#include "trust/names.h"

namespace quorate::vendor {
namespace {

using document::v1::BoundMember;
using document::v1::Envelope;
using document::v1::Feature;
using document::v1::KeyCertificate;
using document::v1::License;
using document::v1::Root;

// Text of a document that nobody may have verified must not reach a terminal
// with control characters in it.
std::string Shown(absl::string_view text) {
  return trust::IsPartyName(text) ? std::string(text) : trust::Quoted(text);
}

std::string Hex(absl::string_view bytes) {
  return absl::BytesToHexString(bytes);
}

template <typename Strings>
Description ShownAll(const Strings& strings) {
  Description list = Description::array();
  for (const std::string& text : strings)
    list.push_back(Shown(text));
  return list;
}

template <typename Strings>
void AddCritical(const Strings& crit, Description* description) {
  if (!crit.empty()) (*description)["crit"] = ShownAll(crit);
}

Description DescribeKey(const document::v1::PublicKey& key) {
  return {
      {"keyId", Hex(trust::Sha256(key.spki()).substr(0, trust::kKeyIdSize))},
      {"scheme", Shown(key.scheme())}};
}

void AddConditions(const Feature& feature, Description* description) {
  const auto add = [description](const char* key, const Description& value) {
    (*description)[key] = value;
  };
  if (feature.uncounted()) add("uncounted", true);
  if (feature.credits()) add("model", "credits");
  if (feature.named_users()) add("model", "named");
  if (feature.casual_minutes() > 0) {
    add("casualMinutes", feature.casual_minutes());
  }
  if (feature.trial_days() > 0) add("trialDays", feature.trial_days());
  if (feature.recycle_count() > 0) {
    add("recycle",
        absl::StrCat(feature.recycle_count(), "/", feature.recycle_days()));
  }
  if (!feature.token_feature().empty()) {
    add("tokens", absl::StrCat(feature.token_cost(), "*",
                               Shown(feature.token_feature())));
  }
  if (!feature.version_max().empty()) {
    add("versionMax", Shown(feature.version_max()));
  }
  if (feature.maintenance_end_ms() != 0) {
    add("maintenanceEndTime", FormatMs(feature.maintenance_end_ms()));
  }
  std::vector<std::string> list;
  for (const auto& attribute : feature.attributes()) {
    list.push_back(
        absl::StrCat(Shown(attribute.name()), ":", Shown(attribute.value())));
  }
  if (!list.empty()) add("attributes", absl::StrJoin(list, " "));
  list.clear();
  for (const std::string& host : feature.hosts())
    list.push_back(Shown(host));
  if (!list.empty()) add("hosts", absl::StrJoin(list, " "));
  list.clear();
  for (const int by : feature.shared_by()) {
    list.push_back(absl::AsciiStrToLower(absl::StripPrefix(
        document::v1::SharedBy_Name(static_cast<document::v1::SharedBy>(by)),
        "SHARED_BY_")));
  }
  if (!list.empty()) add("sharedBy", absl::StrJoin(list, "+"));
  if (feature.linger_ms() != 0) {
    add("lingerSeconds", feature.linger_ms() / 1000);
  }
  if (feature.overdraft() != 0) add("overdraft", feature.overdraft());
  if (feature.overdraft_end_ms() != 0) {
    add("overdraftEndTime", FormatMs(feature.overdraft_end_ms()));
  }
  if (feature.borrow_max_ms() != 0) {
    add("borrowHours", feature.borrow_max_ms() / 3'600'000);
  }
  if (feature.borrow_max_count() != 0) {
    add("borrowCount", feature.borrow_max_count());
  }
  if (feature.borrow_low_water() != 0) {
    add("borrowKeep", feature.borrow_low_water());
  }
}

Description DescribeFeature(const Feature& feature) {
  Description description = {{"name", Shown(feature.name())},
                             {"count", feature.count()}};
  if (feature.start_ms() != 0) {
    description["startTime"] = FormatMs(feature.start_ms());
  }
  if (feature.end_ms() != 0) {
    description["endTime"] = FormatMs(feature.end_ms());
  }
  AddConditions(feature, &description);
  return description;
}

std::string Scalar(const Description& value) {
  if (value.is_null()) return "none";
  return value.is_string() ? value.get<std::string>() : value.dump();
}

bool IsScalarList(const Description& value) {
  return value.is_array() &&
         std::none_of(value.begin(), value.end(), [](const Description& item) {
           return item.is_structured();
         });
}

std::string Joined(const Description& list) {
  std::string joined;
  for (const Description& item : list) {
    absl::StrAppend(&joined, joined.empty() ? "" : ", ", Scalar(item));
  }
  return joined;
}

// An element of a list on one line.
std::string OneLine(const Description& object) {
  std::string line;
  for (const auto& [key, value] : object.items()) {
    absl::StrAppend(&line, line.empty() ? "" : "  ", key, "=",
                    value.is_structured() ? value.dump() : Scalar(value));
  }
  return line;
}

// Descriptions are three levels deep, which bounds this recursion.
void PrintLines(const Description& object, size_t indent, std::ostream& out) {
  size_t width = 0;
  for (const auto& [key, value] : object.items()) {
    width = std::max(width, key.size());
  }
  const std::string margin(indent, ' ');
  for (const auto& [key, value] : object.items()) {
    const std::string gap(width - key.size() + 2, ' ');
    if (value.is_object()) {
      out << margin << key << ":\n";
      PrintLines(value, indent + 2, out);
    } else if (value.is_array() && !IsScalarList(value)) {
      out << margin << key << ":\n";
      for (const Description& item : value) {
        out << margin << "  " << OneLine(item) << "\n";
      }
    } else {
      out << margin << key << ":" << gap
          << (value.is_array() ? Joined(value) : Scalar(value)) << "\n";
    }
  }
}

}  // namespace

Description Describe(const Root& root) {
  Description description = {{"vendorId", Shown(root.vendor_id())},
                             {"version", std::to_string(root.version())},
                             {"issueTime", FormatMs(root.issued_ms())},
                             {"endTime", FormatMs(root.not_after_ms())},
                             {"threshold", root.threshold()},
                             {"keys", Description::array()}};
  for (const auto& key : root.keys()) {
    description["keys"].push_back(DescribeKey(key));
  }
  if (!root.revoked_key_ids().empty()) {
    Description revoked = Description::array();
    for (const std::string& id : root.revoked_key_ids()) {
      revoked.push_back(Hex(id));
    }
    description["revokedKeyIds"] = std::move(revoked);
  }
  AddCritical(root.crit(), &description);
  return description;
}

Description Describe(const KeyCertificate& certificate) {
  Description description = {
      {"vendorId", Shown(certificate.vendor_id())},
      {"key", DescribeKey(certificate.key())},
      {"productIds", ShownAll(certificate.product_ids())},
      {"payloadTypes", ShownAll(certificate.payload_types())},
      {"issueTime", FormatMs(certificate.issued_ms())},
      {"startTime", FormatMs(certificate.not_before_ms())},
      {"endTime", FormatMs(certificate.not_after_ms())}};
  AddCritical(certificate.crit(), &description);
  return description;
}

Description Describe(const License& license) {
  Description binding = {{"clusterId", Hex(license.binding().cluster_id())},
                         {"clusterEpoch", license.binding().cluster_epoch()}};
  for (const BoundMember& member : license.binding().members()) {
    binding["members"].push_back(
        {{"memberId", std::to_string(member.member_id())},
         {"grantKey", DescribeKey(member.grant_key())["keyId"]}});
  }
  Description description = {
      {"licenseId", Shown(license.license_id())},
      {"serial", std::to_string(license.serial())},
      {"vendorId", Shown(license.vendor_id())},
      {"customerId", Shown(license.customer_id())},
      {"productId", Shown(license.product_id())},
      {"issueTime", FormatMs(license.issued_ms())},
      {"startTime", FormatMs(license.not_before_ms())},
      {"endTime", license.not_after_ms() == 0
                      ? Description(nullptr)
                      : Description(FormatMs(license.not_after_ms()))},
      {"binding", std::move(binding)},
      {"features", Description::array()}};
  for (const Feature& feature : license.features()) {
    description["features"].push_back(DescribeFeature(feature));
  }
  AddCritical(license.crit(), &description);
  return description;
}

Description DescribeSignatures(const Envelope& envelope) {
  Description keys = Description::array();
  for (const auto& signature : envelope.signatures()) {
    keys.push_back(Hex(signature.key_id()));
  }
  return {{"keyIds", std::move(keys)},
          {"payloadSha256", Hex(trust::Sha256(envelope.payload()))}};
}

void Print(const Description& description, OutputFormat format,
           std::ostream& out) {
  if (format == OutputFormat::kJson) {
    out << description.dump(2) << "\n";
    return;
  }
  PrintLines(description, 0, out);
}

}  // namespace quorate::vendor
