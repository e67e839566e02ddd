// Records as they stand in the `state/` database.
//
// A key is one byte for the family, then what orders records within it: a
// number as 8 bytes, big-endian, or the licence's id. A value is the record's
// protobuf message.

#ifndef QUORATE_SERVER_LICENSING_RECORD_CODEC_H_
#define QUORATE_SERVER_LICENSING_RECORD_CODEC_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/ledger.h"
#include "server/licensing/request_log.h"

namespace quorate::licensing {

// The first byte of a key, for ever.
enum class RecordFamily : char {
  kLedger = '1',
  kLicense = '2',
  kSession = '3',
  kSeat = '4',
  kAnswer = '5',
  // '6' is that of the join tokens (join_tokens.cc), 'l' that of the alerts
  // (alert_book.cc).
  kQueue = '7',
  kPolicyVersion = '9',
  kBorrow = 'a',
  kModel = 'c',
  kAccount = 'k',
};

// The second byte of a key of a licence model, for ever.
enum class ModelFamily : char {
  kCasualUse = 'm',
  kName = 'n',
  kNameRecycling = 'r',
  kTrial = 't',
  kCreditsUsed = 'u',
};

// The second byte of a key of the queue, for ever.
enum class QueueFamily : char {
  kPlace = 'p',
  kLine = 'q',
  kTermination = 't',
};

// The second byte of a key about borrows, for ever.
enum class BorrowFamily : char {
  kWriteOff = 'w',
};

std::string LedgerKey();
std::string LicenseKey(absl::string_view license_id);
std::string SessionKey(uint64_t session_id);
std::string SeatKey(uint64_t handle);
std::string AnswerKey(uint64_t sequence);
std::string QueuePlaceKey(uint64_t number);
std::string QueueLineKey(absl::string_view feature);
std::string TerminationKey(uint64_t session_id);
std::string PolicyVersionKey(uint64_t version);
std::string WriteOffKey(uint64_t session_id);
std::string AccountKey(absl::string_view account);
std::string CasualUseKey(absl::string_view pool, absl::string_view user);
std::string NamedUserKey(absl::string_view pool, absl::string_view user);
std::string CreditsKey(absl::string_view license_id, absl::string_view feature);

RecordChange PutRecord(const internal::v1::LedgerRecord& record);
RecordChange PutRecord(const internal::v1::LicenseRecord& record);
RecordChange PutRecord(const internal::v1::SessionRecord& record);
RecordChange PutRecord(const internal::v1::SeatRecord& record);
RecordChange PutRecord(const internal::v1::AnswerRecord& record);
RecordChange PutRecord(const internal::v1::QueuePlaceRecord& record);
RecordChange PutRecord(const internal::v1::QueueLineRecord& record);
RecordChange PutRecord(const internal::v1::TerminationRecord& record);
RecordChange PutRecord(const internal::v1::PolicyVersionRecord& record);
RecordChange PutRecord(const internal::v1::WriteOffRecord& record);
RecordChange PutRecord(const internal::v1::CreditsRecord& record);
RecordChange PutRecord(const internal::v1::NamedUserRecord& record);
RecordChange PutRecord(const internal::v1::NameRecyclingRecord& record);
RecordChange PutRecord(const internal::v1::TrialRecord& record);
RecordChange PutRecord(const internal::v1::CasualUseRecord& record);
RecordChange PutRecord(const internal::v1::AccountRecord& record);
RecordChange EraseRecord(std::string key);

// DATA_LOSS where the key has no known family.
absl::StatusOr<RecordFamily> FamilyOf(absl::string_view key);

// DATA_LOSS where `value` does not parse, or is a record of another key. The
// template stands for the record types.
template <typename Record>
absl::StatusOr<Record> ParseRecord(absl::string_view key,
                                   absl::string_view value);

// Overwrites `record`, whose memory is used again: one is written for every
// command.
void ToRecord(const RememberedAnswer& answer, uint64_t sequence,
              internal::v1::AnswerRecord* record);

// DATA_LOSS where the digest has another size.
absl::StatusOr<RememberedAnswer> FromRecord(
    const internal::v1::AnswerRecord& record);

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_RECORD_CODEC_H_
