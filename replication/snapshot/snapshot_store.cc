#include "replication/snapshot/snapshot_store.h"

#include <atomic>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "rocksdb/env.h"

#include "base/log.h"
#include "base/status.h"
#include "replication/snapshot/manifest.h"
#include "replication/snapshot/snapshot_folder.h"
#include "replication/snapshot/snapshot_receiver.h"
#include "replication/storage/file_tree.h"
#include "replication/storage/rocksdb_options.h"

namespace quorate::replication {
namespace {

constexpr char kRootFolder[] = "snapshots";
constexpr char kMakingFolder[] = "making";
constexpr char kReceivingFolder[] = "receiving";
// In the data directory itself: a rename does not lead out of a folder there.
constexpr char kInstallableFolder[] = "state.received";

// Sorts like the index.
std::string NameOf(const raft::SnapshotPosition& position) {
  return absl::StrFormat("%020d-%d", position.index.value(),
                         position.term.value());
}

// The header's is what the log will be told.
bool SamePosition(const raft::SnapshotPosition& a,
                  const raft::SnapshotPosition& b) {
  return a.index == b.index && a.term == b.term && a.stamp == b.stamp &&
         a.configuration_index == b.configuration_index &&
         a.configuration != nullptr && b.configuration != nullptr &&
         *a.configuration == *b.configuration;
}

// A table never changes; all else may be written to by the database that is
// opened on the copy.
absl::Status LinkOrCopy(rocksdb::Env* env, const std::string& from,
                        const std::string& to) {
  if (absl::EndsWith(from, ".sst") && env->LinkFile(from, to).ok()) {
    return absl::OkStatus();
  }
  return CopySynced(env, from, to);
}

}  // namespace

struct SnapshotStore::Whole {
  std::string folder;
  SnapshotManifest manifest;
  // Set by whoever reads it. Shared with readers.
  std::shared_ptr<std::atomic<bool>> damaged =
      std::make_shared<std::atomic<bool>>(false);
};

SnapshotStore::SnapshotStore(const std::string& data_dir,
                             absl::string_view cluster_id,
                             const SnapshotStoreOptions& options)
    : data_dir_(data_dir),
      root_(absl::StrCat(data_dir, "/", kRootFolder)),
      cluster_id_(cluster_id),
      options_(options),
      env_(EnvOrDefault(options.env)),
      receiver_(
          std::make_unique<SnapshotReceiver>(env_, Folder(kReceivingFolder))) {}

SnapshotStore::~SnapshotStore() = default;

std::string SnapshotStore::Folder(absl::string_view name) const {
  return absl::StrCat(root_, "/", name);
}

absl::StatusOr<std::unique_ptr<SnapshotStore>> SnapshotStore::Open(
    const std::string& data_dir, absl::string_view cluster_id,
    const SnapshotStoreOptions& options) {
  std::unique_ptr<SnapshotStore> store(
      new SnapshotStore(data_dir, cluster_id, options));
  QUORATE_RETURN_IF_ERROR(
      Annotate(store->Recover(), absl::StrCat("the snapshots in ", data_dir)));
  return store;
}

absl::Status SnapshotStore::Recover() {
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env_->CreateDirIfMissing(root_)));
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env_, data_dir_));
  QUORATE_RETURN_IF_ERROR(RemoveTree(env_, Folder(kMakingFolder)));
  QUORATE_RETURN_IF_ERROR(RemoveTree(
      env_, absl::StrCat(Folder(kMakingFolder), ".tmp")));  // RocksDB's.
  QUORATE_ASSIGN_OR_RETURN(std::vector<std::string> names,
                           ListFolder(env_, root_));
  std::shared_ptr<Whole> newest;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (*name == kReceivingFolder) continue;
    auto found = newest == nullptr ? Load(*name) : nullptr;
    if (found.ok() && *found != nullptr) {
      newest = *std::move(found);
      continue;
    }
    if (!found.ok()) {
      LogWarn("snapshot", "thrown_away",
              {{"folder", Folder(*name)}, {"why", found.status().ToString()}});
    }
    QUORATE_RETURN_IF_ERROR(RemoveTree(env_, Folder(*name)));
  }
  {
    MutexLock lock(&mu_);
    whole_ = newest;
  }
  MutexLock lock(&receive_mu_);
  QUORATE_RETURN_IF_ERROR(receiver_->Recover());
  if (newest == nullptr || !receiver_->wanted().has_value() ||
      receiver_->wanted()->position.index > newest->manifest.position.index) {
    return absl::OkStatus();
  }
  return receiver_->Drop();
}

