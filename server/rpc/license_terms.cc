#include "server/rpc/license_terms.h"

#include "absl/strings/escaping.h"

#include "server/licensing/pool_kind.h"
#include "server/rpc/response_header.h"
#include "server/rpc/validation.h"

namespace quorate::server {
namespace {

admin::v1::LicenseState StateAt(const internal::v1::LicenseTerms& terms,
                                int64_t calendar_ms) {
  if (calendar_ms < terms.not_before_ms()) {
    return admin::v1::LICENSE_STATE_NOT_STARTED;
  }
  if (terms.not_after_ms() != 0 && calendar_ms >= terms.not_after_ms()) {
    return admin::v1::LICENSE_STATE_EXPIRED;
  }
  return admin::v1::LICENSE_STATE_ACTIVE;
}

void DescribeConditions(const internal::v1::FeatureTerms& from,
                        admin::v1::LicenseFeature* feature) {
  const licensing::PoolKind kind = licensing::KindOf(from);
  feature->set_pool(licensing::PoolName(kind));
  if (from.linger_ms() != 0) {
    SetDuration(absl::Milliseconds(from.linger_ms()),
                feature->mutable_linger());
  }
  feature->set_overdraft(from.overdraft());
  if (from.overdraft_end_ms() != 0) {
    SetTimestamp(from.overdraft_end_ms(),
                 feature->mutable_overdraft_end_time());
  }
  if (from.borrow_max_ms() != 0) {
    SetDuration(absl::Milliseconds(from.borrow_max_ms()),
                feature->mutable_borrow_max());
  }
  feature->set_borrow_max_count(from.borrow_max_count());
  feature->set_borrow_low_water(from.borrow_low_water());
}

void CopyConditions(const document::v1::Feature& from,
                    internal::v1::FeatureTerms* terms) {
  terms->set_version_max(from.version_max());
  terms->set_maintenance_end_ms(from.maintenance_end_ms());
  for (const document::v1::Attribute& attribute : from.attributes()) {
    internal::v1::Attribute* const copy = terms->add_attributes();
    copy->set_name(attribute.name());
    copy->set_value(attribute.value());
  }
  terms->set_uncounted(from.uncounted());
  *terms->mutable_hosts() = from.hosts();
  // The numbers are the same.
  for (const int by : from.shared_by()) {
    terms->add_shared_by(static_cast<internal::v1::SharedBy>(by));
  }
  terms->set_token_feature(from.token_feature());
  terms->set_token_cost(from.token_cost());
  terms->set_credits(from.credits());
  terms->set_named_users(from.named_users());
  terms->set_recycle_count(from.recycle_count());
  terms->set_recycle_days(from.recycle_days());
  terms->set_trial_days(from.trial_days());
  terms->set_casual_minutes(from.casual_minutes());
  terms->set_linger_ms(from.linger_ms());
  terms->set_borrow_max_ms(from.borrow_max_ms());
  terms->set_borrow_max_count(from.borrow_max_count());
  terms->set_borrow_low_water(from.borrow_low_water());
  terms->set_overdraft(from.overdraft());
  terms->set_overdraft_end_ms(from.overdraft_end_ms());
}

}  // namespace

internal::v1::LicenseTerms TermsOf(const document::v1::License& license) {
  internal::v1::LicenseTerms terms;
  terms.set_license_id(license.license_id());
  terms.set_serial(license.serial());
  terms.set_vendor_id(license.vendor_id());
  terms.set_customer_id(license.customer_id());
  terms.set_issued_ms(license.issued_ms());
  terms.set_not_before_ms(license.not_before_ms());
  terms.set_not_after_ms(license.not_after_ms());
  terms.set_cluster_id(absl::BytesToHexString(license.binding().cluster_id()));
  terms.set_cluster_epoch(license.binding().cluster_epoch());
  for (const document::v1::Feature& feature : license.features()) {
    internal::v1::FeatureTerms* allowed = terms.add_features();
    allowed->set_name(feature.name());
    allowed->set_count(feature.count());
    allowed->set_start_ms(feature.start_ms());
    allowed->set_end_ms(feature.end_ms());
    CopyConditions(feature, allowed);
  }
  return terms;
}

void DescribeLicense(const internal::v1::LicenseRecord& record,
                     int64_t calendar_ms, admin::v1::License* license) {
  const internal::v1::LicenseTerms& terms = record.terms();
  license->set_name(LicenseName(terms.license_id()));
  license->set_serial(terms.serial());
  license->set_vendor_id(terms.vendor_id());
  license->set_customer_id(terms.customer_id());
  license->set_state(StateAt(terms, calendar_ms));
  SetTimestamp(terms.issued_ms(), license->mutable_issue_time());
  SetTimestamp(terms.not_before_ms(), license->mutable_start_time());
  if (terms.not_after_ms() != 0) {
    SetTimestamp(terms.not_after_ms(), license->mutable_end_time());
  }
  for (const internal::v1::FeatureTerms& from : terms.features()) {
    admin::v1::LicenseFeature* feature = license->add_features();
    feature->set_name(from.name());
    feature->set_count(from.count());
    if (from.start_ms() != 0) {
      SetTimestamp(from.start_ms(), feature->mutable_start_time());
    }
    if (from.end_ms() != 0) {
      SetTimestamp(from.end_ms(), feature->mutable_end_time());
    }
    DescribeConditions(from, feature);
  }
  SetTimestamp(record.installed_calendar_ms(), license->mutable_install_time());
  license->set_installed_by(record.installed_by());
}

}  // namespace quorate::server
