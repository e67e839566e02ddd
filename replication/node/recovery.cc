#include "replication/node/recovery.h"

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include "base/log.h"
#include "base/status.h"

namespace quorate::replication {
namespace {

absl::Status FinishInstallation(const raft::SnapshotPosition& position,
                                StateMachine* state_machine,
                                SnapshotFiles* snapshots) {
  const absl::StatusOr<std::string> folder = snapshots->Received(position);
  if (!folder.ok()) {
    return absl::DataLossError(absl::StrCat(
        "the log begins after ", position.index.value(),
        ", but the state ends at ", state_machine->AppliedIndex().value(),
        ", and the snapshot between them is not there: ",
        folder.status().message()));
  }
  QUORATE_RETURN_IF_ERROR(state_machine->Install(*folder));
  LogInfo("snapshot", "installation_finished",
          {{"index", absl::StrCat(position.index.value())}});
  return absl::OkStatus();
}

}  // namespace

absl::Status Recover(const LogStore& log, StateMachine* state_machine,
                     SnapshotFiles* snapshots) {
  const std::optional<raft::SnapshotPosition> before = log.RestoredSnapshot();
  if (before.has_value() && state_machine->AppliedIndex() < before->index) {
    QUORATE_RETURN_IF_ERROR(
        FinishInstallation(*before, state_machine, snapshots));
  }
  const raft::Index applied = state_machine->AppliedIndex();
  const raft::Index last = log.LastIndex();
  const raft::Index commit = log.RestoredHardState().commit;
  if (log.identity().member_id == raft::kNobody) {
    return absl::DataLossError("the log does not say whose it is");
  }
  if (commit > last || applied > last) {
    return absl::DataLossError(
        absl::StrCat("the log ends at ", last.value(), ", but committed up to ",
                     commit.value(), " and applied up to ", applied.value()));
  }
  if (applied.Next() < log.FirstIndex()) {
    return absl::DataLossError(
        absl::StrCat("the log begins at ", log.FirstIndex().value(),
                     ", but applied up to ", applied.value(), " only"));
  }
  if (log.RestoredConfigurations().empty()) {
    return absl::DataLossError("the log has no configuration");
  }
  return absl::OkStatus();
}

raft::RestoredState RestoredStateOf(const LogStore& log, raft::Index applied) {
  return raft::RestoredState{.hard_state = log.RestoredHardState(),
                             .applied = applied,
                             .configurations = log.RestoredConfigurations(),
                             .snapshot = log.RestoredSnapshot()};
}

raft::SnapshotPosition PositionOf(const LogStore& log, raft::Index applied) {
  raft::SnapshotPosition position{.index = applied,
                                  .term = log.TermAt(applied)};
  for (const auto& [index, configuration] : log.RestoredConfigurations()) {
    if (index > applied && position.configuration != nullptr) break;
    position.configuration = configuration;
    position.configuration_index = index;
  }
  const std::optional<raft::SnapshotPosition> before = log.RestoredSnapshot();
  if (applied >= log.FirstIndex()) {
    position.stamp = log.Read(applied, applied.Next(), 1).front().stamp;
  } else if (before.has_value()) {
    position.stamp = before->stamp;
  }
  return position;
}

}  // namespace quorate::replication
