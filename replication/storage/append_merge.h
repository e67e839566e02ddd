// Many appends become one write: the heart of group commit.

#ifndef QUORATE_REPLICATION_STORAGE_APPEND_MERGE_H_
#define QUORATE_REPLICATION_STORAGE_APPEND_MERGE_H_

#include <span>

#include "replication/raft/ready.h"
#include "replication/storage/log_store.h"

namespace quorate::replication {

// One write with the effect of all `works`, written one by one in this order.
// An append that starts inside or before what an earlier one added replaces
// that tail, as it would on disk; one that installs a snapshot drops what came
// before it. `works` come from one core in the order of
// its Readies; their number is bounded by the caller's queue.
LogWrite MergeAppends(std::span<const raft::AppendWork* const> works);

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_STORAGE_APPEND_MERGE_H_
