// Who is to be called when something under way has ended.

#ifndef QUORATE_REPLICATION_NODE_CALL_TABLE_H_
#define QUORATE_REPLICATION_NODE_CALL_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"

#include "base/mutex.h"

namespace quorate::replication {

// Calls by number. Whoever takes a call out makes it, so it is made once,
// however many threads learn of an end. Thread-safe; calls nothing itself.
template <typename Call>
class CallTable {
 public:
  CallTable(size_t max_calls, size_t max_bytes)
      : max_calls_(max_calls), max_bytes_(max_bytes) {}

  // Moves from `*call` and returns its number, from 1; nothing, and leaves
  // `*call` alone, where the table is full or closed. `bytes` is what the call
  // counts for.
  std::optional<uint64_t> Add(Call* call, size_t bytes) {
    MutexLock lock(&mu_);
    if (closed_ || calls_.size() >= max_calls_ || bytes_ + bytes > max_bytes_) {
      return std::nullopt;
    }
    const uint64_t number = ++last_number_;
    calls_.emplace(number, Entry{.call = std::move(*call), .bytes = bytes});
    bytes_ += bytes;
    return number;
  }

  // Nothing where the call was taken before.
  std::optional<Call> Take(uint64_t number) {
    MutexLock lock(&mu_);
    const auto it = calls_.find(number);
    if (it == calls_.end()) return std::nullopt;
    Call call = std::move(it->second.call);
    bytes_ -= it->second.bytes;
    calls_.erase(it);
    return call;
  }

  // The calls of all of `numbers`, in their order, under one lock.
  std::vector<std::optional<Call>> TakeEach(
      const std::vector<uint64_t>& numbers) {
    std::vector<std::optional<Call>> calls;
    calls.reserve(numbers.size());
    MutexLock lock(&mu_);
    for (const uint64_t number : numbers) {
      const auto it = calls_.find(number);
      if (it == calls_.end()) {
        calls.push_back(std::nullopt);
        continue;
      }
      calls.push_back(std::move(it->second.call));
      bytes_ -= it->second.bytes;
      calls_.erase(it);
    }
    return calls;
  }

  // Adds nothing from now on.
  void Close() {
    MutexLock lock(&mu_);
    closed_ = true;
  }

  bool closed() const {
    MutexLock lock(&mu_);
    return closed_;
  }

  std::vector<Call> TakeAll() {
    std::vector<Call> calls;
    MutexLock lock(&mu_);
    for (auto& [number, entry] : calls_) {
      calls.push_back(std::move(entry.call));
    }
    calls_.clear();
    bytes_ = 0;
    return calls;
  }

 private:
  struct Entry {
    Call call;
    size_t bytes = 0;
  };

  // Constant after construction.
  const size_t max_calls_;
  const size_t max_bytes_;

  mutable Mutex mu_;
  absl::flat_hash_map<uint64_t, Entry> calls_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t last_number_ ABSL_GUARDED_BY(mu_) = 0;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace quorate::replication

#endif  // QUORATE_REPLICATION_NODE_CALL_TABLE_H_
