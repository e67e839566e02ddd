#include "tests/support/sim_disk.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_split.h"

#include "base/check.h"

namespace quorate {

struct SimDisk::Node {
  // One change of a folder's entries that is not durable yet.
  struct Change {
    std::string removed;           // Empty: none.
    std::string added;             // Empty: none.
    std::shared_ptr<Node> target;  // Of `added`.
  };

  using Entries = std::map<std::string, std::shared_ptr<Node>>;

  bool folder = false;

  // Files. Bytes beyond `durable` are in the page cache only.
  std::string bytes;
  size_t durable = 0;
  bool sync_lost = false;  // A sync failed: no later one helps.
  // Versions of places that were written over since the last sync, by offset,
  // oldest first, without the one that stands there.
  std::map<uint64_t, std::vector<std::string>> versions;

  // Folders.
  Entries live;
  Entries on_platter;
  std::vector<Change> pending;

  void Apply(Change change) {
    Replay(change, &live);
    pending.push_back(std::move(change));
  }

  static void Replay(const Change& change, Entries* entries) {
    if (!change.removed.empty()) entries->erase(change.removed);
    if (!change.added.empty()) (*entries)[change.added] = change.target;
  }

  // After the power went: this node and all below it.
  void Crash(Random* random, const CrashOptions& options) {
    if (!folder) {
      LoseOverwrites(random);
      return LoseTail(random, options.tail_loss);
    }
    const size_t kept = random->Below(pending.size() + 1);
    for (size_t i = 0; i < kept; ++i) {
      Replay(pending[i], &on_platter);
    }
    pending.clear();
    live = on_platter;
    for (const auto& [name, node] : live) {
      node->Crash(random, options);
    }
  }

  void LoseOverwrites(Random* random) {
    for (auto& [offset, older] : versions) {
      older.push_back(bytes.substr(offset, older.front().size()));
      const size_t kept = random->Below(older.size());
      std::string content = older[kept];
      if (kept + 1 < older.size() && random->OneIn(4)) {
        const size_t cut = random->Below(content.size() + 1);
        content.replace(0, cut, older[kept + 1], 0, cut);
      }
      bytes.replace(offset, content.size(), content);
    }
    versions.clear();
  }

