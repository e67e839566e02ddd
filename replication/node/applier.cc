#include "replication/node/applier.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.h"

namespace quorate::replication {
namespace {

// One call of StateMachine::Apply: enough to share the cost of a write to its
// store, few enough that a read waits a few milliseconds at most.
constexpr size_t kMaxBatch = 1024;

// From here on the consensus thread takes nothing from outside.
constexpr size_t kBackloggedEntries = size_t{64} * 1024;
constexpr size_t kBackloggedBytes = size_t{64} * 1024 * 1024;

// Reads whose time is up are looked for this often.
constexpr absl::Duration kExpiryPeriod = absl::Milliseconds(50);
constexpr absl::Duration kIdleWait = absl::Seconds(10);

}  // namespace

Applier::Applier(const Deps& deps, uint64_t run, size_t max_reads)
    : deps_(deps),
      run_(run),
      max_reads_(max_reads),
      applied_(deps.state_machine->AppliedIndex().value()) {}

Applier::~Applier() {
  Stop();
}

void Applier::Start() {
  thread_ = std::thread([this] { Run(); });
}

void Applier::Push(std::vector<raft::Entry> entries) {
  if (entries.empty()) return;
  {
    MutexLock lock(&mu_);
    for (raft::Entry& entry : entries) {
      entry_bytes_ += raft::EntryCost(entry);
      entries_.push_back(std::move(entry));
    }
  }
  changed_.NotifyOne();
}

bool Applier::TryPushRead(IndexedRead* read) {
  {
    MutexLock lock(&mu_);
    if (stop_ || reads_under_way_ >= max_reads_) return false;
    ++reads_under_way_;
    reads_.push_back(std::move(*read));
  }
  changed_.NotifyOne();
  return true;
}

bool Applier::Backlogged() const {
  MutexLock lock(&mu_);
  return entries_.size() >= kBackloggedEntries ||
         entry_bytes_ >= kBackloggedBytes;
}

bool Applier::stopping() const {
  MutexLock lock(&mu_);
  return stop_;
}

void Applier::Stop() {
  {
    MutexLock lock(&mu_);
    stop_ = true;
  }
  changed_.NotifyAll();
  if (thread_.joinable()) thread_.join();
}

std::vector<IndexedRead> Applier::TakeReads() {
  std::vector<IndexedRead> reads;
  for (auto& [index, read] : waiting_) {
    reads.push_back(std::move(read));
  }
  waiting_.clear();
  MutexLock lock(&mu_);
  std::move(reads_.begin(), reads_.end(), std::back_inserter(reads));
  reads_.clear();
  return reads;
}

void Applier::Run() {
  while (true) {
    Work work = Take();
    if (work.stop) return;
    if (!work.entries.empty()) Apply(work.entries);
    for (IndexedRead& read : work.reads) {
      const raft::Index index = read.index;
      waiting_.emplace(index, std::move(read));
    }
    RunReads();
    ExpireReads();
  }
}

Applier::Work Applier::Take() {
  Work work;
  MutexLock lock(&mu_);
  if (!stop_ && entries_.empty() && reads_.empty()) {
    changed_.WaitFor(&mu_, waiting_.empty() ? kIdleWait : kExpiryPeriod);
  }
  work.stop = stop_;
  if (stop_) return work;
  work.reads.swap(reads_);
  const size_t count = std::min(entries_.size(), kMaxBatch);
  work.entries.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    entry_bytes_ -= raft::EntryCost(entries_.front());
    work.entries.push_back(std::move(entries_.front()));
    entries_.pop_front();
  }
  return work;
}

void Applier::Apply(std::span<const raft::Entry> entries) {
  std::vector<std::unique_ptr<Answer>> answers =
      deps_.state_machine->Apply(entries);
  QUORATE_CHECK(answers.size() == entries.size());
  applied_.store(entries.back().index.value(), std::memory_order_release);

  AppliedEvent event{.index = entries.back().index,
                     .term = entries.back().term,
                     .sequences = {}};
  std::vector<size_t> positions;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].proposal.run != run_) continue;
    event.sequences.push_back(entries[i].proposal.sequence);
    positions.push_back(i);
  }
  std::vector<std::optional<ProposeDone>> calls =
      deps_.calls->TakeEach(event.sequences);
  for (size_t i = 0; i < calls.size(); ++i) {
    if (!calls[i].has_value()) continue;  // A repeat, or ended before.
    const raft::Entry& entry = entries[positions[i]];
    (*calls[i])(ProposeResult{.outcome = ProposeOutcome::kApplied,
                              .index = entry.index,
                              .term = entry.term,
                              .answer = std::move(answers[positions[i]])});
  }
  std::vector<InsideEvent> events;
  events.push_back(std::move(event));
  deps_.inbox->Push(std::move(events));
}

void Applier::RunReads() {
  const auto end = waiting_.upper_bound(applied());
  size_t count = 0;
  for (auto it = waiting_.begin(); it != end; ++it, ++count) {
    it->second.done(ReadOutcome::kOk);
  }
  waiting_.erase(waiting_.begin(), end);
  MutexLock lock(&mu_);
  reads_under_way_ -= count;
}

void Applier::ExpireReads() {
  if (waiting_.empty()) return;
  const absl::Duration now = deps_.clock->SinceBoot();
  size_t count = 0;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (it->second.deadline > now) {
      ++it;
      continue;
    }
    it->second.done(ReadOutcome::kTimedOut);
    it = waiting_.erase(it);
    ++count;
  }
  MutexLock lock(&mu_);
  reads_under_way_ -= count;
}

}  // namespace quorate::replication