absl::StatusOr<std::shared_ptr<SnapshotStore::Whole>> SnapshotStore::Load(
    const std::string& name) const {
  auto whole = std::make_shared<Whole>();
  whole->folder = Folder(name);
  QUORATE_ASSIGN_OR_RETURN(
      const std::string encoded,
      ReadManifest(env_, absl::StrCat(whole->folder, "/", kManifestFile)));
  QUORATE_ASSIGN_OR_RETURN(whole->manifest, DecodeManifest(encoded));
  if (whole->manifest.cluster_id != cluster_id_) {
    return absl::DataLossError("another cluster's snapshot");
  }
  if (NameOf(whole->manifest.position) != name) {
    return absl::DataLossError("a snapshot under another's name");
  }
  for (const SnapshotFile& file : whole->manifest.files) {
    uint64_t bytes = 0;
    QUORATE_RETURN_IF_ERROR(FromRocksDb(env_->GetFileSize(
        absl::StrCat(whole->folder, "/", file.name), &bytes)));
    if (bytes != file.bytes) {
      return absl::DataLossError(absl::StrCat(file.name, " has a wrong size"));
    }
  }
  return whole;
}

std::shared_ptr<SnapshotStore::Whole> SnapshotStore::Current() const {
  MutexLock lock(&mu_);
  if (whole_ == nullptr || whole_->damaged->load(std::memory_order_acquire)) {
    return nullptr;
  }
  return whole_;
}

std::optional<raft::SnapshotPosition> SnapshotStore::Newest() const {
  const std::shared_ptr<Whole> whole = Current();
  if (whole == nullptr) return std::nullopt;
  return whole->manifest.position;
}

absl::StatusOr<std::string> SnapshotStore::CheckpointFolder() {
  MutexLock lock(&make_mu_);
  std::string folder = Folder(kMakingFolder);
  QUORATE_RETURN_IF_ERROR(RemoveTree(env_, folder));
  QUORATE_RETURN_IF_ERROR(RemoveTree(env_, absl::StrCat(folder, ".tmp")));
  return folder;
}

absl::Status SnapshotStore::Adopt(const std::string& folder,
                                  const raft::SnapshotPosition& position) {
  MutexLock lock(&make_mu_);
  SnapshotManifest manifest{.cluster_id = cluster_id_, .position = position};
  QUORATE_ASSIGN_OR_RETURN(const std::vector<std::string> names,
                           ListFolder(env_, folder));
  for (const std::string& name : names) {
    QUORATE_ASSIGN_OR_RETURN(SnapshotFile file,
                             DescribeFile(env_, folder, name));
    manifest.files.push_back(std::move(file));
  }
  const std::string encoded = EncodeManifest(manifest);
  // What no other member would take is none.
  QUORATE_RETURN_IF_ERROR(DecodeManifest(encoded).status());
  QUORATE_RETURN_IF_ERROR(
      WriteManifest(env_, absl::StrCat(folder, "/", kManifestFile), encoded));
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env_, folder));
  {
    MutexLock place_lock(&place_mu_);
    const std::shared_ptr<Whole> current = Current();
    const bool newer_is_there =
        current != nullptr &&
        current->manifest.position.index >= position.index;
    QUORATE_RETURN_IF_ERROR(newer_is_there ? RemoveTree(env_, folder)
                                           : Place(folder, position));
  }
  // What is being received and is older than this will not be installed.
  MutexLock receive_lock(&receive_mu_);
  if (receiver_->wanted().has_value() &&
      receiver_->wanted()->position.index <= position.index) {
    return receiver_->Drop();
  }
  return absl::OkStatus();
}

absl::Status SnapshotStore::Discard(const std::shared_ptr<Whole>& whole) {
  {
    MutexLock lock(&mu_);
    if (whole_ == whole) whole_ = nullptr;
  }
  return RemoveTree(env_, whole->folder);
}

absl::Status SnapshotStore::Place(const std::string& folder,
                                  const raft::SnapshotPosition& position) {
  std::shared_ptr<Whole> older;
  {
    MutexLock lock(&mu_);
    older = whole_;
  }
  const std::string name = NameOf(position);
  if (older != nullptr && older->manifest.position.index >= position.index) {
    // A damaged one, or one that nobody installed. It must not come back after
    // a crash: the next start keeps the newest.
    QUORATE_RETURN_IF_ERROR(Discard(older));
    QUORATE_RETURN_IF_ERROR(SyncDirectory(env_, root_));
    older = nullptr;
  }
  QUORATE_RETURN_IF_ERROR(RemoveTree(env_, Folder(name)));
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env_->RenameFile(folder, Folder(name))));
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env_, root_));
  QUORATE_ASSIGN_OR_RETURN(std::shared_ptr<Whole> adopted, Load(name));
  {
    MutexLock lock(&mu_);
    whole_ = std::move(adopted);
  }
  return older == nullptr ? absl::OkStatus() : RemoveTree(env_, older->folder);
}

