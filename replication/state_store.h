// Where a state machine keeps its records: the `state/` database of a member.

#ifndef QUORATE_REPLICATION_STATE_STORE_H_
#define QUORATE_REPLICATION_STATE_STORE_H_

#include <functional>
#include <memory>
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

// A place among the records as they were when it was made, in key order.
// Thread-compatible: it may be used, and destroyed, on another thread than the
// store's, as long as the store lives.
class RecordCursor {
 public:
  virtual ~RecordCursor() = default;

  // To the first record whose key is not less than `key`; to the last whose
  // key is not greater.
  virtual void Seek(absl::string_view key) = 0;
  virtual void SeekForPrev(absl::string_view key) = 0;

  // While Valid only. Views hold until the next move.
  virtual void Next() = 0;
  virtual absl::string_view key() const = 0;
  virtual absl::string_view value() const = 0;

  // False behind the last record, before the first, and after an error.
  virtual bool Valid() const = 0;

  // DATA_LOSS where the store is damaged.
  virtual absl::Status status() const = 0;
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

  // Nothing where there is no such record.
  virtual absl::StatusOr<std::optional<std::string>> Get(
      absl::string_view key) const = 0;

  virtual absl::StatusOr<std::unique_ptr<RecordCursor>> NewCursor() const = 0;
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

  // Ends the process, as a failed write does: what was read of it on the way
  // to a write is damaged.
  virtual void Fail(const absl::Status& status) = 0;

  // As StateMachine::Checkpoint.
  virtual absl::Status Checkpoint(const std::string& directory) = 0;

  // As StateMachine::Install. `accept` sees the records that would replace
  // these; where it refuses them its error is returned and nothing changes.
  // Waits for the cursors that are in use.
  virtual absl::Status Install(const std::string& directory,
                               const Accept& accept) = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STATE_STORE_H_
