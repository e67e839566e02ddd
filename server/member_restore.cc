#include "server/member_restore.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <set>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "backup/backup_file.h"
#include "base/folder.h"
#include "base/status.h"
#include "replication/snapshot/manifest.h"
#include "replication/snapshot/snapshot_store.h"
#include "replication/storage/rocksdb_log_store.h"
#include "replication/storage/rocksdb_state_store.h"
#include "server/history/stored_record.h"
#include "server/licensing/limits.h"
#include "server/licensing/restoration.h"
#include "server/licensing_replica.h"
#include "server/member_stores.h"
#include "server/rpc/license_terms.h"

namespace quorate::server {
namespace {

namespace fs = std::filesystem;

using backup::BackupHeader;
using backup::BackupParser;

constexpr size_t kPieceBytes = 1 << 20;

// A checked backup.
struct Source {
  std::string path;
  BackupHeader header;
  std::string sha256;
};

absl::StatusOr<std::string> ParseBackup(const std::string& path,
                                        BackupParser* parser) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": cannot be read; check that it exists"));
  }
  std::string piece(kPieceBytes, '\0');
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    QUORATE_RETURN_IF_ERROR(
        parser->Add({piece.data(), static_cast<size_t>(file.gcount())}));
  }
  if (file.bad()) return absl::UnavailableError("cannot be read");
  return parser->Finish();
}

// Reads all of the file before anything of it is believed.
absl::StatusOr<Source> CheckBackup(const std::string& path) {
  BackupParser parser({});
  auto sha256 = ParseBackup(path, &parser);
  if (!sha256.ok()) return Annotate(sha256.status(), path);
  return Source{
      .path = path, .header = *parser.header(), .sha256 = *std::move(sha256)};
}

// Old and new members must never take each other for their own.
absl::Status CheckConfig(const Config& config, const BackupHeader& header) {
  if (config.cluster_id != header.cluster_id) {
    return absl::InvalidArgumentError(
        absl::StrCat("the backup is of cluster ", header.cluster_id,
                     ", and cluster.id in the configuration is ",
                     config.cluster_id, ": take the backup's"));
  }
  if (config.cluster_epoch <= header.cluster_epoch ||
      config.cluster_epoch > licensing::kMaxClusterEpoch) {
    return absl::InvalidArgumentError(absl::StrCat(
        "the backup is of epoch ", header.cluster_epoch,
        ", and cluster.epoch in the configuration is ", config.cluster_epoch,
        ": a restored cluster needs a greater one that no cluster had, "
        "usually ",
        header.cluster_epoch + 1));
  }
  std::set<uint64_t> old_ids;
  for (const backup::BackupMember& member : header.members) {
    old_ids.insert(member.id);
  }
  for (const raft::MemberAddress& member : config.members) {
    if (old_ids.contains(member.id.value())) {
      return absl::InvalidArgumentError(absl::StrCat(
          "member ", member.name,
          " has the id of a member of the old cluster, ", member.id.value(),
          ": give all members ids of their own"));
    }
  }
  return absl::OkStatus();
}

// The same on all members, and another one for another cluster.
std::string RestoreId(const Config& config, const Source& source) {
  backup::RunningSha256 id;
  id.Add(source.sha256);
  id.Add(absl::StrCat(config.cluster_epoch));
  for (const raft::MemberAddress& member : config.members) {
    id.Add(absl::StrCat(",", member.id.value(), "=", member.client_endpoint));
  }
  return absl::BytesToHexString(id.Digest().substr(0, 16));
}

// Writes the content into `store` as if a leader sent it, which checks each
// file by the manifest.
absl::StatusOr<std::string> Unpack(const Source& source,
                                   const raft::SnapshotPosition& position,
                                   replication::SnapshotStore* store) {
  BackupParser parser({.header =
                           [&](const BackupHeader& header) {
                             return store
                                 ->BeginReceiving(
                                     {.position = position,
                                      .manifest = header.manifest,
                                      .total_bytes = header.content_bytes})
                                 .status();
                           },
                       .content =
                           [&](uint64_t offset, absl::string_view bytes) {
                             return store->Receive(offset, bytes);
                           }});
  QUORATE_ASSIGN_OR_RETURN(const std::string sha256,
                           ParseBackup(source.path, &parser));
  if (sha256 != source.sha256) {
    return absl::DataLossError("the backup changed while it was read");
  }
  QUORATE_RETURN_IF_ERROR(store->FinishReceiving());
  return store->Received(position);
}

