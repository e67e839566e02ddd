#include "replication/storage/memory_log_store.h"

#include "base/check.h"
#include "replication/storage/bootstrap.h"

namespace quorate::replication {

using raft::Entry;
using raft::Index;
using raft::Term;

MemoryLogStore::MemoryLogStore(const MemberIdentity& identity,
                               const raft::Configuration& configuration)
    : identity_(identity) {
  QUORATE_CHECK_OK(CheckBootstrap(identity, configuration));
  MutexLock lock(&mu_);
  hard_state_ = BootstrapHardState();
  entries_.push_back(BootstrapEntry(configuration));
}

raft::HardState MemoryLogStore::RestoredHardState() const {
  MutexLock lock(&mu_);
  return hard_state_;
}

std::vector<raft::RestoredState::AtIndex>
MemoryLogStore::RestoredConfigurations() const {
  MutexLock lock(&mu_);
  std::vector<raft::RestoredState::AtIndex> configurations;
  for (const Entry& entry : entries_) {
    if (entry.configuration == nullptr) continue;
    configurations.push_back(
        {.index = entry.index, .configuration = entry.configuration});
  }
  return configurations;
}

void MemoryLogStore::Append(const LogWrite& write) {
  MutexLock lock(&mu_);
  if (write.hard_state.has_value()) hard_state_ = *write.hard_state;
  if (write.entries.empty()) return;
  const uint64_t kept = write.entries.front().index.value() - 1;
  QUORATE_CHECK(kept <= entries_.size());
  entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(kept),
                 entries_.end());
  for (const Entry& entry : write.entries) {
    QUORATE_CHECK(entry.index.value() == entries_.size() + 1);
    entries_.push_back(entry);
  }
}

std::vector<Entry> MemoryLogStore::Read(Index from, Index to,
                                        size_t max_bytes) const {
  MutexLock lock(&mu_);
  QUORATE_CHECK(Index(1) <= from && from < to);
  QUORATE_CHECK(to.value() <= entries_.size() + 1);
  std::vector<Entry> taken;
  size_t bytes = 0;
  for (uint64_t i = from.value() - 1; i < to.value() - 1; ++i) {
    bytes += raft::EntryCost(entries_[i]);
    if (!taken.empty() && bytes > max_bytes) break;
    taken.push_back(entries_[i]);
  }
  return taken;
}

Term MemoryLogStore::TermAt(Index index) const {
  if (index == Index(0)) return Term(0);
  MutexLock lock(&mu_);
  QUORATE_CHECK(index.value() <= entries_.size());
  return entries_[index.value() - 1].term;
}

Index MemoryLogStore::FirstIndex() const {
  return Index(1);
}

Index MemoryLogStore::LastIndex() const {
  MutexLock lock(&mu_);
  return Index(entries_.size());
}

}  // namespace quorate::replication
