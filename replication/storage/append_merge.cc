#include "replication/storage/append_merge.h"

#include <vector>

#include "base/check.h"

namespace quorate::replication {
namespace {

// `tail` replaces what is in `*entries` from its first index on.
void ReplaceTail(const std::vector<raft::Entry>& tail,
                 std::vector<raft::Entry>* entries) {
  const raft::Index first = tail.front().index;
  if (!entries->empty()) {
    const raft::Index start = entries->front().index;
    QUORATE_CHECK(first <= entries->back().index.Next());
    const uint64_t kept = first <= start ? 0 : first.value() - start.value();
    entries->erase(entries->begin() + static_cast<ptrdiff_t>(kept),
                   entries->end());
  }
  entries->insert(entries->end(), tail.begin(), tail.end());
}

}  // namespace

LogWrite MergeAppends(std::span<const raft::AppendWork* const> works) {
  LogWrite write;
  for (const raft::AppendWork* work : works) {
    if (work->hard_state.has_value()) write.hard_state = work->hard_state;
    if (!work->entries.empty()) ReplaceTail(work->entries, &write.entries);
    write.must_sync = write.must_sync || work->must_sync;
  }
  return write;
}

}  // namespace quorate::replication
