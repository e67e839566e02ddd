// A state store without a disk, for tests.

#ifndef QUORATE_REPLICATION_STORAGE_MEMORY_STATE_STORE_H_
#define QUORATE_REPLICATION_STORAGE_MEMORY_STATE_STORE_H_

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "replication/state_store.h"

namespace quorate::replication {

// Survives as long as the object. Thread-compatible.
class MemoryStateStore : public StateStore {
 public:
  void Write(const std::vector<RecordChange>& changes,
             const AppliedPosition& position) override;
  absl::StatusOr<AppliedPosition> ReadPosition() const override;
  absl::Status ForEach(
      const std::function<absl::Status(absl::string_view key,
                                       absl::string_view value)>& visit)
      const override;

 private:
  std::map<std::string, std::string> records_;
  AppliedPosition position_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_MEMORY_STATE_STORE_H_
