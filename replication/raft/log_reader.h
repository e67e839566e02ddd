// How the core reads entries that are on disk.

#ifndef QUORATE_REPLICATION_RAFT_LOG_READER_H_
#define QUORATE_REPLICATION_RAFT_LOG_READER_H_

#include <cstddef>
#include <vector>

#include "replication/raft/types.h"

namespace quorate::raft {

// The durable part of the log, as far as the core has been told that it is
// durable. Calls are made on the thread that runs the core; an implementation
// that cannot read its disk ends the process (a member without its log has
// nothing to say). Entries that were overwritten by a later append must never
// come back.
class LogReader {
 public:
  virtual ~LogReader() = default;

  // The entries [from, to), as many as fit in `max_bytes` by EntryCost, but at
  // least one. FirstIndex() <= from < to <= LastIndex() + 1.
  virtual std::vector<Entry> Read(Index from, Index to,
                                  size_t max_bytes) const = 0;

  // The term of the entry at `index`; FirstIndex() - 1 is allowed too (Term(0)
  // for index 0).
  virtual Term TermAt(Index index) const = 0;

  // The first index that can be read. 1 until a log is compacted.
  virtual Index FirstIndex() const = 0;

  // The last index on disk; FirstIndex() - 1 where there is none.
  virtual Index LastIndex() const = 0;
};

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_LOG_READER_H_
