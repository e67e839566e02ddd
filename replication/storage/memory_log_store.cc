#include "replication/storage/memory_log_store.h"

#include <algorithm>

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

std::unique_ptr<MemoryLogStore> MemoryLogStore::NewJoining(
    const MemberIdentity& identity, const raft::Configuration& told) {
  std::unique_ptr<MemoryLogStore> store(new MemoryLogStore(identity));
  store->told_ = std::make_shared<const raft::Configuration>(told);
  return store;
}

raft::HardState MemoryLogStore::RestoredHardState() const {
  MutexLock lock(&mu_);
  return hard_state_;
}

std::vector<raft::RestoredState::AtIndex>
MemoryLogStore::RestoredConfigurations() const {
  MutexLock lock(&mu_);
  std::vector<raft::RestoredState::AtIndex> configurations;
  if (snapshot_.has_value()) {
    configurations.push_back({.index = snapshot_->configuration_index,
                              .configuration = snapshot_->configuration});
  } else if (told_ != nullptr) {
    configurations.push_back({.index = Index(0), .configuration = told_});
  }
  for (const Entry& entry : entries_) {
    if (entry.configuration == nullptr) continue;
    configurations.push_back(
        {.index = entry.index, .configuration = entry.configuration});
  }
  return configurations;
}

std::optional<raft::SnapshotPosition> MemoryLogStore::RestoredSnapshot() const {
  MutexLock lock(&mu_);
  return snapshot_;
}

Index MemoryLogStore::BaseLocked() const {
  return snapshot_.has_value() ? snapshot_->index : Index(0);
}

Index MemoryLogStore::LastLocked() const {
  return BaseLocked().Plus(entries_.size());
}

void MemoryLogStore::ReplaceTailLocked(const std::vector<Entry>& tail) {
  const Index first = tail.front().index;
  QUORATE_CHECK(BaseLocked() < first && first <= LastLocked().Next());
  const uint64_t kept = first.value() - BaseLocked().value() - 1;
  entries_.erase(entries_.begin() + static_cast<ptrdiff_t>(kept),
                 entries_.end());
  for (const Entry& entry : tail) {
    QUORATE_CHECK(entry.index == LastLocked().Next());
    entries_.push_back(entry);
  }
}

void MemoryLogStore::Append(const LogWrite& write) {
  MutexLock lock(&mu_);
  if (write.install.has_value()) {
    QUORATE_CHECK(write.install->index >= hard_state_.commit);
    entries_.clear();
    snapshot_ = write.install;
  }
  if (write.hard_state.has_value()) hard_state_ = *write.hard_state;
  if (!write.entries.empty()) ReplaceTailLocked(write.entries);
  if (write.compact_to.has_value()) {
    const Index to = write.compact_to->index;
    QUORATE_CHECK(BaseLocked() <= to && to <= LastLocked());
    const uint64_t gone = to.value() - BaseLocked().value();
    entries_.erase(entries_.begin(),
                   entries_.begin() + static_cast<ptrdiff_t>(gone));
    snapshot_ = write.compact_to;
  }
  hard_state_.commit = std::max(hard_state_.commit, BaseLocked());
}

std::vector<Entry> MemoryLogStore::Read(Index from, Index to,
                                        size_t max_bytes) const {
  MutexLock lock(&mu_);
  QUORATE_CHECK(BaseLocked() < from && from < to);
  QUORATE_CHECK(to <= LastLocked().Next());
  const uint64_t base = BaseLocked().value();
  std::vector<Entry> taken;
  size_t bytes = 0;
  for (Index index = from; index < to; index = index.Next()) {
    const Entry& entry = entries_[index.value() - base - 1];
    bytes += raft::EntryCost(entry);
    if (!taken.empty() && bytes > max_bytes) break;
    taken.push_back(entry);
  }
  return taken;
}

Term MemoryLogStore::TermAt(Index index) const {
  if (index == Index(0)) return Term(0);
  MutexLock lock(&mu_);
  QUORATE_CHECK(BaseLocked() <= index && index <= LastLocked());
  if (index == BaseLocked()) return snapshot_->term;
  return entries_[index.value() - BaseLocked().value() - 1].term;
}

Index MemoryLogStore::FirstIndex() const {
  MutexLock lock(&mu_);
  return BaseLocked().Next();
}

Index MemoryLogStore::LastIndex() const {
  MutexLock lock(&mu_);
  return LastLocked();
}

}  // namespace quorate::replication
