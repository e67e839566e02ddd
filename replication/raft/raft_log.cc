#include "replication/raft/raft_log.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace quorate::raft {

RaftLog::RaftLog(const LogReader* reader, const Options& options)
    : reader_(reader),
      max_cached_bytes_(options.max_cached_bytes),
      max_committed_bytes_(options.max_committed_bytes) {
  before_.index = reader_->FirstIndex().Previous();
  before_.term = reader_->TermAt(before_.index);
  if (options.snapshot.has_value()) {
    // The disk may still hold entries that the snapshot stands for.
    QUORATE_CHECK(options.snapshot->index >= before_.index);
    before_ = {options.snapshot->index, options.snapshot->term};
    last_stamp_ = options.snapshot->stamp;
  }
  last_ = before_;
  QUORATE_CHECK(reader_->LastIndex() >= before_.index);
  if (reader_->LastIndex() > before_.index) {
    // The last entry is kept in memory: its term and stamp are asked for often.
    std::vector<Entry> last = reader_->Read(
        reader_->LastIndex(), reader_->LastIndex().Next(), max_cached_bytes_);
    QUORATE_CHECK(last.size() == 1);
    last_ = {last.front().index, last.front().term};
    last_stamp_ = last.front().stamp;
    window_.PushBack(std::move(last.front()));
  }
  durable_ = last_.index;
  written_ = last_.index;
  // The commit index on disk is a hint: what was applied was committed, and so
  // was what a snapshot holds.
  handed_out_ = std::max(options.applied, before_.index);
  commit_ = std::max(options.commit, handed_out_);
  applied_ = options.applied;
  QUORATE_CHECK(commit_ <= last_.index);
}

Term RaftLog::TermAt(Index index) const {
  QUORATE_CHECK(index >= before_.index && index <= last_.index);
  if (index == last_.index) return last_.term;
  if (index == before_.index) return before_.term;
  if (index >= WindowStart()) return window_[index].term;
  return reader_->TermAt(index);
}

bool RaftLog::Matches(Index index, Term term) const {
  if (index < before_.index || index > last_.index) return false;
  return TermAt(index) == term;
}

LogPosition RaftLog::LastWithTermAtMost(Index index, Term term) const {
  // A follower that is merely behind agrees right there.
  if (TermAt(index) <= term) return {index, TermAt(index)};
  Index low = before_.index;
  Index high = index;
  // Invariant: the answer is in [low, high], or it is `low` for want of better.
  while (low < high) {
    const Index middle(high.value() - (high.value() - low.value()) / 2);
    if (TermAt(middle) <= term) {
      low = middle;
    } else {
      high = middle.Previous();
    }
  }
  return {low, TermAt(low)};
}

std::vector<Entry> RaftLog::Read(Index from, Index to, size_t max_bytes) const {
  QUORATE_CHECK(from > before_.index && from < to);
  QUORATE_CHECK(to <= last_.index.Next());
  std::vector<Entry> entries;
  size_t bytes = 0;
  const Index start = WindowStart();
  if (from < start) {
    const Index end = std::min(to, start);
    entries = reader_->Read(from, end, max_bytes);
    QUORATE_CHECK(!entries.empty());
    from = entries.back().index.Next();
    if (from < end) return entries;
    for (const Entry& entry : entries)
      bytes += EntryCost(entry);
  }
  Index end = from;
  while (end < to) {
    bytes += EntryCost(window_[end]);
    const bool first = entries.empty() && end == from;
    if (bytes > max_bytes && !first) break;
    end = end.Next();
  }
  entries.reserve(entries.size() + end.value() - from.value());
  for (Index i = from; i < end; i = i.Next())
    entries.push_back(window_[i]);
  return entries;
}

size_t RaftLog::CostInMemory(Index after, Index to, Term term) const {
  size_t cost = 0;
  for (Index i = std::max(after.Next(), WindowStart()); i <= to; i = i.Next()) {
    const Entry& entry = window_[i];
    if (entry.term == term) cost += EntryCost(entry);
  }
  return cost;
}

void RaftLog::Append(Entry entry) {
  QUORATE_CHECK(entry.index == last_.index.Next());
  QUORATE_CHECK(entry.term >= last_.term);
  last_ = {entry.index, entry.term};
  last_stamp_ = entry.stamp;
  window_.PushBack(std::move(entry));
}

