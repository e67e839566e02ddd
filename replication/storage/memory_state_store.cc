#include "replication/storage/memory_state_store.h"

#include "base/check.h"
#include "base/status.h"

namespace quorate::replication {

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

}  // namespace quorate::replication
