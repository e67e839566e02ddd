// The part of the log that is in memory.

#ifndef QUORATE_REPLICATION_RAFT_ENTRY_WINDOW_H_
#define QUORATE_REPLICATION_RAFT_ENTRY_WINDOW_H_

#include <cstddef>
#include <utility>
#include <vector>

#include "base/check.h"
#include "replication/raft/types.h"

namespace quorate::raft {

// Consecutive entries in a ring: added and truncated at the back, dropped at
// the front, without an allocation for each. Confined to the consensus thread.
class EntryWindow {
 public:
  bool empty() const { return size_ == 0; }

  size_t size() const { return size_; }

  // The sum of EntryCost.
  size_t bytes() const { return bytes_; }

  const Entry& front() const { return At(0); }

  const Entry& back() const { return At(size_ - 1); }

  bool Contains(Index index) const {
    return size_ > 0 && index >= front().index && index <= back().index;
  }

  // `index` must be in the window.
  const Entry& operator[](Index index) const {
    QUORATE_CHECK(Contains(index));
    return At(index.value() - front().index.value());
  }

  // `entry` follows the last one, if any.
  void PushBack(Entry entry) {
    QUORATE_CHECK(empty() || entry.index == back().index.Next());
    if (size_ == slots_.size()) Grow();
    bytes_ += EntryCost(entry);
    slots_[(start_ + size_) & (slots_.size() - 1)] = std::move(entry);
    ++size_;
  }

  void PopFront() {
    QUORATE_CHECK(size_ > 0);
    Release(slots_[start_]);
    start_ = (start_ + 1) & (slots_.size() - 1);
    --size_;
  }

  void PopBack() {
    QUORATE_CHECK(size_ > 0);
    Release(slots_[(start_ + size_ - 1) & (slots_.size() - 1)]);
    --size_;
  }

 private:
  const Entry& At(size_t position) const {
    return slots_[(start_ + position) & (slots_.size() - 1)];
  }

  void Release(Entry& slot) {
    bytes_ -= EntryCost(slot);
    slot = Entry();
  }

  void Grow() {
    std::vector<Entry> larger(slots_.empty() ? 64 : 2 * slots_.size());
    for (size_t i = 0; i < size_; ++i) {
      larger[i] = std::move(slots_[(start_ + i) & (slots_.size() - 1)]);
    }
    slots_ = std::move(larger);
    start_ = 0;
  }

  // A power of two, so that positions wrap by a mask.
  std::vector<Entry> slots_;
  size_t start_ = 0;
  size_t size_ = 0;
  size_t bytes_ = 0;
};

}  // namespace quorate::raft

#endif  // QUORATE_REPLICATION_RAFT_ENTRY_WINDOW_H_
