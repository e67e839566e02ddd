#include "replication/storage/memory_state_store.h"

#include "absl/base/thread_annotations.h"

#include "base/check.h"
#include "base/mutex.h"
#include "base/status.h"

namespace quorate::replication {

struct MemoryStateStore::Shelf {
  Mutex mu;
  std::map<std::string, MemoryStateStore> stores ABSL_GUARDED_BY(mu);
};

MemoryStateStore::Shelf& MemoryStateStore::SharedShelf() {
  static Shelf* const shelf = new Shelf;
  return *shelf;
}

void MemoryStateStore::Write(const std::vector<RecordChange>& changes,
                             const AppliedPosition& position) {
  for (const RecordChange& change : changes) {
    QUORATE_CHECK(!change.key.empty());
    if (change.value.has_value()) {
      records_[change.key] = *change.value;
    } else {
      records_.erase(change.key);
    }
  }
  position_ = position;
}

absl::StatusOr<AppliedPosition> MemoryStateStore::ReadPosition() const {
  return position_;
}

absl::Status MemoryStateStore::ForEach(
    const std::function<absl::Status(absl::string_view key,
                                     absl::string_view value)>& visit) const {
  for (const auto& [key, value] : records_) {
    QUORATE_RETURN_IF_ERROR(visit(key, value));
  }
  return absl::OkStatus();
}

absl::Status MemoryStateStore::Checkpoint(const std::string& directory) {
  Shelf& shelf = SharedShelf();
  MutexLock lock(&shelf.mu);
  if (!shelf.stores.try_emplace(directory, *this).second) {
    return absl::AlreadyExistsError(directory);
  }
  return absl::OkStatus();
}

absl::Status MemoryStateStore::Install(const std::string& directory,
                                       const Accept& accept) {
  Shelf& shelf = SharedShelf();
  MutexLock lock(&shelf.mu);
  const auto found = shelf.stores.find(directory);
  if (found == shelf.stores.end()) return absl::DataLossError(directory);
  QUORATE_RETURN_IF_ERROR(accept(found->second));
  *this = found->second;
  shelf.stores.erase(found);
  return absl::OkStatus();
}

}  // namespace quorate::replication
