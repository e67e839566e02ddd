// The durable log of one member: the `raft/` database.

#ifndef QUORATE_REPLICATION_STORAGE_LOG_STORE_H_
#define QUORATE_REPLICATION_STORAGE_LOG_STORE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "replication/raft/log_reader.h"
#include "replication/raft/raft.h"
#include "replication/raft/types.h"

namespace quorate::replication {

// Who a data directory belongs to. Written once, when it is created.
struct MemberIdentity {
  std::string cluster_id;  // 32 lower-case hex digits.
  raft::MemberId member_id;
  uint32_t format_version = 1;

  friend bool operator==(const MemberIdentity&,
                         const MemberIdentity&) = default;
};

// One atomic write, done in the order of its fields.
struct LogWrite {
  // Where set: every entry goes away; the log begins after `install`'s index
  // now, and RestoredSnapshot names it. Not below the commit index on disk.
  // A commit index below a position that is remembered is raised to it.
  std::optional<raft::SnapshotPosition> install;

  std::optional<raft::HardState> hard_state;

  // Consecutive, or empty. Whatever is stored from entries.front().index on
  // goes away in the same batch. entries.front().index <= LastIndex() + 1.
  std::vector<raft::Entry> entries;

  // Where set: the entries up to here go away, RestoredSnapshot names it.
  // FirstIndex() - 1 <= index <= LastIndex(); synced whatever `must_sync` says.
  std::optional<raft::SnapshotPosition> compact_to;

  bool must_sync = false;

  bool empty() const {
    return !install.has_value() && !hard_state.has_value() && entries.empty() &&
           !compact_to.has_value();
  }
};

// Append is called by the log writer's thread alone; the LogReader part by the
// consensus thread, at the same time. An implementation makes both safe.
class LogStore : public raft::LogReader {
 public:
  // What was found on disk when the store was opened.
  virtual const MemberIdentity& identity() const = 0;
  virtual raft::HardState RestoredHardState() const = 0;
  virtual std::vector<raft::RestoredState::AtIndex> RestoredConfigurations()
      const = 0;

  // What stands for the entries before FirstIndex(); nothing where the log is
  // whole. Its configuration is the first of RestoredConfigurations.
  virtual std::optional<raft::SnapshotPosition> RestoredSnapshot() const = 0;

  // On return the write is durable (where must_sync) and visible to readers.
  // A write that fails ends the process: after a failed sync nothing is known
  // about the disk (pitfall 8). It does not return then, nor does one that
  // begins while another thread ends the process: who goes on would tell others
  // of what was never written.
  virtual void Append(const LogWrite& write) = 0;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_LOG_STORE_H_