absl::StatusOr<std::unique_ptr<SnapshotSource>> SnapshotStore::OpenNewest() {
  MutexLock lock(&place_mu_);
  const std::shared_ptr<Whole> whole = Current();
  if (whole == nullptr) return absl::NotFoundError("there is no snapshot");
  return OpenSource(env_, whole->folder, whole->manifest, whole->damaged);
}

absl::Status SnapshotStore::CheckSpace(uint64_t needed) const {
  uint64_t free = 0;
  // Where the file system does not say, the writes will.
  if (!env_->GetFreeSpace(data_dir_, &free).ok()) return absl::OkStatus();
  if (free >= options_.keep_free_bytes &&
      free - options_.keep_free_bytes >= needed) {
    return absl::OkStatus();
  }
  return absl::ResourceExhaustedError(
      absl::StrCat("a snapshot needs ", needed, " bytes, of ", free,
                   " free ones ", options_.keep_free_bytes, " are kept"));
}

absl::StatusOr<uint64_t> SnapshotStore::BeginReceiving(
    const SnapshotHeader& header) {
  QUORATE_ASSIGN_OR_RETURN(const SnapshotManifest manifest,
                           DecodeManifest(header.manifest));
  if (manifest.cluster_id != cluster_id_) {
    return absl::InvalidArgumentError("another cluster's snapshot");
  }
  if (!SamePosition(manifest.position, header.position) ||
      manifest.TotalBytes() != header.total_bytes) {
    return absl::InvalidArgumentError(
        "a snapshot's header and its manifest do not agree");
  }
  if (header.total_bytes > options_.max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a snapshot of ", header.total_bytes, " bytes"));
  }
  MutexLock lock(&receive_mu_);
  if (receiver_->Continues(header.manifest)) {
    QUORATE_RETURN_IF_ERROR(
        CheckSpace(header.total_bytes - receiver_->offset()));
    return receiver_->offset();
  }
  // Of what is there of another one, the space comes back.
  QUORATE_RETURN_IF_ERROR(receiver_->Drop());
  QUORATE_RETURN_IF_ERROR(CheckSpace(header.total_bytes));
  QUORATE_RETURN_IF_ERROR(receiver_->Begin(manifest, header.manifest));
  return receiver_->offset();
}

absl::Status SnapshotStore::Receive(uint64_t offset, absl::string_view bytes) {
  MutexLock lock(&receive_mu_);
  return receiver_->Write(offset, bytes);
}

absl::Status SnapshotStore::FinishReceiving() {
  MutexLock lock(&receive_mu_);
  QUORATE_RETURN_IF_ERROR(receiver_->Finish());
  const raft::SnapshotPosition position = receiver_->wanted()->position;
  receiver_->Release();
  MutexLock place_lock(&place_mu_);
  return Place(Folder(kReceivingFolder), position);
}

absl::StatusOr<std::string> SnapshotStore::Received(
    const raft::SnapshotPosition& position) {
  MutexLock lock(&place_mu_);
  const std::shared_ptr<Whole> whole = Current();
  if (whole == nullptr || whole->manifest.position.index != position.index ||
      whole->manifest.position.term != position.term) {
    return absl::NotFoundError(
        absl::StrCat("there is no snapshot of index ", position.index.value()));
  }
  const absl::Status checked = CheckFiles(env_, whole->folder, whole->manifest);
  if (checked.code() == absl::StatusCode::kDataLoss) {
    whole->damaged->store(true, std::memory_order_release);
    QUORATE_RETURN_IF_ERROR(Discard(whole));
  }
  QUORATE_RETURN_IF_ERROR(checked);
  std::string directory = absl::StrCat(data_dir_, "/", kInstallableFolder);
  QUORATE_RETURN_IF_ERROR(RemoveTree(env_, directory));
  QUORATE_RETURN_IF_ERROR(FromRocksDb(env_->CreateDir(directory)));
  for (const SnapshotFile& file : whole->manifest.files) {
    QUORATE_RETURN_IF_ERROR(
        LinkOrCopy(env_, absl::StrCat(whole->folder, "/", file.name),
                   absl::StrCat(directory, "/", file.name)));
  }
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env_, directory));
  QUORATE_RETURN_IF_ERROR(SyncDirectory(env_, data_dir_));
  return directory;
}

}  // namespace quorate::replication
