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

// Forgetting what a position of the same write already stands for moves that
// position.
void Compact(const raft::SnapshotPosition& position, LogWrite* write) {
  if (!write->install.has_value()) {
    write->compact_to = position;
    return;
  }
  if (position.index <= write->install->index) return;
  write->install = position;
  std::erase_if(write->entries, [&position](const raft::Entry& entry) {
    return entry.index <= position.index;
  });
}

}  // namespace

LogWrite MergeAppends(std::span<const raft::AppendWork* const> works) {
  LogWrite write;
  for (const raft::AppendWork* work : works) {
    if (work->install.has_value()) {
      write.entries.clear();
      write.compact_to.reset();
      write.install = work->install;
    }
    if (work->hard_state.has_value()) write.hard_state = work->hard_state;
    if (!work->entries.empty()) ReplaceTail(work->entries, &write.entries);
    if (work->compact_to.has_value()) Compact(*work->compact_to, &write);
    write.must_sync = write.must_sync || work->must_sync;
  }
  return write;
}

}  // namespace quorate::replication
