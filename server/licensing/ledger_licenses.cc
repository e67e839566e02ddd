// Licences: installed, replaced by a newer serial, never by an older one.

#include <utility>

#include "absl/strings/str_cat.h"

#include "server/licensing/ledger_state.h"
#include "server/licensing/license_rules.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"

namespace quorate::licensing {

using internal::v1::Command;
using internal::v1::LicenseRecord;
using internal::v1::LicenseTerms;

namespace {

// What an installed licence says to another issue of it. The installed record
// is the ratchet: no serial below its own is ever taken again. Success means
// that it is the same document.
LedgerAnswer CompareIssues(const LicenseRecord& installed,
                           const internal::v1::InstallLicense& offered) {
  const uint64_t serial = offered.terms().serial();
  const uint64_t installed_serial = installed.terms().serial();
  const std::string& id = offered.terms().license_id();
  if (serial < installed_serial) {
    return Refuse(type::v1::ERROR_REASON_SERIAL_ROLLBACK,
                  {{"license", id},
                   {"serial", absl::StrCat(serial)},
                   {"installed_serial", absl::StrCat(installed_serial)}});
  }
  if (installed.payload_sha256() != offered.payload_sha256()) {
    return Refuse(type::v1::ERROR_REASON_SERIAL_FORK,
                  {{"license", id}, {"serial", absl::StrCat(serial)}});
  }
  return {};
}

}  // namespace

LedgerAnswer Ledger::State::InstallLicense(const Command& command,
                                           Changes* changes) {
  const internal::v1::InstallLicense& body = command.install_license();
  if (auto refusal = CheckLicenseFields(body)) return *std::move(refusal);
  const LicenseTerms& terms = body.terms();
  if (terms.cluster_id() != tables_.cluster_id || terms.cluster_epoch() == 0 ||
      terms.cluster_epoch() > tables_.cluster_epoch) {
    return Refuse(
        type::v1::ERROR_REASON_LICENSE_FOREIGN,
        {{"license", terms.license_id()},
         {"license_cluster_epoch", absl::StrCat(terms.cluster_epoch())},
         {"cluster_id", tables_.cluster_id},
         {"cluster_epoch", absl::StrCat(tables_.cluster_epoch)}});
  }
  const auto installed = tables_.licenses.find(terms.license_id());
  const bool replaces = installed != tables_.licenses.end();
  if (replaces && terms.serial() <= installed->second.terms().serial()) {
    return CompareIssues(installed->second, body);
  }
  const int64_t now = tables_.counters.calendar_ms;
  if (terms.not_after_ms() != 0 && terms.not_after_ms() <= now) {
    return Refuse(type::v1::ERROR_REASON_LICENSE_EXPIRED,
                  {{"license", terms.license_id()},
                   {"ended_ms", absl::StrCat(terms.not_after_ms())}});
  }
  if (!replaces && tables_.licenses.size() >= limits_.licenses) {
    return RefuseOverLimit("licenses", limits_.licenses);
  }
  if (replaces) tables_.pools.RemoveTerms(installed->second.terms());
  LicenseRecord& record = tables_.licenses[terms.license_id()];
  *record.mutable_terms() = terms;
  record.set_payload_sha256(body.payload_sha256());
  record.set_license_file(body.license_file());
  record.set_installed_calendar_ms(now);
  record.set_installed_by(command.principal());
  tables_.pools.AddTerms(terms);
  tables_.queue.MarkAllUnserved();
  changes->push_back(PutRecord(record));
  return {};
}

}  // namespace quorate::licensing