// The records as the new cluster begins with them, all of them durable.
absl::Status Transform(const Config& config, const Source& source,
                       const std::string& folder,
                       replication::StateStore* state) {
  licensing::RestoreTarget target = {.epoch = config.cluster_epoch,
                                     .restore_id = RestoreId(config, source)};
  for (const backup::BackupMember& member : source.header.members) {
    target.old_clients.push_back(member.client_endpoint);
  }
  std::vector<replication::RecordChange> changes;
  // The history goes on as it is.
  QUORATE_RETURN_IF_ERROR(history::ForEachOther(
      *state,
      [&](absl::string_view key, absl::string_view value) -> absl::Status {
        QUORATE_ASSIGN_OR_RETURN(
            std::optional<licensing::RecordChange> change,
            licensing::RestoreRecordFor(target, key, value));
        if (change.has_value()) {
          changes.push_back({.key = std::move(change->key),
                             .value = std::move(change->value)});
        }
        return absl::OkStatus();
      }));
  QUORATE_ASSIGN_OR_RETURN(const replication::AppliedPosition position,
                           state->ReadPosition());
  state->Write(changes, position);
  // A write is not synced, and here no log stands behind it; a checkpoint is.
  const std::string checkpoint = absl::StrCat(folder, "/state.restored");
  QUORATE_RETURN_IF_ERROR(state->Checkpoint(checkpoint));
  return state->Install(checkpoint, [](const replication::StateReader&) {
    return absl::OkStatus();
  });
}

// The checksum of a backup is nobody's signature: who edits one can compute
// another. The licences are signed.
absl::Status CheckLicenses(const licensing::Ledger& ledger,
                           const trust::LicenseVerifier& verifier) {
  absl::Status status;
  ledger.VisitLicenses("", [&](const internal::v1::LicenseRecord& record) {
    const auto verified = verifier.Verify(record.license_file());
    const bool same = verified.ok() &&
                      verified->payload_sha256 == record.payload_sha256() &&
                      TermsOf(verified->license).SerializeAsString() ==
                          record.terms().SerializeAsString();
    if (!same) {
      status = absl::DataLossError(absl::StrCat(
          "licence ", record.terms().license_id(),
          " is not as the vendor signed it",
          verified.ok() ? "" : absl::StrCat(": ", verified.status().message()),
          ". Is trust.root the vendor's, and the backup your own?"));
    }
    return same;
  });
  return status;
}

// An empty log that begins after the backup's position, with the new members.
absl::Status MakeLog(const Config& config, const std::string& folder,
                     raft::SnapshotPosition position) {
  const raft::Configuration members = InitialConfiguration(config);
  QUORATE_RETURN_IF_ERROR(replication::RocksDbLogStore::CreateJoining(
      folder, {.cluster_id = config.cluster_id, .member_id = config.self.id},
      members, replication::LogStoreOptions()));
  QUORATE_ASSIGN_OR_RETURN(
      const std::unique_ptr<replication::RocksDbLogStore> log,
      replication::RocksDbLogStore::Open(folder, config.cluster_id,
                                         replication::LogStoreOptions()));
  position.configuration = std::make_shared<const raft::Configuration>(members);
  position.configuration_index = position.index;
  log->Append({.install = position,
               .hard_state = raft::HardState{.term = position.term,
                                             .commit = position.index},
               .must_sync = true});
  return absl::OkStatus();
}

int64_t LongestBorrowMs(const licensing::Ledger& ledger) {
  int64_t longest_ms = 0;
  ledger.VisitLicenses("", [&](const internal::v1::LicenseRecord& record) {
    for (const auto& feature : record.terms().features()) {
      longest_ms = std::max(longest_ms, feature.borrow_max_ms());
    }
    return true;
  });
  return longest_ms;
}

