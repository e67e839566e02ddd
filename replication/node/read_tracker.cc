#include "replication/node/read_tracker.h"

namespace quorate::replication {
namespace {

// Rounds that were asked again and are kept for a late answer. A few are
// enough for a leader that is slower than the time after which we ask again.
constexpr size_t kMaxAskedAgain = 64;

}  // namespace

void ReadTracker::Grant(uint64_t read, ReadOutcome outcome, raft::Index index,
                        Grants* grants) {
  const auto it = waiting_.find(read);
  if (it == waiting_.end()) return;
  deadlines_.erase({it->second, read});
  waiting_.erase(it);
  grants->push_back({.read = read, .outcome = outcome, .index = index});
}

void ReadTracker::Add(uint64_t read, absl::Duration deadline) {
  if (!waiting_.emplace(read, deadline).second) return;
  deadlines_.insert({deadline, read});
  pending_.push_back(read);
}

std::optional<uint64_t> ReadTracker::BeginRound(absl::Duration now) {
  Round round;
  round.began = now;
  for (const uint64_t read : pending_) {
    if (waiting_.contains(read)) round.reads.push_back(read);
  }
  pending_.clear();
  if (round.reads.empty()) return std::nullopt;
  const uint64_t number = next_round_++;
  rounds_.emplace(number, std::move(round));
  return first_nonce_ + number;
}

void ReadTracker::OnAnswer(uint64_t nonce, raft::Index index, Grants* grants) {
  const auto it = rounds_.find(nonce - first_nonce_);
  if (it == rounds_.end()) return;
  const Round round = std::move(it->second);
  rounds_.erase(it);
  if (round.asked_again) --asked_again_;
  if (index != raft::Index(0)) {
    for (const uint64_t read : round.reads) {
      Grant(read, ReadOutcome::kOk, index, grants);
    }
  } else if (!round.asked_again) {
    pending_.insert(pending_.end(), round.reads.begin(), round.reads.end());
  }
}

void ReadTracker::AskAgain(absl::Duration until) {
  for (auto& [number, round] : rounds_) {
    if (round.began > until) break;
    if (round.asked_again) continue;
    round.asked_again = true;
    ++asked_again_;
    pending_.insert(pending_.end(), round.reads.begin(), round.reads.end());
  }
  ForgetOldRounds();
}

void ReadTracker::ForgetOldRounds() {
  auto it = rounds_.begin();
  while (it != rounds_.end() && asked_again_ > kMaxAskedAgain) {
    if (it->second.asked_again) {
      it = rounds_.erase(it);
      --asked_again_;
    } else {
      ++it;
    }
  }
}

void ReadTracker::Expire(absl::Duration now, Grants* grants) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    Grant(deadlines_.begin()->second, ReadOutcome::kNoQuorum, raft::Index(0),
          grants);
  }
}

void ReadTracker::FailAll(Grants* grants) {
  Expire(absl::InfiniteDuration(), grants);
  pending_.clear();
  rounds_.clear();
  asked_again_ = 0;
}

}  // namespace quorate::replication
