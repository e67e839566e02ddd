// A state store without a disk, for tests.

#ifndef QUORATE_REPLICATION_STORAGE_MEMORY_STATE_STORE_H_
#define QUORATE_REPLICATION_STORAGE_MEMORY_STATE_STORE_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "replication/state_store.h"

namespace quorate::replication {

// Survives as long as the object. Checkpoints lie, by their paths, on a shelf
// that all stores of the process share as they would a disk. Thread-compatible.
class MemoryStateStore : public StateStore {
 public:
  void Write(const std::vector<RecordChange>& changes,
             const AppliedPosition& position) override;
  absl::StatusOr<AppliedPosition> ReadPosition() const override;
  absl::Status ForEach(
      const std::function<absl::Status(absl::string_view key,
                                       absl::string_view value)>& visit)
      const override;
  absl::StatusOr<std::optional<std::string>> Get(
      absl::string_view key) const override;
  // Has a copy of all records.
  absl::StatusOr<std::unique_ptr<RecordCursor>> NewCursor() const override;
  void Fail(const absl::Status& status) override;
  absl::Status Checkpoint(const std::string& directory) override;
  absl::Status Install(const std::string& directory,
                       const Accept& accept) override;

 private:
  struct Shelf;

  static Shelf& SharedShelf();

  std::map<std::string, std::string, std::less<>> records_;
  AppliedPosition position_;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_MEMORY_STATE_STORE_H_
