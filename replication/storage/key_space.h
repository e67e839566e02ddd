// Keys and records of the `raft/` database (docs/storage_format.md).
//
// Column family "default" holds what there is one of, or few:
//   hs                HardState, one record for term, vote and commit
//   ident             MemberIdentity
//   conf/<be64 index> Configuration of the entry with that index; index 0: as
//                     another member told it to one that joined
// Column family "log" holds the entries:
//   <be64 index>      Entry
// Families keep the log's tables apart from records that are overwritten all
// the time; in one family every table would overlap with every other, and each
// compaction would write the whole log again.

#ifndef QUORATE_REPLICATION_STORAGE_KEY_SPACE_H_
#define QUORATE_REPLICATION_STORAGE_KEY_SPACE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/message_lite.h"

#include "replication/raft/types.h"
#include "replication/storage/log_store.h"

namespace quorate::replication {

// Folders in a member's data directory.
inline constexpr char kLogFolder[] = "raft";
inline constexpr char kStateFolder[] = "state";
// The state before an installed snapshot, for as long as that takes.
inline constexpr char kReplacedStateFolder[] = "state.replaced";

inline constexpr char kLogFamily[] = "log";

inline constexpr char kHardStateKey[] = "hs";
inline constexpr char kIdentityKey[] = "ident";
inline constexpr char kSnapshotKey[] = "snap";
inline constexpr char kConfigurationPrefix[] = "conf/";

std::string EntryKey(raft::Index index);
std::string ConfigurationKey(raft::Index index);

// Nothing where `key` is no such key.
std::optional<raft::Index> ParseEntryKey(absl::string_view key);
std::optional<raft::Index> ParseConfigurationKey(absl::string_view key);

// A record is 8 bytes of checksum (XXH3-64 of the body, seeded with the XXH3-64
// of the key, big-endian), then the body. RocksDB has checksums of its own;
// this one is made before the record enters RocksDB and checked after it left,
// and notices a record under the wrong key.
std::string SealRecord(absl::string_view key, absl::string_view body);
std::string SealRecord(absl::string_view key,
                       const google::protobuf::MessageLite& body);

// The body. DATA_LOSS where the checksum does not fit. Points into `record`.
absl::StatusOr<absl::string_view> OpenRecord(absl::string_view key,
                                             absl::string_view record);

// The record's value: sealed, parsed and within the rules of its type, else
// DATA_LOSS.
absl::StatusOr<raft::Entry> OpenEntry(absl::string_view key,
                                      absl::string_view record);
absl::StatusOr<raft::Configuration> OpenConfiguration(absl::string_view key,
                                                      absl::string_view record);
absl::StatusOr<raft::HardState> OpenHardState(absl::string_view record);
absl::StatusOr<MemberIdentity> OpenIdentity(absl::string_view record);
absl::StatusOr<raft::SnapshotPosition> OpenSnapshot(absl::string_view record);

std::string SealIdentity(const MemberIdentity& identity);
std::string SealHardState(const raft::HardState& hard_state);
std::string SealSnapshot(const raft::SnapshotPosition& position);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_KEY_SPACE_H_
