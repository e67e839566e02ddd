#include "server/member_stores.h"

#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "base/status.h"
#include "replication/snapshot/snapshot_store.h"
#include "replication/storage/rocksdb_log_store.h"
#include "replication/storage/rocksdb_state_store.h"
#include "replication/storage/start_count.h"
#include "server/disk_room.h"
#include "server/member_folder.h"
#include "server/rpc/member_view.h"

namespace quorate::server {
namespace {

namespace fs = std::filesystem;

absl::Status Advise(const absl::Status& status, const Config& config) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return status;
    case absl::StatusCode::kNotFound:
      return absl::NotFoundError(absl::StrCat(
          "there is no member in ", config.data_dir,
          ". If there was one, its data is lost: `quorated rejoin` brings it "
          "back under a new id (never `init` it again: it could vote twice). A "
          "machine that was no member comes in by `quorated join`; the members "
          "of a new cluster are made by `quorated init`."));
    case absl::StatusCode::kFailedPrecondition:
      return absl::FailedPreconditionError(absl::StrCat(
          config.data_dir,
          " does not belong to this configuration: ", status.message(),
          ". Check member.data_dir, cluster.id and cluster.epoch."));
    case absl::StatusCode::kDataLoss:
      return absl::DataLossError(absl::StrCat(
          config.data_dir, " is damaged: ", status.message(),
          ". This member must not go on with it. The others have all data: "
          "`quorated rejoin --quarantine` puts it aside, for a look, and lets "
          "this "
          "machine come back."));
    case absl::StatusCode::kResourceExhausted:
      return Annotate(
          status, absl::StrCat("the disk of ", config.data_dir, " is full"));
    default:
      return Annotate(status,
                      absl::StrCat(config.data_dir,
                                   " cannot be opened now (is another quorated "
                                   "running on it, may this user read it?)"));
  }
}

// The certificate is good for a name, so the directory must be of that name.
// Ids change with each directory, and the file's is the first one's.
absl::Status CheckIdentity(const replication::LogStore& log,
                           const Config& config) {
  const raft::MemberId id = log.identity().member_id;
  const auto configurations = log.RestoredConfigurations();
  for (auto it = configurations.rbegin(); it != configurations.rend(); ++it) {
    const raft::MemberAddress* self = FindMember(*it->configuration, id);
    if (self == nullptr) continue;
    if (self->name == config.self.name) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat("it is ", self->name, "'s, and the configuration is ",
                     config.self.name, "'s"));
  }
  // Its log does not reach to where it came in, or it was removed.
  LogWarn("server", "no_member_by_its_own_log",
          {{"id", absl::StrCat(id.value())}});
  return absl::OkStatus();
}

absl::Status MakeDirectory(const std::string& data_dir,
                           absl::string_view command) {
  QUORATE_RETURN_IF_ERROR(CheckIsFree(data_dir, command));
  std::error_code error;
  const fs::path directory(data_dir);
  fs::create_directories(directory, error);
  if (!error) {
    // Answers and licence documents are nobody else's to read.
    fs::permissions(directory, fs::perms::owner_all, error);
  }
  if (error) {
    return absl::UnavailableError(
        absl::StrCat(data_dir, ": cannot be created: ", error.message()));
  }
  return absl::OkStatus();
}

}  // namespace

raft::Configuration InitialConfiguration(const Config& config) {
  raft::Configuration configuration;
  for (const raft::MemberAddress& member : config.members) {
    configuration.membership.voters.push_back(member.id);
    configuration.addresses.push_back(member);
  }
  return configuration;
}

absl::Status InitMember(const Config& config) {
  for (const raft::MemberAddress& member : config.members) {
    if (member.id != raft::kNobody) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "cluster.members gives ", member.name,
        " no id: this is the file of a machine that joined a cluster. Where "
        "its data is lost, run `quorated rejoin`; `quorated init` would make "
        "a second cluster."));
  }
  QUORATE_RETURN_IF_ERROR(MakeDirectory(config.data_dir, "init"));
  const replication::MemberIdentity identity = {.cluster_id = config.cluster_id,
                                                .member_id = config.self.id};
  return Advise(
      replication::RocksDbLogStore::Create(
          config.data_dir, identity, InitialConfiguration(config),
          {.write_buffer_bytes =
               DiskRoom(config, replication::ReadStatvfs).Buffers().log_bytes}),
      config);
}

absl::Status MakeJoiningMember(const Config& config, raft::MemberId id,
                               const raft::Configuration& members) {
  QUORATE_RETURN_IF_ERROR(MakeDirectory(config.data_dir, "rejoin"));
  const replication::MemberIdentity identity = {.cluster_id = config.cluster_id,
                                                .member_id = id};
  return Advise(
      replication::RocksDbLogStore::CreateJoining(
          config.data_dir, identity, members, replication::LogStoreOptions()),
      config);
}

absl::StatusOr<raft::MemberId> MemberIdIn(const Config& config) {
  absl::StatusOr<std::unique_ptr<replication::RocksDbLogStore>> log =
      replication::RocksDbLogStore::Open(config.data_dir, config.cluster_id,
                                         replication::LogStoreOptions());
  if (!log.ok()) return Advise(log.status(), config);
  return (*log)->identity().member_id;
}

absl::StatusOr<MemberStores> OpenMember(const Config& config) {
  const DiskRoom room(config, replication::ReadStatvfs);
  const WriteBuffers buffers = room.Buffers();
  absl::StatusOr<std::unique_ptr<replication::RocksDbLogStore>> log =
      replication::RocksDbLogStore::Open(
          config.data_dir, config.cluster_id,
          {.write_buffer_bytes = buffers.log_bytes});
  if (!log.ok()) return Advise(log.status(), config);
  QUORATE_RETURN_IF_ERROR(Advise(CheckIdentity(**log, config), config));
  absl::StatusOr<std::unique_ptr<replication::RocksDbStateStore>> state =
      replication::RocksDbStateStore::Open(
          config.data_dir, {.write_buffer_bytes = buffers.state_bytes});
  if (!state.ok()) return Advise(state.status(), config);
  absl::StatusOr<std::unique_ptr<LicensingReplica>> replica =
      LicensingReplica::Restore(config.cluster_id, config.cluster_epoch,
                                state->get());
  if (!replica.ok()) return Advise(replica.status(), config);
  absl::StatusOr<std::unique_ptr<replication::SnapshotStore>> snapshots =
      replication::SnapshotStore::Open(
          config.data_dir, config.cluster_id,
          {.keep_free_bytes = room.LeastFreeBytes()});
  if (!snapshots.ok()) return Advise(snapshots.status(), config);
  const absl::StatusOr<uint64_t> start =
      replication::CountStart(config.data_dir);
  if (!start.ok()) return Advise(start.status(), config);
  return MemberStores{
      .log = *std::move(log),
      .state = *std::move(state),
      .replica = *std::move(replica),
      .snapshots = *std::move(snapshots),
      .witnesses = std::make_unique<replication::WitnessBook>(config.data_dir),
      .start = *start};
}

}  // namespace quorate::server
