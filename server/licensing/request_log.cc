#include "server/licensing/request_log.h"

#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"

#include "base/check.h"

namespace quorate::licensing {

RememberedAnswer::RememberedAnswer(absl::string_view principal,
                                   absl::string_view request_id)
    : names_(absl::StrCat(principal, request_id)),
      principal_size_(principal.size()),
      hash_(absl::HashOf(principal, request_id)) {}

void RequestLog::StartAt(uint64_t first_sequence) {
  QUORATE_CHECK(answers_.empty());
  first_sequence_ = first_sequence;
}

const RememberedAnswer* RequestLog::Find(absl::string_view principal,
                                         absl::string_view request_id) const {
  const auto found = by_request_.find(
      Probe{absl::HashOf(principal, request_id), principal, request_id});
  return found == by_request_.end() ? nullptr : found->answer;
}

bool RequestLog::Add(RememberedAnswer answer) {
  answers_.push_back(std::move(answer));
  const RememberedAnswer& added = answers_.back();
  const bool is_new = by_request_.insert({added.hash(), &added}).second;
  if (!is_new) answers_.pop_back();
  return is_new;
}

void RequestLog::ForgetOldest() {
  QUORATE_CHECK(!answers_.empty());
  const RememberedAnswer& oldest = answers_.front();
  by_request_.erase(Entry{oldest.hash(), &oldest});
  answers_.pop_front();
  ++first_sequence_;
}

}  // namespace quorate::licensing
