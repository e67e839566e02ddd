#include "replication/storage/log_recovery.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/status.h"
#include "replication/storage/bootstrap.h"
#include "replication/storage/key_space.h"
#include "replication/storage/rocksdb_options.h"

namespace quorate::replication {
namespace {

using raft::Index;
using raft::Term;

using AtIndex = raft::RestoredState::AtIndex;

absl::StatusOr<std::string> ReadRecord(rocksdb::DB* db, const char* key) {
  std::string record;
  const rocksdb::Status status =
      db->Get(rocksdb::ReadOptions(), db->DefaultColumnFamily(), key, &record);
  if (status.IsNotFound()) {
    return absl::DataLossError(absl::StrCat("record '", key, "' is missing"));
  }
  QUORATE_RETURN_IF_ERROR(FromRocksDb(status));
  return record;
}

absl::StatusOr<MemberIdentity> RecoverIdentity(rocksdb::DB* db,
                                               absl::string_view cluster_id) {
  QUORATE_ASSIGN_OR_RETURN(const std::string record,
                           ReadRecord(db, kIdentityKey));
  QUORATE_ASSIGN_OR_RETURN(MemberIdentity identity, OpenIdentity(record));
  if (identity.format_version != kFormatVersion) {
    return absl::FailedPreconditionError(
        absl::StrCat("written in format version ", identity.format_version,
                     ", this program knows ", kFormatVersion));
  }
  if (identity.cluster_id != cluster_id) {
    return absl::FailedPreconditionError(absl::StrCat(
        "belongs to cluster ", identity.cluster_id, ", not to ", cluster_id));
  }
  return identity;
}

absl::StatusOr<std::optional<raft::SnapshotPosition>> RecoverSnapshot(
    rocksdb::DB* db) {
  std::string record;
  const rocksdb::Status status = db->Get(
      rocksdb::ReadOptions(), db->DefaultColumnFamily(), kSnapshotKey, &record);
  if (status.IsNotFound()) return std::nullopt;
  QUORATE_RETURN_IF_ERROR(FromRocksDb(status));
  return OpenSnapshot(record);
}

absl::StatusOr<std::vector<AtIndex>> RecoverConfigurations(
    rocksdb::DB* db, const std::optional<raft::SnapshotPosition>& snapshot) {
  std::vector<AtIndex> configurations;
  if (snapshot.has_value()) {
    configurations.push_back({.index = snapshot->configuration_index,
                              .configuration = snapshot->configuration});
  }
  const std::unique_ptr<rocksdb::Iterator> it(
      db->NewIterator(rocksdb::ReadOptions(), db->DefaultColumnFamily()));
  for (it->Seek(kConfigurationPrefix);
       it->Valid() && it->key().starts_with(kConfigurationPrefix); it->Next()) {
    const absl::string_view key = FromSlice(it->key());
    const auto index = ParseConfigurationKey(key);
    if (!index.has_value()) {
      return absl::DataLossError("a malformed configuration key");
    }
    if (snapshot.has_value() && *index <= snapshot->index) {
      return absl::DataLossError(
          absl::StrCat("configuration ", index->value(),
                       " stands beside the snapshot that replaced it"));
    }
    QUORATE_ASSIGN_OR_RETURN(raft::Configuration configuration,
                             OpenConfiguration(key, FromSlice(it->value())));
    configurations.push_back(
        AtIndex{.index = *index,
                .configuration = std::make_shared<const raft::Configuration>(
                    std::move(configuration))});
  }
  QUORATE_RETURN_IF_ERROR(FromRocksDb(it->status()));
  return configurations;
}

// Checks the entries one by one, in order.
class EntryScan {
 public:
  explicit EntryScan(RecoveredLog* recovered) : recovered_(recovered) {
    const auto& configurations = recovered->configurations;
    const bool told =
        !configurations.empty() && configurations.front().index == Index(0);
    seen_ = recovered->snapshot.has_value() || told ? 1 : 0;
  }

