// The join tokens of a cluster: who may come in, once, and for how long.
//
// A pure table beside the ledger, with commands and records of its own. As the
// ledger it sees no clock: tokens end by the cluster time of the entries, so on
// all members alike. Of a token's secret it knows the hash only.
//
// Thread-compatible.

#ifndef QUORATE_SERVER_LICENSING_JOIN_TOKENS_H_
#define QUORATE_SERVER_LICENSING_JOIN_TOKENS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "quorate/internal/v1/command.pb.h"
#include "quorate/internal/v1/record.pb.h"

#include "server/licensing/ledger.h"

namespace quorate::licensing {

// Tokens that are kept at a time, used and ended ones among them. An
// administrator makes a handful in a year; this bounds what a program that runs
// wild leaves behind.
inline constexpr size_t kMaxJoinTokens = 64;

inline constexpr int64_t kMinJoinTokenTtlMs = 60'000;
inline constexpr int64_t kDefaultJoinTokenTtlMs = 3'600'000;
inline constexpr int64_t kMaxJoinTokenTtlMs = 24 * 3'600'000;

// For so long after its end people are told that a token has ended, or was
// used, and not that there is none. A token that has ended makes room sooner
// where room is needed.
inline constexpr int64_t kJoinTokenMemoryMs = 3'600'000;

// What a token lets a machine be.
struct JoinGrant {
  std::string name;
  uint64_t replaces_id = 0;  // 0: nobody.
  bool stay_learner = false;
};

// What a command gave. `answer` is as the ledger's: reason, facts and time.
struct JoinTokenAnswer {
  LedgerAnswer answer;
  JoinGrant grant;  // Of UseJoinToken that succeeded.
};

class JoinTokens {
 public:
  using Changes = std::vector<RecordChange>;

  // True for the commands of this table.
  static bool Takes(const internal::v1::Command& command);

  // Applies such a command at cluster time `now_ms`, which never goes back.
  // Appends each record that changed, a key once.
  JoinTokenAnswer Apply(const internal::v1::Command& command, int64_t now_ms,
                        Changes* changes);

  // Forgets what ended long enough before `now_ms`.
  void MoveTime(int64_t now_ms, Changes* changes);

  // What UseJoinToken would give, without using the token.
  JoinTokenAnswer Check(const internal::v1::UseJoinToken& use,
                        int64_t now_ms) const;

  // When MoveTime has something to do.
  std::optional<int64_t> NextDueClusterMs() const;

  size_t size() const { return tokens_.size(); }

  // True for keys of this table's records.
  static bool HasKey(absl::string_view key);

  // DATA_LOSS where the record does not parse or cannot be.
  absl::Status RestoreRecord(absl::string_view key, absl::string_view value);

 private:
  using Record = internal::v1::JoinTokenRecord;

  LedgerAnswer Create(const internal::v1::Command& command, int64_t now_ms,
                      Changes* changes);
  JoinTokenAnswer Use(const internal::v1::UseJoinToken& use, int64_t now_ms,
                      Changes* changes);
  bool MakeRoom(int64_t now_ms, Changes* changes);
  void Erase(const std::string& token_id, Changes* changes);

  // By id, so that all members walk them in the same order.
  std::map<std::string, Record, std::less<>> tokens_;
};

}  // namespace quorate::licensing

#endif  // QUORATE_SERVER_LICENSING_JOIN_TOKENS_H_
