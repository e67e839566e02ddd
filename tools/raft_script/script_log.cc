#include "tools/raft_script/script_log.h"

#include <utility>

#include "base/check.h"

namespace quorate::raft_script {

using raft::Entry;
using raft::Index;

ScriptLog::ScriptLog(raft::SnapshotPosition before)
    : before_(std::move(before)),
      hard_state_{.term = before_.term, .commit = before_.index} {}

size_t ScriptLog::PlaceOf(Index index) const {
  QUORATE_CHECK(index >= FirstIndex());
  return index.value() - FirstIndex().value();
}

void ScriptLog::Write(const raft::AppendWork& work) {
  if (work.install.has_value()) {
    before_ = *work.install;
    entries_.clear();
  }
  if (work.hard_state.has_value()) hard_state_ = *work.hard_state;
  if (!work.entries.empty()) {
    const size_t kept = PlaceOf(work.entries.front().index);
    QUORATE_CHECK(kept <= entries_.size());
    entries_.resize(kept);
    entries_.insert(entries_.end(), work.entries.begin(), work.entries.end());
  }
  if (work.compact_to.has_value() && work.compact_to->index > before_.index) {
    const size_t gone = PlaceOf(work.compact_to->index) + 1;
    QUORATE_CHECK(gone <= entries_.size());
    entries_.erase(entries_.begin(),
                   entries_.begin() + static_cast<ptrdiff_t>(gone));
    before_ = *work.compact_to;
  }
}

raft::RestoredState ScriptLog::Restore(Index applied) const {
  raft::RestoredState restored{.hard_state = hard_state_, .applied = applied};
  restored.configurations.push_back(
      {before_.configuration_index, before_.configuration});
  for (const Entry& entry : entries_) {
    if (entry.type != raft::EntryType::kConfiguration) continue;
    restored.configurations.push_back({entry.index, entry.configuration});
  }
  if (before_.index > Index(0)) restored.snapshot = before_;
  return restored;
}

std::vector<Entry> ScriptLog::Read(Index from, Index to,
                                   size_t max_bytes) const {
  QUORATE_CHECK(from >= FirstIndex() && from < to);
  QUORATE_CHECK(to <= LastIndex().Next());
  std::vector<Entry> entries;
  size_t bytes = 0;
  for (Index i = from; i < to; i = i.Next()) {
    const Entry& entry = entries_[PlaceOf(i)];
    bytes += raft::EntryCost(entry);
    if (bytes > max_bytes && !entries.empty()) break;
    entries.push_back(entry);
  }
  return entries;
}

raft::Term ScriptLog::TermAt(Index index) const {
  if (index == before_.index) return before_.term;
  QUORATE_CHECK(index <= LastIndex());
  return entries_[PlaceOf(index)].term;
}

}  // namespace quorate::raft_script
