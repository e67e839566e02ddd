#include "server/rpc/session_watch.h"

#include <algorithm>
#include <vector>

namespace quorate::server {
namespace {

// No sweep for fewer.
constexpr size_t kFewSessions = 1'000;

}  // namespace

SessionWatch::SessionWatch(size_t max)
    : max_(max), sweep_at_(std::min(max, kFewSessions)) {}

void SessionWatch::Watch(KeepAliveStream* stream,
                         std::span<const uint64_t> session_ids,
                         absl::FunctionRef<bool(uint64_t)> is_alive) {
  for (const uint64_t session_id : session_ids) {
    const auto found = by_session_.find(session_id);
    if (found != by_session_.end()) {
      if (found->second == stream) continue;
      by_stream_[found->second].erase(session_id);
      found->second = stream;
    } else {
      if (by_session_.size() >= sweep_at_) Sweep(is_alive);
      if (by_session_.size() >= max_) continue;
      by_session_.emplace(session_id, stream);
    }
    by_stream_[stream].insert(session_id);
  }
}

void SessionWatch::Forget(KeepAliveStream* stream) {
  const auto found = by_stream_.find(stream);
  if (found == by_stream_.end()) return;
  for (const uint64_t session_id : found->second) {
    by_session_.erase(session_id);
  }
  by_stream_.erase(found);
}

KeepAliveStream* SessionWatch::Find(uint64_t session_id) const {
  const auto found = by_session_.find(session_id);
  return found == by_session_.end() ? nullptr : found->second;
}

void SessionWatch::Sweep(absl::FunctionRef<bool(uint64_t)> is_alive) {
  std::vector<uint64_t> ended;
  for (const auto& [session_id, stream] : by_session_) {
    if (!is_alive(session_id)) ended.push_back(session_id);
  }
  for (const uint64_t session_id : ended) {
    by_stream_[by_session_[session_id]].erase(session_id);
    by_session_.erase(session_id);
  }
  // Not again before as many have come: what a sweep costs is shared by these.
  sweep_at_ = std::max(2 * by_session_.size(), kFewSessions);
}

}  // namespace quorate::server
