#include "replication/node/proposal_tracker.h"

#include <algorithm>

namespace quorate::replication {
namespace {

// A batch travels in one message. Small against the transport's 4 MiB, so that
// a heartbeat behind it is not late, and large enough that the cost of a
// message is shared by many.
constexpr size_t kMaxBatchCount = 1024;
constexpr size_t kMaxBatchBytes = size_t{1024} * 1024;

// What may be sent and not yet applied. Below the transport's queue for one
// lane (16 MiB), so that proposals alone never overflow it.
constexpr size_t kMaxSentBytes = size_t{8} * 1024 * 1024;

}  // namespace

ProposeOutcome ProposalTracker::OutcomeOf(const Waiting& waiting) {
  if (waiting.sent || waiting.doubt != raft::Term(0)) {
    return ProposeOutcome::kUnknown;
  }
  return ProposeOutcome::kNoQuorum;
}

void ProposalTracker::MakePending(uint64_t sequence, Waiting* waiting) {
  waiting->sent = false;
  sent_bytes_ -= waiting->payload->size();
  pending_.insert(sequence);
}

void ProposalTracker::Remove(WaitingMap::iterator it) {
  if (it->second.sent) {
    sent_bytes_ -= it->second.payload->size();
  } else {
    pending_.erase(it->first);
  }
  deadlines_.erase({it->second.deadline, it->first});
  waiting_.erase(it);
}

void ProposalTracker::Add(uint64_t sequence, raft::Payload payload,
                          absl::Duration deadline) {
  Waiting waiting;
  waiting.payload = std::move(payload);
  waiting.deadline = deadline;
  if (!waiting_.emplace(sequence, std::move(waiting)).second) return;
  pending_.insert(sequence);
  deadlines_.insert({deadline, sequence});
}

std::vector<raft::Proposal> ProposalTracker::TakeBatch(uint64_t run,
                                                       raft::Term term,
                                                       uint64_t batch,
                                                       absl::Duration now) {
  std::vector<raft::Proposal> proposals;
  size_t bytes = 0;
  auto next = pending_.begin();
  while (next != pending_.end() && proposals.size() < kMaxBatchCount) {
    Waiting& waiting = waiting_.find(*next)->second;
    const size_t size = waiting.payload->size();
    if (!proposals.empty() && bytes + size > kMaxBatchBytes) break;
    if (sent_bytes_ > 0 && sent_bytes_ + size > kMaxSentBytes) break;
    bytes += size;
    sent_bytes_ += size;
    waiting.sent = true;
    waiting.term = term;
    waiting.batch = batch;
    waiting.sent_at = now;
    proposals.push_back(raft::Proposal{.id = {.run = run, .sequence = *next},
                                       .payload = waiting.payload});
    ++next;
  }
  pending_.erase(pending_.begin(), next);
  return proposals;
}

void ProposalTracker::OnRejected(uint64_t batch,
                                 const std::vector<uint64_t>& sequences,
                                 bool overloaded, Failures* failures) {
  for (const uint64_t sequence : sequences) {
    const auto it = waiting_.find(sequence);
    if (it == waiting_.end()) continue;
    Waiting& waiting = it->second;
    if (!waiting.sent || waiting.batch != batch) continue;
    held_ = true;
    if (overloaded && waiting.doubt == raft::Term(0)) {
      failures->push_back(
          {.sequence = sequence, .outcome = ProposeOutcome::kOverloaded});
      Remove(it);
    } else {
      MakePending(sequence, &waiting);
    }
  }
}

void ProposalTracker::Doubt(raft::Term term, absl::Duration until) {
  for (auto& [sequence, waiting] : waiting_) {
    if (!waiting.sent || waiting.term != term || waiting.sent_at > until) {
      continue;
    }
    waiting.doubt = std::max(waiting.doubt, term);
    MakePending(sequence, &waiting);
  }
}

void ProposalTracker::OnAppliedTerm(raft::Term term) {
  if (term <= applied_term_) return;
  applied_term_ = term;
  for (auto& [sequence, waiting] : waiting_) {
    if (waiting.doubt < term) waiting.doubt = raft::Term(0);
    if (waiting.sent && waiting.term < term) MakePending(sequence, &waiting);
  }
}

void ProposalTracker::OnApplied(const std::vector<uint64_t>& sequences) {
  for (const uint64_t sequence : sequences) {
    const auto it = waiting_.find(sequence);
    if (it != waiting_.end()) Remove(it);
  }
}

void ProposalTracker::Expire(absl::Duration now, Failures* failures) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    const auto it = waiting_.find(deadlines_.begin()->second);
    failures->push_back(
        {.sequence = it->first, .outcome = OutcomeOf(it->second)});
    Remove(it);
  }
}

void ProposalTracker::FailDoubtful(Failures* failures) {
  std::vector<uint64_t> doubtful;
  for (const auto& [sequence, waiting] : waiting_) {
    if (OutcomeOf(waiting) == ProposeOutcome::kUnknown) {
      doubtful.push_back(sequence);
    }
  }
  for (const uint64_t sequence : doubtful) {
    failures->push_back(
        {.sequence = sequence, .outcome = ProposeOutcome::kUnknown});
    Remove(waiting_.find(sequence));
  }
}

void ProposalTracker::FailAll(Failures* failures) {
  for (const auto& [sequence, waiting] : waiting_) {
    failures->push_back({.sequence = sequence, .outcome = OutcomeOf(waiting)});
  }
  waiting_.clear();
  pending_.clear();
  deadlines_.clear();
  sent_bytes_ = 0;
}

}  // namespace quorate::replication
