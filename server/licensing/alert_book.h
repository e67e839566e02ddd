// What is due to be told by mail, what was, and to whom: replicated, so that a
// new leader goes on where the last one stopped.
//
// A pure table beside the ledger, with commands and records of its own, as
// join_tokens.h is. Whether something is due is decided elsewhere
// (server/alerts); here it is agreed on, once: an alert whose key has a mark of
// its stage is not raised again.
//
// Thread-compatible.

#ifndef QUORATE_SERVER_LICENSING_ALERT_BOOK_H_
#define QUORATE_SERVER_LICENSING_ALERT_BOOK_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/alert.pb.h"
#include "quorate/internal/v1/command.pb.h"

#include "server/licensing/ledger.h"

namespace quorate::licensing {

// Who wants to tell more people has a list at his mail server.
inline constexpr int kMaxAlertRecipients = 50;
// RFC 5321, §4.5.3.1: a path of 256 with its brackets.
inline constexpr size_t kMaxAddressBytes = 254;
// What an administrator may want to look back at; older ones make room, but
// none that still waits.
inline constexpr size_t kMaxAlerts = 1'000;
// Things that are so at a time: some for each licence, pool and member. Memory;
// beyond it nothing more is told until something is over.
inline constexpr size_t kMaxAlertMarks = 5'000;
// Of one command: the rest comes with the next.
inline constexpr int kMaxRaisedAlerts = 100;
inline constexpr int kMaxEndedKeys = 1'000;
inline constexpr int kMaxFeaturesOfAlert = 20;
inline constexpr size_t kMaxAlertKeyBytes = 512;

inline constexpr uint32_t kDefaultUsagePercent = 90;
inline constexpr int64_t kDefaultUsageHeldMs = 600'000;
inline constexpr int64_t kMaxUsageHeldMs = int64_t{24} * 3'600'000;
inline constexpr uint32_t kDefaultDenialsPerHour = 50;
inline constexpr uint32_t kMaxDenialsPerHour = 1'000'000;
inline constexpr int64_t kDefaultMemberDownMs = 60'000;
inline constexpr int64_t kMinMemberDownMs = 5'000;
inline constexpr int64_t kMaxMemberDownMs = int64_t{24} * 3'600'000;
inline constexpr uint32_t kDefaultMailsPerHour = 20;
// One for what there is, and one for what was over.
inline constexpr uint32_t kMinMailsPerHour = 2;
inline constexpr uint32_t kMaxMailsPerHour = 1'000;

// Printable ASCII, one @ with something on both sides, and nothing that means
// something in a header or a command: at most kMaxAddressBytes.
bool IsMailAddress(absl::string_view address);

class AlertBook {
 public:
  using Changes = std::vector<RecordChange>;
  using Alerts = std::map<uint64_t, internal::v1::AlertRecord>;
  using Marks = std::map<std::string, uint32_t, std::less<>>;  // The stages.

  AlertBook();

  // True for the commands of this table.
  static bool Takes(const internal::v1::Command& command);

  // Applies such a command. Appends each record that changed, a key once.
  LedgerAnswer Apply(const internal::v1::Command& command, const EntryTime& now,
                     Changes* changes);

  // In force; version 0 are the defaults, before anybody changed anything.
  const internal::v1::AlertSettingsRecord& settings() const {
    return settings_;
  }

  // The last kMaxAlerts, by number.
  const Alerts& alerts() const { return alerts_; }

  // What is so and was told, or is about to be.
  const Marks& marks() const { return marks_; }

  size_t waiting_count() const { return waiting_; }

  // True for keys of this table's records.
  static bool HasKey(absl::string_view key);

  // DATA_LOSS where the record does not parse or cannot be.
  absl::Status RestoreRecord(absl::string_view key, absl::string_view value);

  // All records in key order: two books are equal where these are.
  std::vector<RecordChange> Dump() const;

 private:
  LedgerAnswer Update(const internal::v1::Command& command,
                      const EntryTime& now, Changes* changes);
  LedgerAnswer Raise(const internal::v1::RaiseAlerts& body,
                     const EntryTime& now, Changes* changes);
  LedgerAnswer RecordMail(const internal::v1::RecordAlertMail& body,
                          const EntryTime& now, Changes* changes);
  bool IsNews(const internal::v1::AlertFacts& facts) const;
  void Add(const internal::v1::AlertFacts& facts, const EntryTime& now,
           std::map<std::string, RecordChange>* changed);
  bool MakeRoom(std::map<std::string, RecordChange>* changed);

  internal::v1::AlertSettingsRecord settings_;
  Alerts alerts_;
  Marks marks_;
  size_t waiting_ = 0;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_ALERT_BOOK_H_
