// Which stream brings the news of which session.

#ifndef QUORATE_SERVER_RPC_SESSION_WATCH_H_
#define QUORATE_SERVER_RPC_SESSION_WATCH_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"

namespace quorate::server {

class KeepAliveStream;

// Sessions end without a word to their stream, and a stream may live for
// months: now and then those that have ended are swept out, so that what is
// kept is at most about twice what is alive. Thread-compatible.
class SessionWatch {
 public:
  // Of more than `max` sessions nobody is remembered; clients ask by
  // themselves.
  explicit SessionWatch(size_t max);

  SessionWatch(const SessionWatch&) = delete;
  SessionWatch& operator=(const SessionWatch&) = delete;

  // News of these sessions goes to `stream` from now on. `is_alive` says
  // whether a session has not ended.
  void Watch(KeepAliveStream* stream, std::span<const uint64_t> session_ids,
             absl::FunctionRef<bool(uint64_t)> is_alive);

  // The stream ends.
  void Forget(KeepAliveStream* stream);

  // Null where nobody watches.
  KeepAliveStream* Find(uint64_t session_id) const;

  size_t size() const { return by_session_.size(); }

 private:
  void Sweep(absl::FunctionRef<bool(uint64_t)> is_alive);

  const size_t max_;
  size_t sweep_at_;
  // Invariant: both hold the same pairs.
  absl::flat_hash_map<uint64_t, KeepAliveStream*> by_session_;
  absl::flat_hash_map<KeepAliveStream*, absl::flat_hash_set<uint64_t>>
      by_stream_;
};

}  // namespace quorate::server

#endif  // QUORATE_SERVER_RPC_SESSION_WATCH_H_
