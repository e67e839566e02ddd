// What this member has witnessed of the others, on its disk.

#ifndef QUORATE_REPLICATION_STORAGE_WITNESS_BOOK_H_
#define QUORATE_REPLICATION_STORAGE_WITNESS_BOOK_H_

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"

#include "base/mutex.h"
#include "replication/raft/types.h"

namespace quorate::replication {

// The latest start of each member's data directory, the process of that start,
// and how far its log is known to hold what was committed. A directory that
// was put back to an earlier state, or made anew under the same id, has counted
// fewer starts or lost entries that it had acknowledged: it has forgotten
// votes too, and is refused (security.md, §5.3).
//
// A file `witnessed` in `raft/`, written as a whole. It is knowledge about
// others and no promise: where it is missing or damaged it begins anew.
// Thread-safe.
class WitnessBook {
 public:
  // Reads what there is in `data_dir`.
  explicit WitnessBook(const std::string& data_dir);

  // A process of a member, as it introduces itself.
  struct Newcomer {
    raft::MemberId id;
    uint64_t run = 0;
    uint64_t incarnation = 0;  // Start of its data directory; 0: not counted.
    raft::Index last_index;    // Where its log ended then.
  };

  // FAILED_PRECONDITION where its data directory is an older state of one that
  // was seen, or a copy of it: it must not take part. Does not block.
  absl::Status Admit(const Newcomer& newcomer);

  // `member` has acknowledged what is committed up to here: no rule of Raft
  // lets its log be shorter ever again.
  void NoteCommitted(raft::MemberId member, raft::Index index);

  // Writes what is new, and forgets all but `members`. Blocks. An error is of
  // no consequence but that less is known after the next start.
  absl::Status Save(const std::set<raft::MemberId>& members);

 private:
  struct Witnessed {
    uint64_t incarnation = 0;
    uint64_t run = 0;
    uint64_t index = 0;
  };

  void Load();
  std::string Encode() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::string folder_;

  Mutex mu_;
  std::map<raft::MemberId, Witnessed> members_ ABSL_GUARDED_BY(mu_);
  bool changed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_WITNESS_BOOK_H_
