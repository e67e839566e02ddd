#include "tests/sim/sim_storage.h"

#include <utility>

#include "quorate/internal/v1/command.pb.h"

#include "base/check.h"
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

// A disk that fails ends the process; here the simulated one is about to be
// crashed anyway.
void Ignore(absl::string_view, const absl::Status&) {}

replication::LogWrite Merged(const std::vector<raft::AppendWork>& works) {
  std::vector<const raft::AppendWork*> pointers;
  for (const raft::AppendWork& work : works)
    pointers.push_back(&work);
  return replication::MergeAppends(pointers);
}

}  // namespace

struct SimStorage::Disk {
  SimFileSystem files;

  replication::LogStoreOptions LogOptions() {
    replication::LogStoreOptions options;
    options.env = files.env();
    options.fatal = Ignore;
    options.background_compaction = false;
    return options;
  }

  replication::StateStoreOptions StateOptions() {
    replication::StateStoreOptions options;
    options.env = files.env();
    options.fatal = Ignore;
    options.background_compaction = false;
    return options;
  }
};

struct SimStorage::Databases {
  std::unique_ptr<replication::RocksDbLogStore> log;
  std::unique_ptr<RecordingStore> state;
  std::unique_ptr<server::LicensingReplica> replica;
};

SimStorage::SimStorage(raft::MemberId id,
                       const raft::Configuration& configuration)
    : disk_(std::make_unique<Disk>()) {
  replication::MemberIdentity identity;
  identity.cluster_id = kClusterId;
  identity.member_id = id;
  QUORATE_CHECK_OK(replication::RocksDbLogStore::Create(
      kDataDir, identity, configuration, disk_->LogOptions()));
}

SimStorage::~SimStorage() = default;

absl::Status SimStorage::Open() {
  auto databases = std::make_unique<Databases>();
  auto log = replication::RocksDbLogStore::Open(kDataDir, kClusterId,
                                                disk_->LogOptions());
  if (!log.ok()) return log.status();
  databases->log = *std::move(log);
  auto state =
      replication::RocksDbStateStore::Open(kDataDir, disk_->StateOptions());
  if (!state.ok()) return state.status();
  databases->state = std::make_unique<RecordingStore>(*std::move(state));
  auto replica = server::LicensingReplica::Restore(kClusterId, kClusterEpoch,
                                                   databases->state.get());
  if (!replica.ok()) return replica.status();
  databases->replica = *std::move(replica);
  databases_ = std::move(databases);
  return absl::OkStatus();
}

void SimStorage::Crash(Random* random) {
  // The power goes first: closing a database must not save anything.
  disk_->files.disk().PowerOff();
  databases_.reset();
  CrashOptions options;
  constexpr TailLoss kLosses[] = {TailLoss::kDrop, TailLoss::kPrefix,
                                  TailLoss::kPrefixThenZeros};
  options.tail_loss = kLosses[random->Below(3)];
  disk_->files.Crash(random, options);
}

raft::RestoredState SimStorage::Restored() const {
  raft::RestoredState restored;
  restored.hard_state = databases_->log->RestoredHardState();
  restored.applied = databases_->replica->AppliedIndex();
  restored.configurations = databases_->log->RestoredConfigurations();
  restored.snapshot = databases_->log->RestoredSnapshot();
  return restored;
}

std::vector<raft::Entry> SimStorage::ReadLog() const {
  std::vector<raft::Entry> entries;
  raft::Index next = databases_->log->FirstIndex();
  const raft::Index end = databases_->log->LastIndex().Next();
  while (next < end) {
    for (raft::Entry& entry : databases_->log->Read(next, end, 1 << 20)) {
      next = entry.index.Next();
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

const raft::LogReader& SimStorage::log() const {
  return *databases_->log;
}

const licensing::Ledger& SimStorage::ledger() const {
  return databases_->replica->ledger();
}

void SimStorage::Append(const std::vector<raft::AppendWork>& works) {
  databases_->log->Append(Merged(works));
}

void SimStorage::AppendInterrupted(const std::vector<raft::AppendWork>& works,
                                   Random* random) {
  disk_->files.disk().PowerOffAt(random->Between(1, 4));
  databases_->log->Append(Merged(works));
}

SimStorage::Applied SimStorage::Apply(const raft::Entry& entry) {
  Applied applied;
  auto answers = databases_->replica->Apply(std::span(&entry, 1));
  applied.changes = databases_->state->TakeLast();
  if (answers.at(0) == nullptr) return applied;
  applied.answer =
      static_cast<const server::LicensingAnswer&>(*answers[0]).ledger;
  internal::v1::Command command;
  QUORATE_CHECK(command.ParseFromString(*entry.payload));
  applied.request_id = command.request_id();
  return applied;
}

}  // namespace quorate::sim
