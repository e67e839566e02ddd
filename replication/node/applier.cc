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

Applier::Applier(const Deps& deps, uint64_t run, size_t max_reads,
                 raft::SnapshotPosition position)
    : deps_(deps),
      run_(run),
      max_reads_(max_reads),
      applied_(deps.state_machine->AppliedIndex().value()),
      position_(std::move(position)) {}

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

void Applier::RequestCheckpoint(std::string folder, CheckpointDone done) {
  {
    MutexLock lock(&mu_);
    QUORATE_CHECK(!checkpoint_.has_value());
    if (!stop_) {
      checkpoint_ = {.folder = std::move(folder), .done = std::move(done)};
      done = nullptr;
    }
  }
  if (done != nullptr) {
    done(absl::CancelledError("this member shuts down"));
    return;
  }
  changed_.NotifyOne();
}

absl::Status Applier::Install(const std::string& folder,
                              const raft::SnapshotPosition& position) {
  Installation installation{.folder = &folder, .position = &position};
  MutexLock lock(&mu_);
  QUORATE_CHECK(!stop_ && installation_ == nullptr);
  installation_ = &installation;
  changed_.NotifyAll();
  while (!installation.result.has_value()) {
    installed_.Wait(&mu_);
  }
  return *installation.result;
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
  std::optional<Checkpoint> checkpoint;
  {
    MutexLock lock(&mu_);
    checkpoint.swap(checkpoint_);
  }
  if (checkpoint.has_value()) {
    checkpoint->done(absl::CancelledError("this member shuts down"));
  }
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
    if (work.installation != nullptr) Replace(work.installation);
    if (!work.entries.empty()) Apply(work.entries);
    if (work.checkpoint.has_value()) MakeCheckpoint(*work.checkpoint);
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
  if (IdleLocked()) {
    changed_.WaitFor(&mu_, waiting_.empty() ? kIdleWait : kExpiryPeriod);
  }
  work.stop = stop_;
  if (stop_) return work;
  work.reads.swap(reads_);
  work.checkpoint.swap(checkpoint_);
  work.installation = std::exchange(installation_, nullptr);
  if (work.installation != nullptr) {
    entries_.clear();
    entry_bytes_ = 0;
  }
  const size_t count = std::min(entries_.size(), kMaxBatch);
  work.entries.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    entry_bytes_ -= raft::EntryCost(entries_.front());
    work.entries.push_back(std::move(entries_.front()));
    entries_.pop_front();
  }
  return work;
}

bool Applier::IdleLocked() const {
  return !stop_ && entries_.empty() && reads_.empty() &&
         !checkpoint_.has_value() && installation_ == nullptr;
}

void Applier::Follow(std::span<const raft::Entry> entries) {
  uint64_t bytes = 0;
  for (const raft::Entry& entry : entries) {
    bytes += raft::EntryCost(entry);
    if (entry.type != raft::EntryType::kConfiguration) continue;
    position_.configuration = entry.configuration;
    position_.configuration_index = entry.index;
  }
  position_.index = entries.back().index;
  position_.term = entries.back().term;
  position_.stamp = entries.back().stamp;
  applied_bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

void Applier::MakeCheckpoint(const Checkpoint& checkpoint) {
  const absl::Status status =
      deps_.state_machine->Checkpoint(checkpoint.folder);
  if (status.ok()) {
    checkpoint.done(position_);
  } else {
    checkpoint.done(status);
  }
}

void Applier::Replace(Installation* installation) {
  absl::Status status = deps_.state_machine->Install(*installation->folder);
  if (status.ok()) {
    position_ = *installation->position;
    applied_.store(position_.index.value(), std::memory_order_release);
  }
  MutexLock lock(&mu_);
  installation->result = std::move(status);
  installed_.NotifyAll();
}

void Applier::Apply(std::span<const raft::Entry> entries) {
  std::vector<std::unique_ptr<Answer>> answers =
      deps_.state_machine->Apply(entries);
  QUORATE_CHECK(answers.size() == entries.size());
  Follow(entries);
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
