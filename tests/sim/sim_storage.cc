#include "tests/sim/sim_storage.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "quorate/internal/v1/command.pb.h"

#include "base/check.h"
#include "base/status.h"
#include "replication/node/recovery.h"
#include "replication/snapshot/snapshot_store.h"
#include "replication/state_store.h"
#include "replication/storage/append_merge.h"
#include "replication/storage/rocksdb_log_store.h"
#include "replication/storage/rocksdb_state_store.h"
#include "server/licensing_replica.h"
#include "tests/support/sim_file_system.h"

namespace quorate::sim {
namespace {

constexpr char kDataDir[] = "/member";

// Passes everything on and keeps what was written last, for the checker.
class RecordingStore final : public replication::StateStore {
 public:
  explicit RecordingStore(std::unique_ptr<replication::StateStore> store)
      : store_(std::move(store)) {}

  void Write(const std::vector<replication::RecordChange>& changes,
             const replication::AppliedPosition& position) override {
    last_.clear();
    for (const replication::RecordChange& change : changes) {
      last_.push_back({change.key, change.value});
    }
    store_->Write(changes, position);
  }

  absl::StatusOr<replication::AppliedPosition> ReadPosition() const override {
    return store_->ReadPosition();
  }

  absl::Status ForEach(
      const std::function<absl::Status(absl::string_view key,
                                       absl::string_view value)>& visit)
      const override {
    return store_->ForEach(visit);
  }

  absl::StatusOr<std::optional<std::string>> Get(
      absl::string_view key) const override {
    return store_->Get(key);
  }

  absl::StatusOr<std::unique_ptr<replication::RecordCursor>> NewCursor()
      const override {
    return store_->NewCursor();
  }

  void Fail(const absl::Status& status) override { store_->Fail(status); }

  absl::Status Checkpoint(const std::string& directory) override {
    return store_->Checkpoint(directory);
  }

  absl::Status Install(const std::string& directory,
                       const Accept& accept) override {
    return store_->Install(directory, accept);
  }

  std::vector<licensing::RecordChange> TakeLast() {
    return std::exchange(last_, {});
  }

 private:
  const std::unique_ptr<replication::StateStore> store_;
  std::vector<licensing::RecordChange> last_;
};

// Files of any folder, sorted. Locks are no data.
void ListFiles(SimDisk& disk, const std::string& folder,
               std::vector<std::string>* files) {
  std::vector<std::string> names;
  if (disk.List(folder, &names) != DiskError::kNone) return;
  for (const std::string& name : names) {
    const std::string path = absl::StrCat(folder, "/", name);
    SimDisk::Handle handle;
    if (disk.Open(path, &handle) != DiskError::kNone) continue;
    uint64_t size = 0;
    if (disk.IsFolder(handle)) {
      ListFiles(disk, path, files);
    } else if (disk.Size(handle, &size) == DiskError::kNone && size > 0) {
      files->push_back(path);
    }
  }
}

replication::LogWrite Merged(const std::vector<raft::AppendWork>& works) {
  std::vector<const raft::AppendWork*> pointers;
  for (const raft::AppendWork& work : works)
    pointers.push_back(&work);
  return replication::MergeAppends(pointers);
}

}  // namespace

struct SimStorage::Disk {
  SimFileSystem files;
  // A disk that fails ends the process.
  replication::FatalFunction fatal;

  replication::LogStoreOptions LogOptions() {
    replication::LogStoreOptions options;
    options.env = files.env();
    options.fatal = fatal;
    options.background_compaction = false;
    return options;
  }

