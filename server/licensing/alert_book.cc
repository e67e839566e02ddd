#include "server/licensing/alert_book.h"

#include <algorithm>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "base/ordered_encoding.h"
#include "server/licensing/field_rules.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"
#include "server/licensing/times.h"

namespace quorate::licensing {
namespace {

using internal::v1::AlertFacts;
using internal::v1::AlertMarkRecord;
using internal::v1::AlertRecord;
using internal::v1::AlertSettings;
using internal::v1::AlertSettingsRecord;
using internal::v1::Command;
using internal::v1::RaiseAlerts;
using internal::v1::RecordAlertMail;

// The first byte of a key, for ever, as the ledger's families have theirs
// (record_codec.h), and the second.
constexpr char kFamily = 'l';
constexpr char kAlertKind = 'a';
constexpr char kMarkKind = 'm';
constexpr char kSettingsKind = 's';

// RFC 5321, §4.5.3.1.1.
constexpr size_t kMaxLocalPartBytes = 64;

bool IsLocalPart(absl::string_view part) {
  return !part.empty() && part.size() <= kMaxLocalPartBytes &&
         std::all_of(part.begin(), part.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  absl::string_view("!#$%&'*+-/=?^_`{|}~.").find(c) !=
                      absl::string_view::npos;
         });
}

bool IsDomain(absl::string_view part) {
  return !part.empty() && part.front() != '.' && part.front() != '-' &&
         part.back() != '.' &&
         std::all_of(part.begin(), part.end(), [](char c) {
           return absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
                  c == '.' || c == '-';
         });
}

bool IsKind(int kind) {
  return kind != internal::v1::ALERT_KIND_UNSPECIFIED &&
         internal::v1::AlertKind_IsValid(kind);
}

template <typename Kinds>
bool AreKinds(const Kinds& kinds) {
  return kinds.size() <= internal::v1::AlertKind_ARRAYSIZE &&
         std::all_of(kinds.begin(), kinds.end(), IsKind);
}

std::optional<LedgerAnswer> CheckRecipients(const AlertSettings& settings) {
  if (settings.recipients_size() > kMaxAlertRecipients) {
    return RefuseField("settings.recipients", "are more than 50");
  }
  std::set<absl::string_view> addresses;
  for (const internal::v1::AlertRecipient& each : settings.recipients()) {
    if (!IsMailAddress(each.address())) {
      return RefuseField("settings.recipients.address",
                         "must be a mail address");
    }
    if (!addresses.insert(each.address()).second) {
      return RefuseField("settings.recipients.address", "stands twice");
    }
    if (!AreKinds(each.kinds())) {
      return RefuseField("settings.recipients.kinds", "are not known");
    }
  }
  return std::nullopt;
}

std::optional<LedgerAnswer> CheckSettings(const AlertSettings& settings) {
  if (auto refusal = CheckRecipients(settings)) return refusal;
  if (!IsPlainText(settings.cluster_name()) ||
      settings.cluster_name().size() > kMaxNameBytes) {
    return RefuseField("settings.cluster_name",
                       "must be at most 64 bytes of plain text");
  }
  if (settings.usage_percent() < 1 || settings.usage_percent() > 100) {
    return RefuseField("settings.usage_percent", "must be 1 to 100");
  }
  if (settings.usage_held_ms() < 0 ||
      settings.usage_held_ms() > kMaxUsageHeldMs) {
    return RefuseField("settings.usage_held", "must be 0 to 24 hours");
  }
  if (settings.denials_per_hour() < 1 ||
      settings.denials_per_hour() > kMaxDenialsPerHour) {
    return RefuseField("settings.denials_per_hour", "must be 1 to 1000000");
  }
  if (settings.member_down_ms() < kMinMemberDownMs ||
      settings.member_down_ms() > kMaxMemberDownMs) {
    return RefuseField("settings.member_down", "must be 5 s to 24 hours");
  }
  if (settings.mails_per_hour() < kMinMailsPerHour ||
      settings.mails_per_hour() > kMaxMailsPerHour) {
    return RefuseField("settings.mails_per_hour", "must be 2 to 1000");
  }
  if (!AreKinds(settings.off())) {
    return RefuseField("settings.off", "are not known");
  }
  return std::nullopt;
}

bool IsAlertKey(absl::string_view key) {
  return !key.empty() && key.size() <= kMaxAlertKeyBytes;
}

bool AreFacts(const AlertFacts& facts) {
  return IsAlertKey(facts.key()) &&
         facts.ends_key().size() <= kMaxAlertKeyBytes && IsKind(facts.kind()) &&
         facts.stage() > 0 && IsPlainText(facts.name()) &&
         facts.features_size() <= kMaxFeaturesOfAlert &&
         std::all_of(facts.features().begin(), facts.features().end(),
                     IsFeatureName);
}

std::string KeyOf(char kind, absl::string_view rest) {
  std::string key = {kFamily, kind};
  key.append(rest.data(), rest.size());
  return key;
}

std::string AlertKey(uint64_t number) {
  std::string key = {kFamily, kAlertKind};
  AppendOrdered64(number, &key);
  return key;
}

RecordChange Put(const AlertRecord& record) {
  return {.key = AlertKey(record.number()),
          .value = record.SerializeAsString()};
}

RecordChange PutMark(const std::string& name, uint32_t stage) {
  AlertMarkRecord record;
  record.set_key(name);
  record.set_stage(stage);
  return {.key = KeyOf(kMarkKind, name), .value = record.SerializeAsString()};
}

AlertSettings DefaultSettings() {
  AlertSettings settings;
  settings.set_usage_percent(kDefaultUsagePercent);
  settings.set_usage_held_ms(kDefaultUsageHeldMs);
  settings.set_denials_per_hour(kDefaultDenialsPerHour);
  settings.set_member_down_ms(kDefaultMemberDownMs);
  settings.set_mails_per_hour(kDefaultMailsPerHour);
  return settings;
}

bool Waits(const AlertRecord& alert) {
  return alert.state() == internal::v1::ALERT_MAIL_STATE_WAITING;
}

// The limit that an attempt carries; a late copy must not act.
std::optional<LedgerAnswer> RefuseLate(const Command& command, int64_t now_ms) {
  if (command.not_after_cluster_ms() >= now_ms) return std::nullopt;
  return Refuse(
      type::v1::ERROR_REASON_REQUEST_EXPIRED,
      {{"not_after_cluster_ms", absl::StrCat(command.not_after_cluster_ms())},
       {"cluster_ms", absl::StrCat(now_ms)}});
}

void TakeAll(std::map<std::string, RecordChange> changed,
             AlertBook::Changes* changes) {
  for (auto& [key, change] : changed)
    changes->push_back(std::move(change));
}

absl::Status Damaged(absl::string_view key) {
  return absl::DataLossError(absl::StrCat(
      "record ", absl::BytesToHexString(key), " is none of an alert"));
}

}  // namespace

