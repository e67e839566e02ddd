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

namespace quorate::server {
namespace {

namespace fs = std::filesystem;

raft::Configuration InitialConfiguration(const Config& config) {
  raft::Configuration configuration;
  for (const raft::MemberAddress& member : config.members) {
    configuration.membership.voters.push_back(member.id);
    configuration.addresses.push_back(member);
  }
  return configuration;
}

absl::Status Advise(const absl::Status& status, const Config& config) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return status;
    case absl::StatusCode::kNotFound:
      return absl::NotFoundError(absl::StrCat(
          "there is no member in ", config.data_dir,
          ". A new member is made by `quorated init`. If there was one, its "
          "data is lost: do not init it again under the same id, since it "
          "could vote twice; replace it."));
    case absl::StatusCode::kFailedPrecondition:
      return absl::FailedPreconditionError(absl::StrCat(
          config.data_dir, " does not belong to this configuration: ",
          status.message(), ". Check member.data_dir and cluster.id."));
    case absl::StatusCode::kDataLoss:
      return absl::DataLossError(absl::StrCat(
          config.data_dir, " is damaged: ", status.message(),
          ". This member must not go on with it. The others have all data: "
          "keep the directory for a look, and replace this member."));
    default:
      return Annotate(status,
                      absl::StrCat(config.data_dir,
                                   " cannot be opened now (is another quorated "
                                   "running on it, may this user read it?)"));
  }
}

absl::Status CheckIdentity(const replication::MemberIdentity& identity,
                           const Config& config) {
  if (identity.member_id == config.self.id) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("it is member ", identity.member_id.value(),
                   "'s, and the configuration is member ",
                   config.self.id.value(), "'s (", config.self.name, ")"));
}

// The log knows the members; the file only said who they were at first.
void WarnOfOtherMembers(const replication::LogStore& log,
                        const Config& config) {
  const auto configurations = log.RestoredConfigurations();
  if (configurations.empty() ||
      *configurations.back().configuration == InitialConfiguration(config)) {
    return;
  }
  LogWarn("server", "members_differ",
          {{"in_force", "the_log"}, {"ignored", "cluster.members"}});
}

}  // namespace

absl::Status InitMember(const Config& config) {
  std::error_code error;
  const fs::path directory(config.data_dir);
  if (fs::exists(directory, error) && !fs::is_empty(directory, error)) {
    return absl::AlreadyExistsError(absl::StrCat(
        config.data_dir,
        " is there and not empty. `quorated init` never overwrites; a member "
        "that was made before is started by `quorated run`."));
  }
  fs::create_directories(directory, error);
  if (!error) {
    // Answers and licence documents are nobody else's to read.
    fs::permissions(directory, fs::perms::owner_all, error);
  }
  if (error) {
    return absl::UnavailableError(absl::StrCat(
        config.data_dir, ": cannot be created: ", error.message()));
  }
  const replication::MemberIdentity identity = {.cluster_id = config.cluster_id,
                                                .member_id = config.self.id};
  return Advise(replication::RocksDbLogStore::Create(
                    config.data_dir, identity, InitialConfiguration(config),
                    replication::LogStoreOptions()),
                config);
}

absl::StatusOr<MemberStores> OpenMember(const Config& config) {
  absl::StatusOr<std::unique_ptr<replication::RocksDbLogStore>> log =
      replication::RocksDbLogStore::Open(config.data_dir, config.cluster_id,
                                         replication::LogStoreOptions());
  if (!log.ok()) return Advise(log.status(), config);
  QUORATE_RETURN_IF_ERROR(
      Advise(CheckIdentity((*log)->identity(), config), config));
  WarnOfOtherMembers(**log, config);
  absl::StatusOr<std::unique_ptr<replication::RocksDbStateStore>> state =
      replication::RocksDbStateStore::Open(config.data_dir,
                                           replication::StateStoreOptions());
  if (!state.ok()) return Advise(state.status(), config);
  absl::StatusOr<std::unique_ptr<LicensingReplica>> replica =
      LicensingReplica::Restore(config.cluster_id, config.cluster_epoch,
                                state->get());
  if (!replica.ok()) return Advise(replica.status(), config);
  absl::StatusOr<std::unique_ptr<replication::SnapshotStore>> snapshots =
      replication::SnapshotStore::Open(config.data_dir, config.cluster_id,
                                       replication::SnapshotStoreOptions());
  if (!snapshots.ok()) return Advise(snapshots.status(), config);
  return MemberStores{.log = *std::move(log),
                      .state = *std::move(state),
                      .replica = *std::move(replica),
                      .snapshots = *std::move(snapshots)};
}

}  // namespace quorate::server
