#include "tests/support/memory_log.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

#include "base/check.h"

namespace quorate::raft {

std::shared_ptr<const Configuration> TestConfiguration(
    const std::vector<uint64_t>& voters) {
  auto configuration = std::make_shared<Configuration>();
  for (const uint64_t voter : voters) {
    configuration->membership.voters.push_back(MemberId(voter));
    configuration->addresses.push_back(
        {.id = MemberId(voter), .name = absl::StrCat("m", voter)});
  }
  return configuration;
}

MemoryLog::MemoryLog(std::shared_ptr<const Configuration> configuration)
    : hard_state_{.term = Term(1)} {
  entries_.push_back({.index = Index(1),
                      .term = Term(1),
                      .type = EntryType::kConfiguration,
                      .configuration = std::move(configuration)});
}

MemoryLog MemoryLog::Joiner(
    std::shared_ptr<const Configuration> configuration) {
  MemoryLog log(configuration);
  log.entries_.clear();
  log.hard_state_ = HardState();
  log.told_ = std::move(configuration);
  return log;
}

void MemoryLog::Write(const AppendWork& work) {
  QUORATE_CHECK(!work.install.has_value() || !work.compact_to.has_value());
  QUORATE_CHECK(!work.install.has_value() || work.must_sync);
  if (work.install.has_value()) {
    entries_.clear();
    snapshot_ = work.install;
  }
  if (work.compact_to.has_value()) {
    const Index to = work.compact_to->index;
    QUORATE_CHECK(to > Before() && to <= LastIndex());
    QUORATE_CHECK(TermAt(to) == work.compact_to->term);
    const auto kept = static_cast<ptrdiff_t>(to.value() - Before().value());
    entries_.erase(entries_.begin(), entries_.begin() + kept);
    snapshot_ = work.compact_to;
  }
  if (work.hard_state.has_value()) hard_state_ = *work.hard_state;
  if (!work.entries.empty()) {
    const Index kept = work.entries.front().index.Previous();
    QUORATE_CHECK(kept >= Before() && kept <= LastIndex());
    entries_.resize(kept.value() - Before().value());
  }
  for (const Entry& entry : work.entries) {
    QUORATE_CHECK(entry.index == LastIndex().Next());
    entries_.push_back(entry);
  }
  QUORATE_CHECK(hard_state_.commit <= LastIndex());
}

const Entry* MemoryLog::Find(Index index) const {
  if (index <= Before() || index > LastIndex()) return nullptr;
  return &entries_[index.value() - Before().value() - 1];
}

void MemoryLog::AppendTerms(const std::vector<uint64_t>& terms) {
  for (const uint64_t term : terms) {
    const Index index = LastIndex().Next();
    const std::string payload = absl::StrCat(index.value(), ".", term);
    entries_.push_back({.index = index,
                        .term = Term(term),
                        .type = EntryType::kCommand,
                        .payload = std::make_shared<std::string>(payload)});
    hard_state_.term = std::max(hard_state_.term, Term(term));
  }
}

RestoredState MemoryLog::Restore(Index applied) const {
  RestoredState restored{.hard_state = hard_state_, .applied = applied};
  restored.snapshot = snapshot_;
  if (snapshot_.has_value()) {
    restored.configurations.push_back(
        {snapshot_->configuration_index, snapshot_->configuration});
  }
  if (!snapshot_.has_value() && told_ != nullptr) {
    restored.configurations.push_back({Index(0), told_});
  }
  for (const Entry& entry : entries_) {
    if (entry.type != EntryType::kConfiguration) continue;
    restored.configurations.push_back({entry.index, entry.configuration});
  }
  return restored;
}

std::vector<Entry> MemoryLog::Read(Index from, Index to,
                                   size_t max_bytes) const {
  QUORATE_CHECK(from >= FirstIndex() && from < to);
  QUORATE_CHECK(to <= LastIndex().Next());
  std::vector<Entry> entries;
  size_t bytes = 0;
  for (Index i = from; i < to; i = i.Next()) {
    const Entry& entry = *Find(i);
    bytes += EntryCost(entry);
    if (bytes > max_bytes && !entries.empty()) break;
    entries.push_back(entry);
  }
  reads_ += entries.size();
  return entries;
}

Term MemoryLog::TermAt(Index index) const {
  if (index == Index(0)) return Term(0);
  if (index == Before()) return snapshot_->term;
  QUORATE_CHECK(index > Before() && index <= LastIndex());
  return Find(index)->term;
}

}  // namespace quorate::raft
