#include "server/licensing/request_log.h"

#include <utility>

#include "base/check.h"

namespace quorate::licensing {

void RequestLog::StartAt(uint64_t first_sequence) {
  QUORATE_CHECK(answers_.empty());
  first_sequence_ = first_sequence;
}

const RememberedAnswer* RequestLog::Find(absl::string_view principal,
                                         absl::string_view request_id) const {
  const auto found = by_request_.find(Key(principal, request_id));
  if (found == by_request_.end()) return nullptr;
  return &answers_[found->second - first_sequence_];
}

bool RequestLog::Add(RememberedAnswer answer) {
  const uint64_t sequence = next_sequence();
  answers_.push_back(std::move(answer));
  const RememberedAnswer& added = answers_.back();
  const bool is_new =
      by_request_.emplace(Key(added.principal, added.request_id), sequence)
          .second;
  if (!is_new) answers_.pop_back();
  return is_new;
}

void RequestLog::ForgetOldest() {
  QUORATE_CHECK(!answers_.empty());
  const RememberedAnswer& oldest = answers_.front();
  by_request_.erase(Key(oldest.principal, oldest.request_id));
  answers_.pop_front();
  ++first_sequence_;
}

}  // namespace quorate::licensing