bool IsMailAddress(absl::string_view address) {
  const size_t at = address.find('@');
  return address.size() <= kMaxAddressBytes && at != absl::string_view::npos &&
         IsLocalPart(address.substr(0, at)) && IsDomain(address.substr(at + 1));
}

AlertBook::AlertBook() {
  *settings_.mutable_settings() = DefaultSettings();
}

bool AlertBook::Takes(const Command& command) {
  return command.has_update_alert_settings() || command.has_raise_alerts() ||
         command.has_record_alert_mail();
}

LedgerAnswer AlertBook::Apply(const Command& command, const EntryTime& now,
                              Changes* changes) {
  if (command.has_update_alert_settings()) {
    return Update(command, now, changes);
  }
  if (command.has_record_alert_mail()) {
    // Also a late one: the mail was sent.
    return RecordMail(command.record_alert_mail(), now, changes);
  }
  if (auto refusal = RefuseLate(command, now.cluster_ms)) {
    return *std::move(refusal);
  }
  return Raise(command.raise_alerts(), now, changes);
}

LedgerAnswer AlertBook::Update(const Command& command, const EntryTime& now,
                               Changes* changes) {
  const internal::v1::UpdateAlertSettings& body =
      command.update_alert_settings();
  if (!IsPrincipal(command.principal())) {
    return RefuseField("principal", "must be 1 to 256 bytes of plain text");
  }
  if (!IsRequestId(command.request_id())) {
    return RefuseField("request_id",
                       "must be 1 to 64 printable ASCII characters");
  }
  if (auto refusal = CheckSettings(body.settings())) return *std::move(refusal);
  if (settings_.request_id() == command.request_id() &&
      settings_.changed_by() == command.principal()) {
    if (settings_.settings().SerializeAsString() !=
        body.settings().SerializeAsString()) {
      return Refuse(type::v1::ERROR_REASON_REQUEST_ID_REUSED,
                    {{"request_id", command.request_id()}});
    }
    LedgerAnswer answer;
    answer.repeated = true;
    return answer;
  }
  if (auto refusal = RefuseLate(command, now.cluster_ms)) {
    return *std::move(refusal);
  }
  if (body.base_version() != settings_.version()) {
    return Refuse(type::v1::ERROR_REASON_ALERT_SETTINGS_CHANGED,
                  {{"base_version", absl::StrCat(body.base_version())},
                   {"version", absl::StrCat(settings_.version())}});
  }
  settings_.set_version(settings_.version() + 1);
  *settings_.mutable_settings() = body.settings();
  settings_.set_changed_by(command.principal());
  settings_.set_changed_calendar_ms(now.calendar_ms);
  settings_.set_request_id(command.request_id());
  changes->push_back({.key = KeyOf(kSettingsKind, ""),
                      .value = settings_.SerializeAsString()});
  return {};
}

