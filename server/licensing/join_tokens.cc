#include "server/licensing/join_tokens.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

#include "server/licensing/field_rules.h"
#include "server/licensing/record_codec.h"
#include "server/licensing/refusals.h"
#include "server/licensing/times.h"

namespace quorate::licensing {
namespace {

using internal::v1::Command;
using internal::v1::CreateJoinToken;
using internal::v1::JoinTokenRecord;
using internal::v1::UseJoinToken;

// The first byte of a key, for ever, as the ledger's families have theirs
// (record_codec.h).
constexpr char kFamily = '6';

constexpr size_t kTokenIdDigits = 16;
constexpr size_t kSha256Bytes = 32;

bool IsTokenId(absl::string_view id) {
  return id.size() == kTokenIdDigits &&
         std::all_of(id.begin(), id.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

// Takes the same time wherever the two differ: how much of a guess was right
// must not show.
bool SameSecret(absl::string_view a, absl::string_view b) {
  if (a.size() != b.size()) return false;
  unsigned char difference = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return difference == 0;
}

std::string KeyOf(absl::string_view token_id) {
  std::string key(1, kFamily);
  key.append(token_id.data(), token_id.size());
  return key;
}

RecordChange Put(const JoinTokenRecord& record) {
  return {.key = KeyOf(record.token_id()), .value = record.SerializeAsString()};
}

bool IsUsed(const JoinTokenRecord& record) {
  return record.member_id() != 0;
}

bool HasEnded(const JoinTokenRecord& record, int64_t now_ms) {
  return record.ends_cluster_ms() <= now_ms;
}

std::optional<LedgerAnswer> CheckCreate(const Command& command,
                                        int64_t now_ms) {
  const CreateJoinToken& body = command.create_join_token();
  if (!IsPrincipal(command.principal())) {
    return RefuseField("principal", "must be 1 to 256 bytes of plain text");
  }
  if (!IsRequestId(command.request_id())) {
    return RefuseField("request_id",
                       "must be 1 to 64 printable ASCII characters");
  }
  if (!IsTokenId(body.token_id())) {
    return RefuseField("token_id", "must be 16 hex digits");
  }
  if (body.secret_sha256().size() != kSha256Bytes) {
    return RefuseField("secret_sha256", "must have 32 bytes");
  }
  if (!IsLicenseId(body.name())) {
    return RefuseField("name",
                       "must be 1 to 64 letters, digits, '.', '_', '-'");
  }
  if (body.ttl_ms() < kMinJoinTokenTtlMs ||
      body.ttl_ms() > kMaxJoinTokenTtlMs) {
    return RefuseField("ttl_ms", "must be 1 minute to 24 hours");
  }
  // A copy that comes late would bring back a token that was used and is
  // forgotten.
  if (command.not_after_cluster_ms() < now_ms) {
    return Refuse(
        type::v1::ERROR_REASON_REQUEST_EXPIRED,
        {{"not_after_cluster_ms", absl::StrCat(command.not_after_cluster_ms())},
         {"cluster_ms", absl::StrCat(now_ms)}});
  }
  return std::nullopt;
}

JoinTokenAnswer Refused(LedgerAnswer answer) {
  return {.answer = std::move(answer), .grant = {}};
}

JoinTokenAnswer Granted(const JoinTokenRecord& record) {
  return {.answer = {},
          .grant = {.name = record.name(),
                    .replaces_id = record.replaces_id(),
                    .stay_learner = record.stay_learner()}};
}

}  // namespace

bool JoinTokens::Takes(const Command& command) {
  return command.has_create_join_token() || command.has_use_join_token();
}

JoinTokenAnswer JoinTokens::Apply(const Command& command, int64_t now_ms,
                                  Changes* changes) {
  if (command.has_use_join_token()) {
    return Use(command.use_join_token(), now_ms, changes);
  }
  return Refused(Create(command, now_ms, changes));
}

LedgerAnswer JoinTokens::Create(const Command& command, int64_t now_ms,
                                Changes* changes) {
  if (auto refusal = CheckCreate(command, now_ms)) return *std::move(refusal);
  const CreateJoinToken& body = command.create_join_token();
  const auto known = tokens_.find(body.token_id());
  if (known != tokens_.end()) {
    // The same command in a second entry; ids are drawn by chance.
    if (SameSecret(known->second.secret_sha256(), body.secret_sha256())) {
      return {};
    }
    return RefuseField("token_id", "is another token's");
  }
  // The answer to the first attempt was lost, and its secret with it.
  for (auto it = tokens_.begin(); it != tokens_.end();) {
    const Record& each = (it++)->second;
    if (each.principal() == command.principal() &&
        each.request_id() == command.request_id() && !IsUsed(each)) {
      Erase(each.token_id(), changes);
    }
  }
  if (!MakeRoom(now_ms, changes)) {
    return RefuseOverLimit("join_tokens", kMaxJoinTokens);
  }
  Record record;
  record.set_token_id(body.token_id());
  record.set_secret_sha256(body.secret_sha256());
  record.set_name(body.name());
  record.set_replaces_id(body.replaces_id());
  record.set_stay_learner(body.stay_learner());
  record.set_ends_cluster_ms(AddMs(now_ms, body.ttl_ms()));
  record.set_principal(command.principal());
  record.set_request_id(command.request_id());
  changes->push_back(Put(record));
  tokens_.emplace(record.token_id(), std::move(record));
  return {};
}

JoinTokenAnswer JoinTokens::Check(const UseJoinToken& use,
                                  int64_t now_ms) const {
  const auto found = tokens_.find(use.token_id());
  // One answer to all three, so that nobody learns which ids there are.
  if (found == tokens_.end() ||
      !SameSecret(found->second.secret_sha256(), use.secret_sha256()) ||
      found->second.name() != use.name()) {
    return Refused(Refuse(type::v1::ERROR_REASON_JOIN_TOKEN_INVALID, {}));
  }
  const Record& record = found->second;
  if (HasEnded(record, now_ms)) {
    return Refused(Refuse(type::v1::ERROR_REASON_JOIN_TOKEN_EXPIRED, {}));
  }
  if (use.keys_sha256().size() != kSha256Bytes || use.member_id() == 0) {
    return Refused(RefuseField("keys_sha256", "or the member's id is missing"));
  }
  if (IsUsed(record) && (record.keys_sha256() != use.keys_sha256() ||
                         record.member_id() != use.member_id())) {
    return Refused(Refuse(type::v1::ERROR_REASON_JOIN_TOKEN_USED, {}));
  }
  return Granted(record);
}

JoinTokenAnswer JoinTokens::Use(const UseJoinToken& use, int64_t now_ms,
                                Changes* changes) {
  JoinTokenAnswer checked = Check(use, now_ms);
  if (!checked.answer.ok()) return checked;
  Record& record = tokens_.find(use.token_id())->second;
  if (IsUsed(record)) {
    checked.answer.repeated = true;
    return checked;
  }
  record.set_keys_sha256(use.keys_sha256());
  record.set_member_id(use.member_id());
  changes->push_back(Put(record));
  return checked;
}

// The one that ended first goes; false where none has.
bool JoinTokens::MakeRoom(int64_t now_ms, Changes* changes) {
  if (tokens_.size() < kMaxJoinTokens) return true;
  const auto oldest = std::min_element(
      tokens_.begin(), tokens_.end(), [](const auto& a, const auto& b) {
        return a.second.ends_cluster_ms() < b.second.ends_cluster_ms();
      });
  if (!HasEnded(oldest->second, now_ms)) return false;
  Erase(std::string(oldest->first), changes);
  return true;
}

void JoinTokens::Erase(const std::string& token_id, Changes* changes) {
  changes->push_back(EraseRecord(KeyOf(token_id)));
  tokens_.erase(tokens_.find(token_id));
}

void JoinTokens::MoveTime(int64_t now_ms, Changes* changes) {
  for (auto it = tokens_.begin(); it != tokens_.end();) {
    const auto each = it++;
    if (AddMs(each->second.ends_cluster_ms(), kJoinTokenMemoryMs) <= now_ms) {
      Erase(std::string(each->first), changes);
    }
  }
}

std::optional<int64_t> JoinTokens::NextDueClusterMs() const {
  std::optional<int64_t> due;
  for (const auto& [id, record] : tokens_) {
    const int64_t forget = AddMs(record.ends_cluster_ms(), kJoinTokenMemoryMs);
    due = std::min(due.value_or(forget), forget);
  }
  return due;
}

bool JoinTokens::HasKey(absl::string_view key) {
  return !key.empty() && key.front() == kFamily;
}

absl::Status JoinTokens::RestoreRecord(absl::string_view key,
                                       absl::string_view value) {
  Record record;
  if (!record.ParseFromArray(value.data(), static_cast<int>(value.size())) ||
      KeyOf(record.token_id()) != key || !IsTokenId(record.token_id()) ||
      record.secret_sha256().size() != kSha256Bytes ||
      IsUsed(record) != (record.keys_sha256().size() == kSha256Bytes)) {
    return absl::DataLossError(absl::StrCat(
        "record ", absl::BytesToHexString(key), " is no join token"));
  }
  tokens_.insert_or_assign(record.token_id(), std::move(record));
  return absl::OkStatus();
}

}  // namespace quorate::licensing
