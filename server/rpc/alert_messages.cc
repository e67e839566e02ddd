#include "server/rpc/alert_messages.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "server/alerts/alert_mail.h"
#include "server/licensing/alert_book.h"
#include "server/rpc/response_header.h"

namespace quorate::server {
namespace {

// The numbers are the same.
internal::v1::AlertKind ToInternal(int kind) {
  return static_cast<internal::v1::AlertKind>(kind);
}

admin::v1::AlertKind ToPublic(int kind) {
  return static_cast<admin::v1::AlertKind>(kind);
}

template <typename Kinds>
void CheckKinds(const Kinds& kinds, absl::string_view field,
                FieldFaults* faults) {
  std::set<int> seen;
  for (const int kind : kinds) {
    if (kind == admin::v1::ALERT_KIND_UNSPECIFIED ||
        !admin::v1::AlertKind_IsValid(kind)) {
      faults->Add(field, "is not one that this member knows");
    } else if (!seen.insert(kind).second) {
      faults->Add(field, "stands there twice");
    }
  }
}

uint32_t CheckNumber(uint32_t given, uint32_t fallback, uint32_t least,
                     uint32_t most, absl::string_view field,
                     FieldFaults* faults) {
  if (given == 0) return fallback;
  if (given < least || given > most) {
    faults->Add(field, absl::StrCat("must be ", least, " to ", most));
  }
  return given;
}

void CheckRecipients(const admin::v1::AlertSettings& settings,
                     internal::v1::AlertSettings* checked,
                     FieldFaults* faults) {
  if (settings.recipients_size() > licensing::kMaxAlertRecipients) {
    faults->Add(
        "settings.recipients",
        absl::StrCat("must be at most ", licensing::kMaxAlertRecipients));
    return;
  }
  std::set<absl::string_view> seen;
  for (int i = 0; i < settings.recipients_size(); ++i) {
    const admin::v1::AlertRecipient& from = settings.recipients(i);
    const std::string field = absl::StrCat("settings.recipients[", i, "]");
    if (!licensing::IsMailAddress(from.address())) {
      faults->Add(absl::StrCat(field, ".address"),
                  "must be a mail address like licences@plant.example, at most "
                  "254 characters of ASCII");
    } else if (!seen.insert(from.address()).second) {
      faults->Add(absl::StrCat(field, ".address"), "stands there twice");
    }
    CheckKinds(from.kinds(), absl::StrCat(field, ".kinds"), faults);
    internal::v1::AlertRecipient* const to = checked->add_recipients();
    to->set_address(from.address());
    for (const int kind : from.kinds())
      to->add_kinds(ToInternal(kind));
  }
}

}  // namespace

internal::v1::AlertSettings CheckAlertSettings(
    const admin::v1::AlertSettings& settings, FieldFaults* faults) {
  internal::v1::AlertSettings checked;
  CheckRecipients(settings, &checked, faults);
  CheckText(settings.cluster_name(), "settings.cluster_name", faults);
  if (settings.cluster_name().size() > licensing::kMaxNameBytes) {
    faults->Add("settings.cluster_name", "must have at most 64 bytes");
  }
  checked.set_cluster_name(settings.cluster_name());
  checked.set_usage_percent(CheckNumber(settings.usage_percent(),
                                        licensing::kDefaultUsagePercent, 1, 100,
                                        "settings.usage_percent", faults));
  checked.set_usage_held_ms(settings.has_usage_held()
                                ? CheckSpan(settings.usage_held(),
                                            licensing::kMaxUsageHeldMs,
                                            "settings.usage_held", faults)
                                : licensing::kDefaultUsageHeldMs);
  checked.set_denials_per_hour(CheckNumber(
      settings.denials_per_hour(), licensing::kDefaultDenialsPerHour, 1,
      licensing::kMaxDenialsPerHour, "settings.denials_per_hour", faults));
  checked.set_member_down_ms(licensing::kDefaultMemberDownMs);
  if (settings.has_member_down()) {
    checked.set_member_down_ms(CheckSpan(settings.member_down(),
                                         licensing::kMaxMemberDownMs,
                                         "settings.member_down", faults));
    if (checked.member_down_ms() < licensing::kMinMemberDownMs) {
      faults->Add("settings.member_down", "must be 5 s to 24 h");
    }
  }
  checked.set_mails_per_hour(
      CheckNumber(settings.mails_per_hour(), licensing::kDefaultMailsPerHour,
                  licensing::kMinMailsPerHour, licensing::kMaxMailsPerHour,
                  "settings.mails_per_hour", faults));
  CheckKinds(settings.off(), "settings.off", faults);
  for (const int kind : settings.off())
    checked.add_off(ToInternal(kind));
  return checked;
}

admin::v1::AlertSettings ToPublic(const internal::v1::AlertSettings& settings) {
  admin::v1::AlertSettings shown;
  for (const internal::v1::AlertRecipient& from : settings.recipients()) {
    admin::v1::AlertRecipient* const to = shown.add_recipients();
    to->set_address(from.address());
    for (const int kind : from.kinds())
      to->add_kinds(ToPublic(kind));
  }
  shown.set_cluster_name(settings.cluster_name());
  shown.set_usage_percent(settings.usage_percent());
  SetDuration(absl::Milliseconds(settings.usage_held_ms()),
              shown.mutable_usage_held());
  shown.set_denials_per_hour(settings.denials_per_hour());
  SetDuration(absl::Milliseconds(settings.member_down_ms()),
              shown.mutable_member_down());
  shown.set_mails_per_hour(settings.mails_per_hour());
  for (const int kind : settings.off())
    shown.add_off(ToPublic(kind));
  return shown;
}

void CheckAddresses(
    const google::protobuf::RepeatedPtrField<std::string>& addresses,
    FieldFaults* faults) {
  if (addresses.size() > licensing::kMaxAlertRecipients) {
    faults->Add("addresses", absl::StrCat("must be at most ",
                                          licensing::kMaxAlertRecipients));
    return;
  }
  for (int i = 0; i < addresses.size(); ++i) {
    if (licensing::IsMailAddress(addresses[i])) continue;
    faults->Add(absl::StrCat("addresses[", i, "]"), "must be a mail address");
  }
}

uint64_t CheckAlertEtag(absl::string_view etag, FieldFaults* faults) {
  uint64_t version = 0;
  const bool digits = std::all_of(etag.begin(), etag.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
  if (!digits || !absl::SimpleAtoi(etag, &version)) {
    faults->Add("etag", "must be one that GetAlertSettings gave");
  }
  return version;
}

void DescribeAlert(const internal::v1::AlertRecord& from,
                   admin::v1::SentAlert* alert) {
  alert->set_number(from.number());
  alert->set_kind(ToPublic(from.facts().kind()));
  alert->set_subject(alerts::SubjectOf(from));
  SetTimestamp(from.raised_calendar_ms(), alert->mutable_raise_time());
  // The numbers are the same.
  alert->set_state(static_cast<admin::v1::AlertMailState>(from.state()));
  alert->set_text(from.text());
  alert->set_member(from.member());
  if (from.mailed_calendar_ms() != 0) {
    SetTimestamp(from.mailed_calendar_ms(), alert->mutable_mail_time());
  }
  alert->set_recipients(from.recipients());
  alert->set_mail(from.mail());
}

internal::v1::AlertKind ParseAlertKind(absl::string_view word) {
  internal::v1::AlertKind kind = internal::v1::ALERT_KIND_UNSPECIFIED;
  internal::v1::AlertKind_Parse(absl::StrCat("ALERT_KIND_", word), &kind);
  return kind;
}

}  // namespace quorate::server