  absl::Status Visit(absl::string_view key, absl::string_view record) {
    const Index expected = recovered_->terms.last().Next();
    const auto index = ParseEntryKey(key);
    if (!index.has_value()) return absl::DataLossError("a malformed entry key");
    if (*index != expected) {
      return absl::DataLossError(absl::StrCat("entry ", expected.value(),
                                              " is missing, the next is ",
                                              index->value()));
    }
    QUORATE_ASSIGN_OR_RETURN(const raft::Entry entry, OpenEntry(key, record));
    if (entry.index != expected) {
      return absl::DataLossError(absl::StrCat("entry ", entry.index.value(),
                                              " stands at ", expected.value()));
    }
    if (entry.term < recovered_->terms.At(expected.Previous()) ||
        entry.term > recovered_->hard_state.term) {
      return absl::DataLossError(
          absl::StrCat("entry ", expected.value(), " has a term out of order"));
    }
    recovered_->terms.Append(entry.term);
    return CheckConfiguration(entry);
  }

  absl::Status Finish() const {
    const Index last = recovered_->terms.last();
    if (seen_ != recovered_->configurations.size() || seen_ == 0) {
      return absl::DataLossError(
          "configuration records and entries do not agree");
    }
    if (recovered_->hard_state.commit > last) {
      return absl::DataLossError(
          absl::StrCat("entries up to ", recovered_->hard_state.commit.value(),
                       " were committed, the last is ", last.value()));
    }
    if (recovered_->hard_state.commit < recovered_->terms.base() ||
        recovered_->hard_state.term <
            recovered_->terms.At(recovered_->terms.base())) {
      return absl::DataLossError("the hard state is behind the snapshot");
    }
    return absl::OkStatus();
  }

 private:
  absl::Status CheckConfiguration(const raft::Entry& entry) {
    if (entry.type != raft::EntryType::kConfiguration) {
      return absl::OkStatus();
    }
    const auto& configurations = recovered_->configurations;
    if (seen_ == configurations.size() ||
        configurations[seen_].index != entry.index ||
        *configurations[seen_].configuration != *entry.configuration) {
      return absl::DataLossError(
          absl::StrCat("entry ", entry.index.value(),
                       " and its configuration record do not agree"));
    }
    ++seen_;
    return absl::OkStatus();
  }

  RecoveredLog* const recovered_;
  // Configurations met so far, with the one that no entry of the log brings:
  // the snapshot's, or what another member told.
  size_t seen_ = 0;
};

}  // namespace

absl::StatusOr<RecoveredLog> RecoverLog(rocksdb::DB* db,
                                        rocksdb::ColumnFamilyHandle* log_family,
                                        absl::string_view cluster_id) {
  RecoveredLog recovered;
  QUORATE_ASSIGN_OR_RETURN(recovered.identity, RecoverIdentity(db, cluster_id));
  QUORATE_ASSIGN_OR_RETURN(const std::string hard_state,
                           ReadRecord(db, kHardStateKey));
  QUORATE_ASSIGN_OR_RETURN(recovered.hard_state, OpenHardState(hard_state));
  QUORATE_ASSIGN_OR_RETURN(recovered.snapshot, RecoverSnapshot(db));
  QUORATE_ASSIGN_OR_RETURN(recovered.configurations,
                           RecoverConfigurations(db, recovered.snapshot));
  if (recovered.snapshot.has_value()) {
    recovered.terms.Reset(recovered.snapshot->index, recovered.snapshot->term);
  }
  EntryScan scan(&recovered);
  // A log is a queue: without the bound a scan walks over all that was deleted
  // at its head (cockroach #28126).
  const std::string lower = EntryKey(recovered.terms.last().Next());
  const rocksdb::Slice lower_slice = lower;
  rocksdb::ReadOptions options;
  options.iterate_lower_bound = &lower_slice;
  const std::unique_ptr<rocksdb::Iterator> it(
      db->NewIterator(options, log_family));
  for (it->SeekToFirst(); it->Valid(); it->Next()) {
    QUORATE_RETURN_IF_ERROR(
        scan.Visit(FromSlice(it->key()), FromSlice(it->value())));
  }
  QUORATE_RETURN_IF_ERROR(FromRocksDb(it->status()));
  QUORATE_RETURN_IF_ERROR(scan.Finish());
  return recovered;
}

}  // namespace quorate::replication
