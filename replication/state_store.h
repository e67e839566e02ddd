// Where a state machine keeps its records: the `state/` database of a member.

#ifndef QUORATE_REPLICATION_STATE_STORE_H_
#define QUORATE_REPLICATION_STATE_STORE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "replication/raft/types.h"

namespace quorate::replication {

// One change of a record. Keys are ordered byte strings, not empty.
struct RecordChange {
  std::string key;
  std::optional<std::string> value;  // Nothing: the record goes away.

  friend bool operator==(const RecordChange&, const RecordChange&) = default;
};

// How far the records have come.
struct AppliedPosition {
  raft::Index index;
  raft::Term term;
  raft::Stamp stamp;

  friend bool operator==(const AppliedPosition&,
                         const AppliedPosition&) = default;
};

// Records to look at. Thread-compatible.
class StateReader {
 public:
  virtual ~StateReader() = default;

  // The position of the last batch that is there; all zero where there is
  // none. DATA_LOSS where the store is damaged.
  virtual absl::StatusOr<AppliedPosition> ReadPosition() const = 0;

  // Calls `visit` for every record in key order; stops at the first error and
  // returns it. DATA_LOSS where the store is damaged.
  virtual absl::Status ForEach(
      const std::function<absl::Status(
          absl::string_view key, absl::string_view value)>& visit) const = 0;
};

// Thread-compatible.
class StateStore : public StateReader {
 public:
  using Accept = std::function<absl::Status(const StateReader& candidate)>;

  // Writes all changes and the position as one atomic batch. Not synced: after
  // a power loss the store may be at an earlier position, never at a mixture
  // (design §4). A failed write ends the process.
  virtual void Write(const std::vector<RecordChange>& changes,
                     const AppliedPosition& position) = 0;

  // As StateMachine::Checkpoint.
  virtual absl::Status Checkpoint(const std::string& directory) = 0;

  // As StateMachine::Install. `accept` sees the records that would replace
  // these; where it refuses them its error is returned and nothing changes.
  virtual absl::Status Install(const std::string& directory,
                               const Accept& accept) = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STATE_STORE_H_