  void LoseTail(Random* random, TailLoss loss) {
    const size_t unsynced = bytes.size() - durable;
    size_t kept = 0;
    // Nothing, everything and something in between are each worth seeing.
    if (loss != TailLoss::kDrop && !random->OneIn(3)) {
      kept = random->OneIn(2) ? unsynced : random->Below(unsynced + 1);
    }
    bytes.resize(durable + kept);
    if (loss == TailLoss::kPrefixThenZeros) {
      bytes.append(random->Below(unsynced - kept + 1), '\0');
    }
    durable = bytes.size();
    sync_lost = false;
  }
};

namespace {

std::vector<std::string> Split(absl::string_view path) {
  return absl::StrSplit(path, '/', absl::SkipEmpty());
}

}  // namespace

SimDisk::SimDisk() : root_(std::make_shared<Node>()) {
  root_->folder = true;
}

SimDisk::~SimDisk() = default;

void SimDisk::FailNth(DiskOperation operation, uint64_t nth, DiskError error) {
  QUORATE_CHECK(nth > 0);
  MutexLock lock(&mu_);
  faults_[operation] = PlannedFault{.remaining = nth, .error = error};
}

void SimDisk::PowerOffAt(uint64_t nth) {
  QUORATE_CHECK(nth > 0);
  MutexLock lock(&mu_);
  power_off_at_ = operations_ + nth;
}

void SimDisk::PowerOff() {
  MutexLock lock(&mu_);
  powered_ = false;
}

bool SimDisk::powered() const {
  MutexLock lock(&mu_);
  return powered_;
}

void SimDisk::PowerOn(Random* random, const CrashOptions& options) {
  MutexLock lock(&mu_);
  root_->Crash(random, options);
  powered_ = true;
  NewEpochLocked();
}

void SimDisk::KillProcess() {
  MutexLock lock(&mu_);
  powered_ = true;
  NewEpochLocked();
}

void SimDisk::NewEpochLocked() {
  ++epoch_;
  locks_.clear();
  faults_.clear();
  power_off_at_ = 0;
}

void SimDisk::SetFull(bool full) {
  MutexLock lock(&mu_);
  full_ = full;
}

bool SimDisk::full() const {
  MutexLock lock(&mu_);
  return full_;
}

void SimDisk::SetFreeBytes(uint64_t bytes) {
  MutexLock lock(&mu_);
  free_bytes_ = bytes;
}

std::optional<uint64_t> SimDisk::free_bytes() const {
  MutexLock lock(&mu_);
  return free_bytes_;
}

uint64_t SimDisk::operations() const {
  MutexLock lock(&mu_);
  return operations_;
}

std::shared_ptr<SimDisk::Node> SimDisk::FindLocked(
    absl::string_view path) const {
  std::shared_ptr<Node> node = root_;
  for (const std::string& name : Split(path)) {
    const auto found = node->live.find(name);
    if (found == node->live.end()) return nullptr;
    node = found->second;
  }
  return node;
}

SimDisk::Place SimDisk::PlaceLocked(absl::string_view path) const {
  std::vector<std::string> names = Split(path);
  QUORATE_CHECK(!names.empty());
  Place place{.folder = root_, .name = std::move(names.back())};
  names.pop_back();
  for (const std::string& name : names) {
    const auto found = place.folder->live.find(name);
    if (found == place.folder->live.end()) return Place();
    place.folder = found->second;
  }
  return place;
}

DiskError SimDisk::CheckLocked(const Handle& handle) const {
  if (!powered_ || handle.epoch != epoch_) return DiskError::kIo;
  return DiskError::kNone;
}

DiskError SimDisk::BeginChangeLocked(DiskOperation operation,
                                     bool takes_space) {
  if (!powered_) return DiskError::kIo;
  ++operations_;
  if (operations_ == power_off_at_) {
    powered_ = false;
    return DiskError::kIo;
  }
  if (full_ && takes_space) return DiskError::kNoSpace;
  const auto planned = faults_.find(operation);
  if (planned == faults_.end() || --planned->second.remaining > 0) {
    return DiskError::kNone;
  }
  const DiskError error = planned->second.error;
  faults_.erase(planned);
  return error;
}

DiskError SimDisk::Create(absl::string_view path, Handle* file) {
  MutexLock lock(&mu_);
  const DiskError error =
      BeginChangeLocked(DiskOperation::kChangeFolder, /*takes_space=*/true);
  if (error != DiskError::kNone) return error;
  const Place place = PlaceLocked(path);
  if (place.folder == nullptr) return DiskError::kNotFound;
  auto node = std::make_shared<Node>();
  place.folder->Apply({.added = place.name, .target = node});
  *file = Handle{.node = std::move(node), .epoch = epoch_};
  return DiskError::kNone;
}

DiskError SimDisk::Open(absl::string_view path, Handle* file) {
  MutexLock lock(&mu_);
  if (!powered_) return DiskError::kIo;
  std::shared_ptr<Node> node = FindLocked(path);
  if (node == nullptr) return DiskError::kNotFound;
  *file = Handle{.node = std::move(node), .epoch = epoch_};
  return DiskError::kNone;
}

DiskError SimDisk::CreateFolder(absl::string_view path) {
  MutexLock lock(&mu_);
  const DiskError error =
      BeginChangeLocked(DiskOperation::kChangeFolder, /*takes_space=*/true);
  if (error != DiskError::kNone) return error;
  const Place place = PlaceLocked(path);
  if (place.folder == nullptr) return DiskError::kNotFound;
  if (place.folder->live.contains(place.name)) return DiskError::kExists;
  auto node = std::make_shared<Node>();
  node->folder = true;
  place.folder->Apply({.added = place.name, .target = std::move(node)});
  return DiskError::kNone;
}

DiskError SimDisk::Remove(absl::string_view path) {
  MutexLock lock(&mu_);
  const DiskError error =
      BeginChangeLocked(DiskOperation::kChangeFolder, /*takes_space=*/false);
  if (error != DiskError::kNone) return error;
  const std::shared_ptr<Node> node = FindLocked(path);
  if (node == nullptr) return DiskError::kNotFound;
  if (!node->live.empty()) return DiskError::kExists;
  const Place place = PlaceLocked(path);
  place.folder->Apply({.removed = place.name});
  return DiskError::kNone;
}

DiskError SimDisk::Link(absl::string_view source, absl::string_view target) {
  MutexLock lock(&mu_);
  const DiskError error =
      BeginChangeLocked(DiskOperation::kChangeFolder, /*takes_space=*/true);
  if (error != DiskError::kNone) return error;
  const std::shared_ptr<Node> node = FindLocked(source);
  const Place place = PlaceLocked(target);
  if (node == nullptr || place.folder == nullptr) return DiskError::kNotFound;
  if (place.folder->live.contains(place.name)) return DiskError::kExists;
  place.folder->Apply({.added = place.name, .target = node});
  return DiskError::kNone;
}

DiskError SimDisk::Rename(absl::string_view source, absl::string_view target) {
  MutexLock lock(&mu_);
  const DiskError error =
      BeginChangeLocked(DiskOperation::kChangeFolder, /*takes_space=*/false);
  if (error != DiskError::kNone) return error;
  const std::shared_ptr<Node> node = FindLocked(source);
  const Place to = PlaceLocked(target);
  if (node == nullptr || to.folder == nullptr) return DiskError::kNotFound;
  const Place from = PlaceLocked(source);
  QUORATE_CHECK(from.folder == to.folder);
  to.folder->Apply({.removed = from.name, .added = to.name, .target = node});
  return DiskError::kNone;
}

DiskError SimDisk::List(absl::string_view path,
                        std::vector<std::string>* names) {
  MutexLock lock(&mu_);
  if (!powered_) return DiskError::kIo;
  const std::shared_ptr<Node> node = FindLocked(path);
  if (node == nullptr || !node->folder) return DiskError::kNotFound;
  names->clear();
  for (const auto& [name, child] : node->live) {
    names->push_back(name);
  }
  return DiskError::kNone;
}

DiskError SimDisk::Lock(absl::string_view path, Handle* lock_handle) {
  MutexLock lock(&mu_);
  if (!powered_) return DiskError::kIo;
  const Place place = PlaceLocked(path);
  if (place.folder == nullptr) return DiskError::kNotFound;
  if (!locks_.insert(std::string(path)).second) return DiskError::kBusy;
  if (!place.folder->live.contains(place.name)) {
    place.folder->Apply(
        {.added = place.name, .target = std::make_shared<Node>()});
  }
  *lock_handle = Handle{.node = nullptr, .epoch = epoch_};
  return DiskError::kNone;
}

DiskError SimDisk::Unlock(const Handle& lock_handle, absl::string_view path) {
  MutexLock lock(&mu_);
  const DiskError error = CheckLocked(lock_handle);
  if (error == DiskError::kNone) locks_.erase(std::string(path));
  return error;
}

// The power may go with the bytes in the page cache: what a crash leaves of
// them is a torn write.
DiskError SimDisk::Append(const Handle& file, absl::string_view bytes) {
  MutexLock lock(&mu_);
  DiskError error = CheckLocked(file);
  if (error != DiskError::kNone) return error;
  error = BeginChangeLocked(DiskOperation::kWrite, /*takes_space=*/true);
  if (error == DiskError::kNone || !powered_) {
    file.node->bytes.append(bytes.data(), bytes.size());
  }
  return error;
}

DiskError SimDisk::WriteAt(const Handle& file, uint64_t offset,
                           absl::string_view bytes) {
  MutexLock lock(&mu_);
  DiskError error = CheckLocked(file);
  if (error != DiskError::kNone) return error;
  error = BeginChangeLocked(DiskOperation::kWrite, /*takes_space=*/false);
  if (error != DiskError::kNone && powered_) return error;
  Node& node = *file.node;
  QUORATE_CHECK(offset + bytes.size() <= node.bytes.size());
  std::vector<std::string>& older = node.versions[offset];
  older.push_back(node.bytes.substr(offset, bytes.size()));
  // Places overlap in no file of ours.
  QUORATE_CHECK(older.back().size() == older.front().size());
  node.bytes.replace(offset, bytes.size(), bytes.data(), bytes.size());
  return error;
}

DiskError SimDisk::Truncate(const Handle& file, uint64_t size) {
  MutexLock lock(&mu_);
  DiskError error = CheckLocked(file);
  if (error != DiskError::kNone) return error;
  error = BeginChangeLocked(DiskOperation::kWrite, /*takes_space=*/false);
  if (error != DiskError::kNone) return error;
  Node& node = *file.node;
  node.bytes.resize(size);
  node.durable = std::min(node.durable, node.bytes.size());
  return DiskError::kNone;
}

DiskError SimDisk::Sync(const Handle& file) {
  MutexLock lock(&mu_);
  DiskError error = CheckLocked(file);
  if (error != DiskError::kNone) return error;
  error = BeginChangeLocked(DiskOperation::kSync, /*takes_space=*/false);
  Node& node = *file.node;
  if (error != DiskError::kNone) {
    node.sync_lost = node.sync_lost || powered_;
    return error;
  }
  if (!node.sync_lost) {
    node.durable = node.bytes.size();
    node.versions.clear();
  }
  return DiskError::kNone;
}

DiskError SimDisk::SyncFolder(const Handle& folder) {
  MutexLock lock(&mu_);
  DiskError error = CheckLocked(folder);
  if (error != DiskError::kNone) return error;
  error = BeginChangeLocked(DiskOperation::kSyncFolder, /*takes_space=*/false);
  if (error != DiskError::kNone) return error;
  Node& node = *folder.node;
  node.on_platter = node.live;
  node.pending.clear();
  return DiskError::kNone;
}

DiskError SimDisk::Read(const Handle& file, uint64_t offset, size_t size,
                        char* out, size_t* read) {
  MutexLock lock(&mu_);
  const DiskError error = CheckLocked(file);
  if (error != DiskError::kNone) return error;
  const std::string& bytes = file.node->bytes;
  const uint64_t start = std::min<uint64_t>(offset, bytes.size());
  *read = std::min<uint64_t>(size, bytes.size() - start);
  std::memcpy(out, bytes.data() + start, *read);
  return DiskError::kNone;
}

DiskError SimDisk::Size(const Handle& file, uint64_t* size) {
  MutexLock lock(&mu_);
  const DiskError error = CheckLocked(file);
  if (error == DiskError::kNone) *size = file.node->bytes.size();
  return error;
}

bool SimDisk::IsFolder(const Handle& handle) {
  MutexLock lock(&mu_);
  return handle.node->folder;
}

std::string SimDisk::Contents(absl::string_view path) {
  MutexLock lock(&mu_);
  const std::shared_ptr<Node> node = FindLocked(path);
  QUORATE_CHECK(node != nullptr && !node->folder);
  return node->bytes;
}

void SimDisk::Overwrite(absl::string_view path, std::string bytes) {
  MutexLock lock(&mu_);
  const std::shared_ptr<Node> node = FindLocked(path);
  QUORATE_CHECK(node != nullptr && !node->folder);
  node->bytes = std::move(bytes);
  node->durable = node->bytes.size();
  node->versions.clear();
}

}  // namespace quorate