bool AlertBook::IsNews(const AlertFacts& facts) const {
  if (!facts.ends_key().empty()) return marks_.contains(facts.ends_key());
  const auto mark = marks_.find(facts.key());
  return mark == marks_.end() || mark->second < facts.stage();
}

// All or nothing: who raises looks again and finds what is left.
LedgerAnswer AlertBook::Raise(const RaiseAlerts& body, const EntryTime& now,
                              Changes* changes) {
  if (body.alerts_size() > kMaxRaisedAlerts ||
      body.ended_keys_size() > kMaxEndedKeys) {
    return RefuseField("alerts", "are too many for one command");
  }
  if (!std::all_of(body.alerts().begin(), body.alerts().end(), AreFacts) ||
      !std::all_of(body.ended_keys().begin(), body.ended_keys().end(),
                   IsAlertKey)) {
    return RefuseField("alerts", "have a field that cannot be");
  }
  std::map<std::string, RecordChange> changed;
  for (const std::string& key : body.ended_keys()) {
    if (marks_.erase(key) == 0) continue;
    std::string name = KeyOf(kMarkKind, key);
    changed[name] = EraseRecord(name);
  }
  for (const AlertFacts& facts : body.alerts()) {
    if (!IsNews(facts)) continue;
    // What there is no room for is told later: it is looked for again.
    if (!MakeRoom(&changed)) break;
    Add(facts, now, &changed);
  }
  TakeAll(std::move(changed), changes);
  return {};
}

void AlertBook::Add(const AlertFacts& facts, const EntryTime& now,
                    std::map<std::string, RecordChange>* changed) {
  if (facts.ends_key().empty()) {
    marks_[facts.key()] = facts.stage();
    RecordChange mark = PutMark(facts.key(), facts.stage());
    (*changed)[mark.key] = mark;
  } else {
    marks_.erase(facts.ends_key());
    std::string name = KeyOf(kMarkKind, facts.ends_key());
    (*changed)[name] = EraseRecord(name);
  }
  AlertRecord alert;
  alert.set_number(alerts_.empty() ? 1 : alerts_.rbegin()->first + 1);
  *alert.mutable_facts() = facts;
  alert.set_raised_calendar_ms(now.calendar_ms);
  alert.set_state(internal::v1::ALERT_MAIL_STATE_WAITING);
  RecordChange put = Put(alert);
  (*changed)[put.key] = put;
  alerts_.emplace(alert.number(), std::move(alert));
  ++waiting_;
}

