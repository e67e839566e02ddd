#include "replication/node/membership_calls.h"

#include <utility>
#include <variant>

namespace quorate::replication {

namespace {

bool IsTransferTo(const MembershipRequest& request, raft::MemberId to) {
  const auto* transfer = std::get_if<LeadershipTransfer>(&request.what);
  return transfer != nullptr && transfer->to == to;
}

}  // namespace

void MembershipCalls::Add(uint64_t call, MembershipRequest request,
                          absl::Duration deadline, Ends* ends) {
  if (waiting_.size() >= kMaxCalls) {
    ends->push_back(
        {.call = call,
         .status = absl::AbortedError("too many changes are under way")});
    return;
  }
  waiting_.emplace(
      call, Waiting{.request = std::move(request), .deadline = deadline});
}

std::vector<MembershipRequest> MembershipCalls::TakePending(
    raft::MemberId leader, absl::Duration now, Ends* ends) {
  std::vector<MembershipRequest> requests;
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    Waiting& waiting = it->second;
    if (waiting.pending && IsTransferTo(waiting.request, leader)) {
      ends->push_back({.call = it->first, .status = absl::OkStatus()});
      it = waiting_.erase(it);
      continue;
    }
    if (waiting.pending) {
      waiting.request.nonce = next_nonce_++;
      waiting.pending = false;
      waiting.asked_ever = true;
      waiting.asked = leader;
      waiting.asked_at = now;
      requests.push_back(waiting.request);
    }
    ++it;
  }
  return requests;
}

void MembershipCalls::OnReply(uint64_t nonce, const absl::Status& status,
                              Ends* ends) {
  if (absl::IsUnavailable(status)) return;
  for (auto it = waiting_.begin(); it != waiting_.end(); ++it) {
    if (it->second.request.nonce != nonce || it->second.pending) continue;
    ends->push_back({.call = it->first, .status = status});
    waiting_.erase(it);
    return;
  }
}

void MembershipCalls::OnLeader(raft::MemberId leader, Ends* ends) {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    Waiting& waiting = it->second;
    if (waiting.pending || waiting.asked == leader) {
      ++it;
      continue;
    }
    if (IsTransferTo(waiting.request, raft::kNobody)) {
      ends->push_back({.call = it->first, .status = absl::OkStatus()});
      it = waiting_.erase(it);
      continue;
    }
    waiting.pending = true;
    ++it;
  }
}

void MembershipCalls::AskAgain(absl::Duration until) {
  for (auto& [call, waiting] : waiting_) {
    if (waiting.asked_at <= until) waiting.pending = true;
  }
}

absl::Status MembershipCalls::Unanswered(const Waiting& waiting) {
  if (!waiting.asked_ever) {
    return absl::UnavailableError("no leader was found; nothing was changed");
  }
  return absl::DeadlineExceededError(
      "no answer in time; it may yet happen: look at the members");
}

void MembershipCalls::Expire(absl::Duration now, Ends* ends) {
  for (auto it = waiting_.begin(); it != waiting_.end();) {
    if (it->second.deadline > now) {
      ++it;
      continue;
    }
    ends->push_back({.call = it->first, .status = Unanswered(it->second)});
    it = waiting_.erase(it);
  }
}

void MembershipCalls::FailAll(Ends* ends) {
  for (const auto& [call, waiting] : waiting_) {
    ends->push_back({.call = call, .status = Unanswered(waiting)});
  }
  waiting_.clear();
}

}  // namespace quorate::replication
