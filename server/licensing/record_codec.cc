#include "server/licensing/record_codec.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "base/ordered_encoding.h"

namespace quorate::licensing {
namespace {

std::string NumberedKey(RecordFamily family, uint64_t number) {
  std::string key;
  key.reserve(9);
  key.push_back(static_cast<char>(family));
  AppendOrdered64(number, &key);
  return key;
}

std::string QueueKey(QueueFamily family, uint64_t number) {
  std::string key = {static_cast<char>(RecordFamily::kQueue),
                     static_cast<char>(family)};
  AppendOrdered64(number, &key);
  return key;
}

// The two parts have no zero byte, so that keys are in the order of the pairs.
std::string ModelKey(ModelFamily family, absl::string_view first,
                     absl::string_view second) {
  std::string key = {static_cast<char>(RecordFamily::kModel),
                     static_cast<char>(family)};
  key.append(first.data(), first.size());
  key.push_back('\0');
  key.append(second.data(), second.size());
  return key;
}

std::string KeyOf(const internal::v1::LedgerRecord&) {
  return LedgerKey();
}

std::string KeyOf(const internal::v1::LicenseRecord& record) {
  return LicenseKey(record.terms().license_id());
}

std::string KeyOf(const internal::v1::SessionRecord& record) {
  return SessionKey(record.session_id());
}

std::string KeyOf(const internal::v1::SeatRecord& record) {
  return SeatKey(record.handle());
}

std::string KeyOf(const internal::v1::AnswerRecord& record) {
  return AnswerKey(record.sequence());
}

std::string KeyOf(const internal::v1::PolicyVersionRecord& record) {
  return PolicyVersionKey(record.version());
}

std::string KeyOf(const internal::v1::QueuePlaceRecord& record) {
  return QueuePlaceKey(record.number());
}

std::string KeyOf(const internal::v1::TerminationRecord& record) {
  return TerminationKey(record.session_id());
}

std::string KeyOf(const internal::v1::CreditsRecord& record) {
  return CreditsKey(record.license_id(), record.feature());
}

std::string KeyOf(const internal::v1::NamedUserRecord& record) {
  return NamedUserKey(record.pool(), record.user());
}

std::string KeyOf(const internal::v1::CasualUseRecord& record) {
  return CasualUseKey(record.pool(), record.user());
}

std::string KeyOf(const internal::v1::TrialRecord& record) {
  return ModelKey(ModelFamily::kTrial, record.license_id(), record.feature());
}

std::string KeyOf(const internal::v1::NameRecyclingRecord& record) {
  return ModelKey(ModelFamily::kNameRecycling, record.pool(), "");
}

std::string KeyOf(const internal::v1::QueueLineRecord& record) {
  return QueueLineKey(record.feature());
}

std::string KeyOf(const internal::v1::WriteOffRecord& record) {
  return WriteOffKey(record.borrow().session_id());
}

std::string KeyOf(const internal::v1::AccountRecord& record) {
  return AccountKey(record.account());
}

template <typename Record>
RecordChange Put(const Record& record) {
  return {.key = KeyOf(record), .value = record.SerializeAsString()};
}

absl::Status Damaged(absl::string_view key, absl::string_view problem) {
  return absl::DataLossError(
      absl::StrCat("record ", absl::BytesToHexString(key), ": ", problem));
}

}  // namespace

std::string LedgerKey() {
  return std::string(1, static_cast<char>(RecordFamily::kLedger));
}

std::string LicenseKey(absl::string_view license_id) {
  std::string key(1, static_cast<char>(RecordFamily::kLicense));
  key.append(license_id.data(), license_id.size());
  return key;
}

std::string SessionKey(uint64_t session_id) {
  return NumberedKey(RecordFamily::kSession, session_id);
}

std::string SeatKey(uint64_t handle) {
  return NumberedKey(RecordFamily::kSeat, handle);
}

std::string AnswerKey(uint64_t sequence) {
  return NumberedKey(RecordFamily::kAnswer, sequence);
}

std::string PolicyVersionKey(uint64_t version) {
  return NumberedKey(RecordFamily::kPolicyVersion, version);
}

std::string CasualUseKey(absl::string_view pool, absl::string_view user) {
  return ModelKey(ModelFamily::kCasualUse, pool, user);
}

std::string NamedUserKey(absl::string_view pool, absl::string_view user) {
  return ModelKey(ModelFamily::kName, pool, user);
}

std::string CreditsKey(absl::string_view license_id,
                       absl::string_view feature) {
  return ModelKey(ModelFamily::kCreditsUsed, license_id, feature);
}

std::string QueuePlaceKey(uint64_t number) {
  return QueueKey(QueueFamily::kPlace, number);
}

std::string TerminationKey(uint64_t session_id) {
  return QueueKey(QueueFamily::kTermination, session_id);
}

std::string QueueLineKey(absl::string_view feature) {
  std::string key = {static_cast<char>(RecordFamily::kQueue),
                     static_cast<char>(QueueFamily::kLine)};
  key.append(feature.data(), feature.size());
  return key;
}

std::string WriteOffKey(uint64_t session_id) {
  std::string key = {static_cast<char>(RecordFamily::kBorrow),
                     static_cast<char>(BorrowFamily::kWriteOff)};
  AppendOrdered64(session_id, &key);
  return key;
}

std::string AccountKey(absl::string_view account) {
  std::string key(1, static_cast<char>(RecordFamily::kAccount));
  key.append(account.data(), account.size());
  return key;
}

RecordChange PutRecord(const internal::v1::LedgerRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::LicenseRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::SessionRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::SeatRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::AnswerRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::PolicyVersionRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::QueuePlaceRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::QueueLineRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::TerminationRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::WriteOffRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::CreditsRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::NamedUserRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::NameRecyclingRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::TrialRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::CasualUseRecord& record) {
  return Put(record);
}

RecordChange PutRecord(const internal::v1::AccountRecord& record) {
  return Put(record);
}

RecordChange EraseRecord(std::string key) {
  return {.key = std::move(key), .value = std::nullopt};
}

absl::StatusOr<RecordFamily> FamilyOf(absl::string_view key) {
  if (key.empty()) return Damaged(key, "the key is empty");
  const auto family = static_cast<RecordFamily>(key.front());
  switch (family) {
    case RecordFamily::kLedger:
    case RecordFamily::kLicense:
    case RecordFamily::kSession:
    case RecordFamily::kSeat:
    case RecordFamily::kAnswer:
    case RecordFamily::kQueue:
    case RecordFamily::kPolicyVersion:
    case RecordFamily::kBorrow:
    case RecordFamily::kModel:
    case RecordFamily::kAccount:
      return family;
  }
  return Damaged(key, "no such family of records");
}

template <typename Record>
absl::StatusOr<Record> ParseRecord(absl::string_view key,
                                   absl::string_view value) {
  Record record;
  if (value.size() > static_cast<size_t>(std::numeric_limits<int>::max()) ||
      !record.ParseFromArray(value.data(), static_cast<int>(value.size()))) {
    return Damaged(key, "the value does not parse");
  }
  if (KeyOf(record) != key) return Damaged(key, "the value has another key");
  return record;
}

template absl::StatusOr<internal::v1::LedgerRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::LicenseRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::SessionRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::SeatRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::AnswerRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::PolicyVersionRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::QueuePlaceRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::QueueLineRecord> ParseRecord(
    absl::string_view, absl::string_view);

template absl::StatusOr<internal::v1::TerminationRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::WriteOffRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::CreditsRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::CasualUseRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::TrialRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::NamedUserRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::AccountRecord> ParseRecord(
    absl::string_view, absl::string_view);
template absl::StatusOr<internal::v1::NameRecyclingRecord> ParseRecord(
    absl::string_view, absl::string_view);

void ToRecord(const RememberedAnswer& answer, uint64_t sequence,
              internal::v1::AnswerRecord* record) {
  record->Clear();
  const absl::string_view principal = answer.principal();
  const absl::string_view request_id = answer.request_id();
  record->set_principal(principal.data(), principal.size());
  record->set_request_id(request_id.data(), request_id.size());
  record->set_command_digest(answer.digest.data(), answer.digest.size());
  record->set_answered_cluster_ms(answer.answered_cluster_ms);
  record->set_sequence(sequence);
  internal::v1::Answer* const given = record->mutable_answer();
  given->set_session_id(answer.session_id);
  given->set_ttl_ms(answer.ttl_ms);
  given->set_granted_calendar_ms(answer.granted_calendar_ms);
  for (const uint64_t handle : answer.seat_handles) {
    given->add_seat_handles(handle);
  }
}

absl::StatusOr<RememberedAnswer> FromRecord(
    const internal::v1::AnswerRecord& record) {
  RememberedAnswer answer(record.principal(), record.request_id());
  if (record.command_digest().size() != answer.digest.size()) {
    return Damaged(KeyOf(record), "the digest has another size");
  }
  std::copy(record.command_digest().begin(), record.command_digest().end(),
            answer.digest.begin());
  answer.answered_cluster_ms = record.answered_cluster_ms();
  answer.session_id = record.answer().session_id();
  answer.ttl_ms = record.answer().ttl_ms();
  answer.granted_calendar_ms = record.answer().granted_calendar_ms();
  answer.seat_handles.assign(record.answer().seat_handles().begin(),
                             record.answer().seat_handles().end());
  return answer;
}

}  // namespace quorate::licensing
