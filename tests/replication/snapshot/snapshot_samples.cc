#include "tests/replication/snapshot/snapshot_samples.h"

#include <map>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "base/check.h"
#include "base/status.h"
#include "tests/replication/storage/log_samples.h"

namespace quorate::replication {
namespace {

constexpr char kDataDir[] = "/m1";

std::vector<RecordChange> ChangesAt(uint64_t index) {
  Random random(index);
  std::vector<RecordChange> changes;
  for (int i = 0; i < 3; ++i) {
    RecordChange change{.key = absl::StrCat("k", random.Below(40))};
    if (!random.OneIn(5)) {
      change.value = std::string(random.Below(900),
                                 static_cast<char>('a' + random.Below(26)));
    }
    changes.push_back(std::move(change));
  }
  return changes;
}

}  // namespace

raft::SnapshotPosition SnapshotAt(uint64_t index) {
  return {.index = raft::Index(index),
          .term = raft::Term(1 + index / 100),
          .configuration =
              std::make_shared<const raft::Configuration>(ThreeMembers()),
          .configuration_index = raft::Index(1),
          .stamp = StampAt(raft::Index(index))};
}

SnapshotMember::SnapshotMember() {
  options_.env = files_.env();
  SimDisk::Handle root;
  disk().CreateFolder(kDataDir);
  disk().Open("/", &root);
  disk().SyncFolder(root);
  QUORATE_CHECK_OK(Open());
}

SnapshotMember::~SnapshotMember() = default;

absl::Status SnapshotMember::Open() {
  Close();
  const StateStoreOptions state_options{
      .env = files_.env(),
      .fatal = [](absl::string_view, const absl::Status&) {},
      .background_compaction = false};
  QUORATE_ASSIGN_OR_RETURN(state_,
                           RocksDbStateStore::Open(kDataDir, state_options));
  QUORATE_ASSIGN_OR_RETURN(snapshots_,
                           SnapshotStore::Open(kDataDir, kClusterId, options_));
  return absl::OkStatus();
}

void SnapshotMember::Close() {
  snapshots_ = nullptr;
  state_ = nullptr;
}

void SnapshotMember::Crash(Random* random) {
  disk().PowerOff();
  Close();
  files_.Crash(random, {.tail_loss = random->OneIn(3) ? TailLoss::kDrop
                                                      : TailLoss::kPrefix});
}

void SnapshotMember::Fill(uint64_t index) {
  const auto position = state_->ReadPosition();
  QUORATE_CHECK_OK(position.status());
  for (uint64_t i = position->index.value() + 1; i <= index; ++i) {
    state_->Write(ChangesAt(i), {.index = raft::Index(i),
                                 .term = SnapshotAt(i).term,
                                 .stamp = StampAt(raft::Index(i))});
  }
}

std::string SnapshotMember::DifferenceFrom(uint64_t index) {
  std::map<std::string, std::string> expected;
  for (uint64_t i = 1; i <= index; ++i) {
    for (RecordChange& change : ChangesAt(i)) {
      if (change.value.has_value()) {
        expected[change.key] = *change.value;
      } else {
        expected.erase(change.key);
      }
    }
  }
  const auto position = state_->ReadPosition();
  if (!position.ok()) return position.status().ToString();
  if (position->index.value() != index) {
    return absl::StrCat("position ", position->index.value());
  }
  const absl::Status status = state_->ForEach(
      [&expected](absl::string_view key, absl::string_view value) {
        const auto found = expected.find(std::string(key));
        if (found == expected.end() || found->second != value) {
          return absl::InternalError(absl::StrCat("record ", key));
        }
        expected.erase(found);
        return absl::OkStatus();
      });
  if (!status.ok()) return status.ToString();
  return expected.empty() ? "" : "a record is missing";
}

absl::Status SnapshotMember::Make(uint64_t index) {
  QUORATE_ASSIGN_OR_RETURN(const std::string folder,
                           snapshots_->CheckpointFolder());
  QUORATE_RETURN_IF_ERROR(state_->Checkpoint(folder));
  return snapshots_->Adopt(folder, SnapshotAt(index));
}

std::string SnapshotMember::NewestFolder() {
  std::vector<std::string> names;
  disk().List("/m1/snapshots", &names);
  std::string newest;
  for (const std::string& name : names) {
    if (name[0] == '0') newest = absl::StrCat("/m1/snapshots/", name);
  }
  return newest;
}

absl::Status SendAll(SnapshotSource* source, uint64_t offset, size_t max_bytes,
                     SnapshotStore* to) {
  while (offset < source->header().total_bytes) {
    QUORATE_ASSIGN_OR_RETURN(const std::string bytes,
                             source->Read(offset, max_bytes));
    QUORATE_CHECK(!bytes.empty() && bytes.size() <= max_bytes);
    QUORATE_RETURN_IF_ERROR(to->Receive(offset, bytes));
    offset += bytes.size();
  }
  return absl::OkStatus();
}

}  // namespace quorate::replication