// The oldest that does not wait goes; false where all wait, or where too much
// is so at a time.
bool AlertBook::MakeRoom(std::map<std::string, RecordChange>* changed) {
  if (marks_.size() >= kMaxAlertMarks) return false;
  if (alerts_.size() < kMaxAlerts) return true;
  const auto oldest =
      std::find_if(alerts_.begin(), alerts_.end(),
                   [](const auto& each) { return !Waits(each.second); });
  if (oldest == alerts_.end()) return false;
  // The newest keeps its number from being given again.
  if (std::next(oldest) == alerts_.end()) return false;
  std::string key = AlertKey(oldest->first);
  (*changed)[key] = EraseRecord(key);
  alerts_.erase(oldest);
  return true;
}

LedgerAnswer AlertBook::RecordMail(const RecordAlertMail& body,
                                   const EntryTime& now, Changes* changes) {
  if (body.numbers_size() == 0 ||
      static_cast<size_t>(body.numbers_size()) > kMaxAlerts ||
      body.state() == internal::v1::ALERT_MAIL_STATE_UNSPECIFIED ||
      !internal::v1::AlertMailState_IsValid(body.state()) ||
      !IsPlainText(body.text()) || !IsPlainText(body.member())) {
    return RefuseField("record_alert_mail", "has a field that cannot be");
  }
  std::map<std::string, RecordChange> changed;
  for (const uint64_t number : body.numbers()) {
    const auto found = alerts_.find(number);
    if (found == alerts_.end() || !Waits(found->second)) continue;
    AlertRecord& alert = found->second;
    alert.set_state(body.state());
    alert.set_text(body.text());
    alert.set_member(body.member());
    alert.set_recipients(body.recipients());
    alert.set_mail(body.numbers(0));
    alert.set_attempts(alert.attempts() + 1);
    if (body.state() == internal::v1::ALERT_MAIL_STATE_MAILED) {
      alert.set_mailed_calendar_ms(now.calendar_ms);
    }
    if (!Waits(alert)) --waiting_;
    RecordChange put = Put(alert);
    changed[put.key] = put;
  }
  TakeAll(std::move(changed), changes);
  return {};
}

bool AlertBook::HasKey(absl::string_view key) {
  return !key.empty() && key.front() == kFamily;
}

absl::Status AlertBook::RestoreRecord(absl::string_view key,
                                      absl::string_view value) {
  const char kind = key.size() < 2 ? '\0' : key[1];
  const int size = static_cast<int>(value.size());
  if (kind == kSettingsKind) {
    AlertSettingsRecord record;
    if (!record.ParseFromArray(value.data(), size) || key.size() != 2 ||
        record.version() == 0 || CheckSettings(record.settings()).has_value()) {
      return Damaged(key);
    }
    settings_ = std::move(record);
    return absl::OkStatus();
  }
  if (kind == kMarkKind) {
    AlertMarkRecord record;
    if (!record.ParseFromArray(value.data(), size) || record.stage() == 0 ||
        !IsAlertKey(record.key()) || KeyOf(kMarkKind, record.key()) != key) {
      return Damaged(key);
    }
    marks_[record.key()] = record.stage();
    return absl::OkStatus();
  }
  AlertRecord record;
  if (kind != kAlertKind || !record.ParseFromArray(value.data(), size) ||
      record.number() == 0 || AlertKey(record.number()) != key ||
      record.state() == internal::v1::ALERT_MAIL_STATE_UNSPECIFIED ||
      !AreFacts(record.facts())) {
    return Damaged(key);
  }
  if (Waits(record)) ++waiting_;
  alerts_.insert_or_assign(record.number(), std::move(record));
  return absl::OkStatus();
}

std::vector<RecordChange> AlertBook::Dump() const {
  std::vector<RecordChange> records;
  for (const auto& [number, alert] : alerts_)
    records.push_back(Put(alert));
  for (const auto& [key, stage] : marks_)
    records.push_back(PutMark(key, stage));
  if (settings_.version() != 0) {
    records.push_back({.key = KeyOf(kSettingsKind, ""),
                       .value = settings_.SerializeAsString()});
  }
  return records;
}

}  // namespace quorate::licensing