absl::StatusOr<RestoredMember> Build(const Config& config,
                                     const trust::LicenseVerifier& verifier,
                                     const Source& source,
                                     const std::string& folder) {
  QUORATE_ASSIGN_OR_RETURN(const replication::SnapshotManifest manifest,
                           replication::DecodeManifest(source.header.manifest));
  QUORATE_ASSIGN_OR_RETURN(
      std::unique_ptr<replication::RocksDbStateStore> state,
      replication::RocksDbStateStore::Open(folder,
                                           replication::StateStoreOptions()));
  {
    QUORATE_ASSIGN_OR_RETURN(
        const std::unique_ptr<replication::SnapshotStore> snapshots,
        replication::SnapshotStore::Open(folder, config.cluster_id,
                                         replication::SnapshotStoreOptions()));
    QUORATE_ASSIGN_OR_RETURN(
        const std::string unpacked,
        Unpack(source, manifest.position, snapshots.get()));
    QUORATE_RETURN_IF_ERROR(state->Install(
        unpacked,
        [](const replication::StateReader&) { return absl::OkStatus(); }));
  }
  // It is the old cluster's snapshot; the new one makes its own.
  std::error_code error;
  fs::remove_all(absl::StrCat(folder, "/snapshots"), error);
  QUORATE_ASSIGN_OR_RETURN(const replication::AppliedPosition applied,
                           state->ReadPosition());
  if (applied.index != manifest.position.index ||
      applied.term != manifest.position.term ||
      applied.stamp != manifest.position.stamp) {
    return absl::DataLossError("the backup's records are of another position");
  }
  // Both times the ledger checks all records.
  QUORATE_ASSIGN_OR_RETURN(
      const std::unique_ptr<LicensingReplica> backed_up,
      LicensingReplica::Restore(config.cluster_id, source.header.cluster_epoch,
                                state.get()));
  QUORATE_RETURN_IF_ERROR(CheckLicenses(backed_up->ledger(), verifier));
  QUORATE_RETURN_IF_ERROR(Transform(config, source, folder, state.get()));
  QUORATE_ASSIGN_OR_RETURN(
      const std::unique_ptr<LicensingReplica> replica,
      LicensingReplica::Restore(config.cluster_id, config.cluster_epoch,
                                state.get()));
  QUORATE_RETURN_IF_ERROR(MakeLog(config, folder, manifest.position));
  return RestoredMember{
      .old_epoch = source.header.cluster_epoch,
      .index = applied.index.value(),
      .sessions = replica->ledger().session_count(),
      .seats = replica->ledger().seat_count(),
      .backup_calendar_ms = replica->ledger().time().calendar_ms,
      .longest_borrow_ms = LongestBorrowMs(replica->ledger())};
}

absl::Status DiskError(const std::string& path, const std::error_code& error) {
  return absl::UnavailableError(absl::StrCat(path, ": ", error.message()));
}

// The one step after which the member is there.
absl::Status MoveInPlace(const std::string& folder, const std::string& target) {
  std::error_code error;
  fs::remove(target, error);  // Empty, or not there.
  fs::rename(folder, target, error);
  if (error) return DiskError(target, error);
  return SyncFolder(ParentOf(target));
}

}  // namespace

std::string UnknownBorrowsNotice(const RestoredMember& restored) {
  if (restored.longest_borrow_ms == 0) return "";
  // A licence says days; the margin beyond them is an hour.
  static_assert(licensing::kBorrowMarginMs == 3'600'000);
  constexpr int64_t kDayMs = int64_t{24} * 3'600'000;
  const int64_t days = (restored.longest_borrow_ms + kDayMs - 1) / kDayMs;
  return absl::StrCat(
      "Seats that were borrowed after the backup was made, ",
      absl::FormatTime("%Y-%m-%d %H:%M",
                       absl::FromUnixMillis(restored.backup_calendar_ms),
                       absl::UTCTimeZone()),
      " UTC, are not\nknown here and would be granted again. They can be out "
      "until ",
      days,
      " days and an hour\nafter the old cluster last served: "
      "docs/operations.md, \"Borrows "
      "after the\nbackup\", says what to do before the release.\n");
}

absl::StatusOr<RestoredMember> RestoreMember(
    const Config& config, const trust::LicenseVerifier& verifier,
    const std::string& backup) {
  std::error_code error;
  std::string target = config.data_dir;
  while (target.size() > 1 && target.back() == '/')
    target.pop_back();
  if (fs::exists(target, error) && !fs::is_empty(target, error)) {
    return absl::AlreadyExistsError(absl::StrCat(
        target,
        " is there and not empty. `quorated restore` never overwrites; "
        "a member that was restored is started by `quorated run`."));
  }
  QUORATE_ASSIGN_OR_RETURN(const Source source, CheckBackup(backup));
  QUORATE_RETURN_IF_ERROR(Annotate(CheckConfig(config, source.header), backup));
  const std::string folder = absl::StrCat(target, ".restoring");
  fs::remove_all(folder, error);
  fs::create_directories(folder, error);
  // Licences and who uses what are nobody else's to read.
  if (!error) fs::permissions(folder, fs::perms::owner_all, error);
  if (error) return DiskError(folder, error);
  absl::StatusOr<RestoredMember> restored =
      Build(config, verifier, source, folder);
  absl::Status status = restored.status();
  if (status.ok()) status = MoveInPlace(folder, target);
  if (status.ok()) return restored;
  fs::remove_all(folder, error);
  return Annotate(status, backup);
}

}  // namespace quorate::server