  replication::StateStoreOptions StateOptions() {
    replication::StateStoreOptions options;
    options.env = files.env();
    options.fatal = fatal;
    options.background_compaction = false;
    return options;
  }
};

struct SimStorage::Stores {
  std::unique_ptr<replication::RocksDbLogStore> log;
  std::unique_ptr<RecordingStore> state;
  std::unique_ptr<server::LicensingReplica> replica;
  std::unique_ptr<replication::SnapshotStore> snapshots;
};

SimStorage::SimStorage(raft::MemberId id,
                       const raft::Configuration& configuration, bool joining)
    : disk_(std::make_unique<Disk>()) {
  disk_->fatal = [this](absl::string_view, const absl::Status&) {
    broken_ = true;
  };
  replication::MemberIdentity identity;
  identity.cluster_id = kClusterId;
  identity.member_id = id;
  const auto create = joining ? &replication::RocksDbLogStore::CreateJoining
                              : &replication::RocksDbLogStore::Create;
  QUORATE_CHECK_OK(
      create(kDataDir, identity, configuration, disk_->LogOptions()));
}

SimStorage::~SimStorage() = default;

absl::Status SimStorage::Open() {
  broken_ = false;
  auto stores = std::make_unique<Stores>();
  QUORATE_ASSIGN_OR_RETURN(
      stores->log, replication::RocksDbLogStore::Open(kDataDir, kClusterId,
                                                      disk_->LogOptions()));
  QUORATE_ASSIGN_OR_RETURN(
      std::unique_ptr<replication::StateStore> state,
      replication::RocksDbStateStore::Open(kDataDir, disk_->StateOptions()));
  stores->state = std::make_unique<RecordingStore>(std::move(state));
  QUORATE_ASSIGN_OR_RETURN(stores->replica,
                           server::LicensingReplica::Restore(
                               kClusterId, kClusterEpoch, stores->state.get()));
  replication::SnapshotStoreOptions options;
  options.env = disk_->files.env();
  QUORATE_ASSIGN_OR_RETURN(
      stores->snapshots,
      replication::SnapshotStore::Open(kDataDir, kClusterId, options));
  QUORATE_RETURN_IF_ERROR(replication::Recover(
      *stores->log, stores->replica.get(), stores->snapshots.get()));
  SimFileSystem::WaitForBackground();
  stores_ = std::move(stores);
  return absl::OkStatus();
}

void SimStorage::LosePower(Random* random) {
  // The power goes first: closing a database must not save anything.
  disk_->files.disk().PowerOff();
  stores_.reset();
  CrashOptions options;
  constexpr TailLoss kLosses[] = {TailLoss::kDrop, TailLoss::kPrefix,
                                  TailLoss::kPrefixThenZeros};
  options.tail_loss = kLosses[random->Below(3)];
  disk_->files.Crash(random, options);
}

void SimStorage::KillProcess() {
  disk_->files.disk().PowerOff();
  stores_.reset();
  disk_->files.disk().KillProcess();
}

raft::RestoredState SimStorage::Restored() const {
  return replication::RestoredStateOf(*stores_->log,
                                      stores_->replica->AppliedIndex());
}

raft::SnapshotPosition SimStorage::Position() const {
  return replication::PositionOf(*stores_->log,
                                 stores_->replica->AppliedIndex());
}

std::vector<raft::Entry> SimStorage::ReadLog() const {
  std::vector<raft::Entry> entries;
  raft::Index next = stores_->log->FirstIndex();
  const raft::Index end = stores_->log->LastIndex().Next();
  while (next < end) {
    for (raft::Entry& entry : stores_->log->Read(next, end, 1 << 20)) {
      next = entry.index.Next();
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

const replication::LogStore& SimStorage::log() const {
  return *stores_->log;
}

const licensing::Ledger& SimStorage::ledger() const {
  return stores_->replica->ledger();
}

replication::SnapshotFiles& SimStorage::snapshots() {
  return *stores_->snapshots;
}

SimDisk& SimStorage::disk() {
  return disk_->files.disk();
}

std::string SimStorage::FlipBit(Random* random) {
  std::vector<std::string> files;
  ListFiles(disk(), kDataDir, &files);
  if (files.empty()) return "nothing";
  const std::string& path = files[random->Below(files.size())];
  std::string bytes = disk().Contents(path);
  const size_t at = random->Below(bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << random->Below(8)));
  const size_t size = bytes.size();
  disk().Overwrite(path, std::move(bytes));
  return absl::StrCat("byte ", at, " of ", size, " of ", path);
}

void SimStorage::ForEachRecord(
    const std::function<void(absl::string_view key, absl::string_view value)>&
        visit) const {
  QUORATE_CHECK_OK(stores_->state->ForEach(
      [&visit](absl::string_view key, absl::string_view value) {
        visit(key, value);
        return absl::OkStatus();
      }));
}

replication::LogWrite SimStorage::Append(
    const std::vector<raft::AppendWork>& works) {
  replication::LogWrite write = Merged(works);
  if (!write.empty()) stores_->log->Append(write);
  return write;
}

void SimStorage::AppendInterrupted(const std::vector<raft::AppendWork>& works,
                                   Random* random) {
  disk_->files.disk().PowerOffAt(random->Between(1, 4));
  Append(works);
}

SimStorage::Applied SimStorage::Apply(const raft::Entry& entry) {
  Applied applied;
  auto answers = stores_->replica->Apply(std::span(&entry, 1));
  applied.changes = stores_->state->TakeLast();
  if (answers.at(0) == nullptr) return applied;
  applied.answer =
      static_cast<const server::LicensingAnswer&>(*answers[0]).ledger;
  internal::v1::Command command;
  QUORATE_CHECK(command.ParseFromString(*entry.payload));
  applied.request_id = command.request_id();
  return applied;
}

absl::Status SimStorage::Checkpoint(const std::string& folder) {
  absl::Status status = stores_->replica->Checkpoint(folder);
  SimFileSystem::WaitForBackground();
  return status;
}

absl::Status SimStorage::Install(const std::string& folder) {
  absl::Status status = stores_->replica->Install(folder);
  SimFileSystem::WaitForBackground();
  return status;
}

}  // namespace quorate::sim