void RaftLog::TruncateFrom(Index index) {
  QUORATE_CHECK(index > commit_);
  QUORATE_CHECK(index <= last_.index);
  while (!window_.empty() && window_.back().index >= index)
    window_.PopBack();
  last_ = {index.Previous(), TermAt(index.Previous())};
  durable_ = std::min(durable_, last_.index);
  written_ = std::min(written_, last_.index);
  truncated_after_write_ = last_write_;
}

void RaftLog::Install(const SnapshotPosition& position) {
  QUORATE_CHECK(position.index > commit_);
  while (!window_.empty())
    window_.PopBack();
  before_ = {position.index, position.term};
  last_ = before_;
  last_stamp_ = position.stamp;
  durable_ = Index(0);
  written_ = position.index;
  truncated_after_write_ = last_write_;
  commit_ = position.index;
  handed_out_ = position.index;
  install_ = position;
  // The disk is about to forget more than that.
  compaction_.reset();
}

void RaftLog::Compact(const SnapshotPosition& position) {
  if (position.index <= before_.index) return;
  QUORATE_CHECK(position.index <= applied_);
  QUORATE_CHECK(TermAt(position.index) == position.term);
  before_ = {position.index, position.term};
  while (!window_.empty() && window_.front().index <= position.index)
    window_.PopFront();
  compaction_ = position;
}

std::optional<SnapshotPosition> RaftLog::TakeInstall(uint64_t write) {
  if (install_.has_value()) install_write_ = write;
  return std::exchange(install_, std::nullopt);
}

std::optional<SnapshotPosition> RaftLog::TakeCompaction() {
  return std::exchange(compaction_, std::nullopt);
}

std::vector<Entry> RaftLog::TakeUnwritten(uint64_t write) {
  last_write_ = write;
  std::vector<Entry> entries;
  entries.reserve(last_.index.value() - written_.value());
  for (Index i = written_.Next(); i <= last_.index; i = i.Next()) {
    entries.push_back(window_[i]);
  }
  written_ = last_.index;
  return entries;
}

void RaftLog::OnWritten(const AppendReceipt& receipt) {
  if (receipt.write <= truncated_after_write_) return;
  // Where the write with the snapshot was followed by one that truncates, the
  // latter's receipt speaks for both: writes are done in order.
  if (installing() && !install_.has_value() &&
      receipt.write >= install_write_) {
    durable_ = before_.index;
  }
  if (receipt.last_index <= durable_) return;
  QUORATE_CHECK(receipt.last_index <= written_);
  QUORATE_CHECK(TermAt(receipt.last_index) == receipt.last_term);
  durable_ = receipt.last_index;
  Evict();
}

void RaftLog::CommitTo(Index index) {
  QUORATE_CHECK(index <= last_.index);
  commit_ = std::max(commit_, index);
}

bool RaftLog::HasCommitted() const {
  return snapshot_applied() && handed_out_ < ApplyLimit() &&
         unapplied_bytes_ < max_committed_bytes_;
}

std::vector<Entry> RaftLog::TakeCommitted() {
  if (!HasCommitted()) return {};
  std::vector<Entry> entries = Read(handed_out_.Next(), ApplyLimit().Next(),
                                    max_committed_bytes_ - unapplied_bytes_);
  size_t bytes = 0;
  for (const Entry& entry : entries)
    bytes += EntryCost(entry);
  handed_out_ = entries.back().index;
  unapplied_.push_back({handed_out_, bytes});
  unapplied_bytes_ += bytes;
  Evict();
  return entries;
}

void RaftLog::OnApplied(Index index) {
  QUORATE_CHECK(index <= handed_out_);
  applied_ = std::max(applied_, index);
  while (!unapplied_.empty() && unapplied_.front().last <= applied_) {
    unapplied_bytes_ -= unapplied_.front().bytes;
    unapplied_.pop_front();
  }
}

void RaftLog::Evict() {
  const Index limit = std::min(durable_, handed_out_);
  while (window_.bytes() > max_cached_bytes_ && window_.size() > 1 &&
         window_.front().index <= limit) {
    window_.PopFront();
  }
}

}  // namespace quorate::raft
